"""Rows of the dataset and the novelty pool they make up."""

from __future__ import annotations

import random
import sqlite3

import pytest

from alpaca_tui.store.rows import ImportedRow, RowNovelty
from alpaca_tui.store.store import Store
from tests.support.stores import assert_counters_true, candidate, done, visible_rows


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store
    assert_counters_true(tmp_path / "alpaca.db")


@pytest.fixture
def run(store):
    return store.start_run({})


def change(store: Store, statement: str) -> None:
    """What a later part of the program will do through the store: edit, delete, reject."""
    connection = sqlite3.connect(store.path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def imported(*instructions: str) -> list[ImportedRow]:
    return [ImportedRow(text, "", f"Answer to {text}") for text in instructions]


def test_import_keeps_every_row_and_every_field(store):
    extra = {"id": 7, "nested": {"list": [1, None, "\ud83d\ude00"]}, "": 0.5}
    report = store.add_imported(
        [ImportedRow("a", "in", "b", extra), *imported("a", "")], "alpaca \udcff.json"
    )
    assert (report.added, report.first_id, report.last_id) == (3, 1, 3)
    first, second, third = store.examples()
    assert (first.source, first.origin, first.teacher, first.completion_id) == (
        "imported",
        "alpaca \ufffd.json",
        None,
        None,
    )
    assert first.extra == {"id": 7, "nested": {"list": [1, None, "\U0001f600"]}, "": 0.5}
    assert (first.nearest_score, first.nearest_key, first.mean_score, first.top) == (None, None, None, ())
    assert (second.instruction, third.instruction, second.extra) == ("a", "", {})
    tally = store.tally()
    assert (tally.kept, tally.imported, tally.with_input, tally.exportable, tally.rows) == (0, 3, 0, 3, 3)


def test_an_import_of_nothing_and_one_that_breaks(store):
    assert store.add_imported([], "empty.json").added == 0

    def rows():
        yield from imported("a", "b")
        raise OSError("torn")

    with pytest.raises(OSError, match="torn"):
        store.add_imported(rows(), "torn.json")
    assert visible_rows(store) == []
    assert store.tally().imported == 0


def test_the_novelty_of_a_row_is_filled_in_later(store):
    store.add_imported(imported("a"), "x.json")
    store.set_novelty([RowNovelty(1, 0.5, "seed:3", [("seed:3", 0.5)], 0.25)])
    row = store.example(1)
    assert (row.nearest_score, row.nearest_key, row.top, row.mean_score) == (
        0.5,
        "seed:3",
        (("seed:3", 0.5),),
        0.25,
    )


def test_what_export_takes(store, run):
    store.record_verdicts(done(store, run), [candidate(index, f"kept {index}") for index in range(4)])
    store.add_imported(imported("foreign"), "x.json")
    change(store, "UPDATE example SET deleted = 1 WHERE id = 1")
    change(store, "UPDATE example SET withdrawn = 1 WHERE id = 2")
    change(store, "UPDATE example SET status = 'rejected' WHERE id = 3")
    assert [row.id for row in store.iter_examples()] == [4, 5]
    assert [row.id for row in store.iter_examples(source="generated")] == [4]
    assert store.count_examples() == 2
    assert [row.id for row in store.examples()] == [3, 4, 5]
    assert [row.id for row in store.examples(include_deleted=True)] == [1, 3, 4, 5]
    assert [row.id for row in store.examples(source="imported")] == [5]
    assert [row.id for row in store.examples(after=3, limit=1)] == [4]
    tally = store.tally()
    assert (tally.kept, tally.deleted, tally.withdrawn, tally.exportable, tally.imported) == (2, 1, 1, 2, 1)
    assert store.example(99) is None


def test_iteration_crosses_pages(store):
    store.add_imported(imported(*(f"row {index}" for index in range(4_100))), "x.json")
    assert [row.instruction for row in store.iter_examples()] == [f"row {index}" for index in range(4_100)]
    assert [key for key, _ in store.pool()] == [f"row:{index}" for index in range(1, 4_101)]


def test_the_pool_holds_deleted_rows_and_no_withdrawn_ones_in_the_order_they_joined(store, run):
    store.add_imported(imported("early"), "x.json")
    first, second = done(store, run, 1), done(store, run, 2)
    store.record_verdicts(first, [candidate(0, "a"), candidate(1, "surplus", "surplus")])
    store.add_imported(imported("between"), "y.json")
    store.record_verdicts(second, [candidate(0, "b"), candidate(1, "c")])
    store.promote(2)
    change(store, "UPDATE example SET deleted = 1 WHERE instruction = 'a'")
    change(store, "UPDATE example SET withdrawn = 1 WHERE instruction = 'b'")
    assert list(store.pool()) == [
        ("row:1", "early"),
        ("row:2", "a"),
        ("row:3", "between"),
        ("row:5", "c"),
        ("row:6", "surplus"),
    ]
    assert list(store.pool_by_hand()) == [
        (0, 1, None, "early", True),
        (1, 3, None, "between", True),
        (2, 6, 2, "surplus", False),
    ]
    assert [row.key for row in store.pool_by_hand()] == ["row:1", "row:3", "row:6"]
    change(store, "UPDATE example SET edited = 1 WHERE instruction = 'c'")
    assert [(row.instruction, row.held) for row in store.pool_by_hand()][2:] == [
        ("c", True),
        ("surplus", False),
    ]


def test_a_sample_of_kept_rows_is_fair_repeatable_and_takes_only_what_may_be_shown(store, run):
    store.add_imported(imported(*"abc"), "x.json")
    store.record_verdicts(done(store, run), [candidate(index, f"kept {index}") for index in range(40)])
    change(store, "UPDATE example SET deleted = 1 WHERE id % 2 = 0")
    allowed = {row.id for row in store.iter_examples(source="generated")}
    assert store.kept_sample(0, random.Random(1)) == []
    one, again = (store.kept_sample(5, random.Random(9)) for _ in range(2))
    assert one == again
    assert len({row.id for row in one}) == 5
    seen = {row.id for seed in range(200) for row in store.kept_sample(3, random.Random(seed))}
    assert seen == allowed
    everything = store.kept_sample(100, random.Random(3))
    assert {row.id for row in everything} == allowed
    assert len(everything) == len(allowed)


def test_a_sample_where_few_rows_of_many_may_be_shown(store, run):
    store.record_verdicts(done(store, run), [candidate(index, f"kept {index}") for index in range(500)])
    change(store, "UPDATE example SET status = 'rejected' WHERE id <> 250")
    assert [row.id for row in store.kept_sample(1, random.Random(0))] == [250]
    assert [row.id for row in store.kept_sample(3, random.Random(0))] == [250]


def test_a_sample_of_nothing(store):
    assert store.kept_sample(3, random.Random(0)) == []
