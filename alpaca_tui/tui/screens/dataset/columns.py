"""The columns of the table: what each shows of a row, how wide, by what it sorts.

Pure functions over `RowLine`; foreign text is made safe by the table. Knows no store and no widget but the
table's `Column`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from alpaca_tui.text import fit, one_line
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.paint import Span
from alpaca_tui.tui.widgets.table import Column

if TYPE_CHECKING:
    from alpaca_tui.curation.query import Term
    from alpaca_tui.store.curated import RowLine

TEXTS = ("instruction", "input", "output")
SHOWN_AT_FIRST = ("id", "instruction", "input", "output", "flags", "nearest", "rating")
_DROPPED_FIRST = (
    *("edited", "created", "split", "model", "verb", "tokens", "words", "source", "tags", "status"),
    *("rating", "nearest", "input", "flags", "id", "output"),
)
"""Which columns give way first where not all have room."""
_ROOM_FOR_TEXT = {"instruction": 15, "input": 9, "output": 14}
STATUS_SIGNS = {
    "pending": ("pending", "faint"),
    "approved": ("approved", "kept"),
    "rejected": ("rejected", "error"),
}
_EVER_NARROWER = 4
_EVER_WIDER = 60


@dataclass(frozen=True, slots=True)
class Kind:
    """A column that can be shown. order: what it sorts by, "" for nothing. share: of the room that is left."""

    title: str
    width: int = 0
    share: int = 0
    order: str = ""
    right: bool = False


KINDS: Mapping[str, Kind] = {
    "id": Kind("row", 6, order="id", right=True),
    "instruction": Kind("instruction", share=5, order="instruction"),
    "input": Kind("input", share=2, order="input"),
    "output": Kind("output", share=5, order="output"),
    "source": Kind("source", 9, order="source"),
    "flags": Kind("finds", 6, order="flags"),
    "nearest": Kind("near", 5, order="nearest", right=True),
    "tags": Kind("tags", 14, order="tags"),
    "rating": Kind("stars", 6, order="rating"),
    "status": Kind("status", 9, order="status"),
    "words": Kind("words", 6, order="output", right=True),
    "tokens": Kind("tokens", 7, order="tokens", right=True),
    "verb": Kind("verb", 16),
    "model": Kind("model", 16, order="model"),
    "split": Kind("split", 6),
    "created": Kind("came", 11, order="created"),
    "edited": Kind("edited", 9, order="edited"),
}
ORDERS: Mapping[str, str] = {
    "id": "row number",
    "instruction": "instruction, by alphabet",
    "input": "length of the input",
    "output": "length of the output",
    "flags": "number of findings",
    "nearest": "similarity to the nearest",
    "rating": "stars",
    "status": "status",
    "tags": "tags",
    "source": "source",
    "model": "model",
    "created": "when it came",
    "edited": "when it was edited",
    "tokens": "tokens",
}


@dataclass(slots=True)
class Look:
    """How the table looks: remembered with the workspace. widths: columns the person made wider or narrower."""

    columns: tuple[str, ...] = SHOWN_AT_FIRST
    widths: dict[str, int] = field(default_factory=dict[str, int])
    order: str = "id"
    descending: bool = False
    query: str = ""
    row: int = 0
    facets: bool = True

    @classmethod
    def from_json(cls, value: Any) -> Look:
        """What was remembered, as far as it still means something."""
        look = cls()
        if not isinstance(value, dict):
            return look
        held = cast("dict[str, Any]", value)
        names = tuple(name for name in held.get("columns", ()) if name in KINDS)
        look.columns = names or SHOWN_AT_FIRST
        widths: Mapping[str, Any] = held.get("widths", {})
        look.widths = {name: int(width) for name, width in widths.items() if name in KINDS}
        look.order = held.get("order") if held.get("order") in ORDERS else "id"  # type: ignore[assignment]
        look.descending = bool(held.get("descending"))
        look.query = str(held.get("query", ""))
        look.row = int(held.get("row", 0))
        look.facets = bool(held.get("facets", True))
        return look

    def to_json(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns),
            "widths": self.widths,
            "order": self.order,
            "descending": self.descending,
            "query": self.query,
            "row": self.row,
            "facets": self.facets,
        }

    def names(self, width: int) -> tuple[str, ...]:
        """The columns that a table of `width` cells has room for, in their order."""
        names = list(self.columns)
        for name in _DROPPED_FIRST:
            if self._needed(names) <= width or len(names) == 1:
                break
            if name in names:
                names.remove(name)
        return tuple(names)

    def _needed(self, names: Sequence[str]) -> int:
        return 3 + sum(
            1 + (self.widths.get(name) or KINDS[name].width or _ROOM_FOR_TEXT[name]) for name in names
        )

    def table_columns(self, width: int) -> list[Column]:
        """The columns as the table wants them, the one of signs first."""
        out = [Column("", 3)]
        for name in self.names(width):
            kind = KINDS[name]
            share = 0 if name in self.widths else kind.share
            out.append(Column(kind.title, self.widths.get(name, kind.width), share, name, kind.right))
        return out

    def widen(self, name: str, by: int) -> None:
        """Make a column wider; one that shared the room gets a width of its own."""
        now = self.widths.get(name) or KINDS[name].width or 30
        self.widths[name] = min(max(now + by, _EVER_NARROWER), _EVER_WIDER)


Signs = Mapping[str, int]
"""Severity -> the bits of its rules."""


def signs(row: RowLine, *, marked: bool) -> list[Span]:
    """What stands before a row: the mark, its status, a note."""
    status: Span = (glyphs[STATUS_SIGNS[row.status][0]], STATUS_SIGNS[row.status][1])
    if row.deleted:
        status = ("-", "error")
    return [
        (glyphs["mark"] if marked else " ", "marked"),
        status,
        (glyphs["memo"] if row.has_note else " ", "muted"),
    ]


def flag_spans(flags: int, masks: Signs) -> list[Span]:
    """How many findings of each severity, worst first."""
    out: list[Span] = []
    for severity, style in (("error", "error"), ("warning", "warning"), ("info", "info")):
        count = (flags & masks.get(severity, 0)).bit_count()
        if count:
            out.append((f"{glyphs['lint-' + severity]}{count if count > 1 else ''} ", style))
    return out or [("", "plain")]


def cells_of(
    row: RowLine, names: Sequence[str], sizes: Sequence[int], masks: Signs, terms: Sequence[Term]
) -> list[list[Span]]:
    """The cells of a row, one a column of `names`; `sizes` are the columns' widths."""
    return [
        _text(row, name, size, terms) if name in TEXTS else _FACTS[name](row, masks)
        for name, size in zip(names, sizes, strict=True)
    ]


