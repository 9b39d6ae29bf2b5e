"""The command line: parses, calls a room, renders with rich. It decides nothing a room could decide."""
