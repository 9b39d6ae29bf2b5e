"""Lines of styled text, as plain values: what the panes draw, before any widget is involved.

A pane is a pure function from state and size to `Line`s; `widgets.lines.LineView` puts them on the
screen. Span texts may be foreign: they are made safe here (`Line.of` and every helper), once. Knows no
Textual and no room but `text`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from alpaca_tui.text import visible
from alpaca_tui.tui.glyphs import glyphs

_ASCII_TWINS = str.maketrans("…–·⏎›“”’", '~--|>""\'')
"""Signs of our own words, one cell each, where only ASCII may be drawn; the teacher's words stay theirs."""

Span = tuple[str, str]
"""Text and the name of its style (see `STYLES`)."""

STYLES = (
    "plain",
    "bold",
    "muted",
    "faint",
    "title",
    "key",
    "primary",
    "accent",
    "kept",
    "duplicate",
    "filtered",
    "truncated",
    "surplus",
    "warning",
    "error",
    "success",
    "track",
    "chip",
    "brand",
    "info",
    "match",
    "marked",
    "added",
    "removed",
)
"""Every style a span may name; the stylesheet gives each its looks in every theme."""


def safe(text: str) -> str:
    """`text` as it may stand inside one line: controls visible, newlines and tabs as signs or blanks."""
    if text.isascii() and text.isprintable():
        return text
    text = visible(text).replace("\n", " ⏎ ").replace("\t", " ")
    return text.translate(_ASCII_TWINS) if glyphs.ascii else text


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a pane. `key` names the thing the line belongs to (None: not selectable); lines with
    equal keys are selected together."""

    spans: tuple[Span, ...] = ()
    key: Hashable = None

    @classmethod
    def of(cls, *spans: Span | str, key: Hashable = None) -> Line:
        return cls(
            tuple(
                (safe(span), "plain") if isinstance(span, str) else (safe(span[0]), span[1]) for span in spans
            ),
            key,
        )

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.spans)

    @property
    def width(self) -> int:
        return cells(self.spans)

    def fit(self, width: int) -> Line:
        """Cut to `width` cells (with an ellipsis) or padded to them."""
        return Line(pad(clip(self.spans, width), width), self.key)


BLANK = Line()


def cells(spans: Iterable[Span]) -> int:
    return sum(cell_len(text) for text, _ in spans)


def clip(spans: Sequence[Span], width: int) -> tuple[Span, ...]:
    """`spans` cut to at most `width` cells; an ellipsis tells that something was cut."""
    if cells(spans) <= width:
        return tuple(spans)
    mark = glyphs["ellipsis"]
    room = width - cell_len(mark)
    if room <= 0:
        return ((mark[: max(width, 0)], "muted"),) if width > 0 else ()
    out: list[Span] = []
    for text, style in spans:
        size = cell_len(text)
        if size <= room:
            out.append((text, style))
            room -= size
            continue
        cut = set_cell_size(text, room).rstrip()
        out.append((cut + mark, style))
        return tuple(out)
    return tuple(out)


def pad(spans: Sequence[Span], width: int) -> tuple[Span, ...]:
    missing = width - cells(spans)
    return (*spans, (" " * missing, "plain")) if missing > 0 else tuple(spans)


def sides(
    left: Sequence[Span], right: Sequence[Span], width: int, key: Hashable = None, gap: int = 1
) -> Line:
    """`left` and `right` at the two ends of a line of `width` cells; the left side is cut first, and the
    right side dropped where the two could not live together."""
    left = [(safe(text), style) for text, style in left]
    right = [(safe(text), style) for text, style in right]
    room = width - cells(right) - gap
    if not right or room < min(8, cells(left)):
        return Line(pad(clip(left, width), width), key)
    return Line((*pad(clip(left, room), room), (" " * gap, "plain"), *right), key)


def wrap(text: str, width: int, limit: int | None = None) -> list[str]:
    """`text` broken into lines of at most `width` cells, at blanks where possible; its own newlines stay.

    limit: at most so many lines, the last one ending in an ellipsis where more follows.
    """
    width = max(width, 1)
    out: list[str] = []
    for paragraph in visible(text).expandtabs(4).split("\n"):
        rest = paragraph
        while True:
            if limit is not None and len(out) > limit:
                break
            if cell_len(rest) <= width:
                out.append(rest)
                break
            head = _prefix(rest, width)
            blank = head.rfind(" ")
            if rest[len(head) : len(head) + 1] != " " and blank > 0:
                head = head[:blank]
            out.append(head.rstrip())
            rest = rest[len(head) :].lstrip(" ")
    if limit is not None and len(out) > limit:
        out = out[:limit]
        if out:
            out[-1] = "".join(part for part, _ in clip(((out[-1] + " " * width, "plain"),), width))
    return out


def _prefix(text: str, width: int) -> str:
    """The longest beginning of `text` of at most `width` cells, at least one character."""
    used = 0
    for position, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[: max(position, 1)]
    return text


def columns(blocks: Sequence[Sequence[Line]], widths: Sequence[int], gap: int = 2) -> list[Line]:
    """Blocks of lines side by side, each in its own column of the given width."""
    height = max((len(block) for block in blocks), default=0)
    out: list[Line] = []
    for row in range(height):
        spans: list[Span] = []
        for number, (block, width) in enumerate(zip(blocks, widths, strict=True)):
            if number:
                spans.append((" " * gap, "plain"))
            spans.extend((block[row] if row < len(block) else BLANK).fit(width).spans)
        out.append(Line(tuple(spans)))
    return out
