"""The two-ring figure in a terminal: two coloured points a cell, a verb's slice with its objects outside it.

Where there is no colour, letters name the verbs (as the list beside it does) and digits their objects. A click on
a slice tells its verb. Knows the figure's counts, no store.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.widgets.reach import app_of

if TYPE_CHECKING:
    from alpaca_tui.curation.diversity import Figure

_INNER = (0.30, 0.64)
_OUTER = (0.66, 1.0)
_HUES = (28, 205, 140, 340, 52, 265, 175, 10, 90, 230)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A slice: up to which part of the circle it reaches, its verb's place, its object's (0: the verb itself)."""

    end: float
    verb: int
    object: int


class Ring(Widget):
    """The figure, as large as its box lets it be round."""

    class Chosen(Message):
        """A click on a slice: the verb, and the object where it was in the outer ring."""

        def __init__(self, verb: str, object: str | None) -> None:
            super().__init__()
            self.verb = verb
            self.object = object

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.figure: Figure | None = None
        self._rings: tuple[list[_Piece], list[_Piece]] = ([], [])

    def show(self, figure: Figure | None) -> None:
        """Draw another figure."""
        self.figure = figure
        self._rings = _pieces(figure) if figure is not None else ([], [])
        self.refresh()

    def _at(self, x: float, y: float, size: Size) -> _Piece | None:
        """The slice at a point, in cells from the top left."""
        width, height = size.width, size.height * 2
        radius = min(width, height) / 2
        dx, dy = x - width / 2, y * 2 - height / 2
        distance = math.hypot(dx, dy) / radius if radius else 2
        ring = 0 if _INNER[0] <= distance <= _INNER[1] else 1 if _OUTER[0] <= distance <= _OUTER[1] else None
        if ring is None:
            return None
        part = (math.atan2(dy, dx) / (2 * math.pi) + 0.25) % 1
        return next((piece for piece in self._rings[ring] if part < piece.end), None)

    def render_line(self, y: int) -> Strip:
        size = self.content_size
        ground = self.background_colors[1].rich_color
        plain = app_of(self).no_color or glyphs.ascii
        segments: list[Segment] = []
        for x in range(size.width):
            upper = self._at(x + 0.5, y + 0.25, size)
            lower = self._at(x + 0.5, y + 0.75, size)
            if plain:
                piece = upper or lower
                segments.append(Segment(_letter(piece), Style(bgcolor=ground)))
                continue
            style = Style(
                color=self._color(upper) if upper else ground, bgcolor=self._color(lower) if lower else ground
            )
            segments.append(Segment("▀" if upper or lower else " ", style))
        return Strip(segments, size.width)

    def _color(self, piece: _Piece) -> Color:
        dark = app_of(self).current_theme.dark
        light = (0.42 if dark else 0.55) + 0.07 * piece.object
        hue = (_HUES[piece.verb % len(_HUES)] + 9 * (piece.verb // len(_HUES))) / 360
        red, green, blue = colorsys.hls_to_rgb(hue, light, 0.48)
        return Color.from_rgb(red * 255, green * 255, blue * 255)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or self.figure is None:
            return
        piece = self._at(offset.x + 0.5, offset.y + 0.5, self.content_size)
        if piece is not None:
            one = self.figure.slices[piece.verb]
            self.post_message(
                self.Chosen(one.verb, one.objects[piece.object - 1][0] if piece.object else None)
            )


def _letter(piece: _Piece | None) -> str:
    if piece is None:
        return " "
    return str(piece.object) if piece.object else LETTERS[piece.verb % len(LETTERS)]


def _pieces(figure: Figure) -> tuple[list[_Piece], list[_Piece]]:
    total = sum(count for one in figure.slices for _, count in one.objects) or 1
    inner: list[_Piece] = []
    outer: list[_Piece] = []
    at = 0.0
    for place, one in enumerate(figure.slices):
        objects: Sequence[tuple[str, int]] = one.objects
        for number, (_, count) in enumerate(objects, 1):
            at += count / total
            outer.append(_Piece(at, place, number))
        inner.append(_Piece(at, place, 0))
    return inner, outer
