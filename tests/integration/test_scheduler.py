"""The request engine with the real client and the real store, against a real faulty HTTP server."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.store.store import Store
from alpaca_tui.teacher.client import OpenAITeacher, Timeouts
from alpaca_tui.teacher.jobs import Job, Limits
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.scheduler import Budget, Scheduler
from alpaca_tui.teacher.types import Endpoint
from tests.support.engine import Ear, Jobs, wait_until
from tests.support.faulty_server import FaultyServer

IMPATIENT = Timeouts(connect_s=5.0, first_byte_s=0.5, idle_s=0.5, total_s=5.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store


class Run:
    """One engine over a server and a store."""

    def __init__(
        self,
        server: FaultyServer,
        store: Store,
        next_job: Callable[[int], Job | None],
        *,
        concurrency: int = 16,
        budget: Budget | None = None,
        price: Price | None = None,
        model: str | None = None,
        timeouts: Timeouts | None = None,
        **scheduler: Any,
    ) -> None:
        endpoint = Endpoint(server.url, model or server.model, server.url)
        self.store = store
        self.ear = Ear()
        self.run_id = store.start_run({})
        self.engine = Scheduler(
            lambda: OpenAITeacher(endpoint, timeouts=timeouts),
            store,
            self.run_id,
            next_job,
            self.ear,
            Limits(concurrency=concurrency),
            budget or Budget(),
            price,
            endpoint=endpoint,
            **scheduler,
        )

    def until(self, answers: int) -> Run:
        """Run until so many are completed."""

        def count(*_: Any) -> None:
            if len(self.ear.all("completed")) == answers:
                self.engine.stop("goal")

        self.ear.on["completed"] = count
        return self.go()

    def go(self) -> Run:
        self.engine.start()
        assert self.engine.join(60.0), self.engine.status()
        return self

    @property
    def stop(self) -> tuple[str, str]:
        return self.ear.stop

    def states(self) -> Counter[str]:
        return Counter(self.store.spending(self.run_id).states)


@contextmanager
def faulty(**options: Any) -> Iterator[FaultyServer]:
    with FaultyServer(**({"duration_s": 0.02, "chunks": 4} | options)) as server:
        yield server


def test_every_answer_is_what_the_server_said_stored_once(store: Store):
    with faulty() as server:
        run = Run(server, store, Jobs(120)).until(120)
        said = {entry.request_id: entry.text for entry in server.served("complete")}
    assert run.stop == ("goal", "")
    rows = list(store.iter_done())
    assert len(rows) == 120 == len(said)
    assert {row.request_id: row.text for row in rows} == said
    assert [row.finish_order for row in rows] == [*range(1, 121)]
    assert [words[0] for words in run.ear.all("completed")] == [row.id for row in rows]
    assert all(run.ear.texts[row.id] == row.text for row in rows)
    assert {(row.spoke, row.finish_reason, row.attempts, row.usage_estimated) for row in rows} == {
        ("chat", "stop", 1, False)
    }
    request = store.completion_request(rows[0].id)
    assert request is not None
    assert request["sampling"]["max_tokens"] == 100


@pytest.mark.parametrize("seed", [1, 2])
def test_a_third_of_all_requests_fail_in_every_way_and_all_answers_come(store: Store, seed: int):
    faults = ["429", "429-after", "500", "503", "reset", "cut", "cut-clean", "hang", "hang-mid", "garbage"]
    faults += ["garbage-http", "html-error", "error-in-stream", "empty", "json"]
    rates = {fault: 0.3 / len(faults) for fault in faults}
    with faulty(rates=rates, seed=seed, retry_after_s=0.2) as server:
        run = Run(server, store, Jobs(), concurrency=32, timeouts=IMPATIENT).until(300)
        complete = {entry.request_id: entry.text for entry in server.served("complete")}
        faulted = Counter(entry.fault for entry in server.served() if entry.fault)
    assert run.stop == ("goal", "")
    assert set(faulted) >= set(faults)
    rows = [row for row in store.iter_done() if row.finish_reason != "cancelled"]
    assert len(rows) >= 300
    assert len({row.key for row in rows}) == len(rows)
    assert all(complete[row.request_id or ""] == row.text for row in rows)
    assert run.states()["in_flight"] == 0
    # Unusable twice in a row, or cut off at the end; on a busy machine a few healthy ones are too slow as well.
    assert run.states()["failed"] <= 2 * (6 + 32)


def test_a_wrong_key_stops_at_once_with_the_servers_words(store: Store):
    with faulty(key="right") as server:
        run = Run(server, store, Jobs(), concurrency=64).go()
        served = len(server.served())
        stats = server.stats()
    reason, detail = run.stop
    assert reason == "fatal"
    assert "wants an API key" in detail
    assert "Incorrect API key provided" in detail
    assert served + stats["requests"] <= 2
    assert run.states() == {"failed": 1}


def test_an_unknown_model_stops_at_once_and_names_those_there_are(store: Store):
    with faulty(models=["alpha", "beta"]) as server:
        run = Run(server, store, Jobs(), concurrency=64, model="alphq").go()
        assert len(server.served()) <= 2
    reason, detail = run.stop
    assert reason == "fatal"
    assert "alpha" in detail


def test_a_server_that_is_down_is_given_up(store: Store):
    with faulty() as server:
        pass
    run = Run(server, store, Jobs(), concurrency=64)
    started = time.monotonic()
    run.go()
    reason, detail = run.stop
    assert reason == "failing"
    assert detail.startswith("None of the first 5 requests brought an answer")
    assert time.monotonic() - started < 30
    assert len(run.ear.all("request_retrying")) <= 12 * 4
    assert run.engine.status().spent_tokens == 0  # nothing ever reached it


def test_a_retry_after_is_kept_by_the_whole_engine(store: Store):
    plan = [None] * 20 + ["429-after"]
    with faulty(plan=plan, retry_after_s=1.5) as server:
        Run(server, store, Jobs()).until(60)
        entries = server.served()
    refused = next(entry for entry in entries if entry.fault == "429-after")
    after = [
        entry.started - refused.ended for entry in entries if entry.started > refused.ended + 0.3
    ]  # not what was on its way
    assert min(after) >= 1.45


def test_the_budget_holds_against_a_real_server(store: Store):
    price = Price(10.0, 30.0)
    with faulty(tasks=2, rates={"cut": 0.1, "500": 0.1}) as server:
        run = Run(server, store, Jobs(max_tokens=1000), budget=Budget(usd=1.0), price=price).go()
        billed = sum(
            price.cost(len(str(entry.body["messages"])) // 4, len(entry.text) // 4)
            for entry in server.served()
            if entry.status == 200
        )
    assert run.stop[0] == "budget"
    spending = store.spending(run.run_id)
    assert spending.cost_usd is not None
    assert billed <= spending.cost_usd <= 1.0
    assert run.engine.status().spent_usd == pytest.approx(spending.cost_usd)
    assert run.states()["in_flight"] == 0
    assert run.states()["done"] > 20


def test_what_an_earlier_run_spent_leaves_less_for_this_one(store: Store):
    with faulty() as server:
        first = Run(server, store, Jobs(), budget=Budget(tokens=20_000)).go()
        spent = store.spending().tokens
        second = Run(server, store, Jobs(), budget=Budget(tokens=30_000), already_spent_tokens=spent).go()
    assert (first.stop[0], second.stop[0]) == ("tokens", "tokens")
    assert spent <= 20_000 < store.spending().tokens <= 30_000


def test_pause_and_resume(store: Store):
    with faulty(duration_s=0.2) as server:
        run = Run(server, store, Jobs())
        run.engine.start()
        wait_until(lambda: len(run.ear.all("completed")) >= 16)
        run.engine.pause()
        wait_until(lambda: run.engine.status().in_flight == 0 and run.engine.status().paused)
        served = len(server.served())
        wait_until(lambda: run.states()["in_flight"] == 0)
        time.sleep(0.3)
        assert len(server.served()) == served == run.states()["done"]
        run.engine.resume()
        wait_until(lambda: len(run.ear.all("completed")) >= served + 16)
        run.engine.stop("user")
        assert run.engine.join(10.0)
    assert run.stop == ("user", "")


def test_stop_in_mid_stream_keeps_what_came_and_hangs_up(store: Store):
    with faulty(duration_s=20.0, chunks=400) as server:
        run = Run(server, store, Jobs(), concurrency=8)
        run.engine.start()
        wait_until(lambda: len(run.ear.texts) == 8)
        started = time.monotonic()
        run.engine.stop("user")
        assert run.engine.join(10.0)
        assert time.monotonic() - started < 2.0
        wait_until(lambda: server.stats()["in_flight"] == 0)
        said = [entry.text for entry in server.served()]
    rows = list(store.iter_done())
    assert len(rows) == 8
    assert {row.finish_reason for row in rows} == {"cancelled"}
    assert all(any(text.startswith(row.text) for text in said) for row in rows)


def test_a_key_answered_by_an_earlier_run_is_not_asked_again(store: Store):
    with faulty() as server:
        Run(server, store, Jobs(10)).until(10)
        asked = len(server.served())
        again = Run(server, store, Jobs(15)).until(15)
        assert len(server.served()) == asked + 5
    assert again.stop == ("goal", "")
    assert sum(cost == 0.0 for _, _, _, cost in again.ear.all("completed")) == 10


def test_another_writers_long_transaction_does_not_stop_the_streams(store: Store):
    with faulty(duration_s=2.0, chunks=80) as server:
        run = Run(server, store, Jobs(), concurrency=8)
        run.engine.start()
        wait_until(lambda: len(run.ear.texts) == 8)
        with store._db.write():  # an import of a large file, say
            before = sum(map(len, run.ear.texts.values()))
            time.sleep(0.5)
            grown = sum(map(len, run.ear.texts.values())) - before
        run.engine.stop("user")
        assert run.engine.join(10.0)
    assert grown > 0.1 * before


def test_a_full_disk_stops_the_run_with_a_clear_error(store: Store):
    with faulty() as server:
        run = Run(server, store, Jobs())
        with store._db.read() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]

        def shrink(*_: Any) -> None:
            # On the engine's own thread; the limit belongs to a connection, and the journal's is the one.
            run.engine._dispatcher._journal.write(limit, lambda _: None)

        def limit() -> None:
            with store._db.read() as db:
                db.execute(f"PRAGMA max_page_count = {pages + 12}")

        run.ear.on["request_started"] = shrink
        run.go()
    assert run.stop[0] == "error"
    assert isinstance(run.engine.error, UserError)
    assert "full" in str(run.engine.error).lower()
    rows = list(store.iter_done())
    assert all(row.text for row in rows)
    assert {words[0] for words in run.ear.all("completed")} <= {row.id for row in rows}
