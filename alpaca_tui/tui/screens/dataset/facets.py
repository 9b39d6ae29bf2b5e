"""Facets: how many of the rows shown are of each kind; Enter on one filters by it, again takes it off.

Draws counts it is given. Knows no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from alpaca_tui.text import preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.paint import BLANK, Line, Span, cells, sides
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.store.curated import Facets

_TITLES: Mapping[str, str] = {
    "status": "Status",
    "flag": "Findings",
    "source": "Source",
    "input": "Input",
    "length": "Words of output",
    "rating": "Stars",
    "tag": "Tags",
    "teacher": "Teacher",
    "split": "Split",
}
_LENGTHS: Mapping[str, str] = {
    "empty": "output:none",
    "1-10": "words(output):1..10",
    "11-50": "words(output):11..50",
    "51-150": "words(output):51..150",
    "151+": "words(output)>150",
}
_MOST = 12


class FacetKey(NamedTuple):
    """A value of a facet and the filter that stands for it."""

    facet: str
    value: str

    @property
    def query(self) -> str:
        if self.facet == "length":
            return _LENGTHS[self.value]
        if self.facet == "rating":
            return f"rating={self.value}"
        from alpaca_tui.curation.query.tree import quoted

        plain = self.value.replace("-", "").replace("_", "").replace(".", "").isalnum()
        value = self.value if plain else quoted(self.value)
        if self.facet == "teacher":  # a model where one is named, else the server
            return f"(model:{value} or teacher:{value})"
        return f"{self.facet}:{value}"


class FacetList(LineView):
    """The counts, the biggest first where there is no natural order."""

    def __init__(self) -> None:
        super().__init__(id="facets", classes="pane", selectable=True)
        self.border_title = "Facets"
        self.facets: Facets | None = None
        self.query_text = ""
        self.severities: Mapping[str, str] = {}

    def build(self, width: int, height: int) -> list[Line]:
        if self.facets is None:
            return [Line.of(("Counting…", "faint"))]
        from alpaca_tui.curation.query import holds

        lines: list[Line] = []

        for name, title in _TITLES.items():
            counts = self.facets.counts.get(name)
            if not counts:
                continue
            if lines:
                lines.append(BLANK)
            lines.append(Line.of((title, "title")))
            for value, count in list(counts.items())[:_MOST]:
                key = FacetKey(name, value)
                on = holds(self.query_text, key.query)
                shown = words.short(count)
                sign = self._sign(name, value)
                room = max(width - 2 - cells(sign) - len(shown) - 1, 4)
                left: list[Span] = [
                    (f"{glyphs['cursor'] if on else ' '} ", "primary"),
                    *sign,
                    (preview(value, room), "primary" if on else "plain"),
                ]
                lines.append(sides(left, [(shown, "muted")], width, key))
            if len(counts) > _MOST:
                lines.append(Line.of((f"  {len(counts) - _MOST} more: search them", "faint")))
        return lines or [Line.of(("No rows", "faint"))]

    def _sign(self, name: str, value: str) -> list[Span]:
        if name != "flag":
            return []
        severity = self.severities.get(value, "info")
        return [(glyphs[f"lint-{severity}"] + " ", severity)]
