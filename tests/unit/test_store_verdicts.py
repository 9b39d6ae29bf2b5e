"""Candidates, verdicts, promotion: one transaction a completion, nothing thrown away."""

from __future__ import annotations

import sqlite3

import pytest

from alpaca_tui.store.rows import CandidateIn
from alpaca_tui.store.store import Store
from tests.support.stores import assert_counters_true, begin, candidate, done, visible_rows


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store
    assert_counters_true(tmp_path / "alpaca.db")


@pytest.fixture
def run(store):
    return store.start_run({})


def test_a_completion_and_its_verdicts(store, run):
    completion = done(store, run)
    ids = store.record_verdicts(
        completion,
        [
            candidate(0, "Name a bird.", input="in the north"),
            candidate(1, "Name a bird!", "duplicate", score=0.875, nearest="row:1"),
            candidate(2, "Hop", "filtered"),
            candidate(3, "Tell me a lo", "truncated", number=None),
            candidate(4, "Name a fish.", "surplus"),
        ],
    )
    assert [(entry.candidate_id, entry.example_id) for entry in ids] == [
        (1, 1),
        (2, None),
        (3, None),
        (4, None),
        (5, None),
    ]
    rows = store.candidates(completion_id=completion)
    assert [row.verdict for row in rows] == ["kept", "duplicate", "filtered", "truncated", "surplus"]
    assert [row.position for row in rows] == [0, 1, 2, 3, 4]
    assert [row.number for row in rows] == [3, 4, 5, None, 7]
    assert [row.example_id for row in rows] == [1, None, None, None, None]
    assert (rows[1].score, rows[1].nearest, rows[1].mean) == (0.875, "row:1", 0.125)
    assert rows[1].top == (("seed:seed_1", 0.25), ("seed:seed_2", 0.125))
    assert (rows[2].rule, rows[2].detail, rows[2].score, rows[2].top) == ("too-short", "has 1 word", None, ())
    row = store.completion(completion)
    assert (row.judged, row.kept_count, row.judged_count) == (True, 1, 3)
    assert store.unjudged() == []
    example = store.example(1)
    assert (example.instruction, example.input, example.output) == (
        "Name a bird.",
        "in the north",
        "Answer to Name a bird.",
    )
    assert (example.source, example.teacher, example.model) == ("generated", "demo", "demo-alpaca")
    assert (example.completion_id, example.candidate_id, example.key) == (completion, 1, "row:1")
    assert (example.nearest_score, example.nearest_key, example.mean_score) == (0.25, "seed:seed_1", 0.125)
    assert example.top == rows[0].top
    assert (example.deleted, example.withdrawn, example.edited, example.status, example.extra) == (
        False,
        False,
        False,
        "pending",
        {},
    )


def test_an_empty_answer_is_judged_too(store, run):
    completion = done(store, run, text="")
    assert store.record_verdicts(completion, []) == []
    assert store.unjudged() == []


def test_verdicts_are_recorded_once(store, run):
    completion = done(store, run)
    store.record_verdicts(completion, [candidate(0, "one")])
    with pytest.raises(ValueError, match="waiting to be judged"):
        store.record_verdicts(completion, [candidate(0, "two")])
    with pytest.raises(ValueError, match="waiting to be judged"):
        store.record_verdicts(begin(store, run, 2), [candidate(0, "three")])
    assert [row.instruction for row in store.candidates()] == ["one"]


def test_a_fault_in_the_middle_leaves_nothing_behind(store, run):
    completion = done(store, run)
    broken = candidate(1, "two", verdict="nonsense")
    with pytest.raises(sqlite3.IntegrityError):
        store.record_verdicts(completion, [candidate(0, "one"), broken])
    assert store.candidates() == []
    assert visible_rows(store) == []
    assert [row.id for row in store.unjudged()] == [completion]
    store.record_verdicts(completion, [candidate(0, "one")])


def test_a_neighbour_of_the_same_completion_is_named_by_its_place(store, run):
    completion = done(store, run)
    at = f"at:{completion}:0"
    twin = candidate(1, "b", "duplicate", nearest=at, top=[(at, 0.9), ("seed:seed_1", 0.2)], score=0.9)
    lone = candidate(2, "c", nearest=at, top=[])
    store.record_verdicts(completion, [candidate(0, "a"), twin, lone])
    _, second, third = store.candidates(completion_id=completion)
    assert (second.nearest, second.top) == ("row:1", (("row:1", 0.9), ("seed:seed_1", 0.2)))
    assert third.nearest == "row:1"


def test_promoting_a_surplus_candidate_makes_it_a_row(store, run):
    completion = done(store, run)
    store.record_verdicts(completion, [candidate(0, "a"), candidate(1, "b", "surplus")])
    assert store.tally().surplus == 1
    example_id = store.promote(2, score=0.5, nearest="row:1", top=[("row:1", 0.5)], mean=0.0625)
    assert example_id == 2
    assert store.promote(2) == 2
    row = store.candidate(2)
    assert (row.verdict, row.rescued, row.example_id, row.score, row.nearest) == (
        "kept",
        False,
        2,
        0.5,
        "row:1",
    )
    example = store.example(2)
    assert (example.instruction, example.nearest_score, example.top, example.mean_score) == (
        "b",
        0.5,
        (("row:1", 0.5),),
        0.0625,
    )
    tally = store.tally()
    assert (tally.kept, tally.surplus) == (2, 0)
    assert store.completion(completion).kept_count == 2


