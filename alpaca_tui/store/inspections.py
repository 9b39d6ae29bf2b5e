"""What reading the rows told: the rules they break, their root verbs, their lengths in tokens.

A row is read again when its texts have changed, or it has come or gone (`inspected` is 0 then), or the reader
has changed (`version`). Rules about several rows (equal prompts) are worked out for the groups a row leaves and
joins. Knows no rule.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from alpaca_tui.store.curated import Inspection, Texts, TokenCount
from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import AMONG, id_list

_AT_ONCE = 2_000


class Fellow(NamedTuple):
    """A row among those with the same prompt."""

    id: int
    whole_key: int
    prompt_key: int


class RootVerb(NamedTuple):
    """Of one instruction, as reading it told. unread: the instruction, where nobody has read it yet."""

    verb: str | None
    object: str | None
    unread: str | None


Grouping = Callable[[Sequence[Fellow]], Mapping[int, Sequence[str]]]
"""Rows of several prompts, by id -> the group rules each of them breaks."""


class Inspections:
    """The part of the store that remembers what was read."""

    _db: Database

    def void_inspections(self, version: int) -> None:
        """What another version of the reader told is stale: those rows count as never read."""
        with self._db.write() as db:
            db.execute("UPDATE example SET inspected = 0 WHERE inspected < ?1 AND inspected <> 0", (version,))
            db.execute("UPDATE example SET inspected = 0 WHERE inspected > ?1", (version,))

    def uninspected(self, limit: int, *, after: int = 0) -> list[Texts]:
        """Rows that have not been read as they are now, by id; `after`: the id of the last one of the page
        before."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT id, revised, instruction, input, output FROM example "
                "WHERE inspected = 0 AND id > ? ORDER BY id LIMIT ?",
                (after, limit),
            ).fetchall()
        return [Texts(*row) for row in rows]

    def count_uninspected(self, version: int) -> int:
        """How many rows this version of the reader has not read as they are now."""
        with self._db.read() as db:
            return db.execute(
                "SELECT count(*) FROM example WHERE inspected < ?1 OR inspected > ?1", (version,)
            ).fetchone()[0]

    def set_inspections(
        self,
        rows: Sequence[tuple[Texts, Inspection]],
        bits: Mapping[str, int],
        group_rules: Sequence[str],
        grouping: Grouping,
        *,
        length_rule: str,
    ) -> int:
        """Store what reading rows told, in one transaction; returns how many it held for.

        A row that was changed after it was read is left for the next time. bits: rule -> bit.
        group_rules: those that `grouping` decides. length_rule: the one that `mark_long` decides; it stands for
        as long as the length that it was decided by.
        """
        group_mask = sum(1 << bits[rule] for rule in group_rules)
        long = 1 << bits[length_rule]
        held = 0
        with self._db.write() as db:
            for start in range(0, len(rows), _AT_ONCE):
                part = rows[start : start + _AT_ONCE]
                keys = _prompt_keys(db, [texts.id for texts, _ in part])
                keys.update(told.prompt_key for _, told in part)
                held += db.executemany(
                    "UPDATE example SET flags = flags & (?1 | ?10 * (tokens IS NOT NULL)) | ?2, verb = ?3, object = ?4, "
                    "prompt_key = ?5, whole_key = ?6, inspected = ?7 WHERE id = ?8 AND revised = ?9",
                    (
                        (
                            *(group_mask, sum({1 << bits[rule] for rule in told.rules}), told.verb),
                            *(told.object, told.prompt_key, told.whole_key, told.version),
                            *(texts.id, texts.revised, long),
                        )
                        for texts, told in part
                    ),
                ).rowcount
                _regroup(db, sorted(keys), bits, group_mask, grouping)
        return held

    def root_verbs(self) -> list[RootVerb]:
        """The root verb and its object of every generated row in the dataset, in the order they came."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT verb, object, CASE WHEN inspected = 0 THEN instruction END FROM example "
                "WHERE source = 'generated' AND withdrawn = 0 AND deleted = 0 ORDER BY id"
            ).fetchall()
        return [RootVerb(*row) for row in rows]

    def uncounted(self, limit: int = 5_000) -> list[Texts]:
        """Rows whose length in tokens is not known, by id."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT id, revised, instruction, input, output FROM example "
                "WHERE tokens IS NULL AND withdrawn = 0 AND deleted = 0 ORDER BY id LIMIT ?",
                (limit,),
            ).fetchall()
        return [Texts(*row) for row in rows]

    def set_tokens(self, counts: Iterable[TokenCount]) -> None:
        """Store lengths in tokens, in one transaction."""
        with self._db.write() as db:
            db.executemany("UPDATE example SET tokens = ?2, prompt_tokens = ?3 WHERE id = ?1", counts)

    def mark_long(self, bit: int, maximum: int | None) -> int:
        """Give the flag `bit` to the rows of more than `maximum` tokens and take it from the others (None:
        from all); returns how many have it."""
        long = "ifnull(tokens > ?2, 0)" if maximum is not None else "0"
        with self._db.write() as db:
            db.execute(
                f"UPDATE example SET flags = flags & ~?1 | (?1 * ({long})) "
                f"WHERE (flags & ?1 <> 0) <> ({long})",
                (1 << bit, maximum) if maximum is not None else (1 << bit,),
            )
        return self.count_flagged(bit)

    def count_flagged(self, bit: int) -> int:
        """How many rows in the dataset have a flag."""
        with self._db.read() as db:
            return db.execute(
                "SELECT count(*) FROM example WHERE flags & ? <> 0 AND withdrawn = 0 AND deleted = 0",
                (1 << bit,),
            ).fetchone()[0]

    def fellows(self, prompt_key: int) -> list[int]:
        """Ids of the rows in the dataset that have this prompt."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT id FROM example WHERE prompt_key = ? AND withdrawn = 0 AND deleted = 0 ORDER BY id",
                (prompt_key,),
            ).fetchall()
        return [row[0] for row in rows]

    def sample_texts(self, most: int) -> list[Texts]:
        """Rows spread evenly over the dataset, at most so many."""
        with self._db.read() as db:
            last: int = db.execute("SELECT ifnull(max(id), 0) FROM example").fetchone()[0]
            rows = db.execute(
                "SELECT id, revised, instruction, input, output FROM example "
                "WHERE withdrawn = 0 AND deleted = 0 AND id % ? = 0 ORDER BY id LIMIT ?",
                (max(last // most, 1), most),
            ).fetchall()
        return [Texts(*row) for row in rows]

    def forget_tokens(self) -> None:
        """Another tokenizer: no length is known any more."""
        with self._db.write() as db:
            db.execute("UPDATE example SET tokens = NULL, prompt_tokens = NULL WHERE tokens IS NOT NULL")


def _prompt_keys(db: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
    query = f"SELECT prompt_key FROM example WHERE prompt_key IS NOT NULL AND id IN {AMONG}"
    return {row[0] for row in db.execute(query, (id_list(ids),))}


def _regroup(
    db: sqlite3.Connection, keys: Sequence[int], bits: Mapping[str, int], group_mask: int, grouping: Grouping
) -> None:
    """Decide the group rules anew for every row with one of these prompts."""
    rows = db.execute(
        "SELECT id, whole_key, prompt_key, flags & ? FROM example INDEXED BY example_by_prompt "
        f"WHERE withdrawn = 0 AND deleted = 0 AND prompt_key IN {AMONG} ORDER BY id",
        (group_mask, id_list(keys)),
    ).fetchall()
    broken = grouping([Fellow(*row[:3]) for row in rows])
    updates: list[tuple[int, int, int]] = []
    for id, _, _, before in rows:
        after = sum({1 << bits[rule] for rule in broken.get(id, ())})
        if after != before:
            updates.append((~group_mask, after, id))
    db.executemany("UPDATE example SET flags = flags & ? | ? WHERE id = ?", updates)
