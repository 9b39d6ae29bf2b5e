"""Any sequence of what people do to rows, from two programs, equals the same sequence on a plain list: single
edits and bulk ones, rows added, copied, split, merged, deleted, restored and imported, fixes, undo and redo."""

from __future__ import annotations

import copy
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alpaca_tui.curation import edits, history
from alpaca_tui.curation.diff import word_diff
from alpaca_tui.curation.edits import Part
from alpaca_tui.curation.fixes import fix
from alpaca_tui.curation.mending import fix_rows
from alpaca_tui.curation.query import FlagBits, compile_sql, parse
from alpaca_tui.store.curated import EDITABLE, Conflict, Done
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from tests.support.plain_list import PlainList, Rows
from tests.support.stores import assert_counters_true

WORDS = st.lists(st.sampled_from(["auk", "Bär", "cod.", "\x00", "\n"]), min_size=1, max_size=4).map(" ".join)
INPUTS = st.sampled_from(["", "noinput", "No input.", "a net"])
RESTORED = ("instruction", "input", "output", "status", "rating", "tags", "note")
FRESH: dict[str, Any] = {
    "status": "pending", "rating": None, "tags": (), "note": "", "deleted": False, "split": None
}  # fmt: skip
PARTS = st.builds(Part, WORDS.filter(str.strip), INPUTS, WORDS)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "alpaca.db"
        self.store, self.other = Store.open(self.path), Store.open(self.path)
        self.model = PlainList()
        self.history: dict[int, list[dict[str, Any]]] = {}  # what each row was after each act on it
        self.opened: dict[int, tuple[int, dict[str, Any]]] = {}  # rows in an editor: `revised`, and the row

    # --- acts

    def act(self, done: Done | None, after: Rows) -> None:
        """The model does what the store did; both agree on whether anything happened."""
        before = self.model.rows
        happened = self.model.operate(after)
        if done is not None:
            assert (done.operation is not None) == happened
        if not happened:
            return
        touched = [id for id in after if after[id] != before.get(id)]
        if done is not None:
            assert done.operation is not None
            assert done.operation.rows == len(touched)
        for id in touched:
            self.history.setdefault(id, []).append(copy.deepcopy(after[id]))

    def changed(self, ids: list[int], change: Callable[[dict[str, Any]], dict[str, Any]]) -> Rows:
        after = copy.deepcopy(self.model.rows)
        for id in ids:
            after[id].update(change(after[id]))
        return after

    def pick(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.model.rows)))

    def several(self, data: st.DataObject) -> list[int]:
        return data.draw(st.lists(st.sampled_from(sorted(self.model.rows)), min_size=1, unique=True))

    @initialize(parts=st.lists(PARTS, min_size=1, max_size=3))
    def begin(self, parts: list[Part]) -> None:
        self.bring(parts)

    @rule(parts=st.lists(PARTS, max_size=2))
    def bring_more(self, parts: list[Part]) -> None:
        self.bring(parts)

    def bring(self, parts: list[Part]) -> None:
        report = self.store.add_imported([ImportedRow(*part, {"k": 1}) for part in parts], "in.json")
        after = copy.deepcopy(self.model.rows)
        for id, part in zip(range(report.first_id, report.last_id + 1), parts, strict=False):
            after[id] = {**part._asdict(), **FRESH}
        before = self.model.rows
        self.model.operate(after)
        for id in after.keys() - before.keys():
            self.history[id] = [after[id]]

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), status=st.sampled_from(["pending", "approved", "rejected"]))
    def set_status(self, data: st.DataObject, status: Any) -> None:
        ids = self.several(data)
        self.act(edits.set_status(self.store, ids, status), self.changed(ids, lambda row: {"status": status}))

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), stars=st.sampled_from([None, 1, 5]))
    def rate(self, data: st.DataObject, stars: int | None) -> None:
        ids = self.several(data)
        self.act(edits.rate(self.store, ids, stars), self.changed(ids, lambda row: {"rating": stars}))

    @precondition(lambda self: self.model.rows)
    @rule(
        data=st.data(),
        add=st.lists(st.sampled_from(["A b", "c"]), max_size=2),
        remove=st.lists(st.sampled_from(["a-b", "c"]), max_size=1),
    )
    def tag(self, data: st.DataObject, add: list[str], remove: list[str]) -> None:
        ids = self.several(data)
        more, less = {tag.lower().replace(" ", "-") for tag in add}, set(remove)
        self.act(
            edits.change_tags(self.store, ids, add=add, remove=remove),
            self.changed(ids, lambda row: {"tags": tuple(sorted((set(row["tags"]) | more) - less))}),
        )

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), note=WORDS)
    def note(self, data: st.DataObject, note: str) -> None:
        ids = self.several(data)
        self.act(edits.set_note(self.store, ids, note), self.changed(ids, lambda row: {"note": note.strip()}))

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), back=st.booleans())
    def delete(self, data: st.DataObject, back: bool) -> None:
        ids = self.several(data)
        done = (edits.undelete if back else edits.delete)(self.store, ids)
        self.act(done, self.changed(ids, lambda row: {"deleted": not back}))

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def mend(self, data: st.DataObject) -> None:
        ids = self.several(data)

        def mended(row: dict[str, Any]) -> dict[str, Any]:
            fixed = fix("noinput-text", row["instruction"], row["input"], row["output"])
            return fixed._asdict() if fixed is not None else {}

        after = self.changed(ids, mended)
        self.act(fix_rows(self.store, ids, "noinput-text"), after)

    @rule(part=PARTS)
    def add(self, part: Part) -> None:
        done = edits.add(self.store, part)
        self.act(done, {**copy.deepcopy(self.model.rows), done.added[0]: {**part._asdict(), **FRESH}})

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def duplicate(self, data: st.DataObject) -> None:
        id = self.pick(data)
        done = edits.duplicate(self.store, id)
        row = self.model.rows[id]
        texts = {name: row[name] for name in ("instruction", "input", "output", "tags")}
        self.act(done, {**copy.deepcopy(self.model.rows), done.added[0]: {**FRESH, **texts}})
        copied = self.store.example(done.added[0])
        assert copied is not None
        assert copied.extra == self.store.example(id).extra  # type: ignore[union-attr]

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), first=PARTS, others=st.lists(PARTS, min_size=1, max_size=2))
    def split(self, data: st.DataObject, first: Part, others: list[Part]) -> None:
        id = self.pick(data)
        done = edits.split(self.store, id, first, others, expected=self.revised(id))
        after = self.changed([id], lambda row: first._asdict())
        after |= {new: {**part._asdict(), **FRESH} for new, part in zip(done.added, others, strict=True)}
        self.act(done, after)

    @precondition(lambda self: len(self.model.rows) > 1)
    @rule(data=st.data(), output=WORDS)
    def merge(self, data: st.DataObject, output: str) -> None:
        kept, *others = data.draw(
            st.lists(st.sampled_from(sorted(self.model.rows)), min_size=2, max_size=3, unique=True)
        )
        rows = self.store.examples_by_id([kept, *others])
        done = edits.merge(self.store, rows[0], {"output": output}, rows[1:])
        after = self.changed([kept], lambda row: {"output": output})
        for id in others:
            after[id]["deleted"] = True
        self.act(done, after)

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        id = self.pick(data)
        versions = history.versions(self.store, id)
        version = versions[data.draw(st.integers(0, len(versions) - 1))]
        done = history.restore(self.store, id, version, expected=self.revised(id))
        was = self.history[id][version.number - self.first_number(id)]
        self.act(done, self.changed([id], lambda row: {name: was[name] for name in RESTORED}))

    @rule(times=st.integers(1, 3))
    def undo(self, times: int) -> None:
        for _ in range(times):
            assert (self.store.undo() is not None) == self.model.undo()

    @rule(times=st.integers(1, 3))
    def redo(self, times: int) -> None:
        for _ in range(times):
            assert (self.store.redo() is not None) == self.model.redo()

    # --- two programs

    @rule()
    def from_the_other_program(self) -> None:
        self.store, self.other = self.other, self.store

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def open_editor(self, data: st.DataObject) -> None:
        id = self.pick(data)
        self.opened[id] = self.revised(id), copy.deepcopy(self.model.rows[id])

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def look_at_the_history(self, data: st.DataObject) -> None:
        self.versions_are_what_the_row_was(self.pick(data))

    @precondition(lambda self: self.opened.keys() & self.model.rows.keys())
    @rule(data=st.data(), output=WORDS)
    def save_editor(self, data: st.DataObject, output: str) -> None:
        """A save never overwrites what its editor has not seen."""
        id = data.draw(st.sampled_from(sorted(self.opened.keys() & self.model.rows.keys())))
        expected, seen = self.opened.pop(id)
        now = self.model.rows[id]
        theirs = None
        try:
            done = edits.save(self.store, id, {"output": output}, expected=expected)
        except Conflict as conflict:
            theirs = conflict.theirs
        else:
            assert seen == now
            self.act(done, self.changed([id], lambda row: {"output": output}))
        if theirs is not None:
            assert expected != self.revised(id)
            assert {name: getattr(theirs, name) for name in EDITABLE} == now
            # The two are shown as a difference, from which either can be read.
            pieces = word_diff(theirs.output, output)
            assert "".join(piece.text for piece in pieces if piece.kind != "added") == now["output"]
            assert "".join(piece.text for piece in pieces if piece.kind != "removed") == output

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store.open(self.path)

    # --- what must hold

    def revised(self, id: int) -> int:
        row = self.store.example(id)
        assert row is not None
        return row.revised

    def first_number(self, id: int) -> int:
        """A row that an operation made begins with version 1, any other with 0."""
        row = self.store.example(id)
        assert row is not None
        return 1 if row.source == "manual" else 0

    @invariant()
    def both_programs_see_the_same(self) -> None:
        for store in (self.store, self.other):
            ids = list(store.example_ids("1"))
            assert ids == sorted(self.model.rows)
            rows = {row.id: row for row in store.examples_by_id(ids)}
            assert {
                id: {name: getattr(row, name) for name in EDITABLE} for id, row in rows.items()
            } == self.model.rows

    def teardown(self) -> None:
        for id in self.model.rows:
            self.versions_are_what_the_row_was(id)
        self.search_finds_what_rows_hold()
        self.store.close()
        self.other.close()
        assert_counters_true(self.path)
        self.folder.cleanup()

    def versions_are_what_the_row_was(self, id: int) -> None:
        found = history.versions(self.store, id)
        if len(self.history[id]) > 1 or self.first_number(id):
            assert [version.fields for version in found] == self.history[id]
        [current] = [version for version in found if version.current]
        assert current.fields == self.model.rows[id]

    def search_finds_what_rows_hold(self) -> None:
        for word, texts in (("auk", ("auk",)), ("bar", ("Bär",)), ("cod", ("cod.",)), ("net", ("net",))):
            sql = compile_sql(parse(word), FlagBits({}, {}))
            expected = [
                id
                for id, row in sorted(self.model.rows.items())
                if not row["deleted"]
                and any(
                    text in f"{row['instruction']} {row['input']} {row['output']}".split() for text in texts
                )
            ]
            assert list(self.store.example_ids(sql.where, sql.values)) == expected
        db = sqlite3.connect(self.path)
        db.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
        db.close()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("state", ["undone", "dropped"])
def test_a_version_that_was_taken_back_is_what_the_row_was_then(tmp_path: Path, state: str) -> None:
    with Store.open(tmp_path / "alpaca.db") as store:
        edits.add(store, Part("Sing.", "", "La."))
        edits.rate(store, [1], 2)
        edits.save(store, 1, {"output": "Lala."}, expected=None)
        store.undo()
        store.undo()
        if state == "dropped":
            edits.set_note(store, [1], "again")
        version = history.versions(store, 1)[2]
        assert version.operation is not None
        assert version.operation.state == state
        assert (version.fields["output"], version.fields["rating"]) == ("Lala.", 2)
