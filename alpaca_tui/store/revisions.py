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
from itertools import islice
from typing import Any, cast

from alpaca_tui.store import fulltext
from alpaca_tui.store.curated import (
    EDITABLE,
    TEXTS,
    Change,
    Conflict,
    Done,
    NewRow,
    Operation,
    Revision,
    Who,
)
from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import AMONG, dump, id_list, storable
from alpaca_tui.store.examples import fetch_examples, insert_by_hand
from alpaca_tui.store.rows import ExampleRow
from alpaca_tui.store.tags import joined_tags
from alpaca_tui.store.verdicts import pool_now

_CHUNK = 4_000
_LARGE = 2_000
_TEXT_SET = frozenset(TEXTS)
_OPERATION = "SELECT id, at, who, title, rows, state FROM operation"
_EDITABLE_SET = frozenset(EDITABLE)
_EDIT_MARKS = ("edited", "edited_at", "edited_by")
_CONVERTED: Mapping[str, Callable[[Any], Any]] = {"tags": joined_tags, "deleted": int, "edited": int}
"""How fields whose value in a row is another one than in its column come to the latter."""

# What reading a row told is void when its texts change; a new instruction also has new neighbours.
_FORGET_READING = "inspected = 0, tokens = NULL, prompt_tokens = NULL"
_FORGET_NEIGHBOURS = "nearest_score = NULL, nearest_key = NULL, mean_score = NULL, top = ''"

Updates = dict[tuple[str, ...], list[tuple[Any, ...]]]
"""New values by the columns they are for; each tuple ends in the operation and the row."""
Compute = Callable[[ExampleRow], Mapping[str, Any] | None]


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
        with self._db.write(large=len(ids) >= _LARGE) as db:
            operation = _Recorder(db, title, who)
            for start in range(0, len(ids), _CHUNK):
                part = ids[start : start + _CHUNK]
                if callable(compute):
                    rows = {row.id: row for row in fetch_examples(db, part)}
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
        with self._db.write(large=expected is not None and expected.rows >= _LARGE) as db:
            operation = _one(db, which)
            if operation is not None:
                _walk(db, operation, back=back)
            return operation

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
        return [
            Revision(
                Operation(*row[:6]),
                _public(json.loads(row[6])) if row[6] is not None else None,
                _public(json.loads(row[7])),
            )
            for row in rows
        ]

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
            fulltext.settle(self._db)
        self._db.execute("UPDATE operation SET rows = ? WHERE id = ?", (self.rows, self.id))
        return Operation(self.id, self._at, self._who, self._title, self.rows, "done")

    def change(self, changes: Sequence[Change], rows: Mapping[int, ExampleRow] | None = None) -> None:
        """Apply changes of different rows, at most a few thousand. rows: they as they are now, where the
        caller has just read them."""
        names = _touched(changes)
        stored = (
            _stored(self._db, [change.example_id for change in changes], names)
            if rows is None
            else {id: _as_stored(row, names) for id, row in rows.items() if not row.withdrawn}
        )
        records: list[tuple[int, int, str, str]] = []
        dumped: dict[tuple[Any, ...], str] = {}
        updates: Updates = {}
        for change in changes:
            now = stored.get(change.example_id)
            if now is None:
                raise ValueError(f"there is no row {change.example_id}")
            if change.expected is not None and now["revised"] != change.expected:
                raise Conflict(fetch_examples(self._db, [change.example_id])[0])
            after: dict[str, Any] = {}
            for name in sorted(change.fields):
                value = _value(name, change.fields[name])
                if value != now[name]:
                    after[name] = value
            if not after:
                continue
            if not _TEXT_SET.isdisjoint(after):
                after = dict(sorted({**after, **self._edit_marks}.items()))
                self._texts_changed = True
            self.begin()
            before = _dump({name: now[name] for name in after}, dumped)
            records.append((self.id, change.example_id, before, _dump(after, dumped)))
            updates.setdefault(tuple(after), []).append((*after.values(), self.id, change.example_id))
            now.update(after)
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
    """`dump`, once for equal fields: most changes of many rows are the same change."""
    key = (*fields, *fields.values())
    text = dumped.get(key)
    if text is None:
        text = dumped[key] = dump(fields)
    return text


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
        f"SELECT {', '.join(columns)} FROM example WHERE withdrawn = 0 AND id IN {AMONG}", (id_list(ids),)
    )
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows.fetchall()}


def _as_stored(row: ExampleRow, names: Sequence[str]) -> dict[str, Any]:
    """What `_stored` gives, from a row that has been read."""
    stored: dict[str, Any] = {name: getattr(row, name) for name in names}
    stored["revised"] = row.revised
    for name in stored.keys() & _CONVERTED.keys():
        stored[name] = _CONVERTED[name](stored[name])
    return stored


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

    What the texts told is forgotten where a text changes; `fulltext.settle` is left to the caller, once for
    the whole operation. Of what a text implies, its lengths are the statement's own business, so that no
    change of a text can leave them behind.
    """
    for names, rows in updates.items():
        parts = [f"{name} = ?{place}" for place, name in enumerate(names, 1)]
        for place, name in enumerate(names, 1):
            if name in TEXTS:
                parts += [f"words_{name} = word_count(?{place})", f"chars_{name} = length(?{place})"]
        if not _TEXT_SET.isdisjoint(names):
            fulltext.keep_old(db, [row[-1] for row in rows])
            parts.append(_FORGET_READING)
        elif "deleted" in names:  # rows with the same prompt have one fellow less, or more
            parts.append("inspected = 0")
        if "instruction" in names:
            parts.append(_FORGET_NEIGHBOURS)
        parts.append(f"revised = ?{len(names) + 1}")
        db.executemany(f"UPDATE example SET {', '.join(parts)} WHERE id = ?{len(names) + 2}", rows)


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
                fields: dict[str, Any] = json.loads(text)
                read[text] = tuple(fields), tuple(fields.values())
            names, values = read[text]
            updates.setdefault(names, []).append((*values, mark, example_id))
        texts_changed = texts_changed or any(not _TEXT_SET.isdisjoint(names) for names in updates)
        _update(db, updates)
        db.executemany("UPDATE example SET withdrawn = ?, revised = ?, inspected = 0 WHERE id = ?", made)
    if texts_changed:
        fulltext.settle(db)
    db.execute(
        "UPDATE example SET withdrawn = ?1, revised = ?2, inspected = 0 WHERE id BETWEEN "
        "(SELECT first_row FROM operation WHERE id = ?3) AND (SELECT last_row FROM operation WHERE id = ?3)",
        (int(back), mark, operation.id),
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
