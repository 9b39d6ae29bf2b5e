"""The full-text index, kept in step with the texts by whoever writes them, inside the same transaction.

One statement for many rows: FTS5 flushes its buffer at every statement that could fail half-way, so that a
trigger a row would make an import fifteen times slower. `remove` must come before a text changes, for the
index finds what to remove by the old text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from alpaca_tui.store.encoding import AMONG, id_list

_COLUMNS = "rowid, instruction, input, output"
_TEXTS = "id, instruction, input, output FROM example"


def add_range(db: sqlite3.Connection, first: int, last: int) -> None:
    """Index the rows with these ids and all between."""
    db.execute(
        f"INSERT INTO example_text ({_COLUMNS}) SELECT {_TEXTS} WHERE id BETWEEN ? AND ?", (first, last)
    )


def add(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Index rows."""
    db.execute(f"INSERT INTO example_text ({_COLUMNS}) SELECT {_TEXTS} WHERE id IN {AMONG}", (id_list(ids),))


def remove(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Take rows out of the index, before their texts change."""
    db.execute(
        f"INSERT INTO example_text (example_text, {_COLUMNS}) SELECT 'delete', {_TEXTS} WHERE id IN {AMONG}",
        (id_list(ids),),
    )
