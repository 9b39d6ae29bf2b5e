"""CSV and TSV in: delimiter and quoting found out, fields of any size, damage told row by row.

Texts come as they are; a column whose name ends in `:json` holds JSON, as our writer marks the columns
that hold more than text. Knows nothing of fields.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from alpaca_tui.curation.interchange.jsons import not_text, split_lines
from alpaca_tui.curation.interchange.mapping import guess, unique
from alpaca_tui.curation.interchange.model import JSON_SUFFIX, Raw, Refused
from alpaca_tui.curation.interchange.streams import StreamReader, TextStream
from alpaca_tui.errors import UserError

LONGEST_FIELD = 256 << 20  # characters; a quote that is never closed would otherwise swallow the whole file
_SAMPLE_ROWS = 50
_SAMPLE = 1 << 16
_DELIMITERS = ",\t;|"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written. `backslash`: quotes inside quotes have one before them, not another quote."""

    delimiter: str
    backslash: bool = False

    def reader(self, lines: Iterator[str]) -> Any:
        if csv.field_size_limit() < LONGEST_FIELD:
            csv.field_size_limit(LONGEST_FIELD)
        escape = "\\" if self.backslash else None
        return csv.reader(
            lines, delimiter=self.delimiter, doublequote=not self.backslash, escapechar=escape, strict=True
        )


@dataclass(slots=True)
class TableReader(StreamReader):
    """The rows of a table, as objects by the names in its header. `rows` raises UserError if it is empty."""

    dialect: Dialect

    def rows(self) -> Iterator[Raw | Refused]:
        lines = _Lines(self.stream)
        reader = self.dialect.reader(lines)
        names = unique(self._header(reader))
        decoded = [name.removesuffix(JSON_SUFFIX) if name.endswith(JSON_SUFFIX) else None for name in names]
        if len({plain or name for plain, name in zip(decoded, names, strict=True)}) < len(names):
            decoded = [None] * len(names)  # `a` beside `a:json` is none of our tables
        self.columns = tuple(
            name if plain is None else plain for plain, name in zip(decoded, names, strict=True)
        )
        row = 0
        while True:
            line = lines.begin()
            try:
                cells: list[str] = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Refused(row, f"line {line}: {_explained(error)}", line)
                row += 1
                lines.again()
                continue
            if not cells:
                continue
            yield self._row(Raw(row, line, cells), names, decoded)
            row += 1

    def _header(self, reader: Any) -> list[str]:
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    return cells
        except csv.Error as error:
            raise UserError(
                f"{self.stream.path} is no table",
                f"Its first line cannot be read: {_explained(error)}.",
                "The first line of a table names its columns.",
            ) from error
        raise UserError(f"{self.stream.path} is empty", "", "Check that it was written completely.")

    def _row(self, raw: Raw, names: Sequence[str], decoded: Sequence[str | None]) -> Raw | Refused:
        """The row whose cells are `raw.value`. `decoded`: the plain name of each column that holds JSON."""
        cells = cast(list[str], raw.value)
        line = raw.line or 0
        if self.stream.marred and (bad := self.stream.bad_byte(self.dialect.delimiter.join(cells))):
            newlines, byte = bad
            return Refused(raw.row, not_text(self.stream, line + newlines, byte), line + newlines)
        if len(cells) != len(names):
            return Refused(raw.row, f"{len(cells)} cells where the header has {len(names)}", line)
        entries: dict[str, Any] = {}
        for name, plain, cell in zip(names, decoded, cells, strict=True):
            if plain is None:
                entries[name] = cell
            elif cell:  # an empty one: the row has no such field
                try:
                    entries[plain] = json.loads(cell)
                except (ValueError, RecursionError):  # somebody else's name and meaning
                    entries[name] = cell
        return Raw(raw.row, raw.line, entries)


def find_dialect(stream: TextStream, delimiter: str | None = None) -> tuple[Dialect, list[str]]:
    """How the table is most likely written, and the names in its header: the reading of its first rows
    that gives them all equally many cells and the header the names we know."""
    sample = "".join(itertools.islice(_pieces(stream), 1))
    best = (Dialect(delimiter or ","), [""])
    highest = -1
    for sign in delimiter or _DELIMITERS:
        for backslash in (False, True):
            if backslash and '\\"' not in sample:
                continue
            dialect = Dialect(sign, backslash)
            rows = _sample_rows(dialect, sample)
            if not rows:
                continue
            width = len(rows[0])
            even = sum(len(row) == width for row in rows) / len(rows)
            known = guess(rows[0]) is not None
            score = round(100 * even) + (200 if known else 0) + (100 if width > 1 else 0)
            if score > highest:
                highest, best = score, (dialect, rows[0])
    return best


def _sample_rows(dialect: Dialect, sample: str) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = dialect.reader(line for _, line in split_lines(iter([sample]), _line_end(sample)))
    for _ in range(_SAMPLE_ROWS):
        try:
            rows.append(next(reader))
        except StopIteration:
            break
        except csv.Error:
            if len(sample) < _SAMPLE:
                rows.append([])
            break
    if len(sample) >= _SAMPLE and len(rows) > 1:
        rows.pop()  # it may have been cut
    return [row for row in rows if row or len(rows) > 1]


def _pieces(stream: TextStream) -> Iterator[str]:
    for chunk in stream.chunks():
        yield chunk[:_SAMPLE]


def _line_end(text: str) -> str:
    return "\r" if "\r" in text and "\n" not in text else "\n"


class _Lines:
    """The lines of a stream, those of the record at hand kept, so that a record which a stray quote made of
    many rows can be read again from its second line on."""

    def __init__(self, stream: TextStream) -> None:
        chunks = stream.chunks()
        first = next(chunks, "").removeprefix("\ufeff")
        lines = split_lines(itertools.chain([first], chunks), _line_end(first))
        self._source = (line for _, line in lines)
        self._next = 1
        self._record: list[str] = []
        self._again: list[str] = []  # last first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._source)
        self._record.append(line)
        self._next += 1
        return line

    def begin(self) -> int:
        """A record begins here; the number of its first line."""
        self._record.clear()
        return self._next

    def again(self) -> None:
        """Give all lines of the record but its first once more."""
        self._again.extend(reversed(self._record[1:]))
        self._next -= max(0, len(self._record) - 1)


def _explained(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is never closed, or the file was cut off here"
    if "field larger" in text:
        return (
            f"a field of more than {LONGEST_FIELD >> 20} million characters, or a quote that is never closed"
        )
    return text
