"""What a browser of the dataset asks: which rows, in which order, how they look, how many of each kind.

A condition comes from `curation.query` as SQL over `example e` with its values; nothing here reads a query.
Ids come as one compact vector, rows a page at a time, so that a million rows cost a screen eight megabytes.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from array import array
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from alpaca_tui.store.curated import Facets, RowLine
from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import AMONG, dump, id_list, storable
from alpaca_tui.store.searching import asks_index, catch_up

PREVIEW = 400
ALL_ROWS = "e.deleted = 0"
Order = Literal[
    "id", "instruction", "input", "output", "source", "nearest", "flags", "tags", "rating", "status",
    "created", "edited", "tokens", "model",
]  # fmt: skip
Distinct = Literal["tags", "model", "teacher", "origin", "split", "verb", "object"]

_ORDERS: Mapping[str, str] = {
    "id": "",
    "instruction": "substr(e.instruction, 1, 24) COLLATE NOCASE",
    "input": "e.words_input",
    "output": "e.words_output",
    "source": "e.source",
    "nearest": "e.nearest_score",
    "flags": "bit_count(e.flags)",
    "tags": "e.tags",
    "rating": "e.rating",
    "status": "e.status",
    "created": "e.created_at",
    "edited": "e.edited_at",
    "tokens": "e.tokens",
    "model": "e.model",
}
_NULLS = frozenset({"nearest", "rating", "edited", "tokens", "model"})
_LINE = f"""
SELECT e.id, substr(e.instruction, 1, {PREVIEW}), substr(e.input, 1, {PREVIEW}), substr(e.output, 1, {PREVIEW}),
  e.source, e.origin, e.teacher, e.model, e.created_at, e.edited, e.edited_by, e.status, e.rating, e.tags,
  e.note <> '', e.flags, e.nearest_score, e.words_instruction, e.words_input, e.words_output, e.tokens,
  e.verb, e.object, e.split, e.deleted, e.revised
FROM example e
"""
_LENGTHS: tuple[tuple[str, str], ...] = (
    ("empty", "e.chars_output = 0"),
    ("1-10", "e.chars_output > 0 AND e.words_output <= 10"),
    ("11-50", "e.words_output BETWEEN 11 AND 50"),
    ("51-150", "e.words_output BETWEEN 51 AND 150"),
    ("151+", "e.words_output > 150"),
)
_AT_ONCE = 500
_PART = 50_000


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """The asker no longer wants the answer."""


class Cancellation:
    """Lets another thread end a query that has become pointless: call `cancel`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self.cancelled = False

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            if self._connection is not None:
                self._connection.interrupt()

    @contextmanager
    def over(self, connection: sqlite3.Connection) -> Generator[None]:
        """What runs in this block can be cancelled; raises Cancelled if it was."""
        with self._lock:
            if self.cancelled:
                raise Cancelled
            self._connection = connection
        try:
            yield
        except sqlite3.OperationalError as error:
            if self.cancelled:
                raise Cancelled from error
            raise
        finally:
            with self._lock:
                self._connection = None


