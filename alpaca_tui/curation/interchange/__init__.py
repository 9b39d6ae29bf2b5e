"""Readers and writers of dataset formats; each keeps every row or says why not."""
