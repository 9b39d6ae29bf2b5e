"""The engine's rules, against a scripted teacher in virtual time."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.scheduler import Budget, Cancelled
from alpaca_tui.teacher.types import FailureKind, RateHeaders, Usage
from tests.support.engine import (
    Jobs,
    MemoryStore,
    ScriptedTeacher,
    answer,
    bench,
    failure,
    wait_until,
)

RATE, TRANSIENT, CONTENT = FailureKind.RATE, FailureKind.TRANSIENT, FailureKind.CONTENT
FATAL, QUOTA = FailureKind.FATAL, FailureKind.QUOTA


# --- the ordinary way


def test_every_answer_is_stored_once_before_it_is_heard_of():
    b = bench(jobs=Jobs(40), concurrency=8)
    b.stop_after(40)
    states: list[str] = []
    stop = b.ear.on["completed"]

    def hear(completion_id: int, *rest: Any) -> None:
        states.append(b.store.rows[completion_id]["state"])
        stop()

    b.ear.on["completed"] = hear
    b.run()
    assert states == ["done"] * 40
    assert b.ear.stop == ("goal", "")
    assert [b.store.rows[words[0]]["order"] for words in b.ear.all("completed")] == [*range(1, 41)]
    row = b.store.rows[1]
    assert row["text"] == "An answer." == b.ear.texts[1]
    assert (row["server"], row["model"], row["run_id"]) == (
        "http://teacher.example/v1",
        "test-model",
        7,
    )
    assert (row["prompt_tokens"], row["completion_tokens"], row["attempts"]) == (20, 10, 1)
    assert row["request"]["chat"] == [["user", "1: Say something."]]
    assert row["cost_usd"] is None
    assert b.teacher.closed


def test_the_slots_are_filled_and_never_exceeded():
    b = bench(jobs=Jobs(64), concurrency=8)
    b.stop_after(64)
    b.run()
    assert b.teacher.peak == 8
    # One goes ahead until its first words (0.5 s); then 63 in waves of 8, one second each.
    assert max(b.teacher.times) - min(b.teacher.times) == pytest.approx(7.5, abs=0.6)


def test_next_job_hears_how_many_have_no_stored_answer_yet():
    b = bench(jobs=Jobs(9), concurrency=3)
    b.stop_after(9)
    b.run()
    assert max(b.jobs.outstanding) <= 5  # three asked, and those answered whose text is being stored
    assert b.jobs.outstanding[0] == 0


def test_none_means_wait_until_woken():
    jobs = Jobs(2)
    b = bench(jobs=jobs)
    b.scheduler.start()
    wait_until(lambda: len(b.ear.all("completed")) == 2)
    asked = len(jobs.outstanding)
    jobs.total = 3
    b.stop_after(3)
    assert len(jobs.outstanding) == asked
    b.scheduler.wake()
    b.finish()
    assert len(b.store.in_state("done")) == 3


def test_a_key_that_is_answered_in_the_store_is_not_asked_again():
    store = MemoryStore()
    store.done["key-2"] = _row(id=99, text="From before.")
    b = bench(jobs=Jobs(3), store=store)
    b.stop_after(3)
    b.run()
    assert len(b.teacher.asked) == 2
    [(_, job, given, cost)] = [heard for heard in b.ear.all("completed") if heard[0] == 99]
    assert (job.index, given.text, cost) == (2, "From before.", 0.0)
    assert b.scheduler.status().reserved_tokens == 0


def _row(**values: Any) -> Any:
    from alpaca_tui.store.rows import CompletionRow

    names = CompletionRow.__dataclass_fields__
    row = dict.fromkeys(names) | {"prompt_tokens": 5, "completion_tokens": 6, "usage_estimated": False}
    return CompletionRow(**(row | {"model": "m", "finish_reason": "stop", "seed_ids": ()} | values))


# --- faults


def test_a_wrong_key_is_refused_once_and_its_words_reach_the_user():
    said = failure(
        FATAL, "The server refuses the API key (401): Incorrect API key", hint="Check it.", status=401
    )
    b = bench(lambda number, request: said, concurrency=64)
    b.run()
    assert len(b.teacher.asked) == 1
    assert b.ear.stop == ("fatal", "The server refuses the API key (401): Incorrect API key. Check it.")
    [row] = b.store.rows.values()
    assert (row["state"], row["kind"], row["attempts"]) == ("failed", "fatal", 1)
    assert b.ear.heard.index(("stopped", b.ear.stop)) < len(b.ear.heard) - 1  # the end is announced first


def test_too_long_a_prompt_ends_the_run_unless_its_job_stands_alone():
    def too_long(number: int, request: Any) -> Any:
        return failure(FailureKind.TOO_LONG, "The request is too long (400)") if number == 1 else None

    together = bench(too_long, jobs=Jobs(4), concurrency=1)
    together.run()
    assert together.ear.stop[0] == "fatal"

    class Alone(Jobs):
        def __call__(self, in_flight: int) -> Any:
            job = super().__call__(in_flight)
            return None if job is None else replace(job, alone=True)

    alone = bench(too_long, jobs=Alone(4), concurrency=1)
    alone.stop_after(3)
    alone.run()
    assert alone.ear.stop == ("goal", "")
    assert [row["state"] for row in alone.store.rows.values()] == ["done", "failed", "done", "done"]


def test_no_money_left_stops_the_run():
    b = bench(lambda number, request: failure(QUOTA, "No credit left (429)") if number == 5 else None)
    b.run()
    reason, detail = b.ear.stop
    assert (reason, detail) == ("fatal", "No credit left (429).")


def test_a_slow_first_answer_does_not_hold_the_others_back_for_long():
    b = bench(teacher=ScriptedTeacher(delay_s=60.0), jobs=Jobs(8), concurrency=8)
    b.stop_after(8)
    b.run()
    assert sorted(round(at - b.teacher.times[0], 2) for at in b.teacher.times) == [0.0] + [1.0] * 7


def test_transient_faults_are_asked_again_five_times_at_most():
    tries: dict[str, int] = {}

    def script(number: int, request: Any) -> Any:
        tries[request.text] = tries.get(request.text, 0) + 1
        return (
            failure(TRANSIENT, "The server had a fault (500)", status=500) if "3:" in request.text else None
        )

    b = bench(script, jobs=Jobs(12))
    b.scheduler.start()
    wait_until(lambda: len(b.ear.all("completed")) + len(b.ear.all("request_failed")) == 12)
    b.scheduler.stop("user")
    b.finish()
    assert tries["3: Say something."] == 5
    [row] = b.store.in_state("failed")
    assert (row["index"], row["kind"], row["attempts"]) == (3, "transient", 5)
    assert row["error"] == "The server had a fault (500)."
    assert row["cost_usd"] is None
    assert (row["prompt_tokens"], row["completion_tokens"]) == (0, 0)  # a refused request costs nothing
    assert len(b.ear.all("request_retrying")) == 4
    assert len(b.store.in_state("done")) == 11


def test_backoff_grows_and_retries_do_not_wait_for_the_end():
    def script(number: int, request: Any) -> Any:
        return failure(TRANSIENT, status=500) if request.text.startswith("1:") else None

    b = bench(script, jobs=Jobs(200), concurrency=2)
    b.scheduler.start()
    wait_until(lambda: len(b.ear.all("request_failed")) == 1)
    b.scheduler.stop("user")
    b.finish()
    waits = [wait for _, _, wait in b.ear.all("request_retrying")]
    assert all(wait <= most for wait, most in zip(waits, (0.5, 1.0, 2.0, 4.0), strict=True))
    assert len(b.ear.all("completed")) < 100


def test_an_unusable_answer_gets_one_more_try():
    b = bench(
        lambda number, request: (
            failure(CONTENT, "The answer is empty") if request.text[:2] in ("2:", "4:") else None
        ),
        jobs=Jobs(10),
    )
    b.scheduler.start()
    wait_until(lambda: len(b.ear.all("completed")) + len(b.ear.all("request_failed")) == 10)
    b.scheduler.stop("user")
    b.finish()
    assert sorted((row["index"], row["attempts"]) for row in b.store.in_state("failed")) == [(2, 2), (4, 2)]
    assert {row["kind"] for row in b.store.in_state("failed")} == {"content"}


def test_rate_limits_never_count_as_tries_or_failures():
    rng = random.Random(5)
    b = bench(
        lambda number, request: failure(RATE, status=429) if rng.random() < 0.7 else None, jobs=Jobs(60)
    )
    b.stop_after(60)
    b.run()
    assert b.ear.stop[0] == "goal"
    assert b.ear.all("request_failed") == []
    assert {row["attempts"] for row in b.store.in_state("done")} == {1}
    assert len(b.teacher.asked) > 100


def test_a_retry_after_silences_the_whole_endpoint_for_all_its_time():
    def script(number: int, request: Any) -> Any:
        return failure(RATE, status=429, retry_after_s=20.0) if number == 10 else None

    b = bench(script, jobs=Jobs(60), concurrency=8)
    b.stop_after(60)
    b.run()
    refused = b.teacher.times[10] + 0.01
    assert [at for at in b.teacher.times if refused < at < refused + 20.0 - 1e-6] == []
    assert [at for at in b.teacher.times if refused + 20.0 - 1e-6 <= at < refused + 20.1] != []
    cuts = [(old, new) for old, new, _ in b.ear.all("limit_changed") if new < old]
    assert cuts == [(8, 6)]
    assert "and to wait 20 s" in b.ear.all("limit_changed")[0][2]


def test_a_request_whose_row_is_being_written_when_silence_falls_is_not_sent_into_it():
    hanging, refused = threading.Event(), threading.Event()

    class SlowStore(MemoryStore):
        def begin_completion(self, run_id: int, **values: Any) -> int:
            if values["index"] == 3:
                hanging.set()
                assert refused.wait(10.0)
            return super().begin_completion(run_id, **values)

    b = bench(
        lambda number, request: (0.6, failure(RATE, status=429, retry_after_s=30.0)) if number == 1 else None,
        jobs=Jobs(20),
        concurrency=2,
        store=SlowStore(),
    )
    writing = b.loop.busy
    # Time goes on while the store hangs, and only then.
    b.loop.busy = lambda: writing() and not hanging.is_set()

    def refuse(*_: Any) -> None:
        hanging.clear()
        refused.set()

    b.ear.on["request_retrying"] = refuse
    b.stop_after(20)
    b.run()
    assert b.ear.stop[0] == "goal"
    assert b.teacher.times[1] - b.teacher.times[0] == pytest.approx(0.5)
    assert b.teacher.times[2] - b.teacher.times[1] == pytest.approx(30.6, abs=0.02)


def test_a_burst_of_refusals_cuts_once():
    def script(number: int, request: Any) -> Any:
        return failure(RATE, status=429) if 1 <= number <= 40 else None

    b = bench(script, jobs=Jobs(300), concurrency=64)
    b.stop_after(300)
    b.run()
    cuts = [(old, new) for old, new, _ in b.ear.all("limit_changed") if new < old]
    assert cuts == [(64, 48)]


def test_a_server_that_takes_ten_at_once_is_found_out():
    teacher = ScriptedTeacher(delay_s=0.5)
    teacher.script = lambda number, request: failure(RATE, status=429) if teacher.at_once > 10 else None
    b = bench(teacher=teacher, jobs=Jobs(1500), concurrency=64)
    b.stop_after(1500)
    b.run()
    took = max(teacher.times) - min(teacher.times)
    assert took < 1.25 * 1500 / 10 * 0.5  # ten at once, busy nearly all the time
    assert b.scheduler.status().allowed <= 14
    assert max(b.jobs.outstanding) <= 64 + 11  # a refusal does not make room for another job


def test_a_dead_server_is_given_up_soon():
    b = bench(lambda number, request: failure(TRANSIENT, "Connection refused"), concurrency=64)
    b.run()
    reason, detail = b.ear.stop
    assert reason == "failing"
    assert detail == (
        "None of the first 5 requests brought an answer, each after all its tries. "
        "The last one: Connection refused."
    )
    assert len(b.teacher.asked) <= 12 * 5
    assert b.loop.now - 1000.0 < 20.0


def test_more_than_half_of_the_last_twenty_failing_stops_the_run():
    b = bench(lambda number, request: failure(TRANSIENT, status=500) if number >= 50 else None, concurrency=4)
    b.run()
    reason, detail = b.ear.stop
    assert reason == "failing"
    assert detail.startswith("11 of the last 20 requests failed")
    stored = [row["state"] for row in b.store.rows.values() if row.get("kind") != "cancelled"]
    assert stored.count("failed") >= 11


def test_faults_of_a_third_of_all_requests_do_not_stop_the_run():
    rng = random.Random(11)
    faults = [
        failure(RATE, status=429),
        failure(TRANSIENT, status=500),
        failure(TRANSIENT, partial="Half of "),
    ]
    b = bench(
        lambda number, request: rng.choice(faults) if rng.random() < 0.3 else None,
        jobs=Jobs(400),
        concurrency=64,
    )
    b.stop_after(400)
    b.run()
    assert b.ear.stop[0] == "goal"
    assert len(b.store.in_state("done")) == 400


def test_a_request_that_was_dropped_without_a_word_is_asked_again():
    """Long before the client's own timeout, which here never comes."""
    b = bench(
        lambda number, request: float("inf") if number in (20, 33) else None, jobs=Jobs(200), concurrency=4
    )
    b.stop_after(200)
    b.run()
    assert b.ear.stop[0] == "goal"
    assert len(b.store.in_state("done")) == 200
    said = [words[1].message for words in b.ear.all("request_retrying")]
    assert [words.replace("21", "20") for words in said] == [
        "The teacher was silent for 20 s while it answered later requests."
    ] * 2
    assert sorted(row["attempts"] for row in b.store.in_state("done"))[-2:] == [2, 2]
    assert b.teacher.cancelled == 2


