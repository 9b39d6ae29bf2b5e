"""Changes of rows as operations: all or nothing, each with its way back, without limit and across restarts.

Undo takes back the last operation that stands; redo does again the first that was taken back; a new
operation ends the right to redo. A row made by an operation that is undone is withdrawn, not lost, so that
redo brings back the same row. Imports are operations too. What is generated is none: the generator's rows
come and go by their verdicts. Knows the tables, not what the changes mean.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from operator import attrgetter
from typing import Any, cast

from pydantic_core import from_json, to_json

from alpaca_tui.store import counters, fulltext
from alpaca_tui.store.curated import (
    EDITABLE,
    TEXTS,
    Change,
    Conflict,
    Done,
    EditableRow,
    NewRow,
    Operation,
    Revision,
    Who,
)
from alpaca_tui.store.database import Database, word_count
from alpaca_tui.store.encoding import AMONG, dump, id_list, storable
from alpaca_tui.store.examples import fetch_examples, insert_by_hand
from alpaca_tui.store.searching import catch_up_unhurried
from alpaca_tui.store.tags import joined_tags
from alpaca_tui.store.verdicts import pool_now

_CHUNK = 4_000
_ALIKE = 8
"""So many rows a statement, on average, make up for asking which of them get the same values."""
_TEXT_SET = frozenset(TEXTS)
_OPERATION = "SELECT id, at, who, title, rows, state FROM operation"
_EDITABLE_SET = frozenset(EDITABLE)
_COUNTED = frozenset({"status", "deleted", "input"})
"""What rows are counted by, among the fields that can be changed."""
_EDIT_MARKS = ("edited", "edited_at", "edited_by")

# What reading a row told is void when its texts change; a new instruction also has new neighbours.
_FORGET_READING = "inspected = 0, tokens = NULL, prompt_tokens = NULL"
_THERE = "+withdrawn = 0"
"""Of rows asked for by their ids: without the sign an index on it would be walked from end to end."""
_FORGET_FELLOWS = (  # those with the same prompt have one fellow less, or more
    "inspected = CASE WHEN EXISTS (SELECT 1 FROM example o WHERE o.prompt_key = example.prompt_key "
    "AND o.id <> example.id) THEN 0 ELSE inspected END"
)
_FORGET_NEIGHBOURS = "nearest_score = NULL, nearest_key = NULL, mean_score = NULL, top = ''"

Updates = dict[tuple[str, ...], list[tuple[Any, ...]]]
"""New values by the columns they are for; each tuple ends in the operation and the row."""
Compute = Callable[[EditableRow], Mapping[str, Any] | None]


class Revisions:
    """The part of the store that changes rows and takes changes back."""

    _db: Database

    def operate(
        self,
        title: str,
        changes: Iterable[Change] = (),
        *,
        additions: Sequence[NewRow] = (),
        who: Who = "user",
    ) -> Done:
        """Change rows and add rows, as one operation and one transaction.

        A change that changes nothing counts for nothing; an operation of none is not recorded. Raises
        Conflict where a row is not as its change expected it, ValueError for a field or a row that does
        not exist; then nothing has happened.
        """
        with self._db.write() as db:
            operation = _Recorder(db, title, who)
            rest = iter(changes)
            while chunk := list(islice(rest, _CHUNK)):
                operation.change(chunk)
            added = tuple(operation.add(row) for row in additions)
            return Done(operation.finish(), added)

    def operate_on(
        self, title: str, ids: Sequence[int], compute: Compute | Mapping[str, Any], *, who: Who = "user"
    ) -> Done:
        """Change many rows: `compute` gives the new values from each row as it is then (None: leave it
        alone), or is the values for all of them. One operation, one transaction."""
        with self._write(len(ids)) as db:
            operation = _Recorder(db, title, who)
            for start in range(0, len(ids), _CHUNK):
                part = ids[start : start + _CHUNK]
                if callable(compute):
                    rows = _editable(db, part)
                    wanted = ((id, compute(row)) for id, row in rows.items())
                    changes = [Change(id, fields) for id, fields in wanted if fields is not None]
                    operation.change(changes, rows)
                else:
                    operation.change([Change(id, compute) for id in part])
            return Done(operation.finish())

    def undo(self) -> Operation | None:
        """Take back the last operation that stands; None when there is none."""
        return self._step("WHERE state = 'done' ORDER BY id DESC LIMIT 1", back=True)

    def redo(self) -> Operation | None:
        """Do the operation undone last again; None when there is none."""
        return self._step("WHERE state = 'undone' ORDER BY id LIMIT 1", back=False)

    def _step(self, which: str, *, back: bool) -> Operation | None:
        with self._db.read() as db:
            expected = _one(db, which)
        with self._write(expected.rows if expected is not None else 0) as db:
            operation = _one(db, which)
            if operation is not None:
                _walk(db, operation, back=back)
            return operation

    def _write(self, rows: int) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction that changes so many rows."""
        large = rows > fulltext.FEW
        return self._db.write(large=large, then=(lambda: catch_up_unhurried(self._db)) if large else None)

    def next_undo(self) -> Operation | None:
        """What `undo` would take back."""
        with self._db.read() as db:
            return _one(db, "WHERE state = 'done' ORDER BY id DESC LIMIT 1")

    def next_redo(self) -> Operation | None:
        """What `redo` would do again."""
        with self._db.read() as db:
            return _one(db, "WHERE state = 'undone' ORDER BY id LIMIT 1")

    def operations(self, *, before: int | None = None, limit: int = 100) -> list[Operation]:
        """The operations, newest first; `before`: the id of the last one of the page before."""
        with self._db.read() as db:
            rows = db.execute(
                f"{_OPERATION} WHERE id < ? ORDER BY id DESC LIMIT ?",
                (before if before is not None else 1 << 62, limit),
            ).fetchall()
        return [Operation(*row) for row in rows]

    def revisions(self, example_id: int) -> list[Revision]:
        """Everything that was ever done to a row, oldest first, what was taken back included."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT o.id, o.at, o.who, o.title, o.rows, o.state, r.before, r.after FROM revision r "
                "JOIN operation o ON o.id = r.operation_id WHERE r.example_id = ? ORDER BY r.id",
                (example_id,),
            ).fetchall()
        return [_revision(row) for row in rows]

    def affected(self, operation_id: int, limit: int = 1_000) -> list[int]:
        """Ids of the first rows an operation changed or made."""
        with self._db.read() as db:
            ids = db.execute(
                "SELECT example_id FROM revision WHERE operation_id = ? ORDER BY id LIMIT ?",
                (operation_id, limit),
            ).fetchall()
            if not ids:
                ids = db.execute(
                    "SELECT e.id FROM example e JOIN operation o ON e.id BETWEEN o.first_row AND o.last_row "
                    "WHERE o.id = ? ORDER BY e.id LIMIT ?",
                    (operation_id, limit),
                ).fetchall()
        return [row[0] for row in ids]


def record_import(db: sqlite3.Connection, title: str, rows: int, first: int, last: int) -> None:
    """An import just made, in the transaction that made it, as an operation."""
    operation = _Recorder(db, title, "user")
    operation.rows = rows
    operation.begin()
    db.execute(
        "UPDATE operation SET rows = ?, first_row = ?, last_row = ? WHERE id = ?",
        (rows, first, last, operation.id),
    )


def record_changes(
    db: sqlite3.Connection, title: str, changes: Sequence[Change], who: Who
) -> Operation | None:
    """Changes of a few rows as one operation, in a transaction that goes on. Raises as `operate` does."""
    operation = _Recorder(db, title, who)
    operation.change(changes)
    return operation.finish()


class _Recorder:
    """One operation while it is being done, inside its transaction."""

    def __init__(self, db: sqlite3.Connection, title: str, who: Who) -> None:
        self._db = db
        self._title = title
        self._who: Who = who
        self._at = time.time()
        self._edit_marks = {"edited": 1, "edited_at": self._at, "edited_by": who}
        self._texts_changed = False
        self.id = 0
        self.rows = 0

    def begin(self) -> None:
        """Give the operation its number; from here on nothing can be redone."""
        if self.id:
            return
        self._db.execute("UPDATE operation SET state = 'dropped' WHERE state = 'undone'")
        cursor = self._db.execute(
            "INSERT INTO operation (at, who, title, rows) VALUES (?, ?, ?, 0)",
            (self._at, self._who, storable(self._title)),
        )
        self.id = cast(int, cursor.lastrowid)

    def finish(self) -> Operation | None:
        if not self.id:
            return None
        if self._texts_changed:
            fulltext.settle_few(self._db)
        self._db.execute("UPDATE operation SET rows = ? WHERE id = ?", (self.rows, self.id))
        return Operation(self.id, self._at, self._who, self._title, self.rows, "done")

    def change(self, changes: Sequence[Change], rows: Mapping[int, EditableRow] | None = None) -> None:
        """Apply changes of different rows, at most a few thousand. rows: they as they are now, where the
        caller has just read them."""
        names = _touched(changes)
        stored = (
            _stored(self._db, [change.example_id for change in changes], names)
            if rows is None
            else _as_stored(rows, names)
        )
        records: list[tuple[int | str, ...]] = []
        dumped: dict[tuple[Any, ...], str] = {}
        updates: Updates = {}
        for change in changes:
            now = stored.get(change.example_id)
            if now is None:
                raise ValueError(f"there is no row {change.example_id}")
            if change.expected is not None and now["revised"] != change.expected:
                raise Conflict(fetch_examples(self._db, [change.example_id])[0])
            after: dict[str, Any] = {}
            for name, wanted in change.fields.items():
                value = _value(name, wanted)
                if value != now[name]:
                    after[name] = value
            if not after:
                continue
            of_texts = not _TEXT_SET.isdisjoint(after)
            if of_texts:
                after.update(self._edit_marks)
                self._texts_changed = True
            self.begin()
            before = {name: now[name] for name in after}
            before["revised"] = now["revised"]
            told = [_json(one) if of_texts else _dump(one, dumped) for one in (before, after)]
            records.append((self.id, change.example_id, *told))
            updates.setdefault(tuple(after), []).append((*after.values(), self.id, change.example_id))
            now.update(after)
            now["revised"] = self.id
        self._db.executemany(
            "INSERT INTO revision (operation_id, example_id, before, after) VALUES (?, ?, ?, ?)", records
        )
        _update(self._db, updates)
        self.rows += len(records)

    def add(self, row: NewRow) -> int:
        """Make a row; its id."""
        self.begin()
        values = {
            "source": "manual",
            "origin": storable(row.origin),
            "at": self._at,
            "after": pool_now(self._db),
            "instruction": storable(row.instruction),
            "input": storable(row.input),
            "output": storable(row.output),
            "extra": dump(dict(row.extra)) if row.extra else "",
            "tags": joined_tags(row.tags),
            "revised": self.id,
        }
        example_id = insert_by_hand(self._db, values)
        fulltext.add(self._db, example_id)
        made = {name: values[name] for name in (*TEXTS, "tags")}
        self._db.execute(
            "INSERT INTO revision (operation_id, example_id, before, after) VALUES (?, ?, NULL, ?)",
            (self.id, example_id, dump(made)),
        )
        self.rows += 1
        return example_id


def _dump(fields: Mapping[str, Any], dumped: dict[tuple[Any, ...], str]) -> str:
    """As JSON, once for equal fields: most changes of many rows are the same change, but for those of texts."""
    key = (*fields, *fields.values())
    text = dumped.get(key)
    if text is None:
        text = dumped[key] = _json(fields)
    return text


def _json(fields: Mapping[str, Any]) -> str:
    """Storable fields as JSON, in half the time that the standard library takes."""
    return to_json(fields).decode()


def _one(db: sqlite3.Connection, rest: str) -> Operation | None:
    row = db.execute(f"{_OPERATION} {rest}").fetchone()
    return Operation(*row) if row else None


def _touched(changes: Sequence[Change]) -> tuple[str, ...]:
    """The columns that changes may change. ValueError for a field that none may."""
    names = {name for fields in {id(one.fields): one.fields for one in changes}.values() for name in fields}
    if not names <= _EDITABLE_SET:
        raise ValueError(f"{', '.join(sorted(names - _EDITABLE_SET))} cannot be changed")
    return (*names, *(() if names.isdisjoint(TEXTS) else _EDIT_MARKS))


def _stored(db: sqlite3.Connection, ids: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Columns of rows as they are stored, `revised` among them. Withdrawn rows are as if they were not."""
    columns = ("id", "revised", *names)
    rows = db.execute(
        f"SELECT {', '.join(columns)} FROM example WHERE {_THERE} AND id IN {AMONG}", (id_list(ids),)
    )
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows.fetchall()}


