"""Text that is only text: no markup is read in it, no control character reaches the terminal."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from alpaca_tui.text import visible


class Plain(Static):
    """A Static for foreign words. It wraps, and its text can be selected with the mouse."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Content(visible(text)), id=id, classes=classes, markup=False)

    def say(self, text: str) -> None:
        """Show other words."""
        self.update(Content(visible(text)))
