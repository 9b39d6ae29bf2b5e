"""Examples: the rows of the dataset, and the novelty pool they make up.

Every row ever kept or imported stays in the pool, deleted ones too; only a rejudge takes rows out.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import AMONG, id_list, load_object
from alpaca_tui.store.rows import (
    ExampleRow,
    ExampleSource,
    PoolRow,
    RowNovelty,
    row_key,
)
from alpaca_tui.store.searching import asks_index, catch_up
from alpaca_tui.store.tallies import read_tally
from alpaca_tui.store.verdicts import AFTER_ALL, dump_top, stored_key

_PAGE = 2_000
_EXAMPLE = """
SELECT id, instruction, input, output, source, origin, teacher, model, completion_id, candidate_id,
  created_at, deleted, withdrawn, edited, status, nearest_score, nearest_key, mean_score, top, extra,
  rating, tags, note, split, edited_at, edited_by, revised, flags, verb, object, tokens
FROM example e
"""
_INSERT_BY_HAND = """
INSERT INTO example (source, origin, created_at, pool_after, pool_position, instruction, input, output,
  extra, tags, revised, words_instruction, words_input, words_output, chars_instruction, chars_input,
  chars_output)
VALUES (:source, :origin, :at, :after, :position, :instruction, :input, :output, :extra, :tags, :revised,
  word_count(:instruction), word_count(:input), word_count(:output), length(:instruction), length(:input),
  length(:output))
"""
_ACTIVE = "deleted = 0 AND withdrawn = 0"
_UNMEASURED = "example INDEXED BY example_unmeasured WHERE nearest_score IS NULL AND withdrawn = 0"
_EXPORTABLE = f"{_ACTIVE} AND status <> 'rejected'"


def example_of(row: Any) -> ExampleRow:
    """An example from the columns of `_EXAMPLE`."""
    values = list(row)
    values[11:14] = row[11] == 1, row[12] == 1, row[13] == 1  # deleted, withdrawn, edited
    values[19] = load_object(row[19]) if row[19] else {}  # extra
    values[21] = tuple(row[21].split()) if row[21] else ()  # tags
    return ExampleRow._make(values)


def fetch_examples(db: sqlite3.Connection, ids: Sequence[int]) -> list[ExampleRow]:
    """The rows of `ids`, in that order; what does not exist is left out."""
    found = {
        row[0]: example_of(row) for row in db.execute(f"{_EXAMPLE} WHERE id IN {AMONG}", (id_list(ids),))
    }
    return [found[id] for id in ids if id in found]


def insert_by_hand(db: sqlite3.Connection, values: Mapping[str, object]) -> int:
    """A row no verdict made, behind everything in the pool; its id. `values`: what the statement names,
    storable already."""
    return cast(int, db.execute(_INSERT_BY_HAND, {**values, "position": AFTER_ALL}).lastrowid)


class Examples:
    """The part of the store that speaks of rows."""

    _db: Database

    def example(self, example_id: int) -> ExampleRow | None:
        with self._db.read() as db:
            row = db.execute(_EXAMPLE + "WHERE id = ?", (example_id,)).fetchone()
        return example_of(row) if row else None

    def examples_by_id(self, ids: Sequence[int]) -> list[ExampleRow]:
        """The rows of `ids`, in that order; what does not exist is left out."""
        with self._db.read() as db:
            return fetch_examples(db, ids)

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
        return [example_of(row) for row in rows]

    def iter_examples(
        self, *, source: ExampleSource | None = None, where: str = "", values: Sequence[object] = ()
    ) -> Iterator[ExampleRow]:
        """What export, statistics and training take, by id: rows not deleted, withdrawn or rejected.

        where, values: a further condition on `example e` and its values.
        """
        condition = _EXPORTABLE if source is None else f"{_EXPORTABLE} AND source = '{source}'"
        if where:
            condition += f" AND ({where})"
        if asks_index(where):
            catch_up(self._db)
        after = 0
        while page := self._page(f"{condition} AND id > ? ORDER BY id LIMIT ?", (*values, after, _PAGE)):
            yield from map(example_of, page)
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
        return [example_of(row) for row in rows]

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

    def unmeasured(self) -> list[int]:
        """Ids of the rows whose nearest score is not computed yet: imported, made or changed by hand."""
        with self._db.read() as db:
            return [row[0] for row in db.execute(f"SELECT id FROM {_UNMEASURED} ORDER BY id")]

    def count_unmeasured(self) -> int:
        """How many `unmeasured` would list."""
        with self._db.read() as db:
            return db.execute(f"SELECT count(*) FROM {_UNMEASURED}").fetchone()[0]

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
