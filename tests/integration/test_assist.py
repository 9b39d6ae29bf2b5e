"""Asking the teacher about rows, over real HTTP: stored, proposed, never done by itself; within the budget."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from alpaca_tui.curation import edits
from alpaca_tui.curation.assist import Asking, AskSettings, forecast, prepare
from alpaca_tui.curation.suggested import accept, unanswered
from alpaca_tui.errors import UserError
from alpaca_tui.store.curated import Conflict
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from alpaca_tui.workspace import Workspace
from tests.support.faulty_server import FaultyServer

WRONG = "Verdict: wrong\nReason: 3 and 4 make 7.\nOutput:\n7"
PRICE = (1.0, 2.0)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "w")
    with workspace.open_store() as store:
        store.add_imported(
            [ImportedRow(f"Add the numbers, case {n}.", "3 and 4", "8", {}) for n in range(12)], "sums.json"
        )
    return workspace


@pytest.fixture
def store(workspace: Workspace) -> Generator[Store, None, None]:
    with workspace.open_store() as store:
        yield store


def settings(server: FaultyServer, **changes: object) -> AskSettings:
    values: dict[str, object] = {
        "kind": "correct",
        "teacher": server.url,
        "model": server.model,
        "price": PRICE,
        "concurrency": 3,
    }
    return AskSettings(**{**values, **changes})  # type: ignore[arg-type]


def ask(workspace: Workspace, chosen: AskSettings, rows: Sequence[int], timeout: float = 30) -> Asking:
    asking = prepare(workspace, chosen, rows)
    try:
        asking.start()
        assert asking.wait(timeout), asking.progress()
    finally:
        asking.close()
    return asking


def test_every_answer_is_a_suggestion_and_no_row_changes(workspace: Workspace, store: Store) -> None:
    before = [row.output for row in store.iter_examples()]
    with FaultyServer(answer=WRONG) as server:
        asking = ask(workspace, settings(server), [2, 5, 9])
        bodies = [entry.body for entry in server.served()]
    progress = asking.progress()
    assert (progress.total, progress.answered, progress.failed, progress.why) == (3, 3, 0, "")
    assert progress.spent_usd is not None
    assert progress.spent_usd > 0
    found = store.suggestions()
    assert sorted(one.example_id for one in found) == [2, 5, 9]
    assert {(one.kind, one.verdict, one.reason, one.output) for one in found} == {
        ("correct", "wrong", "3 and 4 make 7.", "7")
    }
    assert [row.output for row in store.iter_examples()] == before
    texts = [json.dumps(body) for body in bodies]
    assert all("case 1." in text or "case 4." in text or "case 8." in text for text in texts)
    completions = store.completions(purpose="assist", limit=10)
    assert {one.text for one in completions} == {WRONG}
    assert {one.completion_id for one in found} == {one.id for one in completions}


def test_what_was_asked_counts_as_spent_and_is_no_generation(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server), [1, 2])
    spending, tally = store.spending(), store.tally()
    assert spending.tokens > 0
    assert spending.known_usd > 0
    assert tally.completions == {}
    assert store.unjudged() == []
    assert store.last_run() is None
    run = store.last_run("assist")
    assert run is not None
    assert run.config["kind"] == "correct"
    assert run.ended_at is not None


def test_a_budget_stops_before_it_is_passed(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG) as server:
        asking = ask(workspace, settings(server, budget_usd=0.004, concurrency=1), list(range(1, 13)))
        asked = len(server.served())
    progress = asking.progress()
    assert 0 < asked < 12
    assert "budget" in progress.why.lower()
    assert store.spending().known_usd <= 0.004
    assert progress.answered == len(store.suggestions()) == asked


def test_a_budget_needs_a_price(workspace: Workspace) -> None:
    with FaultyServer(answer=WRONG) as server, pytest.raises(UserError, match="price"):
        prepare(workspace, settings(server, price=None, budget_usd=1.0), [1])


def test_nobody_else_may_be_asking(workspace: Workspace) -> None:
    with FaultyServer(answer=WRONG) as server:
        first = prepare(workspace, settings(server), [1])
        try:
            with pytest.raises(UserError):
                prepare(workspace, settings(server), [2])
        finally:
            first.close()
        prepare(workspace, settings(server), [2]).close()


def test_an_answer_of_a_run_that_died_is_not_paid_for_twice(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server), [1, 2, 3])
        # As if the program had died between the answers and the suggestions.
        with store._db.write() as db:  # pyright: ignore[reportPrivateUsage]
            db.execute("DELETE FROM suggestion WHERE example_id IN (2, 3)")
        ask(workspace, settings(server), [2, 3, 4])
        assert len(server.served()) == 4
    assert sorted(one.example_id for one in store.suggestions()) == [1, 2, 3, 4]


def test_who_asks_again_gets_a_new_answer(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server), [1])
        ask(workspace, settings(server), [1])
        assert len(server.served()) == 2
    assert len(store.suggestions()) == 1
    assert len(store.suggestions(state=None)) == 2


def test_faults_of_the_server_are_retried(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG, plan=["500", "cut", "429"]) as server:
        asking = ask(workspace, settings(server), [1, 2, 3])
    assert asking.progress().answered == 3
    assert len(store.suggestions()) == 3


def test_a_refused_question_says_why_and_loses_no_other(workspace: Workspace, store: Store) -> None:
    def plan(number: int, body: dict[str, object]) -> str | None:
        return "context" if "case 1." in json.dumps(body) else None

    with FaultyServer(answer=WRONG, plan=plan) as server:
        asking = ask(workspace, settings(server), [1, 2, 3])
    by_row = {asked.row: asked for asked in asking.rows}
    assert by_row[2].state == "failed"
    assert by_row[2].fault
    assert [by_row[1].state, by_row[3].state] == ["answered", "answered"]
    assert sorted(one.example_id for one in store.suggestions()) == [1, 3]


def test_stopping_cuts_what_is_in_flight_and_keeps_what_came(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG, duration_s=0.4) as server:
        asking = prepare(workspace, settings(server, concurrency=2), list(range(1, 13)))
        try:
            asking.start()
            until = time.monotonic() + 20
            while asking.progress().answered < 2 and time.monotonic() < until:
                time.sleep(0.02)
            asking.stop()
            assert asking.wait(10)
        finally:
            asking.close()
    progress = asking.progress()
    assert progress.why == "Stopped."
    assert 2 <= progress.answered < 12
    assert len(store.suggestions()) == progress.answered
    assert store.completions(purpose="assist", state="in_flight", limit=10) == []


def test_an_unreadable_answer_is_kept_and_says_so(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer="I would rather not.") as server:
        ask(workspace, settings(server), [1])
    [one] = store.suggestions()
    assert (one.verdict, one.output) == ("", None)
    assert "form" in one.reason
    with pytest.raises(UserError, match="nothing to take"):
        accept(store, [(one, store.examples_by_id([1])[0])])


def test_rows_that_went_meanwhile_are_not_asked_about(workspace: Workspace, store: Store) -> None:
    edits.delete(store, [2])
    with FaultyServer(answer=WRONG) as server:
        asking = ask(workspace, settings(server), [1, 2, 77])
        assert len(server.served()) == 1
    assert {asked.row: asked.state for asked in asking.rows} == {1: "answered", 2: "failed", 77: "failed"}
    assert asking.progress().failed == 2


def test_accepting_is_an_operation_of_the_teachers_that_undo_takes_back(
    workspace: Workspace, store: Store
) -> None:
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server), [3])
    [one] = store.suggestions()
    row = store.examples_by_id([3])[0]
    done = accept(store, [(one, row)])
    assert done.operation is not None
    assert done.operation.who == "teacher"
    assert store.examples_by_id([3])[0].output == "7"
    assert store.suggestions() == []
    store.undo()
    assert store.examples_by_id([3])[0].output == "8"
    assert [again.id for again in store.suggestions()] == [one.id]
    assert store.count_suggestions() == 1
    store.redo()
    assert store.suggestions() == []
    assert store.count_suggestions() == 0


def test_many_are_accepted_as_one_operation_or_none_is(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server), [1, 2, 3])
    decided = [(one, store.examples_by_id([one.example_id])[0]) for one in store.suggestions()]
    edits.save(store, 3, {"output": "9"}, expected=None)
    with pytest.raises(Conflict):
        accept(store, decided)
    assert [row.output for row in store.examples_by_id([1, 2, 3])] == ["8", "8", "9"]
    assert len(store.suggestions()) == 3
    done = accept(store, [pair for pair in decided if pair[1].id != 3])
    assert done.operation is not None
    assert done.operation.rows == 2
    store.undo()
    assert [row.output for row in store.examples_by_id([1, 2, 3])] == ["8", "8", "9"]
    assert len(store.suggestions()) == 3


def test_a_row_changed_meanwhile_is_not_overwritten(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server), [3])
    [one] = store.suggestions()
    row = store.examples_by_id([3])[0]
    edits.save(store, 3, {"output": "seven"}, expected=row.revised)
    with pytest.raises(Conflict):
        accept(store, [(one, row)])
    assert store.examples_by_id([3])[0].output == "seven"
    [late] = store.suggestions()
    assert late.stale


@pytest.mark.parametrize(("verdict", "status"), [("right", "approved"), ("wrong", "rejected")])
def test_a_judgement_taken_is_a_status(workspace: Workspace, store: Store, verdict: str, status: str) -> None:
    with FaultyServer(answer=f"Verdict: {verdict}\nReason: So it is.") as server:
        ask(workspace, settings(server, kind="judge"), [3])
    [one] = store.suggestions()
    accept(store, [(one, store.examples_by_id([3])[0])])
    assert store.examples_by_id([3])[0].status == status


def test_rows_with_an_open_answer_need_no_other(workspace: Workspace, store: Store) -> None:
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server), [1, 2])
    assert unanswered(store, "correct", [1, 2, 3]) == [3]
    assert unanswered(store, "judge", [1, 2, 3]) == [1, 2, 3]
    row = store.examples_by_id([1])[0]
    edits.save(store, 1, {"output": "9"}, expected=row.revised)
    assert unanswered(store, "correct", [1, 2, 3]) == [1, 3], "what was said of another text does not count"


def test_the_forecast_bounds_what_was_asked(workspace: Workspace, store: Store) -> None:
    rows = store.examples_by_id([1, 2, 3])
    prompts, answers = forecast("judge", rows)
    with FaultyServer(answer=WRONG) as server:
        ask(workspace, settings(server, kind="judge"), [1, 2, 3])
        limits = [
            entry.body.get("max_tokens") or entry.body["max_completion_tokens"] for entry in server.served()
        ]
    assert sum(limits) == answers
    assert prompts > 300


def test_the_demo_teacher_can_be_asked(workspace: Workspace, store: Store) -> None:
    row = store.examples_by_id([1])[0]
    edits.save(store, 1, {"output": "3 + 4 = 8"}, expected=row.revised)
    ask(workspace, AskSettings(kind="correct"), [1])
    [one] = store.suggestions()
    assert (one.verdict, one.output) == ("wrong", "3 + 4 = 7")
