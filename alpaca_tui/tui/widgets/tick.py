"""A box to tick whose cross stands only where it is ticked: colours alone do not tell, least of all where there
are none."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Checkbox


class Tick(Checkbox):
    """A Checkbox that is empty where it is off."""

    def render(self) -> Content:
        self.BUTTON_INNER = "X" if self.value else " "
        return super().render()
