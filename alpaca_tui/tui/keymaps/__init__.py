"""The rows of the key table, a module a room, and what a row is. Knows no screen, no widget and no Textual."""

from __future__ import annotations

from alpaca_tui.tui.keymaps.key import Key, display

__all__ = ["Key", "display"]