def _text(row: RowLine, name: str, size: int, terms: Sequence[Term]) -> list[Span]:
    text: str = getattr(row, name)
    style = "muted" if row.status == "rejected" or row.deleted else "plain"
    if not text.strip():
        return [("(empty)" if name != "input" else "", "faint")]
    if not terms:
        return [(fit(text, size), style)]
    return found_spans(_around(one_line(text[:400]), terms, name, size), terms, name, style)


def found_spans(text: str, terms: Sequence[Term], name: str, style: str = "plain") -> list[Span]:
    """A text with what was looked for standing out."""
    from alpaca_tui.curation.query import highlights

    out: list[Span] = []
    at = 0
    for start, end in highlights(text, terms, name):
        if start > at:
            out.append((text[at:start], style))
        out.append((text[start:end], "match"))
        at = end
    out.append((text[at:], style))
    return out


def _around(text: str, terms: Sequence[Term], name: str, size: int) -> str:
    """The part of a long line where the first thing looked for stands."""
    from alpaca_tui.curation.query import highlights

    found = highlights(text, terms, name)
    if not found or found[0][1] <= size:
        return text
    start = max(found[0][0] - size // 3, 0)
    return glyphs["ellipsis"] + text[start:]


def _nearest(row: RowLine, _masks: Signs) -> list[Span]:
    if row.nearest_score is None:
        return [(glyphs["dot"], "faint")]
    return [(f"{row.nearest_score:.2f}", "duplicate" if row.nearest_score > 0.7 else "muted")]


def _date(at: float | None) -> list[Span]:
    if at is None:
        return [("", "plain")]
    here = time.localtime(at)
    today = time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", here)
    return [(time.strftime("%H:%M" if today else "%Y-%m-%d", here), "muted")]


_FACTS: Mapping[str, Callable[[RowLine, Signs], list[Span]]] = {
    "id": lambda row, _masks: [(str(row.id), "faint")],
    "source": lambda row, _masks: [(row.source, "muted")],
    "flags": lambda row, masks: flag_spans(row.flags, masks),
    "nearest": _nearest,
    "tags": lambda row, _masks: [(" ".join(row.tags), "accent")],
    "rating": lambda row, _masks: [(glyphs["star"] * (row.rating or 0), "accent")],
    "status": lambda row, _masks: [(row.status, STATUS_SIGNS[row.status][1])],
    "words": lambda row, _masks: [(words.count(row.words[2]), "muted")],
    "tokens": lambda row, _masks: [(words.count(row.tokens) if row.tokens is not None else "", "muted")],
    "verb": lambda row, _masks: [(" ".join(part for part in (row.verb, row.object) if part), "muted")],
    "model": lambda row, _masks: [(row.model or row.teacher or "", "muted")],
    "split": lambda row, _masks: [(row.split or "", "muted")],
    "created": lambda row, _masks: _date(row.created_at),
    "edited": lambda row, _masks: [(row.edited_by if row.edited else "", "muted")],
}
