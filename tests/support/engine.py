"""What tests of the request engine need: a store in memory, a listener that remembers, a teacher that follows
a script, and an event loop whose time jumps, so that a minute of backoff takes no time at all.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alpaca_tui.teacher.jobs import Job, Limits
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.scheduler import Budget, Scheduler
from alpaca_tui.teacher.types import (
    Answer,
    Endpoint,
    FailureKind,
    RateHeaders,
    Sampling,
    TeacherFailure,
    TeacherRequest,
    Usage,
)

ENDPOINT = Endpoint("http://teacher.example/v1", "test-model", "http://teacher.example/v1")


def request(prompt: str = "Say something.", max_tokens: int = 100) -> TeacherRequest:
    return TeacherRequest((("user", prompt),), prompt, Sampling(max_tokens=max_tokens))


def job(index: int, prompt: str = "Say something.", max_tokens: int = 100) -> Job:
    return Job(f"key-{index}", index, request(f"{index}: {prompt}", max_tokens), "hash", ("a", "b", "c"), 3)


class Jobs:
    """A source of `total` jobs (None: without end), as `next_job`."""

    def __init__(self, total: int | None = None, **parts: Any) -> None:
        self.total = total
        self.given = 0
        self.outstanding: list[int] = []
        self.parts = parts

    def __call__(self, in_flight: int) -> Job | None:
        self.outstanding.append(in_flight)
        if self.total is not None and self.given >= self.total:
            return None
        self.given += 1
        return job(self.given, **self.parts)


@dataclass
class MemoryStore:
    """The three writes of the store, in memory. `fault`: raised by the writes named in `faulty`."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    fault: Exception | None = None
    faulty: Sequence[str] = ()
    order: int = 0

    def find_completion(self, key: str) -> Any:
        return self.done.get(key)

    def begin_completion(self, run_id: int, **values: Any) -> int:
        self._maybe_fail("begin")
        number = len(self.rows) + 1
        self.rows[number] = {"run_id": run_id, "state": "in_flight", **values}
        return number

    def finish_completion(self, completion_id: int, **values: Any) -> int:
        self._maybe_fail("finish")
        self._leave(completion_id)
        self.order += 1
        self.rows[completion_id] |= {"state": "done", "order": self.order, **values}
        return self.order

    def fail_completion(self, completion_id: int, **values: Any) -> None:
        self._maybe_fail("fail")
        self._leave(completion_id)
        self.rows[completion_id] |= {"state": "failed", **values}

    def _leave(self, completion_id: int) -> None:
        assert self.rows[completion_id]["state"] == "in_flight"

    def _maybe_fail(self, what: str) -> None:
        if self.fault is not None and what in self.faulty:
            raise self.fault

    def in_state(self, state: str) -> list[dict[str, Any]]:
        return [row for row in self.rows.values() if row["state"] == state]


