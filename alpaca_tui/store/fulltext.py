"""The full-text index, kept in step with the texts by whoever writes them, inside the same transaction.

An operation says which texts it is about to change (`keep_old`, for the index finds what to remove by the old
text) and in the end has the index follow (`settle`): one statement for all its rows, however many. FTS5
flushes its buffer at every statement that could fail half-way, so that a statement a row, or a trigger,
would make a change of many rows fifteen times slower.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from alpaca_tui.store.encoding import AMONG, id_list

_COLUMNS = "rowid, instruction, input, output"
_TEXTS = "id, instruction, input, output"
_MOST_SINGLY = 0.5
"""Where more than this share of all rows has changed, a new index is made faster than the old one mended."""


def add_range(db: sqlite3.Connection, first: int, last: int) -> None:
    """Index the rows with these ids and all between."""
    db.execute(
        f"INSERT INTO example_text ({_COLUMNS}) SELECT {_TEXTS} FROM example WHERE id BETWEEN ? AND ?",
        (first, last),
    )


def add(db: sqlite3.Connection, id: int) -> None:
    """Index a row."""
    add_range(db, id, id)


def keep_old(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Keep the texts of rows that are about to change, until `settle`. Only the first call for a row counts."""
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS old_text (id INTEGER PRIMARY KEY, instruction, input, output)"
    )
    db.execute(
        f"INSERT OR IGNORE INTO old_text SELECT {_TEXTS} FROM example WHERE id IN {AMONG}", (id_list(ids),)
    )


def settle(db: sqlite3.Connection) -> None:
    """Index the rows whose old texts were kept as they are now."""
    changed: int = db.execute("SELECT count(*) FROM old_text").fetchone()[0]
    last: int = db.execute("SELECT ifnull(max(id), 0) FROM example").fetchone()[0]
    if changed > last * _MOST_SINGLY:
        db.execute("INSERT INTO example_text (example_text) VALUES ('rebuild')")
    else:
        db.execute(
            f"INSERT INTO example_text (example_text, {_COLUMNS}) SELECT 'delete', {_TEXTS} FROM old_text"
        )
        db.execute(
            f"INSERT INTO example_text ({_COLUMNS}) "
            f"SELECT {_TEXTS} FROM example WHERE id IN (SELECT id FROM old_text)"
        )
    db.execute("DELETE FROM old_text")
