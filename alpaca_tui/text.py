"""Untrusted text made safe to show: text from a teacher, a file or a model may hold terminal escapes.

`visible` is the one place where control characters lose their power; every screen and every command
passes foreign text through it (and still renders with markup off). Knows nothing of any other room.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u2028\u2029{_BIDI}\ud800-\udfff]")


def _symbol(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


def visible(text: str) -> str:
    """`text` with every control character (C0 but newline and tab, DEL, C1, bidi overrides, line
    separators, lone surrogates) replaced by a printable sign, so that no escape sequence takes effect.

    A carriage return before a newline is dropped: it is an ordinary line ending.
    """
    return _INVISIBLE.sub(_symbol, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`text` safe to show on a single line: newlines become `⏎`, runs of blanks one space."""
    return re.sub(r"[ \t]+", " ", visible(text).strip().replace("\n", " ⏎ "))


def preview(text: str, width: int) -> str:
    """The first `width` terminal cells of `text` on one line, `…` where it goes on (wide characters
    count as two cells and are never halved)."""
    if width <= 0:
        return ""
    line = one_line(text[: width * 4 + 16])
    if cell_len(line) <= width and len(text) <= width * 4 + 16:
        return line
    if cell_len(line) < width:
        return line + "…"
    return set_cell_size(line, width - 1).rstrip() + "…"


def fit(text: str, width: int) -> str:
    """`preview`, padded with spaces to exactly `width` cells."""
    return set_cell_size(preview(text, width), max(width, 0))


def plural(count: int, noun: str, plural_noun: str | None = None) -> str:
    """`1 task`, `2 tasks`, `1,000 tasks`."""
    return f"{count:,} {noun if count == 1 else plural_noun or noun + 's'}"
