"""A file as a store for the length of a command: so that a filter means the same on a file as in a workspace.

The store lies in a temporary folder and goes with it. Knows the store and the readers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alpaca_tui.curation.inspection import inspect
from alpaca_tui.curation.interchange import Refused, Source
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store


@dataclass(frozen=True, slots=True)
class Scratch:
    """The store, the file's row number of each id (from 1, in order), and the rows refused."""

    store: Store
    numbers: list[int]
    refused: list[Refused]

    def number(self, id: int) -> int:
        """The row of the file behind an id."""
        return self.numbers[id - 1]


@contextmanager
def scratch(source: Source) -> Generator[Scratch]:
    """The rows of `source` in a store, read by the lint. Raises UserError."""
    with tempfile.TemporaryDirectory(prefix="alpaca-tui-") as folder:
        numbers: list[int] = []
        refused: list[Refused] = []

        def rows() -> Iterator[ImportedRow]:
            for row in source:
                if isinstance(row, Refused):
                    refused.append(row)
                else:
                    numbers.append(row.row)
                    yield ImportedRow(row.instruction, row.input, row.output, row.extra)

        with Store.open(Path(folder) / "alpaca.db") as store:
            store.add_imported(rows(), source.path)
            inspect(store)
            yield Scratch(store, numbers, refused)
