"""Alpaca JSON in and out: a list of {"instruction", "input", "output"}, and `regen.json` with neighbours.

Reading is tolerant (byte-order mark, missing input, JSON lines) and never silent: every row that cannot be
taken is named with its reason. Writing is all or nothing, deterministic and streams. Knows no screen and
no query; rows go in and out as plain values.
"""

from __future__ import annotations

import codecs
import json
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from alpaca_tui.atomic import atomic_text_writer
from alpaca_tui.errors import UserError
from alpaca_tui.store.encoding import storable
from alpaca_tui.store.rows import ImportedRow

FIELDS = ("instruction", "input", "output")
MAX_BYTES = 2 * 2**30  # a hundred times the Alpaca data; beyond it, parsing would take the machine's memory
_SHAPE = 'Alpaca data is a JSON list of {"instruction": "…", "input": "…", "output": "…"}.'
_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    bool: "true or false",
    type(None): "null",
    str: "text",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken. `row` counts from 0 in file order; `line` from 1, where lines are rows."""

    row: int
    reason: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class AlpacaFile:
    """What a file holds: the rows that can be taken, in file order, and those that cannot."""

    rows: list[ImportedRow]
    refused: list[Refused]


class Row(Protocol):
    """Anything with the three texts: an example, an imported row, a seed task."""

    @property
    def instruction(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def output(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RegenRow:
    """A generated row with its neighbours: (instruction, score), highest first, and the mean score over
    all it was compared with (None where nobody has worked it out)."""

    instruction: str
    input: str
    output: str
    most_similar: Sequence[tuple[str, float]]
    avg_similarity: float | None


def read_alpaca(path: Path) -> AlpacaFile:
    """The rows of an Alpaca JSON file (or of the same objects as JSON lines).

    A missing or null input becomes "". Fields of other names are kept in `extra`. A row without an
    instruction or an output, or with one that is no text, is refused. Raises UserError if there is no such
    file, it cannot be read, is no UTF-8, no JSON (line and column), or holds something else than rows.
    """
    text = _decode(path, _read(path))
    if not text.strip():
        raise UserError(f"{path} is empty", _SHAPE, "Check that it was written completely.")
    try:
        values: object = json.loads(text)
    except json.JSONDecodeError as error:
        lines = _json_lines(text)
        if lines is None:
            raise _not_json(path, error, text) from error
        return lines
    except (RecursionError, ValueError) as error:  # nested without end; a number of ten thousand digits
        raise UserError(f"{path} cannot be read as JSON", f"{_first_line(error)}.", _SHAPE) from error
    if isinstance(values, dict) and "instruction" in values:
        values = [cast(object, values)]  # JSON lines of a single line
    if not isinstance(values, list):
        raise _not_a_list(path, cast(object, values))
    rows: list[ImportedRow] = []
    refused: list[Refused] = []
    for number, value in enumerate(cast(list[object], values)):
        row = _row(value)
        if isinstance(row, str):
            refused.append(Refused(number, row))
        else:
            rows.append(row)
    return AlpacaFile(rows, refused)


def write_alpaca(path: Path, rows: Iterable[Row]) -> int:
    """Write the rows as Alpaca JSON, all or nothing; returns how many. The same rows give the same bytes:
    `json.dumps(rows, indent=4, ensure_ascii=False)` and a newline. Raises UserError."""
    return _write(path, ({field: storable(getattr(row, field)) for field in FIELDS} for row in rows))


def write_regen(path: Path, rows: Iterable[RegenRow]) -> int:
    """Write the rows with `most_similar_instructions` and `avg_similarity_score`, as the 2023 generator
    did: equal neighbours fall together, the highest score counts. Returns how many. Raises UserError."""
    return _write(path, map(_regen, rows))


def _regen(row: RegenRow) -> dict[str, Any]:
    similar: dict[str, float] = {}
    for instruction, score in sorted(row.most_similar, key=lambda pair: -pair[1]):
        similar.setdefault(storable(instruction), score)
    return {
        "instruction": storable(row.instruction),
        "input": storable(row.input),
        "output": storable(row.output),
        "most_similar_instructions": similar,
        "avg_similarity_score": row.avg_similarity,
    }


def _write(path: Path, values: Iterable[dict[str, Any]]) -> int:
    encoder = json.JSONEncoder(ensure_ascii=False, indent=4)
    count = 0
    with atomic_text_writer(path) as file:
        for value in values:
            file.write(",\n    " if count else "[\n    ")
            # JSON strings hold no raw newline, so every one here is the encoder's own.
            file.write(encoder.encode(value).replace("\n", "\n    "))
            count += 1
        file.write("\n]\n" if count else "[]\n")
    return count


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UserError(f"{path} is a folder", _SHAPE, "Give the name of a file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise UserError(
                f"{path} is not a regular file",
                "Pipes and devices cannot be imported from.",
                "Save the data to a file first.",
            )
        if status.st_size > MAX_BYTES:
            raise UserError(
                f"{path} is too large",
                f"It has {status.st_size / 2**30:.1f} GiB; at most {MAX_BYTES >> 30} GiB are read at once.",
                "Split it into several files.",
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist", "", "Check the name and the folder.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(
            f"{path} cannot be read", f"{reason}.", "Check its name and its permissions."
        ) from error


def _decode(path: Path, data: bytes) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # PowerShell's redirection writes it
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise UserError(
            f"{path} is not UTF-8 text",
            f"Line {line}, byte {column} is no UTF-8.",
            "Save it as UTF-8, for example: iconv -f latin1 -t utf-8 IN > OUT.",
        ) from error


def _json_lines(text: str) -> AlpacaFile | None:
    """`text` read as one object a line, or None if its first line is none. A bad line is refused."""
    rows: list[ImportedRow] = []
    refused: list[Refused] = []
    for number, (line, source) in enumerate(_lines(text)):
        try:
            row = _row(json.loads(source))
        except (ValueError, RecursionError) as error:
            if number == 0:
                return None
            row = f"not valid JSON ({_first_line(error)})"
        if number == 0 and not source.startswith("{"):
            return None
        if isinstance(row, str):
            refused.append(Refused(number, row, line))
        else:
            rows.append(row)
    return AlpacaFile(rows, refused)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that hold anything, numbered from 1. Only newlines end them: texts may hold U+2028."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _row(value: object) -> ImportedRow | str:
    """The row `value` is, or why it is none."""
    if not isinstance(value, dict):
        return f"not an object but {_name(value)}"
    entries = cast(dict[str, object], value)
    texts: list[str] = []
    for field in FIELDS:
        text = entries.get(field)
        if text is None and field == "input":
            text = ""
        if field not in entries and field != "input":
            return f"no {field}"
        if not isinstance(text, str):
            return f"{field} is {_name(text)}, not text"
        texts.append(storable(text))
    if not texts[0].strip():
        return "the instruction is empty"
    extra = {name: entry for name, entry in entries.items() if name not in FIELDS}
    return ImportedRow(texts[0], texts[1], texts[2], extra)


def _name(value: object) -> str:
    return _NAMES.get(type(value), "a number")


def _not_json(path: Path, error: json.JSONDecodeError, text: str) -> UserError:
    unfinished = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    return UserError(
        f"{path} is not valid JSON",
        f"Line {error.lineno}, column {error.colno}: {error.msg}."
        + (" The file seems to have been cut off." if unfinished else ""),
        "Get the whole file again." if unfinished else _SHAPE,
    )


def _not_a_list(path: Path, value: object) -> UserError:
    cause = f"It holds {_name(value)}, not a list."
    if isinstance(value, dict) and value:
        names = [str(name)[:40] for name in cast(dict[str, object], value)]
        cause = (
            f"It holds one object with {', '.join(names[:5])}{', …' if len(names) > 5 else ''}, not a list."
        )
    return UserError(f"{path} is no list of rows", cause, _SHAPE)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
