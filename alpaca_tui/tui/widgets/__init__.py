"""Reusable widgets; they know no room, only what they are told to show."""
