"""Reviews: resumed where they were left, every decision counted once, and a blind re-check's agreement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.curation import edits
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(f"Do {n}.", "", "Done.") for n in range(6)], "six.json")
        yield store


def decide(store: Store, review: int, id: int, decision: Any, position: int, seconds: float = 2.0) -> None:
    """As a screen does: the status is an operation, the decision is recorded with it."""
    row = store.example(id)
    assert row is not None
    operation = None
    if decision != "skipped":
        operation = edits.set_status(store, [id], decision).operation
    store.decide(
        review, id, decision, position=position, seconds=seconds, earlier=row.status,
        operation_id=operation.id if operation else None,
    )  # fmt: skip


def test_a_review_is_resumed_where_it_was_left_with_the_rows_it_began_with(store: Store) -> None:
    review = store.start_review([5, 3, 1, 6], "rating:none")
    decide(store, review.id, 5, "approved", 1)
    decide(store, review.id, 3, "rejected", 2, seconds=4.5)
    store.add_imported([ImportedRow("Later.", "", "")], "later.json")
    edits.delete(store, [6])
    with Store.open(store.path) as later:
        resumed = later.open_review()
        assert resumed is not None
        assert (resumed.id, resumed.query, list(resumed.ids), resumed.position) == (
            review.id,
            "rating:none",
            [5, 3, 1, 6],
            2,
        )
        assert (resumed.approved, resumed.rejected, resumed.skipped, resumed.seconds) == (1, 1, 0, 6.5)
        assert later.decisions(review.id) == {5: "approved", 3: "rejected"}
        later.move_review(review.id, 0)
        later.end_review(review.id)
    assert store.review(review.id).position == 0
    ended = store.review(review.id).ended_at
    assert ended is not None
    store.end_review(review.id)
    assert store.review(review.id).ended_at == ended
    assert store.open_review() is None


def test_deciding_again_replaces_and_undeciding_takes_out(store: Store) -> None:
    review = store.start_review([1, 2], "")
    decide(store, review.id, 1, "approved", 1)
    decide(store, review.id, 1, "rejected", 1)
    decide(store, review.id, 2, "skipped", 2)
    now = store.review(review.id)
    assert (now.approved, now.rejected, now.skipped) == (0, 1, 1)
    store.undecide(review.id, 1)
    now = store.review(review.id)
    assert (now.approved, now.rejected, now.skipped, now.seconds) == (0, 0, 1, 2.0)


def test_the_last_open_review_of_a_kind_is_the_one_to_resume(store: Store) -> None:
    first, second = store.start_review([1], "a"), store.start_review([2], "b")
    recheck = store.start_review([3], "", "recheck")
    assert store.open_review().id == second.id  # type: ignore[union-attr]
    store.end_review(second.id)
    assert store.open_review().id == first.id  # type: ignore[union-attr]
    assert store.open_review("recheck").id == recheck.id  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="no review 9"):
        store.review(9)


def test_a_review_of_nothing_and_of_many(store: Store) -> None:
    assert list(store.start_review([], "flag:any").ids) == []
    many = [*range(200_000, 0, -1)]
    assert list(store.review(store.start_review(many, "*").id).ids) == many


def test_only_rows_that_still_stand_as_decided_are_checked_again(store: Store) -> None:
    review = store.start_review([1, 2, 3, 4, 5, 6], "")
    for position, (id, decision) in enumerate(
        [(1, "approved"), (2, "rejected"), (3, "approved"), (4, "skipped"), (5, "approved"), (6, "rejected")],
        1,
    ):
        decide(store, review.id, id, decision, position)
    assert store.decided_rows() == [1, 2, 3, 5, 6]
    store.undo()  # row 6 is pending again
    edits.set_status(store, [3], "rejected")  # decided otherwise since
    edits.delete(store, [5])
    assert store.decided_rows() == [1, 2]


def test_agreement_with_oneself(store: Store) -> None:
    review = store.start_review([1, 2, 3, 4], "")
    for position, id in enumerate([1, 2, 3, 4], 1):
        decide(store, review.id, id, "approved" if id < 4 else "rejected", position)
    recheck = store.start_review(store.decided_rows(), "", "recheck")
    assert store.agreement(recheck.id) == (0, 0, [])
    for position, (id, decision) in enumerate(
        [(1, "approved"), (2, "rejected"), (3, "skipped"), (4, "rejected")], 1
    ):
        row = store.example(id)
        assert row is not None
        store.decide(recheck.id, id, decision, position=position, seconds=1.0, earlier=row.status)  # type: ignore[arg-type]
    assert store.agreement(recheck.id) == (3, 2, [(2, "approved", "rejected")])
    # A re-check changes no row, and its decisions are none to be checked again.
    assert [row.status for row in store.examples_by_id([1, 2, 3, 4])] == [
        "approved",
        "approved",
        "approved",
        "rejected",
    ]
    assert store.decided_rows() == [1, 2, 3, 4]
