"""A generation run against real HTTP servers: it reaches its goal, stops where it must, and loses nothing."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from rouge_score import rouge_scorer

from alpaca_tui.curation.export import export_alpaca
from alpaca_tui.curation.readers import READER_VERSION
from alpaca_tui.errors import UserError
from alpaca_tui.generation.engine import Generation
from alpaca_tui.generation.events import StopReason
from alpaca_tui.generation.opening import prepare, seeds_in_force
from alpaca_tui.generation.rejudge import rejudge
from alpaca_tui.generation.rescue import rescue
from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from alpaca_tui.workspace import Workspace
from tests.support.faulty_server import FaultyServer


def settings(server: FaultyServer, **changes: object) -> GenerationSettings:
    return GenerationSettings.build(
        **{"teacher": server.url, "goal": 40, "answer_tokens": 400, "seed": 1, **changes}
    )


def run_to_end(workspace: Workspace, chosen: GenerationSettings, timeout: float = 60) -> Generation:
    run = prepare(workspace, chosen)
    try:
        run.start()
        assert run.wait(timeout), run.snapshot()
    finally:
        run.close()
    return run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def test_reaches_exactly_the_goal_and_stores_every_answer(workspace: Workspace) -> None:
    with FaultyServer(tasks=7) as server:
        run = run_to_end(workspace, settings(server, goal=40))
        answered = [entry for entry in server.served() if entry.outcome == "complete"]
    snapshot = run.snapshot()
    assert snapshot.stopped_because is StopReason.GOAL
    assert snapshot.kept == 40
    with workspace.open_store() as store:
        assert store.tally().kept == 40 == store.count_examples()
        done = store.completions(state="done", limit=10_000)
        whole = Counter(row.text for row in done if row.finish_reason != "cancelled")
        cut = [row.text for row in done if row.finish_reason == "cancelled"]
        assert set(whole.values()) == {1}
        assert whole.keys() <= {entry.text for entry in answered}
        # The server may have sent the last bytes of an answer that the goal cut before they were read.
        unread = [
            entry.text
            for entry in answered
            if entry.text not in whole and not entry.text.startswith(tuple(cut))
        ]
        assert len(unread) <= len(store.completions(state="failed", limit=10_000))
        assert all(row.judged for row in done)
        assert store.last_run().stopped_because == "goal"  # type: ignore[union-attr]


def test_kept_rows_are_unique_among_themselves_and_against_the_seeds(workspace: Workspace) -> None:
    with FaultyServer(tasks=10) as server:
        run_to_end(workspace, settings(server, goal=30))
    with workspace.open_store() as store:
        kept = [row.instruction for row in store.iter_examples()]
    seeds = [seed.instruction for seed in seeds_in_force(workspace, None)[0]]
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    pairs = [*combinations(kept, 2), *((row, seed) for row in kept for seed in seeds)]
    assert max(scorer.score(a, b)["rougeL"].fmeasure for a, b in pairs) <= 0.7


def test_a_higher_goal_continues_and_takes_the_surplus_first(workspace: Workspace) -> None:
    with FaultyServer(tasks=9) as server:
        first = run_to_end(workspace, settings(server, goal=20))
        surplus = first.snapshot().surplus
        asked = len(server.served())
        second = run_to_end(workspace, settings(server, goal=20 + surplus))
        assert surplus > 0
        assert len(server.served()) == asked, "what was already paid for is enough"
        assert second.snapshot().kept == 20 + surplus
        third = run_to_end(workspace, settings(server, goal=60))
    assert third.snapshot().kept == 60
    with workspace.open_store() as store:
        assert store.count_examples() == 60
        indexes = [row.index for row in store.completions(order="begin", limit=1000)]
        assert len(indexes) == len(set(indexes)), "no request is asked twice"


def test_rows_are_read_by_the_lint_as_they_arrive(workspace: Workspace) -> None:
    with FaultyServer(tasks=7) as server:
        run = run_to_end(workspace, settings(server, goal=40))
        with workspace.open_store() as store:
            verbs = [row.verb for row in store.root_verbs()]
            assert store.count_uninspected(READER_VERSION) == 0
        again = run_to_end(workspace, settings(server, goal=60))
    assert len(verbs) == 40
    first = [verb is not None and verb not in verbs[:place] for place, verb in enumerate(verbs)]
    assert run.snapshot().new_verb_rate == pytest.approx(sum(first) / len(first))
    with workspace.open_store() as store:
        verbs = [row.verb for row in store.root_verbs()]
        ended = store.last_run()
        assert store.count_uninspected(READER_VERSION) == 0
    first = [verb is not None and verb not in verbs[:place] for place, verb in enumerate(verbs)]
    assert again.snapshot().new_verb_rate == pytest.approx(sum(first) / len(first))
    assert ended is not None
    assert ended.totals["new_verb_rate"] == again.snapshot().new_verb_rate


def test_a_dataset_nobody_has_read_does_not_hold_the_verdicts_up(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        rows = [ImportedRow(f"Count the {n} birds on the roof.", "", "", {}) for n in range(3_000)]
        store.add_imported(rows, "birds.json")
    with FaultyServer(tasks=7) as server:
        run_to_end(workspace, settings(server, goal=10))
    with workspace.open_store() as store:
        assert 0 < store.count_uninspected(READER_VERSION) < 3_000


def test_thirty_percent_faults_still_reach_the_goal(workspace: Workspace) -> None:
    rates = {"429": 0.06, "429-after": 0.02, "500": 0.08, "cut": 0.08, "garbage": 0.03, "html-error": 0.03}
    with FaultyServer(tasks=5, rates=rates, retry_after_s=0.2, seed=3) as server:
        run = run_to_end(workspace, settings(server, goal=100, concurrency=16), timeout=110)
        complete = Counter(entry.text for entry in server.served("complete"))
    assert run.snapshot().stopped_because is StopReason.GOAL
    with workspace.open_store() as store:
        stored = Counter(
            row.text for row in store.completions(state="done", limit=10_000) if row.finish_reason == "stop"
        )
    assert stored == complete, "every completed answer is stored, once"


def test_a_wrong_key_is_refused_at_the_first_contact(workspace: Workspace) -> None:
    with FaultyServer(tasks=5, key="right") as server, pytest.raises(UserError, match="key"):
        prepare(workspace, settings(server))


def test_a_bad_request_stops_at_once_in_the_servers_words(workspace: Workspace) -> None:
    with FaultyServer(tasks=5, plan=lambda number, body: "400") as server:
        run = run_to_end(workspace, settings(server))
        assert len(server.served()) <= 16
    assert run.snapshot().stopped_because is StopReason.FATAL
    assert run.snapshot().stop_detail


def test_budget_is_hard_and_counts_what_was_spent_before(workspace: Workspace) -> None:
    with FaultyServer(tasks=5) as server:
        limited = settings(server, goal=10_000, budget_usd=0.05, price=(1.0, 10.0), answer_tokens=600)
        run = run_to_end(workspace, limited)
        assert run.snapshot().stopped_because is StopReason.BUDGET
        money = run.snapshot().money
        assert money.spent is not None
        assert 0 < money.spent <= 0.05
        asked = len(server.served())
        again = run_to_end(workspace, limited)
        assert again.snapshot().stopped_because is StopReason.BUDGET
        assert again.result()["cost_usd"] <= 0.05
        assert len(server.served()) - asked <= 10


def test_budget_without_a_price_is_refused(workspace: Workspace) -> None:
    with FaultyServer() as server, pytest.raises(UserError, match="price"):
        prepare(workspace, settings(server, budget_usd=1.0))
    # The refusal left nothing locked.
    with workspace.generation_lock():
        pass


def test_token_budget_stops_cleanly(workspace: Workspace) -> None:
    with FaultyServer(tasks=5) as server:
        run = run_to_end(workspace, settings(server, goal=10_000, token_budget=60_000))
    assert run.snapshot().stopped_because is StopReason.TOKENS
    assert run.result()["usage"]["total_tokens"] <= 60_000


def test_saturation_stops_after_two_hundred_candidates_in_vain(workspace: Workspace) -> None:
    with FaultyServer(tasks=10) as server:
        run_to_end(workspace, settings(server, goal=10))
        run = run_to_end(workspace, settings(server, goal=1000, threshold=0.0))
    assert run.snapshot().stopped_because is StopReason.SATURATED
    assert 200 <= run.snapshot().judged <= 600


def test_a_teacher_that_only_chats_is_stopped(workspace: Workspace) -> None:
    with FaultyServer(tasks=0) as server:
        run = run_to_end(workspace, settings(server, goal=50))
    assert run.snapshot().stopped_because is StopReason.FAILING
    assert run.snapshot().completions + run.snapshot().failed <= 30


def test_pause_change_resume_stop(workspace: Workspace) -> None:
    with FaultyServer(tasks=5, duration_s=0.2, chunks=8) as server:
        run = prepare(workspace, settings(server, goal=100_000))
        try:
            run.start()
            while run.snapshot().kept < 5:
                assert not run.wait(0.05)
            run.pause()
            while run.snapshot().state != "paused":
                assert not run.wait(0.05)
            asked = len(server.served())
            assert not run.wait(0.5)
            assert len(server.served()) == asked
            run.set_concurrency(3)
            run.set_temperature(0.5)
            run.set_threshold(0.6)
            run.resume()
            while not any(entry.body["temperature"] == 0.5 for entry in server.served()):
                assert not run.wait(0.02)
            assert run.snapshot().in_flight <= 3
            run.stop()
            assert run.wait(10)
        finally:
            run.close()
        assert run.snapshot().stopped_because is StopReason.USER
    with workspace.open_store() as store:
        changes = [entry.message for entry in store.log_entries() if entry.kind == "change"]
        assert any("0.6" in message for message in changes)
        assert not store.unjudged()
        assert not store.completions(state="in_flight")


def test_answers_stored_but_not_judged_are_judged_first(workspace: Workspace) -> None:
    with FaultyServer(tasks=5) as server:
        run_to_end(workspace, settings(server, goal=20))
        with workspace.open_store() as store:
            begun: dict[str, Any] = {
                "key": "k",
                "index": store.next_index(),
                "purpose": "generate",
                "server": "s",
                "model": "m",
                "prompt_hash": "p",
                "seed_ids": [],
                "k": 3,
                "request": {},
                "reserved_tokens": 10,
                "reserved_usd": None,
            }
            run_id = store.last_run().id  # type: ignore[union-attr]
            left = store.begin_completion(run_id, **begun)
            store.finish_completion(
                left, text="4. Instruction: Name three tools a careful beekeeper uses daily\n4. Input:\n<noinput>\n"
                "4. Output:\nSmoker, hive tool, veil\n###\n", finish_reason="stop", spoke="chat", prompt_tokens=1,
                completion_tokens=1, usage_estimated=False, cost_usd=None, latency_s=1.0, first_token_s=None,
                attempts=1, model="m", request_id=None,
            )  # fmt: skip
            store.begin_completion(run_id, **{**begun, "index": begun["index"] + 1, "key": "l"})
        run = run_to_end(workspace, settings(server, goal=21))
    assert run.snapshot().kept == 21
    assert run.snapshot().lost == 1
    with workspace.open_store() as store:
        assert [row.verdict for row in store.candidates(completion_id=left)] == ["kept"]
        assert store.spending().lost_tokens == 10


def test_two_runs_on_one_workspace_are_refused(workspace: Workspace) -> None:
    with FaultyServer() as server:
        first = prepare(workspace, settings(server))
        try:
            with pytest.raises(UserError):
                prepare(workspace, settings(server))
        finally:
            first.close()


def dataset(store: Store) -> list[tuple[int, str, str, str]]:
    return [(row.id, row.instruction, row.input, row.output) for row in store.iter_examples()]


def test_rejudging_calls_nobody_and_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    with FaultyServer(tasks=9) as server:
        chosen = settings(server, goal=30)
        run_to_end(workspace, chosen)
        run_to_end(workspace, settings(server, goal=45))
        asked = len(server.served())
    seeds = seeds_in_force(workspace, None)[0]
    with workspace.open_store() as store:
        before = dataset(store)
        tops = [row.top for row in store.iter_examples()]
        export_alpaca(store, tmp_path / "before.json")
        same = rejudge(store, seeds, chosen.model_copy(update={"threshold": 0.7}))
        assert dataset(store) == before
        assert [row.top for row in store.iter_examples()] == tops
        assert (same.changes.added, same.changes.withdrawn) == (0, 0)
        strict = rejudge(store, seeds, chosen.model_copy(update={"threshold": 0.15}))
        assert strict.kept < 45
        assert strict.changes.withdrawn == 45 - strict.kept
        back = rejudge(store, seeds, chosen.model_copy(update={"threshold": 0.7}))
        assert back.kept == 45
        assert dataset(store) == before
        export_alpaca(store, tmp_path / "after.json")
    assert (tmp_path / "before.json").read_bytes() == (tmp_path / "after.json").read_bytes()
    assert len(json.loads((tmp_path / "after.json").read_text())) == 45
    assert asked == len(server.served())


def test_a_rescued_task_stays_through_a_rejudge(workspace: Workspace) -> None:
    with FaultyServer(tasks=6) as server:
        chosen = settings(server, goal=10, threshold=0.2)
        run_to_end(workspace, settings(server, goal=10))
        run_to_end(workspace, settings(server, goal=500, threshold=0.2))
    with workspace.open_store() as store:
        duplicate = store.candidates(verdict="duplicate", limit=1)[0]
        row = rescue(store, duplicate.id)
        assert row in {example.id for example in store.iter_examples()}
        rejudge(store, seeds_in_force(workspace, None)[0], chosen)
        assert row in {example.id for example in store.iter_examples()}
        assert store.candidate(duplicate.id).rescued  # type: ignore[union-attr]


def test_the_demo_teacher_says_what_it_does_not_heed(workspace: Workspace) -> None:
    chosen = GenerationSettings.build(goal=3, teacher="demo", topic="Astronomy", language="German")
    run_to_end(workspace, chosen)
    with workspace.open_store(readonly=True) as store:
        assert any("heeds no topic and no language" in entry.message for entry in store.log_entries())
