"""The signs the screens speak in, with a plain ASCII twin of each.

State is never told by colour alone: each verdict, run state and level has a sign of its own. Knows no
widget and no room but the verdicts' names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

_UNICODE: dict[str, str] = {
    "kept": "✓",
    "duplicate": "≈",
    "filtered": "✗",
    "truncated": "⋯",
    "surplus": "+",
    "pending": "·",
    "running": "●",
    "paused": "‖",
    "stopped": "■",
    "done": "✓",
    "waiting": "◌",
    "fault": "!",
    "note": "·",
    "change": "→",
    "warning": "▲",
    "caret": "▌",
    "cursor": "❯",
    "open": "▸",
    "bullet": "•",
    "dot": "·",
    "ellipsis": "…",
    "yes": "✓",
    "no": "✗",
    "up": "↑",
    "down": "↓",
    "times": "×",
    "bar": "█",
    "track": "─",
    "rule": "│",
    "star": "★",
    "memo": "✎",
    "approved": "✓",
    "rejected": "✗",
    "lint-error": "✖",
    "lint-warning": "▲",
    "lint-info": "i",
    "mark": "◆",
}
_ASCII: dict[str, str] = {
    "kept": "+",
    "duplicate": "=",
    "filtered": "x",
    "truncated": "~",
    "surplus": "o",
    "pending": ".",
    "running": "*",
    "paused": "|",
    "stopped": "#",
    "done": "+",
    "waiting": "o",
    "fault": "!",
    "note": ".",
    "change": ">",
    "warning": "!",
    "caret": "_",
    "cursor": ">",
    "open": ">",
    "bullet": "-",
    "dot": "-",
    "ellipsis": "...",
    "yes": "+",
    "no": "x",
    "up": "^",
    "down": "v",
    "times": "x",
    "bar": "#",
    "track": "-",
    "rule": "|",
    "star": "*",
    "memo": "n",
    "approved": "+",
    "rejected": "x",
    "lint-error": "x",
    "lint-warning": "!",
    "lint-info": "i",
    "mark": "#",
}

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = " ▁▂▃▄▅▆▇█"
_ASCII_LEVELS = " ..::||##"


class Glyphs(Mapping[str, str]):
    """Signs by name; `ascii` switches every one of them to its twin."""

    def __init__(self, ascii_only: bool = False) -> None:
        self.ascii = ascii_only

    def __getitem__(self, name: str) -> str:
        return (_ASCII if self.ascii else _UNICODE)[name]

    def __iter__(self):  # noqa: ANN204 - Mapping's own
        return iter(_UNICODE)

    def __len__(self) -> int:
        return len(_UNICODE)

    def bar(self, fraction: float, width: int) -> str:
        """A horizontal bar of `fraction` (0..1) of `width` cells, to an eighth of a cell; not padded.

        What is more than nothing is never drawn as nothing.
        """
        fraction = min(max(fraction, 0.0), 1.0)
        if self.ascii:
            cells = round(fraction * width)
            return "#" * (cells or (1 if fraction > 0 and width > 0 else 0))
        eighths = round(fraction * width * 8)
        if fraction > 0 and width > 0:
            eighths = max(eighths, 1)
        whole, part = divmod(eighths, 8)
        return "█" * whole + (_EIGHTHS[part] if part else "")

    def column(self, fraction: float, height: int, row: int) -> str:
        """The cell at `row` (0 is the bottom) of a vertical bar of `fraction` of `height` cells."""
        levels = _ASCII_LEVELS if self.ascii else _LEVELS
        eighths = round(min(max(fraction, 0.0), 1.0) * height * 8)
        if fraction > 0:
            eighths = max(eighths, 1)
        return levels[min(max(eighths - row * 8, 0), 8)]


glyphs = Glyphs()


def wants_ascii(encoding: str | None = None) -> bool:
    """True where the signs would not survive: an output (`encoding`, else standard output's) that is not UTF."""
    if encoding is None:
        encoding = str(getattr(sys.__stdout__, "encoding", None) or "utf-8")
    return "utf" not in encoding.lower()
