"""The terminal application: renders the state of the rooms and sends them commands."""