def test_a_server_silent_to_everybody_is_waited_for():
    b = bench(lambda number, request: 100.0 if 30 <= number < 34 else None, jobs=Jobs(60), concurrency=4)
    b.stop_after(60)
    b.run()
    assert b.ear.all("request_retrying") == []


def test_what_a_given_up_request_says_late_is_not_heard():
    class Stubborn(ScriptedTeacher):
        async def ask(self, request: Any, on_delta: Any = None) -> Any:
            try:
                return await super().ask(request, on_delta)
            except asyncio.CancelledError:
                if len(self.asked) % 2:
                    return answer("Too late.")
                raise failure(TRANSIENT, "Too late.") from None

    hung = (20, 33, 50, 61, 75, 86)
    b = bench(
        teacher=Stubborn(lambda number, request: float("inf") if number in hung else None),
        jobs=Jobs(300),
        concurrency=4,
    )
    b.stop_after(300)
    b.run()
    assert b.teacher.cancelled == len(hung)
    assert b.ear.stop[0] == "goal"
    assert {row["text"] for row in b.store.in_state("done")} == {"An answer."}
    assert len(b.ear.all("request_retrying")) == len(hung)


def test_a_slow_server_is_not_taken_for_a_dead_one():
    """Long silences are usual here."""
    b = bench(teacher=ScriptedTeacher(delay_s=200.0), jobs=Jobs(40), concurrency=8)
    b.stop_after(40)
    b.run()
    assert b.ear.all("request_retrying") == []


