"""Operations: any sequence of edits, undos and redos is what it would be on a plain list."""

from __future__ import annotations

import copy
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alpaca_tui.store import revisions
from alpaca_tui.store.curated import Change, Conflict, NewRow
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from tests.support.plain_list import PlainList
from tests.support.stores import assert_counters_true

TEXT = st.text(st.sampled_from("ab é\n\ud83d\x00"), max_size=6)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "instruction": TEXT,
    "input": TEXT,
    "output": TEXT,
    "status": st.sampled_from(["pending", "approved", "rejected"]),
    "rating": st.sampled_from([None, 1, 5]),
    "tags": st.lists(st.sampled_from(["a", "b", "c d"]), max_size=2),
    "note": TEXT,
    "deleted": st.booleans(),
    "split": st.sampled_from([None, "train", "eval"]),
}
SOME = st.fixed_dictionaries({}, optional=FIELDS)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store
    assert_counters_true(tmp_path / "alpaca.db")


def three(store: Store) -> list[int]:
    report = store.add_imported([ImportedRow(f"Do {n}.", "", f"Done {n}.") for n in (1, 2, 3)], "three.json")
    return list(range(report.first_id, report.last_id + 1))


def normal(fields: dict[str, Any]) -> dict[str, Any]:
    """Values as rows give them back."""
    out = dict(fields)
    for name in ("instruction", "input", "output", "note"):
        if name in out:
            out[name] = out[name].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "tags" in out:
        out["tags"] = tuple(sorted({tag.replace(" ", "-") for tag in out["tags"]}))
    return out


class Machine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "alpaca.db"
        self.store = Store.open(self.path)
        self.model = PlainList()
        for id in three(self.store):
            self.model.rows[id] = self.row(id)
        self.model.past.append({})  # the import itself is an operation

    def row(self, id: int) -> dict[str, Any]:
        found = self.store.example(id)
        assert found is not None
        return {name: getattr(found, name) for name in FIELDS}

    @rule(data=st.data())
    @precondition(lambda self: self.model.rows)
    def edit(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.model.rows)))
        fields = data.draw(SOME)
        self.store.operate("Edit", [Change(id, fields)])
        after = copy.deepcopy(self.model.rows)
        after[id].update(normal(fields))
        self.model.operate(after)

    @rule(fields=SOME, computed=st.booleans(), data=st.data())
    @precondition(lambda self: self.model.rows)
    def bulk(self, fields: dict[str, Any], computed: bool, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.model.rows)), unique=True))
        self.store.operate_on("Bulk", ids, (lambda _row: fields) if computed else fields)
        after = copy.deepcopy(self.model.rows)
        for id in ids:
            after[id].update(normal(fields))
        self.model.operate(after)

    @rule(text=TEXT, tags=FIELDS["tags"], data=st.data())
    def split(self, text: str, tags: list[str], data: st.DataObject) -> None:
        """A row changed and another made, in one operation."""
        after = copy.deepcopy(self.model.rows)
        changes: list[Change] = []
        if after:
            id = data.draw(st.sampled_from(sorted(after)))
            changes.append(Change(id, {"output": text}))
            after[id].update(normal({"output": text}))
        done = self.store.operate("Split", changes, additions=[NewRow(text, "", text, tags=tags)])
        after[done.added[0]] = normal(
            {
                "instruction": text,
                "input": "",
                "output": text,
                "status": "pending",
                "rating": None,
                "tags": tags,
                "note": "",
                "deleted": False,
                "split": None,
            }
        )
        self.model.operate(after)

    @rule()
    def undo(self) -> None:
        assert (self.store.undo() is not None) == self.model.undo()

    @rule()
    def redo(self) -> None:
        assert (self.store.redo() is not None) == self.model.redo()

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store.open(self.path)

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "store"):
            return
        seen = set(self.store.example_ids("1"))
        assert seen == self.model.rows.keys()
        for id, expected in self.model.rows.items():
            assert self.row(id) == expected
        active = {id for id, row in self.model.rows.items() if not row["deleted"]}
        assert set(self.store.example_ids()) == active
        assert {key for key, _ in self.store.pool()} == {f"row:{id}" for id in seen}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.search_is_true()
            self.store.close()
            assert_counters_true(self.path)
            self.folder.cleanup()

    def search_is_true(self) -> None:
        """The full-text index holds what the rows hold, and the lengths are those of the texts."""
        db = sqlite3.connect(self.path)
        db.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
        wrong = 0
        for instruction, words, characters in db.execute(
            "SELECT instruction, words_instruction, chars_instruction FROM example"
        ):
            # SQLite's length() ends at a NUL.
            wrong += words != len(instruction.split()) or characters > len(instruction)
        assert wrong == 0
        db.close()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_undo_goes_back_to_the_first_import_and_redo_to_the_end(store):
    a, b, _ = three(store)
    store.operate_on("Approve", [a, b], {"status": "approved"})
    store.operate("Edit", [Change(a, {"output": "Better."})], who="teacher")
    assert [op.title for op in store.operations()] == ["Edit", "Approve", "Import 3 rows from three.json"]
    assert store.undo().title == "Edit"  # type: ignore[union-attr]
    assert store.next_redo().title == "Edit"  # type: ignore[union-attr]
    assert store.undo().rows == 2  # type: ignore[union-attr]
    assert store.undo().rows == 3  # type: ignore[union-attr]
    assert store.undo() is None
    assert not store.example_ids()
    assert not list(store.pool())
    while store.redo():
        pass
    assert store.example(a).output == "Better."  # type: ignore[union-attr]
    assert store.example(a).edited_by == "teacher"  # type: ignore[union-attr]
    assert store.example(b).status == "approved"  # type: ignore[union-attr]


