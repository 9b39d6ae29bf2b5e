"""What could stand at the cursor: field names, their values, functions and keywords, with what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from alpaca_tui.curation.query.fields import FIELDS, FUNCTIONS, IS_VALUES, TEXT_FIELDS
from alpaca_tui.curation.query.tree import quoted

_STUB = re.compile(r"""(?:^|[\s(])-?(?P<word>[^\s()":=<>~*]*)$""")
_VALUE = re.compile(
    r"""(?:^|[\s(])-?(?P<field>[a-z]+)(?::|=|!=)(?P<value>"[^"]*|[^\s()":=<>~*]*)$""", re.IGNORECASE
)
_INSIDE = re.compile(r"""(?:^|[\s(])-?(?P<function>[a-z]+)\((?P<word>[a-z]*)$""", re.IGNORECASE)
_SEVERITIES = (
    ("any", "any finding"),
    ("none", "no finding"),
    ("error", "any error"),
    ("warning", "any warning"),
    ("info", "any hint"),
)


class Completions(NamedTuple):
    """What may replace the text from `start` to `end`: (text, what it means), the best first."""

    start: int
    end: int
    items: list[tuple[str, str]]


def complete(text: str, cursor: int, values: Callable[[str], Sequence[str]]) -> Completions:
    """What could stand at the cursor. values: a field -> the values it has in this dataset."""
    before = text[:cursor]
    if before.count('"') % 2 and not _VALUE.search(before):
        return Completions(cursor, cursor, [])
    if inside := _INSIDE.search(before):
        if inside["function"].lower() in FUNCTIONS:
            start = inside.start("word")
            return Completions(
                start,
                cursor,
                [(f"{name})", "") for name in TEXT_FIELDS if name.startswith(inside["word"].lower())],
            )
        return Completions(cursor, cursor, [])
    if value := _VALUE.search(before):
        return _values(value["field"].lower(), value["value"], value.start("value"), cursor, values)
    stub = _STUB.search(before)
    if stub is None:
        return Completions(cursor, cursor, [])
    word = stub["word"].lower()
    items: list[tuple[str, str]] = []
    if word:
        items += [(f"{name}:", field.meaning) for name, field in FIELDS.items() if name.startswith(word)]
        items += [(f"{name}(", meaning) for name, meaning in FUNCTIONS.items() if name.startswith(word)]
        items = [(text, meaning) for text, meaning in items if text != word]
    return Completions(stub.start("word"), cursor, items)


def _values(
    name: str, typed: str, start: int, cursor: int, values: Callable[[str], Sequence[str]]
) -> Completions:
    field = FIELDS.get(name)
    if field is None:
        return Completions(cursor, cursor, [])
    offered: list[tuple[str, str]] = []
    if field.kind == "flag":
        offered += _SEVERITIES
    elif field.kind == "is":
        offered += list(IS_VALUES.items())
    elif field.kind == "tag":
        offered += [("any", "any tag"), ("none", "no tag")]
    else:
        offered += [(value, "") for value in field.values]
    known = {value for value, _ in offered}
    offered += [(value, "") for value in values(name) if value not in known]
    wanted = typed.lstrip('"').lower()
    first = [item for item in offered if item[0].lower().startswith(wanted)]
    rest = [item for item in offered if wanted and wanted in item[0].lower() and item not in first]
    return Completions(
        start, cursor, [(_written(value), meaning) for value, meaning in (*first, *rest) if value != typed]
    )


def _written(value: str) -> str:
    return value if re.fullmatch(r"[\w.\-]+", value) else quoted(value)
