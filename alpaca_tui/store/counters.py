"""Counting rows under a change of many of them: together, before and after, instead of one by one.

The triggers that keep the counters take longer than the change itself does. They rest while `counting_paused` holds
a row, which no other program ever sees: it comes and goes within the transaction that changes the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager

MANY = 50
"""From so many rows on it is worth while."""
_KIND = "source, status, deleted, withdrawn, input <> ''"
_NAME = "'example/' || source || '/' || status || '/' || deleted || '/' || withdrawn || '/' || (input <> '')"


@contextmanager
def paused(db: sqlite3.Connection) -> Generator[None]:
    """In the block no row is counted. One that raises must not be committed."""
    db.execute("INSERT INTO counting_paused VALUES (1)")
    yield
    db.execute("DELETE FROM counting_paused")


def count(db: sqlite3.Connection, where: str, values: Sequence[object], times: int = 1) -> None:
    """Count the rows of a condition (times -1: no more)."""
    rows = db.execute(
        f"SELECT {_NAME}, count(*) FROM example WHERE {where} GROUP BY {_KIND}", tuple(values)
    ).fetchall()
    db.executemany(
        "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count",
        [(name, times * number) for name, number in rows],
    )


@contextmanager
def counted_together(db: sqlite3.Connection, where: str, values: Sequence[object]) -> Generator[None]:
    """A block that changes the rows of a condition, which holds for the same rows after it."""
    count(db, where, values, -1)
    with paused(db):
        yield
    count(db, where, values)