def test_a_new_operation_ends_the_right_to_redo_but_not_the_history(store):
    a, *_ = three(store)
    store.operate("First", [Change(a, {"note": "one"})])
    store.undo()
    store.operate("Second", [Change(a, {"note": "two"})])
    assert store.redo() is None
    history = store.revisions(a)
    assert [(one.operation.title, one.operation.state) for one in history] == [
        ("First", "dropped"),
        ("Second", "done"),
    ]
    assert history[1].before == {"note": ""}
    assert history[1].after == {"note": "two"}


def test_what_changes_nothing_is_no_operation(store):
    a, *_ = three(store)
    assert store.operate("Nothing", [Change(a, {"status": "pending", "tags": []})]).operation is None
    assert store.operations(limit=1)[0].title.startswith("Import")


@pytest.mark.parametrize(
    "fields",
    [{"rating": 6}, {"rating": "5"}, {"status": "gone"}, {"id": 4}, {"revised": 1}, {"edited": 0}],
)
def test_what_no_row_can_have_is_refused_whole(store, fields):
    a, b, _ = three(store)
    with pytest.raises(ValueError):
        store.operate("Bad", [Change(b, {"note": "kept out"}), Change(a, fields)])
    assert store.example(b).note == ""  # type: ignore[union-attr]
    assert store.next_undo().title.startswith("Import")  # type: ignore[union-attr]


def test_a_row_that_is_not_there_is_refused(store):
    with pytest.raises(ValueError, match="no row 99"):
        store.operate("Bad", [Change(99, {"note": "x"})])


def test_the_later_of_two_programs_is_told_and_shown_the_difference(store):
    a, *_ = three(store)
    seen = store.example(a)
    with Store.open(store.path) as other:
        other.operate("Elsewhere", [Change(a, {"output": "Theirs."})])
    with pytest.raises(Conflict) as caught:
        store.operate("Here", [Change(a, {"output": "Mine."}, expected=seen.revised)])
    assert caught.value.theirs.output == "Theirs."
    assert store.example(a).output == "Theirs."
    with Store.open(store.path) as other:
        other.undo()
    with pytest.raises(Conflict):  # back to the old text, but it was touched
        store.operate("Here", [Change(a, {"output": "Mine."}, expected=caught.value.theirs.revised)])


def test_an_edit_forgets_what_reading_the_row_told(store):
    a, *_ = three(store)
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE example SET inspected = 7, tokens = 9, nearest_score = 0.5, top = '[]'")
    db.close()
    store.operate("Output", [Change(a, {"output": "New."})])
    row = store.example(a)
    assert (row.tokens, row.nearest_score) == (None, 0.5)
    assert store.count_uninspected(7) == 1
    store.operate("Instruction", [Change(a, {"instruction": "New."})])
    assert store.example(a).nearest_score is None
    assert store.unmeasured() == [a]


def test_rows_made_by_hand_say_so(store):
    done = store.operate("Add", additions=[NewRow("Sing.", "", "La.", origin="copy of row 3", tags=["x"])])
    row = store.example(done.added[0])
    assert (row.source, row.origin, row.tags) == ("manual", "copy of row 3", ("x",))
    assert store.tally().manual == 1
    assert [op.before for op in store.revisions(row.id)] == [None]


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_search_follows_an_operation_on_few_rows_and_on_most(store, share):
    rows = [ImportedRow(f"Row {number}", "", "An old\x00 answer.") for number in range(100)]
    store.add_imported(rows, "many.json")
    ids = list(store.example_ids())[: int(100 * share)]

    def found(word: str) -> list[int]:
        return list(store.first_ids(word, limit=1_000))

    store.operate_on("Renew", ids, lambda row: {"output": row.output.replace("old", "new")}, who="fix")
    assert (found("new"), len(found("old"))) == (ids, 100 - len(ids))
    store.undo()
    assert (found("new"), len(found("old"))) == ([], 100)
    store.redo()
    assert found("new") == ids
    with sqlite3.connect(store.path) as db:
        db.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
    db.close()


def test_an_operation_that_fails_half_way_leaves_search_as_it_was(store, monkeypatch):
    monkeypatch.setattr(revisions, "_CHUNK", 1)
    a, b, _ = three(store)
    with pytest.raises(ValueError, match="no row 99"):
        store.operate("Fail", [Change(a, {"output": "gone"}), Change(99, {"output": "gone"})])
    assert not store.first_ids("gone", limit=10)
    store.operate("Another", [Change(b, {"output": "here"})])
    assert list(store.first_ids("here", limit=10)) == [b]
    with sqlite3.connect(store.path) as db:
        db.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
    db.close()