# --- money


PRICE = Price(1.0, 2.0)  # a prompt token costs 1e-6 dollars, a completion token 2e-6


@pytest.mark.parametrize("usage", [Usage(20, 10), Usage(20, 100), Usage(3, 0)])
def test_the_budget_is_never_exceeded_and_the_run_ends_cleanly(usage: Usage):
    b = bench(
        lambda number, request: answer(usage=usage) if number % 7 else failure(TRANSIENT, partial="Half."),
        budget=Budget(usd=0.02),
        price=PRICE,
        concurrency=16,
    )
    worst: list[float] = []

    def look(*_: Any) -> None:
        status = b.scheduler.status()
        worst.append((status.spent_usd or 0) + (status.reserved_usd or 0))

    b.ear.on = {"request_started": look, "request_retrying": look, "completed": look}
    b.run()
    reason, detail = b.ear.stop
    assert reason == "budget"
    assert max(worst) <= 0.02
    assert b.scheduler.status().reserved_usd == 0
    assert "left; the next request could cost $0.0003" in detail
    stored = sum(row["cost_usd"] for row in b.store.rows.values())
    assert stored == pytest.approx(b.scheduler.status().spent_usd)
    assert 0.02 - stored < 0.0003  # stops only when one more would not fit
    assert b.store.in_state("in_flight") == []