class Ear:
    """A listener that writes everything down, and may do something on hearing it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.heard: list[tuple[str, tuple[Any, ...]]] = []
        self.texts: dict[int, str] = {}
        self.on: dict[str, Callable[..., None]] = {}

    def _hear(self, what: str, *words: Any) -> None:
        self.heard.append((what, words))
        if what in self.on:
            self.on[what](*words)

    def request_started(self, completion_id: int, job: Job) -> None:
        self._hear("request_started", completion_id, job)

    def delta(self, completion_id: int, text: str) -> None:
        self.texts[completion_id] = self.texts.get(completion_id, "") + text
        if "delta" in self.on:
            self.on["delta"](completion_id, text)

    def request_retrying(self, completion_id: int, failure: TeacherFailure, wait_s: float) -> None:
        self.texts[completion_id] = ""
        self._hear("request_retrying", completion_id, failure, wait_s)

    def completed(self, completion_id: int, job: Job, answer: Answer, cost_usd: float | None) -> None:
        self._hear("completed", completion_id, job, answer, cost_usd)

    def request_failed(self, completion_id: int, job: Job, failure: TeacherFailure) -> None:
        self._hear("request_failed", completion_id, job, failure)

    def limit_changed(self, old: int, new: int, reason: str) -> None:
        self._hear("limit_changed", old, new, reason)

    def stopped(self, reason: str, detail: str) -> None:
        self._hear("stopped", reason, detail)

    def all(self, what: str) -> list[tuple[Any, ...]]:
        return [words for heard, words in self.heard if heard == what]

    @property
    def stop(self) -> tuple[str, str]:
        [(reason, detail)] = self.all("stopped")
        return reason, detail


def answer(text: str = "An answer.", usage: Usage | None = None, rate: RateHeaders | None = None) -> Answer:
    return Answer(
        text, "stop", usage or Usage(20, 10), "chat", 1.0, 0.5, "test-model", "req-1", rate or RateHeaders()
    )


def failure(kind: FailureKind, message: str = "It failed.", **parts: Any) -> TeacherFailure:
    return TeacherFailure(kind, message, **parts)


class ScriptedTeacher:
    """Answers after `delay_s` (loop time), unless `script(number of the request, request)` returns something
    else: a failure to raise, an answer to give, a number of seconds to take first (infinity: for ever), or both as a pair."""

    def __init__(
        self,
        script: Callable[[int, TeacherRequest], Any] = lambda number, request: None,
        delay_s: float = 1.0,
        deltas: Sequence[str] = ("An ", "answer."),
    ) -> None:
        self.script = script
        self.delay_s = delay_s
        self.deltas = deltas
        self.asked: list[tuple[float, TeacherRequest]] = []
        self.at_once = 0
        self.peak = 0
        self.cancelled = 0
        self.closed = False

    async def ask(self, request: TeacherRequest, on_delta: Callable[[str], None] | None = None) -> Answer:
        loop = asyncio.get_running_loop()
        number = len(self.asked)
        self.asked.append((loop.time(), request))
        self.at_once += 1
        self.peak = max(self.peak, self.at_once)
        try:
            step = self.script(number, request)
            if step == float("inf"):
                await asyncio.Event().wait()
            if isinstance(step, tuple):
                await asyncio.sleep(step[0])
                step = step[1]
            if isinstance(step, float):
                await asyncio.sleep(step)
                step = None
            if isinstance(step, TeacherFailure):
                await asyncio.sleep(0.01)
                if step.partial and on_delta:
                    on_delta(step.partial)
                raise step
            for delta in self.deltas:
                await asyncio.sleep(self.delay_s / len(self.deltas))
                if on_delta:
                    on_delta(delta)
            return step if isinstance(step, Answer) else answer("".join(self.deltas))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1

    async def list_models(self) -> list[str]:
        return ["test-model"]

    async def aclose(self) -> None:
        self.closed = True

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.asked]


class _JumpingSelector(selectors.DefaultSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout is None or timeout <= 0:
            return events or (super().select(None) if timeout is None else [])
        if self.loop.busy():
            return super().select(0.001)
        self.loop.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time jumps to the next timer whenever nothing else is to be done. `busy`: another thread still is."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.busy: Callable[[], bool] = lambda: False
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


@dataclass
class Bench:
    """An engine over scripted parts, in virtual time."""

    teacher: ScriptedTeacher
    jobs: Jobs
    store: MemoryStore
    ear: Ear
    scheduler: Scheduler
    loop: VirtualLoop

    def run(self, timeout: float = 20.0) -> None:
        """Start and wait for the end."""
        self.scheduler.start()
        self.finish(timeout)

    def finish(self, timeout: float = 20.0) -> None:
        assert self.scheduler.join(timeout), f"still running: {self.scheduler.status()}"

    def stop_after(self, answers: int, reason: str = "goal") -> None:
        """Stop once so many have been completed."""

        def count(*_: Any) -> None:
            if len(self.ear.all("completed")) == answers:
                self.scheduler.stop(reason)

        self.ear.on["completed"] = count


def bench(
    script: Callable[[int, TeacherRequest], Any] = lambda number, request: None,
    *,
    jobs: Jobs | None = None,
    concurrency: int = 4,
    budget: Budget | None = None,
    price: Price | None = None,
    limits: Mapping[str, Any] | None = None,
    teacher: ScriptedTeacher | None = None,
    store: MemoryStore | None = None,
    **scheduler: Any,
) -> Bench:
    teacher = teacher or ScriptedTeacher(script)
    jobs, store, loop = jobs or Jobs(), store or MemoryStore(), VirtualLoop()
    ear = Ear(loop.time)
    engine = Scheduler(
        lambda: teacher,
        store,
        7,
        jobs,
        ear,
        Limits(concurrency=concurrency, **(limits or {})),
        budget or Budget(),
        price,
        endpoint=ENDPOINT,
        loop_factory=lambda: loop,
        rng=random.Random(1),
        **scheduler,
    )
    # Virtual time must stand still while the journal's thread writes.
    loop.busy = lambda: engine._dispatcher._journal.pending > 0
    return Bench(teacher, jobs, store, ear, engine, loop)


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Poll from the test's thread."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.002)