class Browsing:
    """The part of the store that a table scrolls over."""

    _db: Database

    def example_ids(
        self,
        where: str = ALL_ROWS,
        values: Sequence[object] = (),
        *,
        order: Order = "id",
        descending: bool = False,
        limit: int | None = None,
        cancel: Cancellation | None = None,
    ) -> array[int]:
        """The ids of the rows a condition holds for, in order; rows without a value come last, ties by id."""
        if asks_index(where):
            catch_up(self._db)
        scope = "example e"
        if order == "instruction" and where == ALL_ROWS:
            scope += " INDEXED BY example_by_beginning"
        query = f"SELECT e.id AS id FROM {scope} WHERE e.withdrawn = 0 AND ({where}) ORDER BY {_order(order, descending)}"
        if limit is not None:
            query += f" LIMIT {limit:d}"
        with self._db.read() as db, (cancel or Cancellation()).over(db):
            return _gather(db, query, values)

    def first_ids(
        self,
        words: str,
        where: str = ALL_ROWS,
        values: Sequence[object] = (),
        *,
        limit: int,
        descending: bool = False,
        cancel: Cancellation | None = None,
    ) -> array[int]:
        """The first rows by id that hold words (as FTS5 is asked for them) and for which a condition holds:
        found while walking the index, however many there are in all."""
        catch_up(self._db)
        query = (
            "SELECT f.rowid AS id FROM example_text f CROSS JOIN example e ON e.id = f.rowid "
            f"WHERE f.example_text MATCH ? AND e.withdrawn = 0 AND ({where}) "
            f"ORDER BY f.rowid{' DESC' if descending else ''} LIMIT {limit:d}"
        )
        with self._db.read() as db, (cancel or Cancellation()).over(db):
            return _gather(db, query, (words, *values))

    def example_lines(self, ids: Sequence[int]) -> list[RowLine]:
        """The rows of `ids` as a table shows them, in that order; what does not exist is left out."""
        found: dict[int, RowLine] = {}
        with self._db.read() as db:
            for start in range(0, len(ids), _AT_ONCE):
                part = id_list(ids[start : start + _AT_ONCE])
                query = f"{_LINE} WHERE e.id IN {AMONG}"
                found.update((row[0], _line(row)) for row in db.execute(query, (part,)))
        return [found[id] for id in ids if id in found]

    def first_flagged(self, ids: Sequence[int], mask: int = -1) -> int | None:
        """The place in `ids` of the first row that breaks a rule (one of `mask`'s bits); None: no such row."""
        with self._db.read() as db:
            for start in range(0, len(ids), _AT_ONCE):
                part = tuple(ids[start : start + _AT_ONCE])
                query = (
                    f"SELECT id FROM example WHERE flags & ? <> 0 AND id IN ({', '.join('?' * len(part))})"
                )
                flagged = {row[0] for row in db.execute(query, (mask, *part))}
                for place, id in enumerate(part):
                    if id in flagged:
                        return start + place
        return None

    def facets(
        self,
        where: str = ALL_ROWS,
        values: Sequence[object] = (),
        *,
        cancel: Cancellation | None = None,
    ) -> Facets:
        """Counts by source, status, rating, length of the output, input, flag, tag, teacher and split."""
        if asks_index(where):
            catch_up(self._db)
        flags = self.flag_bits()
        sums: list[tuple[str, str, str]] = [
            *(("source", name, f"e.source = '{name}'") for name in ("generated", "imported", "manual")),
            *(("status", name, f"e.status = '{name}'") for name in ("pending", "approved", "rejected")),
            *(("rating", str(stars), f"e.rating = {stars}") for stars in range(5, 0, -1)),
            *(("length", name, condition) for name, condition in _LENGTHS),
            ("input", "any", "e.chars_input > 0"),
            ("input", "none", "e.chars_input = 0"),
            *(("", column, f"e.{column} <> ''") for column in ("tags", "teacher", "split")),
        ]
        scope = f"FROM example e WHERE e.withdrawn = 0 AND ({where})"
        columns = ", ".join(f"sum({condition})" for _, _, condition in sums)
        with self._db.read() as db, (cancel or Cancellation()).over(db):
            total, *counted = db.execute(f"SELECT count(*), {columns} {scope}", tuple(values)).fetchone()
            counts: dict[str, dict[str, int]] = {}
            for (field, value, _), count in zip(sums, counted, strict=True):
                if count:
                    counts.setdefault(field, {})[value] = int(count)

            def groups(columns: str, condition: str) -> list[tuple[Any, ...]]:
                query = f"SELECT {columns}, count(*) {scope} AND {condition} GROUP BY {columns}"
                return db.execute(query, tuple(values)).fetchall()

            # Most rows have none of these, and in many datasets no row has some of them.
            there = counts.pop("", {})
            found: list[tuple[str, str, int]] = [
                ("flag", rule, count)
                for mask, count in groups("e.flags", "e.flags <> 0")
                for rule, bit in flags.items()
                if mask >> bit & 1
            ]
            if "tags" in there:
                tagged = groups("e.tags", "e.tags <> ''")
                found += [("tag", tag, count) for tags, count in tagged for tag in tags.split()]
            if "teacher" in there:
                taught = groups("e.teacher, e.model", "e.teacher IS NOT NULL")
                found += [("teacher", model or teacher, count) for teacher, model, count in taught]
            if "split" in there:
                found += [("split", *row) for row in groups("e.split", "e.split IS NOT NULL")]
        for field, value, count in found:
            held = counts.setdefault(field, {})
            held[value] = held.get(value, 0) + count
        for field in ("flag", "tag", "teacher"):
            if field in counts:
                counts[field] = dict(sorted(counts[field].items(), key=lambda item: (-item[1], item[0])))
        return Facets(total, counts)

    def pulse(self) -> tuple[int, ...]:
        """Numbers that change when rows come, change, go or are read: cheap enough to be asked every second."""
        with self._db.read() as db:
            return db.execute(
                "SELECT (SELECT ifnull(max(id), 0) FROM example), (SELECT ifnull(max(id), 0) FROM operation), "
                "(SELECT count(*) FROM operation WHERE state = 'undone'), "
                "(SELECT ifnull(max(id), 0) FROM completion), "
                "(SELECT count(*) FROM (SELECT 1 FROM example WHERE inspected = 0 LIMIT 100000))"
            ).fetchone()

    # --- rules and their bits

    def flag_bits(self) -> dict[str, int]:
        """Rule -> the bit of `flags` that stands for it, in the order they were registered."""
        with self._db.read() as db:
            return {rule: bit for bit, rule in db.execute("SELECT bit, rule FROM flag ORDER BY bit")}

    def flag_masks(self) -> dict[str, int]:
        """Severity -> the bits of all its rules."""
        masks: dict[str, int] = {}
        with self._db.read() as db:
            for bit, severity in db.execute("SELECT bit, severity FROM flag"):
                masks[severity] = masks.get(severity, 0) | 1 << bit
        return masks

    def register_flags(self, rules: Mapping[str, str]) -> dict[str, int]:
        """Give every rule (-> its severity) a bit, for ever; returns rule -> bit."""
        known = self.flag_bits()
        if rules.keys() <= known.keys():
            return known
        with self._db.write() as db:
            next_bit: int = db.execute("SELECT ifnull(max(bit), -1) + 1 FROM flag").fetchone()[0]
            missing = [rule for rule in rules if rule not in known]
            db.executemany(
                "INSERT OR IGNORE INTO flag (bit, rule, severity) VALUES (?, ?, ?)",
                [(next_bit + place, rule, rules[rule]) for place, rule in enumerate(missing)],
            )
        return self.flag_bits()

    # --- what a screen remembers

    def setting(self, name: str, otherwise: Any = None) -> Any:
        """A value a screen left in the workspace (JSON)."""
        with self._db.read() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (f"ui/{name}",)).fetchone()
        return json.loads(row[0]) if row else otherwise

    def set_setting(self, name: str, value: Any) -> None:
        with self._db.write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"ui/{name}", dump(value)))

    def saved_views(self) -> dict[str, str]:
        """Name -> query, by name."""
        with self._db.read() as db:
            return dict(db.execute("SELECT name, query FROM saved_view ORDER BY name"))

    def save_view(self, name: str, query: str) -> None:
        """Keep a query under a name; an older one of that name is replaced."""
        with self._db.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO saved_view VALUES (?, ?, ?)",
                (storable(name), storable(query), time.time()),
            )

    def drop_view(self, name: str) -> None:
        with self._db.write() as db:
            db.execute("DELETE FROM saved_view WHERE name = ?", (storable(name),))

    def distinct(self, field: Distinct) -> list[str]:
        """The values a field has among rows not deleted, for completion; tags one by one."""
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT DISTINCT {field} FROM example WHERE withdrawn = 0 AND deleted = 0 "
                f"AND {field} IS NOT NULL AND {field} <> ''"
            ).fetchall()
        if field == "tags":
            return sorted({tag for row in rows for tag in row[0].split()})
        return sorted(row[0] for row in rows)


def _gather(db: sqlite3.Connection, query: str, values: Sequence[object]) -> array[int]:
    """The ids a query gives, in its order. They come as one text, read in parts: a million rows one by one
    would take twice as long, and nothing else in the process could move meanwhile."""
    joined: str | None = db.execute(f"SELECT group_concat(id) FROM ({query})", tuple(values)).fetchone()[0]
    ids: array[int] = array("q")
    if joined:
        start = 0
        while start < len(joined):
            end = joined.find(",", start + _PART)
            end = end if end >= 0 else len(joined)
            ids.extend(map(int, joined[start:end].split(",")))
            start = end + 1
    return ids


def _order(order: Order, descending: bool) -> str:
    direction = " DESC" if descending else ""
    expression = _ORDERS[order]
    if not expression:
        return f"e.id{direction}"
    nulls = f"{expression} IS NULL, " if order in _NULLS else ""
    return f"{nulls}{expression}{direction}, e.id"


def _line(row: Any) -> RowLine:
    values = list(row)
    for place in (9, 14, 24):  # edited, has_note, deleted
        values[place] = bool(values[place])
    values[13] = tuple(values[13].split())
    values[17:20] = [tuple(values[17:20])]
    return RowLine(*values)