def test_a_budget_too_small_for_one_request_sends_none():
    b = bench(budget=Budget(usd=0.0001), price=PRICE)
    b.run()
    assert b.ear.stop[0] == "budget"
    assert b.teacher.asked == []
    assert b.store.rows == {}


def test_what_was_spent_before_counts():
    b = bench(budget=Budget(usd=0.02), price=PRICE, already_spent_usd=0.0199)
    b.run()
    assert b.ear.stop[0] == "budget"
    assert b.teacher.asked == []
    assert b.scheduler.status().spent_usd == pytest.approx(0.0199)


def test_a_limit_of_tokens_needs_no_price():
    b = bench(budget=Budget(tokens=2000), already_spent_tokens=100)
    b.run()
    reason, detail = b.ear.stop
    assert reason == "tokens"
    status = b.scheduler.status()
    assert status.spent_tokens <= 2000
    assert status.spent_usd is None
    assert "of 2,000 tokens are left" in detail
    assert len(b.store.in_state("done")) == (status.spent_tokens - 100) // 30


def test_a_budget_in_dollars_without_a_price_is_refused():
    with pytest.raises(ValueError, match="price"):
        bench(budget=Budget(usd=1.0))


@pytest.mark.parametrize("limits", [{"rpm": 0}, {"tpm": 0}, {"rpm": -1}, {"attempts": 0}])
def test_limits_of_nothing_are_refused(limits: dict[str, int]):
    with pytest.raises(ValueError, match="1 or more"):
        bench(limits=limits)


