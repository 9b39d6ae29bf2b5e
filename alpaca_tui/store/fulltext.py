"""The full-text index, kept in step with the texts by whoever writes them.

The index finds what to remove by the text it holds. So an operation keeps the texts it is about to change
(`keep_old`), and `settle` has the index follow: within the same transaction where few rows are behind, else later
and in parts, with the rows that are behind on record all the while. Nobody asks the index before it has caught up
(`searching.py`).

FTS5 flushes its buffer at every statement that could fail half-way, so that a statement a row, or a trigger,
would make a change of many rows fifteen times slower.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from alpaca_tui.store.encoding import AMONG, id_list

_COLUMNS = "rowid, instruction, input, output"
_TEXTS = "id, instruction, input, output"
FEW = 2_000
"""So many rows are indexed along with the change itself, and in one part."""
_MOST_SINGLY = 0.5
"""Where more than this share of all rows is behind, a new index is made faster than the old one mended..."""
_LARGEST_REBUILT = 200_000
"""...but one of more rows than this would keep every writer waiting too long."""


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
    """Keep the texts of rows that are about to change. Where a row is behind already, what the index holds is
    what was kept first."""
    db.execute(
        f"INSERT OR IGNORE INTO stale_text SELECT {_TEXTS} FROM example WHERE id IN {AMONG}", (id_list(ids),)
    )


def behind(db: sqlite3.Connection) -> bool:
    """Whether any row is to be indexed anew."""
    return db.execute("SELECT 1 FROM stale_text LIMIT 1").fetchone() is not None


def settle_few(db: sqlite3.Connection) -> None:
    """Index what is behind, if that is done at once."""
    count: int = db.execute("SELECT count(*) FROM (SELECT 1 FROM stale_text LIMIT ?)", (FEW + 1,)).fetchone()[
        0
    ]
    if count <= FEW:
        settle(db)


def settle(db: sqlite3.Connection) -> None:
    """Index a part of the rows that are behind, as they are now; all of them where a new index is faster."""
    changed: int = db.execute("SELECT count(*) FROM stale_text").fetchone()[0]
    if not changed:  # somebody else was faster
        return
    last: int = db.execute("SELECT ifnull(max(id), 0) FROM example").fetchone()[0]
    if last * _MOST_SINGLY < changed and last <= _LARGEST_REBUILT:
        db.execute("INSERT INTO example_text (example_text) VALUES ('rebuild')")
        db.execute("DELETE FROM stale_text")
        return
    part = f"(SELECT id FROM stale_text ORDER BY id LIMIT {FEW})"
    db.execute(
        f"INSERT INTO example_text (example_text, {_COLUMNS}) "
        f"SELECT 'delete', {_TEXTS} FROM stale_text WHERE id IN {part}"
    )
    db.execute(f"INSERT INTO example_text ({_COLUMNS}) SELECT {_TEXTS} FROM example WHERE id IN {part}")
    db.execute(f"DELETE FROM stale_text WHERE id IN {part}")
