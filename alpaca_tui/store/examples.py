"""Examples: the rows of the dataset, and the novelty pool they make up.

Every row ever kept or imported stays in the pool, deleted ones too; only a rejudge takes rows out.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import dump, load_object, load_top, storable
from alpaca_tui.store.rows import (
    ExampleRow,
    ExampleSource,
    ImportedRow,
    ImportReport,
    PoolRow,
    RowNovelty,
    row_key,
)
from alpaca_tui.store.tallies import read_tally
from alpaca_tui.store.verdicts import AFTER_ALL, dump_top, pool_now, stored_key

_PAGE = 2_000
_EXAMPLE = """
SELECT id, instruction, input, output, source, origin, teacher, model, completion_id, candidate_id,
  created_at, deleted, withdrawn, edited, status, nearest_score, nearest_key, mean_score, top, extra
FROM example
"""
_ACTIVE = "deleted = 0 AND withdrawn = 0"
_UNMEASURED = "source = 'imported' AND nearest_score IS NULL"
_EXPORTABLE = f"{_ACTIVE} AND status <> 'rejected'"


class Examples:
    """The part of the store that speaks of rows."""

    _db: Database

    def example(self, example_id: int) -> ExampleRow | None:
        with self._db.read() as db:
            row = db.execute(_EXAMPLE + "WHERE id = ?", (example_id,)).fetchone()
        return _example(row) if row else None

    def examples(
        self,
        *,
        source: ExampleSource | None = None,
        include_deleted: bool = False,
        after: int = 0,
        limit: int = 100,
    ) -> list[ExampleRow]:
        """A page by id; `after`: the id of the last row of the page before. Withdrawn rows are left out."""
        conditions, values = ["id > ?", "withdrawn = 0"], list[object]([after])
        if not include_deleted:
            conditions.append("deleted = 0")
        if source is not None:
            conditions.append("source = ?")
            values.append(source)
        with self._db.read() as db:
            rows = db.execute(
                f"{_EXAMPLE} WHERE {' AND '.join(conditions)} ORDER BY id LIMIT ?", (*values, limit)
            ).fetchall()
        return [_example(row) for row in rows]

    def iter_examples(self, *, source: ExampleSource | None = None) -> Iterator[ExampleRow]:
        """What export, statistics and training take, by id: rows not deleted, withdrawn or rejected."""
        condition = _EXPORTABLE if source is None else f"{_EXPORTABLE} AND source = '{source}'"
        after = 0
        while page := self._page(f"{condition} AND id > ? ORDER BY id LIMIT ?", (after, _PAGE)):
            yield from map(_example, page)
            after = page[-1][0]

    def count_examples(self) -> int:
        """How many rows `iter_examples` yields (all sources)."""
        return read_tally(self._db).exportable

    def kept_sample(self, n: int, rng: random.Random) -> list[ExampleRow]:
        """`n` different generated rows (fewer if there are not so many), for showing kept tasks in
        prompts. The same `rng` state and the same rows give the same sample."""
        condition = f"{_EXPORTABLE} AND source = 'generated'"
        with self._db.read() as db:
            highest: int = db.execute("SELECT ifnull(max(id), 0) FROM example").fetchone()[0]
            chosen = _sample_by_guessing(db, condition, n, highest, rng)
            if chosen is None:  # few such rows among many, or fewer than asked for: list them all
                ids = [row[0] for row in db.execute(f"SELECT id FROM example WHERE {condition} ORDER BY id")]
                chosen = rng.sample(ids, min(n, len(ids)))
            rows = [db.execute(_EXAMPLE + "WHERE id = ?", (id,)).fetchone() for id in chosen]
        return [_example(row) for row in rows]

    def pool(self) -> Iterator[tuple[str, str]]:
        """(key, instruction) of every row in the novelty pool, in the order they joined it."""
        after = (-1, -1, -1)
        while True:
            with self._db.read() as db:
                rows = db.execute(
                    "SELECT pool_after, pool_position, id, instruction FROM example WHERE withdrawn = 0 "
                    "AND (pool_after, pool_position, id) > (?, ?, ?) "
                    "ORDER BY pool_after, pool_position, id LIMIT ?",
                    (*after, _PAGE),
                ).fetchall()
            if not rows:
                return
            for _, _, example_id, instruction in rows:
                yield row_key(example_id), instruction
            after = rows[-1][:3]

    def pool_by_hand(self) -> Iterator[PoolRow]:
        """The rows of the pool that no automatic verdict put there (imported, promoted, rescued), and
        those a person holds there, in the order they joined. A replay adds each after the completion of
        finish order `after_order`."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT e.pool_after, e.id, e.candidate_id, e.instruction, "
                "e.candidate_id IS NULL OR e.edited = 1 OR c.rescued = 1 FROM example e "
                "LEFT JOIN candidate c ON c.id = e.candidate_id "
                "WHERE e.withdrawn = 0 AND (e.pool_position = ? OR e.edited = 1 OR c.rescued = 1) "
                "ORDER BY e.pool_after, e.pool_position, e.id",
                (AFTER_ALL,),
            ).fetchall()
        for after_order, example_id, candidate_id, instruction, held in rows:
            yield PoolRow(after_order, example_id, candidate_id, instruction, bool(held))

    def add_imported(self, rows: Iterable[ImportedRow], origin: str) -> ImportReport:
        """Every row of a file, in one transaction; `origin` says which file. Fields of other names stay
        with the row; the nearest score is left open for `set_novelty`."""
        added = first = last = 0
        now = time.time()
        with self._db.write() as db:
            after = pool_now(db)
            for row in rows:
                cursor = db.execute(
                    "INSERT INTO example (source, origin, created_at, pool_after, pool_position, "
                    "instruction, input, output, extra) VALUES ('imported', ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(storable(origin), now, after, AFTER_ALL, storable(row.instruction)),
                        *(
                            storable(row.input),
                            storable(row.output),
                            dump(dict(row.extra)) if row.extra else "",
                        ),
                    ),
                )
                last = cast(int, cursor.lastrowid)
                first = first or last
                added += 1
        return ImportReport(added, first, last)

    def unmeasured(self) -> list[int]:
        """Ids of the imported rows whose nearest score is not computed yet."""
        with self._db.read() as db:
            return [row[0] for row in db.execute(f"SELECT id FROM example WHERE {_UNMEASURED} ORDER BY id")]

    def count_unmeasured(self) -> int:
        """How many `unmeasured` would list."""
        with self._db.read() as db:
            return db.execute(f"SELECT count(*) FROM example WHERE {_UNMEASURED}").fetchone()[0]

    def set_novelty(self, rows: Sequence[RowNovelty]) -> None:
        """What the novelty index says of rows as they are now, in one transaction."""
        with self._db.write() as db:
            db.executemany(
                "UPDATE example SET nearest_score = ?, nearest_key = ?, top = ?, mean_score = ? WHERE id = ?",
                (
                    (row.score, stored_key(row.nearest), dump_top(row.top), row.mean, row.example_id)
                    for row in rows
                ),
            )

    def _page(self, where: str, values: Sequence[object]) -> list[Any]:
        with self._db.read() as db:
            return db.execute(f"{_EXAMPLE} WHERE {where}", tuple(values)).fetchall()


def _sample_by_guessing(
    db: sqlite3.Connection, condition: str, n: int, highest: int, rng: random.Random
) -> list[int] | None:
    """`n` ids by drawing ids until enough fit (a few look-ups instead of listing 50,000); None if unlucky."""
    chosen: list[int] = []
    for _ in range(8 * n + 8 if highest else 0):
        if len(chosen) == n:
            return chosen
        guess = rng.randint(1, highest)
        if guess in chosen:
            continue
        if db.execute(f"SELECT 1 FROM example WHERE id = ? AND {condition}", (guess,)).fetchone():
            chosen.append(guess)
    return chosen if len(chosen) == n else None


def _example(row: Any) -> ExampleRow:
    values = list(row)
    values[11:14] = map(bool, values[11:14])  # deleted, withdrawn, edited
    values[18:] = load_top(values[18]), load_object(values[19])
    return ExampleRow(*values)
