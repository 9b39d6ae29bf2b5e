"""Dataset: the table of rows, and every window that opens from it."""
