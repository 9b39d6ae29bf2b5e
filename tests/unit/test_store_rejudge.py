"""Other rules over stored answers: ids stay, rows go and come back, a person's decisions hold."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest

from alpaca_tui.store.rows import Rejudged
from alpaca_tui.store.store import Store
from tests.support.stores import assert_counters_true, begin, candidate, done, visible_rows


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store
    assert_counters_true(tmp_path / "alpaca.db")


def everything(store: Store) -> list[list[tuple[object, ...]]]:
    connection = sqlite3.connect(store.path)
    try:
        return [
            list(connection.execute(f"SELECT * FROM {table} ORDER BY 1"))
            for table in ("candidate", "example", "completion")
        ]
    finally:
        connection.close()


@pytest.fixture
def reading():
    return [
        candidate(0, "a"),
        candidate(1, "b", "duplicate", score=0.75),
        candidate(2, "c", "filtered"),
        candidate(3, "a"),  # the same texts twice in one answer
        candidate(4, "d", "surplus"),
    ]


@pytest.fixture
def completion(store, reading):
    completion = done(store, store.start_run({}))
    store.record_verdicts(completion, reading)
    return completion


def verdict(reading, position, verdict, **changes):
    return [
        dataclasses.replace(entry, verdict=verdict, **changes) if entry.position == position else entry
        for entry in reading
    ]


def test_the_same_verdicts_change_nothing(store, completion, reading):
    before = everything(store)
    report = store.apply_rejudge([Rejudged(completion, reading)])
    assert everything(store) == before
    assert (report.completions, report.candidates) == (1, 5)
    assert (report.added, report.restored, report.withdrawn, report.held) == (0, 0, 0, 0)


def test_a_row_goes_and_comes_back_as_itself(store, completion, reading):
    before, rows = everything(store), visible_rows(store)
    stricter = verdict(reading, 0, "duplicate", score=0.95, nearest="seed:seed_2")
    report = store.apply_rejudge([Rejudged(completion, stricter)])
    assert (report.withdrawn, report.added, report.restored) == (1, 0, 0)
    assert [row[0] for row in visible_rows(store)] == [2]
    assert (store.tally().kept, store.tally().withdrawn, store.tally().duplicates) == (1, 1, 2)
    assert [key for key, _ in store.pool()] == ["row:2"]
    assert (store.candidate(1).example_id, store.candidate(1).score) == (None, 0.95)
    assert store.completion(completion).kept_count == 1
    report = store.apply_rejudge([Rejudged(completion, reading)])
    assert (report.withdrawn, report.added, report.restored) == (0, 0, 1)
    assert visible_rows(store) == rows
    assert everything(store) == before


def test_milder_rules_add_rows(store, completion, reading):
    rows = visible_rows(store)
    report = store.apply_rejudge([Rejudged(completion, verdict(reading, 1, "kept", score=0.75))])
    assert report.added == 1
    assert visible_rows(store) == [*rows, (3, "b", "", "Answer to b")]
    assert (store.example(3).candidate_id, store.example(3).nearest_score) == (2, 0.75)
    assert [key for key, _ in store.pool()] == ["row:1", "row:3", "row:2"]  # in the order of the answer


def test_another_reading_supersedes_and_the_old_one_comes_back(store, completion, reading):
    before, rows = everything(store), visible_rows(store)
    other = [candidate(0, "a whole"), candidate(1, "c", "filtered")]
    report = store.apply_rejudge([Rejudged(completion, other)])
    assert (report.added, report.withdrawn) == (1, 2)
    assert [
        (row.id, row.instruction, row.position) for row in store.candidates(completion_id=completion)
    ] == [
        (6, "a whole", 0),
        (3, "c", 1),
    ]
    assert [row[1] for row in visible_rows(store)] == ["a whole"]
    assert store.tally().candidates == 2
    assert store.candidate(1).superseded
    store.apply_rejudge([Rejudged(completion, reading)])
    assert visible_rows(store) == rows
    assert [row.id for row in store.candidates(completion_id=completion)] == [1, 2, 3, 4, 5]
    again = everything(store)
    assert (
        again[0][:5] == before[0]
    )  # the old candidates are what they were; the other reading waits beside them
    assert again[2] == before[2]
    store.apply_rejudge([Rejudged(completion, other)])
    assert [row[0] for row in visible_rows(store)] == [3]


def test_equal_texts_are_told_apart_by_their_order(store, completion, reading):
    store.apply_rejudge([Rejudged(completion, verdict(reading, 3, "duplicate"))])
    assert [row[0] for row in visible_rows(store)] == [1]
    store.apply_rejudge([Rejudged(completion, [entry for entry in reading if entry.position != 3])])
    assert [row[0] for row in visible_rows(store)] == [1]
    assert store.candidate(4).superseded


def test_a_rescued_row_stays_whatever_the_rules_say(store, completion, reading):
    rescued = store.promote(2, rescued=True)
    rows = visible_rows(store)
    report = store.apply_rejudge(
        [Rejudged(completion, verdict(reading, 1, "filtered", rule="too-long", detail="200 words"))]
    )
    assert (report.held, report.withdrawn) == (1, 0)
    assert visible_rows(store) == rows
    row = store.candidate(2)
    assert (row.verdict, row.rescued, row.rule, row.detail, row.example_id) == (
        "kept",
        True,
        "too-long",
        "200 words",
        rescued,
    )
    report = store.apply_rejudge([Rejudged(completion, [])])
    assert (report.held, report.withdrawn) == (1, 2)
    assert [row[0] for row in visible_rows(store)] == [rescued]
    assert store.candidates() == []
    store.apply_rejudge([Rejudged(completion, reading)])
    assert visible_rows(store) == rows


def test_an_edited_row_stays_with_its_own_novelty(store, completion, reading):
    connection = sqlite3.connect(store.path)
    connection.execute(
        "UPDATE example SET edited = 1, instruction = 'mended', nearest_score = 0.5 WHERE id = 1"
    )
    connection.commit()
    connection.close()
    report = store.apply_rejudge([Rejudged(completion, verdict(reading, 0, "duplicate", score=0.99))])
    assert (report.held, report.withdrawn) == (1, 0)
    assert (store.example(1).instruction, store.example(1).nearest_score) == ("mended", 0.5)
    assert store.candidate(1).score == 0.99


def test_a_row_a_person_deleted_stays_deleted(store, completion, reading):
    connection = sqlite3.connect(store.path)
    connection.execute("UPDATE example SET deleted = 1 WHERE id = 1")
    connection.commit()
    connection.close()
    store.apply_rejudge([Rejudged(completion, verdict(reading, 0, "filtered"))])
    store.apply_rejudge([Rejudged(completion, reading)])
    assert [row[0] for row in visible_rows(store)] == [2]


def test_a_promoted_row_follows_the_rules(store, completion, reading):
    promoted = store.promote(5)
    kept = verdict(reading, 4, "kept")
    store.apply_rejudge([Rejudged(completion, kept)])
    assert [row[0] for row in visible_rows(store)] == [1, 2, promoted]
    store.apply_rejudge([Rejudged(completion, verdict(reading, 4, "duplicate"))])
    assert [row[0] for row in visible_rows(store)] == [1, 2]
    assert store.promote(5, rescued=True) == promoted
    assert [row[0] for row in visible_rows(store)] == [1, 2, promoted]


def test_a_rejudge_judges_what_was_waiting(store, completion):
    waiting = done(store, 1, 2)
    report = store.apply_rejudge([Rejudged(waiting, [candidate(0, "new")])])
    assert (report.added, store.unjudged()) == (1, [])
    assert [row.instruction for row in store.iter_examples()] == ["a", "a", "new"]


def test_all_or_nothing(store, completion, reading):
    flying = begin(store, 1, 2)
    before = everything(store)
    plan = [Rejudged(completion, verdict(reading, 0, "filtered")), Rejudged(flying, [])]
    with pytest.raises(ValueError, match="not done"):
        store.apply_rejudge(plan)
    assert everything(store) == before

    def torn():
        yield plan[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.apply_rejudge(torn())
    assert everything(store) == before


def test_the_plan_may_read_the_store_but_not_write_to_it(store, completion, reading):
    store.apply_rejudge(Rejudged(row.id, reading) for row in store.iter_done())

    def writing():
        store.log(None, "note", "no")
        yield Rejudged(completion, reading)

    with pytest.raises(RuntimeError, match="inside another"):
        store.apply_rejudge(writing())
    assert store.log_entries() == []


def test_neighbours_that_become_rows_in_the_same_rejudge_are_named(store, completion, reading):
    second = done(store, 1, 2)
    forward = f"at:{second}:0"
    back = f"at:{completion}:1"
    first = verdict(reading, 1, "kept", nearest=forward, top=[(forward, 0.5)])
    later = [candidate(0, "z", nearest=back, top=[(back, 0.5), ("seed:seed_1", 0.1)])]
    store.apply_rejudge([Rejudged(completion, first), Rejudged(second, later)])
    b, z = store.candidate(2), store.candidate(6)
    assert (b.nearest, b.top) == (f"row:{z.example_id}", ((f"row:{z.example_id}", 0.5),))
    assert (z.nearest, z.top[0]) == (f"row:{b.example_id}", (f"row:{b.example_id}", 0.5))
    assert store.example(b.example_id).nearest_key == f"row:{z.example_id}"