def test_rescuing_keeps_the_objection_readable(store, run):
    completion = done(store, run)
    store.record_verdicts(completion, [candidate(0, "a", "filtered")])
    assert store.promote(1, rescued=True) == 1
    row = store.candidate(1)
    assert (row.verdict, row.rescued, row.rule, row.detail) == ("kept", True, "too-short", "has 1 word")
    assert store.tally().filtered == {}
    assert store.tally().kept == 1
    assert store.promote(1) == 1
    assert store.candidate(1).rescued


def test_promoting_what_is_not_there(store):
    with pytest.raises(ValueError, match="no candidate 7"):
        store.promote(7)


def test_browsing_by_verdict_rule_and_text(store, run):
    for index in range(1, 5):
        completion = done(store, run, index)
        store.record_verdicts(
            completion,
            [
                candidate(0, f"keep {index}"),
                candidate(1, f"Twin 100% {index}", "duplicate"),
                candidate(2, f"short_{index}", "filtered"),
                candidate(
                    3,
                    f"image {index}",
                    "filtered",
                    rule="forbidden-word",
                    output="needle" if index == 2 else "x",
                ),
            ],
        )
    assert [row.id for row in store.candidates(limit=3)] == [16, 15, 14]
    assert [row.id for row in store.candidates(limit=3, before=14)] == [13, 12, 11]
    assert [row.instruction for row in store.candidates(verdict="duplicate", limit=2)] == [
        "Twin 100% 4",
        "Twin 100% 3",
    ]
    assert [row.instruction for row in store.candidates(rule="too-short", before=15, limit=1)] == ["short_3"]
    assert [row.id for row in store.candidates(verdict="filtered", rule="forbidden-word")] == [16, 12, 8, 4]
    assert store.candidates(verdict="kept", rule="too-short") == []
    assert [row.id for row in store.candidates(search="NEEDLE")] == [8]
    assert len(store.candidates(search="100%")) == 4
    assert len(store.candidates(search="t_")) == 4  # short_1 ...: no wildcard
    assert store.candidates(search="\\") == []
    assert [row.id for row in store.candidates(completion_id=1, verdict="filtered")] == [3, 4]
    assert [row.id for row in store.candidates(completion_id=1, rule="forbidden-word", search="image")] == [4]
    assert store.candidate(99) is None


def test_counts_by_verdict_and_rule(store, run):
    completion = done(store, run)
    store.record_verdicts(
        completion,
        [
            candidate(0, "a", input="x", score=0.0),
            candidate(1, "b", score=0.7),
            candidate(2, "c", "duplicate", score=1.0),
            candidate(3, "d", "filtered"),
            candidate(4, "e", "filtered"),
            candidate(5, "f", "filtered", rule="odd/rule"),
            candidate(6, "g", "truncated", score=None),
            candidate(7, "h", "surplus", score=0.29),
        ],
    )
    done(store, run, 2)
    tally = store.tally()
    assert (tally.kept, tally.with_input, tally.candidates, tally.duplicates) == (2, 1, 8, 1)
    assert tally.filtered == {"odd/rule": 1, "too-short": 2}
    assert (tally.truncated, tally.surplus, tally.exportable, tally.rows) == (1, 1, 2, 2)
    assert tally.completions == {"done": 2}
    histogram = store.nearest_histogram(20)
    assert {index: count for index, count in enumerate(histogram) if count} == {0: 1, 5: 1, 14: 1, 19: 1}
    assert sum(store.nearest_histogram(1)) == 4
    for bins in (0, 3, 200):
        with pytest.raises(ValueError, match="divide"):
            store.nearest_histogram(bins)


def test_acceptance_over_time_in_buckets(store, run):
    for index in range(1, 6):
        kept = [candidate(position, f"{index} {position}") for position in range(index)]
        lost = [
            candidate(9, "x", "duplicate"),
            candidate(11, "z", "truncated"),
        ]
        store.record_verdicts(done(store, run, index), kept + lost)
    done(store, run, 6)
    after_the_goal = [candidate(0, "x", "duplicate"), candidate(1, "y", "surplus")]
    store.record_verdicts(done(store, run, 7), after_the_goal)
    assert store.acceptance() == [(order, order, order + 1) for order in range(1, 6)]
    assert store.acceptance(2) == [(2, 3, 5), (4, 7, 9), (5, 5, 6)]


def test_a_candidate_is_a_plain_value():
    assert CandidateIn(0, 1, "a", "", "b", "kept") == CandidateIn(0, 1, "a", "", "b", "kept")


def test_ids_of_a_list_and_the_rows_of_ids(store, run):
    for index in range(1, 4):
        store.record_verdicts(
            done(store, run, index),
            [candidate(0, f"kept {index}"), candidate(1, f"twin {index}", "duplicate")],
        )
    assert store.candidate_ids() == [6, 5, 4, 3, 2, 1]
    assert store.candidate_ids(verdict="kept") == [5, 3, 1]
    assert [row.instruction for row in store.candidates_by_id([3, 99, 6])] == ["kept 2", "twin 3"]
    assert len(store.candidates_by_id(list(range(2_000)))) == 6