@pytest.mark.parametrize("concurrency", [0, 1001])
def test_concurrency_has_bounds(concurrency: int):
    with pytest.raises(ValueError, match="1 to 1000"):
        bench(concurrency=concurrency)
    with pytest.raises(ValueError, match="1 to 1000"):
        bench().scheduler.set_concurrency(concurrency)


@pytest.mark.parametrize(
    ("broken", "prompt", "completion"),
    [
        (failure(TRANSIENT, partial="Twenty characters..."), True, 20 + 100),  # and what was not seen of it
        (failure(TRANSIENT), True, 1000),  # reached the server, and brought nothing: all it was allowed
        (failure(CONTENT, "The answer is empty"), True, 1000),
        (failure(TRANSIENT, sent=False), False, 0),
        (failure(TRANSIENT, status=500), False, 0),
        (failure(RATE, status=429), False, 0),
    ],
)
def test_broken_tries_cost_what_they_may_have_cost(broken: Any, prompt: bool, completion: int):
    b = bench(
        lambda number, request: broken if number == 0 else answer(usage=Usage(20, 10)),
        jobs=Jobs(1, max_tokens=1000),
        price=PRICE,
    )
    b.stop_after(1)
    b.run()
    [row] = b.store.in_state("done")
    extra = row["prompt_tokens"] - 20
    assert len("1: Say something.") < extra < 100 if prompt else extra == 0
    assert row["completion_tokens"] - 10 == completion
    assert row["usage_estimated"] == prompt
    assert row["cost_usd"] == pytest.approx((row["prompt_tokens"] + 2 * row["completion_tokens"]) / 1e6)
    status = b.scheduler.status()
    assert (status.spent_tokens, status.spent_usd) == (
        row["prompt_tokens"] + row["completion_tokens"],
        pytest.approx(row["cost_usd"]),
    )


