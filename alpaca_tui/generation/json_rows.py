"""Rows of JSON people wrote or exported, one after another, each with the line it stands on.

For readers that must tell a person where a fault is, which the JSON reader alone cannot once a whole list
is parsed. Knows nothing of what the rows mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from alpaca_tui.text import preview


class BrokenJsonError(Exception):
    """Why the rest of the text cannot be read, naming the line."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Stands for a line that is no JSON."""

    reason: str


def json_rows(text: str) -> Iterator[tuple[str, object]]:
    """(where it stands, value) of each row of `text`, JSON lines or one JSON list, told apart by the first
    sign. Places read `line 3` or `row 2 (line 14)`: lines from 1, rows from 0. A line that is no JSON comes
    as `Malformed`, and the next one follows.

    Raises BrokenJsonError, whose text names the line, where nothing after a fault can be read.
    """
    if text.lstrip().startswith("["):
        yield from _list_rows(text)
    else:
        yield from _line_rows(text)


def _line_rows(text: str) -> Iterator[tuple[str, object]]:
    # Only "\n" ends a line of JSON lines: U+2028 and the like may stand inside a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = _parse(line)
        except BrokenJsonError as error:
            if number == 1 and _is_one_object(text):
                raise BrokenJsonError(
                    "line 1: the whole file is one JSON object over many lines, neither JSON lines nor a list"
                ) from None
            value = Malformed(str(error))
        yield f"line {number}", value


def _list_rows(text: str) -> Iterator[tuple[str, object]]:
    """One element after another, so that each error can name its line."""
    decoder = json.JSONDecoder()
    position, line = text.index("[") + 1, 1
    counted = 0
    position = _skip_blanks(text, position)
    row = 0
    if text[position : position + 1] == "]":
        _check_end(text, position + 1)
        return
    while True:
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise BrokenJsonError(_explain(error, f"row {row} (line {line})", list_text=True)) from None
        yield f"row {row} (line {line})", value
        row += 1
        position = _skip_blanks(text, position)
        sign = text[position : position + 1]
        if sign == "]":
            _check_end(text, position + 1)
            return
        if sign != ",":
            here = text.count("\n", 0, position) + 1
            what = "the list is not closed by ]" if not sign else "a comma is missing between two rows"
            raise BrokenJsonError(f"line {here}: {what}")
        position = _skip_blanks(text, position + 1)


def _skip_blanks(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\n", "\r"):
        position += 1
    return position


def _check_end(text: str, position: int) -> None:
    end = _skip_blanks(text, position)
    if end < len(text):
        line = text.count("\n", 0, end) + 1
        raise BrokenJsonError(f"line {line}: there is more text after the end of the list")


def _parse(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BrokenJsonError(_explain(error, "", list_text=False)) from None


def _explain(error: Exception, place: str, *, list_text: bool) -> str:
    """What is wrong with the JSON, in one line; where the JSON reader knows the line, that one is named."""
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}" if list_text else f"column {error.colno}"
        reason = f"not valid JSON ({error.msg[:1].lower()}{error.msg[1:]}, {where})"
    elif isinstance(error, RecursionError):
        reason = "not usable JSON (nested too deeply)"
    else:
        reason = f"not usable JSON ({preview(str(error), 100)})"
    return f"{place}: {reason}" if place else reason


def _is_one_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