def _editable(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, EditableRow]:
    """Rows by id. Withdrawn rows are as if they were not."""
    query = f"SELECT {', '.join(EditableRow._fields)} FROM example WHERE {_THERE} AND id IN {AMONG}"
    rows = map(EditableRow._make, db.execute(query, (id_list(ids),)).fetchall())
    return {row.id: row for row in rows}


def _as_stored(rows: Mapping[int, EditableRow], names: Sequence[str]) -> dict[int, dict[str, Any]]:
    """What `_stored` gives, from rows that have been read."""
    columns = ("id", "revised", *names)
    read = attrgetter(*columns)
    return {id: dict(zip(columns, read(row), strict=True)) for id, row in rows.items()}


def _value(name: str, value: Any) -> Any:
    """A new value as it is stored. ValueError for what no row can have."""
    if name in ("instruction", "input", "output", "note"):
        return storable(str(value))
    if name == "tags":
        return joined_tags(value)
    if name == "deleted":
        return int(bool(value))
    if name == "split":
        return storable(str(value)) if value is not None else None
    if name == "status" and value in ("pending", "approved", "rejected"):
        return value
    if name == "rating" and (value is None or value in (1, 2, 3, 4, 5)):
        return value
    raise ValueError(f"{name} cannot be {value!r}" if name in EDITABLE else f"{name} cannot be changed")