# --- minute limits


def test_requests_a_minute_are_kept_to_and_spread_evenly():
    b = bench(jobs=Jobs(300), concurrency=64, limits={"rpm": 120})
    b.stop_after(300)
    b.run()
    times = b.teacher.times
    assert max(sum(start <= at < start + 60.0 for at in times) for start in times) <= 120
    assert max(times) - min(times) == pytest.approx(150.0, rel=0.05)


def test_tokens_a_minute_are_reserved_and_corrected():
    b = bench(jobs=Jobs(200, max_tokens=1000), concurrency=64, limits={"tpm": 3000})
    b.stop_after(200)
    b.run()
    times = b.teacher.times
    # 30 tokens each in truth, so 100 a minute; the reservations of 1,000 hold back only until answers are known.
    assert max(times) - min(times) < 1.6 * 60.0 * 2
    assert max(sum(start <= at < start + 60.0 for at in times) for start in times) <= 110


def test_the_servers_own_limits_count_once_it_refuses():
    used_up = RateHeaders(limit_requests=120, remaining_requests=0, limit_tokens=9000, remaining_tokens=8000)
    plenty = RateHeaders(limit_requests=120, remaining_requests=100)

    def script(number: int, request: Any) -> Any:
        return failure(RATE, status=429, rate=used_up) if number == 5 else answer(rate=plenty)

    b = bench(script, jobs=Jobs(200), concurrency=16)
    b.stop_after(200)
    b.run()
    taken = [words for words in b.ear.all("limit_changed") if words[0] == words[1]]
    assert [words[2] for words in taken] == ["The teacher allows 120 requests a minute; keeping to that."]
    times = b.teacher.times[30:]
    assert max(sum(start <= at < start + 60.0 for at in times) for start in times) <= 121


# --- commands


def test_pause_lets_what_is_in_flight_finish_and_sends_nothing_more():
    b = bench(concurrency=4)
    b.ear.on["request_started"] = lambda *_: b.scheduler.pause() if b.store.order >= 8 else None
    b.scheduler.start()
    wait_until(lambda: b.scheduler.status().paused and b.scheduler.status().in_flight == 0)
    asked = len(b.teacher.asked)
    wait_until(lambda: b.store.in_state("in_flight") == [])
    del b.ear.on["request_started"]
    b.stop_after(asked + 10)
    assert len(b.teacher.asked) == asked
    b.scheduler.resume()
    b.finish()
    assert len(b.teacher.asked) > asked


def test_concurrency_changes_while_it_runs():
    b = bench(concurrency=2)
    b.ear.on["completed"] = lambda *_: (
        b.scheduler.set_concurrency(10)
        if b.store.order == 6
        else (b.scheduler.stop("goal") if b.store.order >= 40 else None)
    )
    b.run()
    assert b.teacher.peak == 10
    assert b.scheduler.status().cap == 10


def test_stop_keeps_the_text_that_has_come():
    b = bench(teacher=ScriptedTeacher(delay_s=10.0, deltas=["Half of ", "an answer."]), concurrency=3)

    def stop_in_mid_answer(completion_id: int, text: str) -> None:
        if len(b.ear.texts) == 3 and all(b.ear.texts.values()):
            b.scheduler.stop("user")

    b.ear.on["delta"] = stop_in_mid_answer
    b.run()
    done = b.store.in_state("done")
    cut = [row for row in done if row["finish_reason"] == "cancelled"]
    assert cut
    assert {row["text"] for row in cut} == {"Half of "}
    assert all(row["usage_estimated"] and row["completion_tokens"] >= 8 for row in cut)
    assert {given.finish_reason for _, _, given, _ in b.ear.all("completed")} <= {"stop", "cancelled"}
    assert b.store.in_state("in_flight") == []
    assert b.teacher.cancelled >= len(cut)
    assert b.scheduler.status().reserved_tokens == 0


