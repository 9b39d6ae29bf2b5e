"""A text field that holds no control characters, wherever its text comes from: typed, pasted or stored."""

from __future__ import annotations

import unicodedata

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input

_JOINERS = "\u200c\u200d"  # harmless, and part of how emoji and some scripts are written


def plain_line(text: str) -> str:
    """`text` as one line that has no power over a terminal: blanks for line breaks and tabs, nothing for
    other controls, bidi overrides and lone surrogates."""
    flat = " ".join(text.replace("\t", " ").splitlines())
    return "".join(character for character in flat if character.isprintable() or not _controls(character))


def _controls(character: str) -> bool:
    if character in _JOINERS:
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


class TextField(Input):
    """An Input whose value is always a plain line. It is as wide as its place, whatever is typed: no layout a key."""

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))

    def validate_value(self, value: str) -> str:
        return plain_line(value)