def _revision(row: Any) -> Revision:
    operation, after = Operation(*row[:6]), _public(json.loads(row[7]))
    if row[6] is None:
        return Revision(operation, None, after)
    before = json.loads(row[6])
    return Revision(operation, _public(before), after, before.get("revised", 0))


def _public(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What people may see of a revision's fields, in the form they are given in."""
    shown = {name: value for name, value in fields.items() if name in EDITABLE}
    if "tags" in shown:
        shown["tags"] = tuple(str(shown["tags"]).split())
    if "deleted" in shown:
        shown["deleted"] = bool(shown["deleted"])
    return shown


def _update(db: sqlite3.Connection, updates: Updates) -> None:
    """Write new values, one statement a set of fields.

    Of what a text implies, its lengths are written along, what it told when it was read is forgotten, and
    `fulltext.settle_few` is left to the caller, once for the whole operation.
    """
    for names, rows in updates.items():
        given = len(names)
        parts = [f"{name} = ?{place}" for place, name in enumerate(names, 1)]
        texts = [place for place, name in enumerate(names) if name in TEXTS]
        for number, place in enumerate(texts, given + 3):
            name = names[place]
            parts += [f"words_{name} = ?{number}", f"chars_{name} = length(?{place + 1})"]
        if texts:
            fulltext.keep_old(db, [row[-1] for row in rows])
            parts.append(_FORGET_READING)
        elif "deleted" in names:
            parts.append(_FORGET_FELLOWS)
        if "instruction" in names:
            parts.append(_FORGET_NEIGHBOURS)
        change = f"UPDATE example SET {', '.join(parts)}, revised = ?{given + 1} WHERE id"
        with _counted(db, rows) if not _COUNTED.isdisjoint(names) else nullcontext():
            if texts:
                values = ((*row, *(word_count(row[place]) for place in texts)) for row in rows)
                db.executemany(f"{change} = ?{given + 2}", values)
            else:
                _change(db, change, rows)


def _change(db: sqlite3.Connection, change: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for rows whose ids come last and fill what follows it: most often many get the same values,
    and one statement for all of them takes half the time."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        alike.setdefault(row[:-1], []).append(row[-1])
    if len(alike) * _ALIKE > len(rows):
        db.executemany(f"{change} = ?", rows)
        return
    for values, ids in alike.items():
        db.execute(f"{change} IN {AMONG}", (*values, id_list(ids)))


def _counted(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> AbstractContextManager[None]:
    """A block that changes what rows (whose ids come last) are counted by."""
    if len(rows) < counters.MANY:
        return nullcontext()
    return counters.counted_together(db, f"id IN {AMONG}", (id_list([row[-1] for row in rows]),))


def _walk(db: sqlite3.Connection, operation: Operation, *, back: bool) -> None:
    """Take an operation back, or do it again.

    Every row it touched gets the operation's number as its `revised`, negative when taken back: whoever
    edits the row elsewhere must notice.
    """
    mark = -operation.id if back else operation.id
    texts_changed = False
    for chunk in _chunks(db, operation.id):
        updates: Updates = {}
        made: list[tuple[int, int, int]] = []
        read: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {}  # many rows had the same change
        for example_id, before, after in chunk:
            if before is None:
                made.append((int(back), mark, example_id))
                continue
            text = before if back else after
            if text not in read:
                fields: dict[str, Any] = from_json(text)
                fields.pop("revised", None)  # the row gets a mark of its own
                names = tuple(sorted(fields))
                read[text] = names, tuple(fields[name] for name in names)
            names, values = read[text]
            updates.setdefault(names, []).append((*values, mark, example_id))
        texts_changed = texts_changed or any(not _TEXT_SET.isdisjoint(names) for names in updates)
        _update(db, updates)
        with _counted(db, made):
            _change(db, "UPDATE example SET withdrawn = ?, revised = ?, inspected = 0 WHERE id", made)
    if texts_changed:
        fulltext.settle_few(db)
    first, last = db.execute(
        "SELECT first_row, last_row FROM operation WHERE id = ?", (operation.id,)
    ).fetchone()
    if first is not None:
        with counters.counted_together(db, "id BETWEEN ? AND ?", (first, last)):
            db.execute(
                "UPDATE example SET withdrawn = ?, revised = ?, inspected = 0 WHERE id BETWEEN ? AND ?",
                (int(back), mark, first, last),
            )
    db.execute("UPDATE operation SET state = ? WHERE id = ?", ("undone" if back else "done", operation.id))


def _chunks(db: sqlite3.Connection, operation_id: int) -> Iterator[list[tuple[int, str | None, str]]]:
    after = 0
    while rows := db.execute(
        "SELECT id, example_id, before, after FROM revision WHERE operation_id = ? AND id > ? "
        "ORDER BY id LIMIT ?",
        (operation_id, after, _CHUNK),
    ).fetchall():
        yield [(row[1], row[2], row[3]) for row in rows]
        after = rows[-1][0]