def test_stop_before_any_text_is_a_cancelled_failure():
    b = bench(lambda number, request: float("inf"), concurrency=3)
    b.scheduler.start()
    wait_until(lambda: len(b.ear.all("request_started")) == 3 and b.scheduler.status().in_flight == 3)
    b.scheduler.stop("user")
    b.finish()
    assert {(row["state"], row["kind"]) for row in b.store.rows.values()} == {("failed", "cancelled")}
    assert all(isinstance(words[2], Cancelled) for words in b.ear.all("request_failed"))
    assert [what for what, _ in b.ear.heard].index("stopped") == 3  # before what it ends


def test_stop_while_waiting_to_ask_again():
    b = bench(lambda number, request: failure(RATE, status=429, retry_after_s=1e6), concurrency=3)
    b.ear.on["request_retrying"] = lambda *_: b.scheduler.stop("user")
    b.run()
    assert {row["kind"] for row in b.store.rows.values()} == {"cancelled"}


def test_commands_before_the_start_are_obeyed():
    b = bench()
    b.scheduler.stop("user")
    b.run()
    assert b.ear.stop == ("user", "")
    assert b.teacher.asked == []


def test_the_first_reason_to_stop_counts_and_commands_after_the_end_do_no_harm():
    b = bench()
    b.ear.on["completed"] = lambda *_: (b.scheduler.stop("goal"), b.scheduler.stop("user"))
    b.run()
    assert b.ear.stop == ("goal", "")
    b.scheduler.stop("user")
    b.scheduler.wake()
    b.scheduler.pause()
    assert b.scheduler.status().stopped_because == "goal"


# --- faults of our own


@pytest.mark.parametrize("what", ["begin", "finish", "fail"])
def test_a_store_that_cannot_write_stops_the_run_with_its_own_error(what: str):
    full = UserError("The disk is full", "Nothing more can be stored.", "Free some space.")
    store = MemoryStore(fault=full, faulty=[what])
    b = bench(
        lambda number, request: (
            failure(CONTENT) if number == 3 else failure(CONTENT) if number == 4 else None
        ),
        store=store,
        concurrency=1,
    )
    b.run()
    assert b.ear.stop == ("error", "The disk is full. Nothing more can be stored. Free some space.")
    assert b.scheduler.error is full
    assert b.teacher.closed


@pytest.mark.parametrize("what", ["request_started", "delta", "completed", "stopped"])
def test_a_listener_that_raises_ends_the_run_and_is_logged(what: str, caplog: pytest.LogCaptureFixture):
    b = bench(jobs=Jobs(5))

    def raise_it(*_: Any) -> None:
        raise RuntimeError("the listener is broken")

    b.ear.on[what] = raise_it
    if what == "stopped":
        b.stop_after(5)
    b.run()
    assert isinstance(b.scheduler.error, RuntimeError)
    assert b.scheduler.status().stopped_because == ("goal" if what == "stopped" else "error")
    assert "the listener is broken" in caplog.text


def test_a_job_source_that_raises_ends_the_run():
    def broken(in_flight: int) -> Any:
        raise UserError("No seeds", "There is no seed task.", "Give some.")

    b = bench(jobs=SimpleNamespace(__call__=broken))  # type: ignore[arg-type]
    b.scheduler._dispatcher._line._next_job = broken
    b.run()
    assert b.ear.stop == ("error", "No seeds. There is no seed task. Give some.")


def test_a_teacher_that_cannot_be_made_ends_the_run():
    b = bench()

    def broken() -> Any:
        raise UserError("No teacher")

    b.scheduler._dispatcher._teacher_factory = broken
    b.run()
    assert b.ear.stop == ("error", "No teacher.")
