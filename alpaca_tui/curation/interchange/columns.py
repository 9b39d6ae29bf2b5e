"""Rows out as a table: CSV and TSV, and the laying by on disk that every table format needs.

A table must know all its columns before its first row, so the rows are put on disk once, while their
columns are learnt, and written from there: memory stays small. A column that a table could not hold without
loss (anything but text in a CSV) is written as JSON under a name ending in `:json`. A row without a field
that others have gets an empty cell.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from alpaca_tui.atomic import atomic_text_writer
from alpaca_tui.curation.interchange.model import FIELDS, JSON_SUFFIX
from alpaca_tui.store.encoding import storable

Fields = dict[str, Any]
ENCODER = json.JSONEncoder(ensure_ascii=False)
_GROUP_ROWS = 5_000
_GROUP_CHARACTERS = 16 << 20


class Spool(AbstractContextManager["Spool"]):
    """Rows on their way, in a nameless file in `folder`; read back in the order they came, any number of
    times."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(  # noqa: SIM115  (closed by __exit__)
            "w+", encoding="utf-8", newline="\n", dir=folder if folder.is_dir() else None
        )
        self.rows = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, fields: Fields) -> None:
        self._file.write(storable(ENCODER.encode(fields)))
        self._file.write("\n")
        self.rows += 1

    def __iter__(self) -> Iterator[Fields]:
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)

    def groups(self) -> Iterator[list[Fields]]:
        """The rows in lists of bounded size (one row at least), the same lists each time."""
        self._file.seek(0)
        group: list[Fields] = []
        characters = 0
        for line in self._file:
            group.append(json.loads(line))
            characters += len(line)
            if len(group) >= _GROUP_ROWS or characters >= _GROUP_CHARACTERS:
                yield group
                group, characters = [], 0
        if group:
            yield group


def write_table(path: Path, rows: Iterable[Fields], delimiter: str) -> int:
    """A table with a header, its columns in the order of their first occurrence; quoted as RFC 4180 has
    it. Returns how many rows. Raises UserError."""
    with atomic_text_writer(path) as file, Spool(folder_for(path)) as spool:
        texts: dict[str, bool] = {}
        for fields in rows:
            spool.add(fields)
            for name, value in fields.items():
                texts[name] = isinstance(value, str) and texts.get(name, not name.endswith(JSON_SUFFIX))
        # Its line end must be this one: the module quotes a carriage return only if it is part of it.
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow([name if text else name + JSON_SUFFIX for name, text in texts.items()] or FIELDS)
        for fields in spool:
            writer.writerow(
                [
                    "" if name not in fields else fields[name] if text else ENCODER.encode(fields[name])
                    for name, text in texts.items()
                ]
            )
        return spool.rows


def folder_for(path: Path) -> Path:
    """Where to lay rows by that go to `path`: on the same disk, unless it is a pipe or a device."""
    return path.parent if path.is_file() or not path.exists() else Path(tempfile.gettempdir())
