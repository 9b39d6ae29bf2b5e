"""The alpaca: drawn by us in pixels, two to a character cell; plain lines where signs must be ASCII.

Knows the theme's names for its colours and nothing else.
"""

from __future__ import annotations

from typing import ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from alpaca_tui.tui.glyphs import glyphs

PIXELS = """\
..............S...S...
..............WS..WS..
.............WWWWWWW..
............WWWWWWWWW.
............WWWWWHHHH.
............WWWWHKHHHH
............WWWWHHHHHK
............WWWWWHHHH.
.............WWWWW....
.............WWWWS....
..WWW........WWWWS....
.WWWWWWWWWWWWWWWWS....
WWWWWWWWWWWWWWWWWS....
SWWWSWWWWSWWWWSWWS....
SWWWWWWWWWWWWWWWS.....
.SWWWWSWWWWSWWWWS.....
.SSWWWWWWWWWWWWSS.....
..SSSSSSSSSSSSSS......
..HH..HH...HH..HH.....
..HH..HH...HH..HH.....
..HH..HH...HH..HH.....
GGGGGGGGGGGGGGGGGGGGGG"""
PLAIN = """\
               _   _
              ( \\_/ )
              |   o  \\__
              |        _)
    _         |   ____/
  _( )________|   |
 (                |
 (                |
  \\____________ _/
   || ||   || ||
___||_||___||_||______"""
_COLORS = {"W": "fleece", "S": "shade", "H": "hide", "K": "dark", "G": "ground"}


class Alpaca(Widget):
    """The animal. `blink()` closes its eye for a moment."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"alpaca--{name}" for name in _COLORS.values()}
    DEFAULT_CSS = """
    Alpaca {
        width: 22;
        height: 11;
        .alpaca--fleece { color: $fleece-color; }
        .alpaca--shade { color: $fleece-shade-color; }
        .alpaca--hide { color: $hide-color; }
        .alpaca--dark { color: #171513; }
        .alpaca--ground { color: $ground-color; }
    }
    """
    blinking = False

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return 22

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 11

    def blink(self) -> None:
        """Close the eye; it opens again by itself."""
        self.blinking = True
        self.refresh()
        self.set_timer(0.18, self._open)

    def _open(self) -> None:
        self.blinking = False
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        blank = self.rich_style
        if glyphs.ascii:
            lines = PLAIN.split("\n")
            text = lines[y] if y < len(lines) else ""
            style = blank + Style(color=self.get_component_rich_style("alpaca--fleece").color)
            return Strip([Segment(text, style)]).adjust_cell_length(width, blank)
        rows = PIXELS.split("\n")
        if 2 * y + 1 >= len(rows):
            return Strip.blank(width, blank)
        upper, lower = rows[2 * y], rows[2 * y + 1]
        if self.blinking:
            upper = upper.replace("HKH", "HHH")
            lower = lower.replace("HKH", "HHH")
        segments = [self._cell(above, below, blank) for above, below in zip(upper, lower, strict=True)]
        return Strip(segments).simplify().adjust_cell_length(width, blank)

    def _cell(self, above: str, below: str, blank: Style) -> Segment:
        if above == below == ".":
            return Segment(" ", blank)
        if below == ".":
            return Segment("▀", blank + Style(color=self._color(above)))
        if above == ".":
            return Segment("▄", blank + Style(color=self._color(below)))
        if above == below:
            return Segment("█", blank + Style(color=self._color(above)))
        return Segment("▀", blank + Style(color=self._color(above), bgcolor=self._color(below)))

    def _color(self, pixel: str) -> Color | None:
        return self.get_component_rich_style(f"alpaca--{_COLORS[pixel]}").color
