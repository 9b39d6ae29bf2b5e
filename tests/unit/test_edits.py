"""What a person does to rows, and the way back to what they were."""

from __future__ import annotations

import pytest

from alpaca_tui.curation import edits, history
from alpaca_tui.curation.edits import Part
from alpaca_tui.errors import UserError
from alpaca_tui.store.curated import Conflict
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(f"Do {n}.", "", f"Done {n}.", {"k": n}) for n in (1, 2, 3)], "x")
        yield store


def test_every_act_says_what_it_did(store):
    edits.set_status(store, [1, 2], "approved")
    edits.rate(store, [1], 4)
    edits.change_tags(store, [1, 2, 3], add=["To Check", "b"], remove=["c"])
    edits.set_note(store, [3], " look again ")
    edits.delete(store, [2])
    edits.undelete(store, [2])
    edits.duplicate(store, 1)
    edits.add(store, Part("Sing.", "", "La."))
    assert [op.title for op in reversed(store.operations())][1:] == [
        "Approve 2 rows",
        "Rate row 1: 4",
        "Tag 3 rows: +b +to-check -c",
        "Note on row 3",
        "Delete row 2",
        "Bring back row 2",
        "Copy row 1",
        "Add a row: Sing.",
    ]
    row = store.example(1)
    assert (row.status, row.rating, row.tags) == ("approved", 4, ("b", "to-check"))
    assert store.example(3).note == "look again"
    copy = store.example(4)
    assert (copy.instruction, copy.origin, copy.extra) == ("Do 1.", "copy of row 1", {"k": 1})


def test_an_empty_instruction_is_refused(store):
    with pytest.raises(UserError, match="needs an instruction"):
        edits.save(store, 1, {"instruction": " "}, expected=0)
    with pytest.raises(UserError, match="needs an instruction"):
        edits.add(store, Part("", "", "x"))
    assert len(store.operations()) == 1


def test_a_merged_task_is_split_and_comes_together_again(store):
    merged = (
        "Paris.\n\n###\n5. Instruction: Name a colour.\n5. Input:\n<noinput>\n5. Output:\nRed.\n"
        "### 6. Instruction: Add the numbers.\nInput: 2 and 3\nOutput:\n5"
    )
    edits.save(store, 1, {"output": merged}, expected=store.example(1).revised)
    row = store.example(1)
    parts = edits.suggest_split(Part(row.instruction, row.input, row.output))
    assert parts == [
        Part("Do 1.", "", "Paris."),
        Part("Name a colour.", "", "Red."),
        Part("Add the numbers.", "2 and 3", "5"),
    ]
    done = edits.split(store, 1, parts[0], parts[1:], expected=row.revised)
    assert [store.example(id).instruction for id in done.added] == ["Name a colour.", "Add the numbers."]
    store.undo()
    assert store.example(1).output == merged
    assert len(store.example_ids()) == 3
    store.redo()
    assert len(store.example_ids()) == 5


@pytest.mark.parametrize(
    "output", ["Plain.", "Follow the instructions: stir.", "Instruction:", "A\n### Heading\nB", ""]
)
def test_what_is_one_task_stays_one(output):
    assert edits.suggest_split(Part("Do.", "", output)) == [Part("Do.", "", output)]


def test_history_shows_every_version_and_restores_any(store):
    revised = store.example(1).revised
    edits.save(store, 1, {"output": "Second."}, expected=revised)
    edits.rate(store, [1], 2)
    edits.save(store, 1, {"output": "Third."}, expected=None, who="teacher", title="Rewrite")
    store.undo()
    seen = history.versions(store, 1)
    assert [(v.number, v.fields["output"], v.fields["rating"], v.current) for v in seen] == [
        (0, "Done 1.", None, False),
        (1, "Second.", None, False),
        (2, "Second.", 2, True),
        (3, "Third.", 2, False),
    ]
    assert seen[3].operation.state == "undone"
    assert (seen[3].changed, seen[3].operation.who) == (("output",), "teacher")
    history.restore(store, 1, seen[0], expected=store.example(1).revised)
    row = store.example(1)
    assert (row.output, row.rating) == ("Done 1.", None)
    assert history.versions(store, 1)[-1].current
    store.undo()
    assert store.example(1).output == "Second."


def test_a_row_made_by_hand_begins_with_its_making(store):
    [new] = edits.add(store, Part("Sing.", "", "La.")).added
    assert [v.number for v in history.versions(store, new)] == [1]
    assert history.versions(store, 99) == []


def test_merging_deletes_the_others_in_one_operation(store):
    a, b, c = (store.example(n) for n in (1, 2, 3))
    edits.merge(store, a, {"output": "All."}, [b, c])
    assert list(store.example_ids()) == [1]
    store.undo()
    assert list(store.example_ids()) == [1, 2, 3]
    edits.rate(store, [2], 5)
    with pytest.raises(Conflict):
        edits.merge(store, store.example(1), {"output": "All."}, [b, store.example(3)])
    assert list(store.example_ids()) == [1, 2, 3]
