"""The request engine on its event loop: takes jobs, sends them as `Admission` allows, asks again what failed,
stores every outcome, and ends the run when it cannot go on.

Everything here runs on one loop; `scheduler` owns the thread and the loop. A job's row is in the store before
its request is sent, its answer before the listener hears of it. Knows no HTTP and no SQL.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from alpaca_tui.errors import UserError
from alpaca_tui.store.rows import CompletionRow
from alpaca_tui.teacher.admission import Admission
from alpaca_tui.teacher.flight import Flight, Spoke, stored_answer
from alpaca_tui.teacher.health import Health, Patience
from alpaca_tui.teacher.jobs import Cancelled, CompletionStore, Limits, Listener, NextJob
from alpaca_tui.teacher.journal import Journal
from alpaca_tui.teacher.limiter import BACKOFF_MOST_S, COOL_DOWN_S, LimitChange, backoff_s
from alpaca_tui.teacher.line import Line
from alpaca_tui.teacher.meters import LastMinute
from alpaca_tui.teacher.recorder import Recorder
from alpaca_tui.teacher.types import Answer, Endpoint, FailureKind, Teacher, TeacherFailure, Usage

logger = logging.getLogger(__name__)

_BATCH = 64
_FIRST_CONTACT_S = 1.0
_GOODBYE_S = 5.0
_WATCH_S = 1.0
_WELL_BACKOFF_S = 0.5
_REPORTED_GROWTH = 1.1


class Dispatcher:
    """One run's requests. The counters are written on the loop and may be read from any thread."""

    def __init__(
        self,
        teacher_factory: Callable[[], Teacher],
        store: CompletionStore,
        run_id: int,
        next_job: NextJob,
        listener: Listener,
        limits: Limits,
        admission: Admission,
        endpoint: Endpoint,
        rng: random.Random,
    ) -> None:
        self._teacher_factory = teacher_factory
        self._store = store
        self._run_id = run_id
        self._listener = listener
        self._attempts = limits.attempts
        self._admission = admission
        self._endpoint = endpoint
        self._rng = rng
        self._health = Health()
        self._patience = Patience()
        self._watching = False
        self._leaving: set[asyncio.Task[None]] = set()
        self._flights: dict[int, Flight] = {}
        self._line = Line(next_job)
        self._timer: asyncio.TimerHandle | None = None
        self._first_contact = True
        self._spoke: Spoke = "chat"
        self._reported_limit = limits.concurrency
        self.sends = LastMinute()
        self.on_wire = 0
        self.characters = 0
        self.usage = Usage()
        self._answered_count = 0
        self._latest_answered = 0.0
        self.answers = 0
        self.failures = 0
        self._ready = False
        self.paused = False
        self.stopped_because: str | None = None
        self.error: Exception | None = None

    @property
    def retrying(self) -> int:
        return self._line.waiting

    async def run(self, early: Sequence[Callable[[], None]] = ()) -> None:
        """Work until `stop`; then put what was in flight away. `early`: commands to obey before anything."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._on_loop_fault)
        self._ended = asyncio.Event()
        self._journal = Journal(self._loop, self._broke)
        self._recorder = Recorder(self._journal, self._store, self._run_id, self._endpoint)
        teacher: Teacher | None = None
        try:
            self._admission.start(self._loop.time())
            for command in early:
                command()
            if self.stopped_because is None:
                teacher = self._teacher = self._teacher_factory()
                self._ready = True
                self.pump()
                await self._ended.wait()
        except Exception as error:
            self._broke(error)
        finally:
            await self._put_away()
            if teacher is not None:
                await self._say_goodbye(teacher)
            self._journal.close()

    # --- commands, on the loop

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        self.pump()

    def set_concurrency(self, cap: int) -> None:
        self._admission.limit.set_cap(cap)
        self._reported_limit = self._admission.limit.allowed
        self.pump()

    def stop(self, reason: str, detail: str = "") -> None:
        """Decide the end; the first reason counts."""
        if self.stopped_because is not None:
            return
        self.stopped_because = reason
        if self._timer is not None:
            self._timer.cancel()
        self._tell(self._listener.stopped, reason, detail)
        self._ended.set()

    # --- admission

    def pump(self) -> None:
        """Send whatever may be sent now: first what is to be asked again, then new jobs. Sends a limited
        number at a time, for the streams that are open must be read meanwhile."""
        now = self._loop.time()
        for _ in range(_BATCH):
            if not self._ready or self.paused or self.stopped_because is not None:
                return None
            if silence := self._admission.silence_s(now):
                return self._pump_in(silence)
            if (due := self._line.next_at) is not None and due > now:
                self._pump_in(due - now)
            if self.on_wire >= self._admission.room:
                return None
            flight = self._candidate(now)
            if flight is None:
                return None
            hold = self._admission.hold(flight, now)
            if hold is None:
                self._launch(flight, now)
            elif hold.limit is not None:
                if hold.for_good:
                    self.stop(hold.limit, self._admission.explain(flight, hold.limit))
                return None
            else:
                return self._pump_in(hold.wait_s)
        return self._pump_in(0.0)

    def _pump_in(self, wait_s: float) -> None:
        at = self._loop.time() + wait_s
        if self._timer is not None:
            if not self._timer.cancelled() and self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.pump()

    def _candidate(self, now: float) -> Flight | None:
        admission = self._admission
        try:
            return self._line.first(
                now, self.on_wire, admission.room, admission.most_alive, len(self._flights)
            )
        except Exception as error:
            self._broke(error)
            return None

    def _launch(self, flight: Flight, now: float) -> None:
        self._line.take(flight)
        self._admission.admit(flight, now)
        flight.on_wire = True
        self.on_wire += 1
        if flight.completion_id:
            self._send(flight)
        else:
            self._flights[flight.number] = flight
            self._recorder.begin(flight, partial(self._begun, flight))

    def _begun(self, flight: Flight, outcome: CompletionRow | int) -> None:
        if isinstance(outcome, CompletionRow):
            self._off_wire(flight, Usage())
            flight.ended = True
            del self._flights[flight.number]
            self._tell(self._listener.completed, outcome.id, flight.job, stored_answer(outcome), 0.0)
            self.pump()
            return
        flight.completion_id = outcome
        self._tell(self._listener.request_started, outcome, flight.job)
        if self.stopped_because is not None:
            self._cut(flight)
        elif self._admission.silence_s(self._loop.time()):
            self._off_wire(flight, Usage())
            self._line.wait(flight, self._admission.limit.blocked_until, refused=True)
        else:
            self._send(flight)

    # --- one request

    def _send(self, flight: Flight) -> None:
        now = self._loop.time()
        if self._first_contact:
            self._first_contact = False
            self._loop.call_later(_FIRST_CONTACT_S, self._patience_over)
        flight.parts.clear()
        flight.first_at = None
        flight.sent_at = flight.heard_at = now
        flight.silence_s = 0.0
        flight.epoch = self._admission.limit.epoch
        self.sends.add(now)
        flight.task = self._loop.create_task(self._ask(flight))
        if not self._watching:
            self._watching = True
            self._loop.call_later(_WATCH_S, self._watch)

    def _patience_over(self) -> None:
        self._admission.gate.patience_over()
        self.pump()

    async def _ask(self, flight: Flight) -> None:
        task = asyncio.current_task()
        try:
            answer = await self._teacher.ask(flight.job.request, partial(self._delta, flight))
        except TeacherFailure as failure:
            if flight.task is task:  # else it was given up meanwhile
                self._failed(flight, failure)
        except Exception as error:
            self._broke(error)
        else:
            if flight.task is task:
                self._answered(flight, answer)

    def _delta(self, flight: Flight, text: str) -> None:
        if not flight.on_wire:
            return
        now = self._loop.time()
        if now - flight.heard_at > flight.silence_s:
            flight.silence_s = now - flight.heard_at
        flight.heard_at = now
        if not flight.parts:
            flight.first_at = now
            self._alive()
        flight.parts.append(text)
        self.characters += len(text)
        try:
            self._listener.delta(flight.completion_id, text)
        except Exception as error:
            self._broke(error)

    def _alive(self) -> None:
        if not self._admission.gate.is_open:
            self._admission.gate.open()
            self._pump_in(0.0)

    def _watch(self) -> None:
        """Give up requests that have been silent for much too long while some sent later were answered."""
        self._watching = self.on_wire > 0 and self.stopped_because is None
        if not self._watching:
            return
        self._loop.call_later(_WATCH_S, self._watch)
        patience, now = self._patience.limit_s, self._loop.time()
        if patience is None:
            return
        for flight in list(self._flights.values()):
            silent = now - flight.heard_at
            if flight.task is not None and silent > patience and self._latest_answered > flight.heard_at:
                self._leaving.add(flight.task)
                flight.task.add_done_callback(self._leaving.discard)
                flight.task.cancel()
                words = f"The teacher was silent for {silent:.0f} s while it answered later requests."
                self._failed(flight, TeacherFailure(FailureKind.TRANSIENT, words, partial=flight.text))

    def _off_wire(self, flight: Flight, usage: Usage) -> None:
        """The request is over and used `usage`."""
        flight.on_wire = False
        flight.task = None
        self.on_wire -= 1
        self._admission.settle(flight, usage, self._loop.time())
        self.usage = Usage(
            self.usage.prompt_tokens + usage.prompt_tokens,
            self.usage.completion_tokens + usage.completion_tokens,
            self.usage.estimated or usage.estimated,
        )

    # --- outcomes

    def _answered(self, flight: Flight, answer: Answer) -> None:
        forecast, request = self._admission.forecast, flight.job.request
        usage = forecast.of_answer(request, answer.text, answer.usage)
        self._off_wire(flight, usage)
        if beyond := forecast.learn(request, answer.text, usage):
            logger.warning("the server counted %d tokens beyond the worst case of a request", beyond)
        flight.tries += 1
        self._spoke = answer.spoke
        self._health.answered()
        self._patience.answered(flight.silence_s)
        self._answered_count += 1
        self._latest_answered = max(self._latest_answered, flight.sent_at)
        self._alive()
        self._report(self._admission.limit.succeeded())
        self._learn_rates(answer, refused=False)
        self._finish(flight, answer, usage)
        self.pump()

    def _finish(self, flight: Flight, answer: Answer, usage: Usage) -> None:
        flight.ended = True
        total = flight.total_with(usage)
        cost = self._admission.ledger.cost(total)
        self._recorder.finish(flight, answer, total, cost, partial(self._finished, flight, answer, cost))

    def _finished(self, flight: Flight, answer: Answer, cost: float | None, _: int) -> None:
        del self._flights[flight.number]
        self.answers += 1
        self._tell(self._listener.completed, flight.completion_id, flight.job, answer, cost)
        self.pump()

    def _failed(self, flight: Flight, failure: TeacherFailure) -> None:
        limit = self._admission.limit
        now, wait_s = self._loop.time(), 0.0
        partial_text = failure.partial or flight.text
        usage = self._admission.charge(flight, failure, partial_text)
        self._off_wire(flight, usage)
        flight.charge(usage)
        if len(partial_text) > len(flight.longest_partial):
            flight.longest_partial = partial_text
        if failure.kind in (FailureKind.FATAL, FailureKind.QUOTA, FailureKind.TOO_LONG):
            flight.tries += 1
            if not (flight.job.alone and failure.kind is FailureKind.TOO_LONG):
                self.stop("fatal", _words(failure))
            return self._give_up(flight, failure)
        if failure.kind is FailureKind.RATE:
            self._alive()
            self._report(limit.rate_limited(flight.epoch, now, failure.retry_after_s))
            self._learn_rates(failure, refused=True)
            flight.refusals += 1
            if failure.retry_after_s is None:
                wait_s = self._backoff(flight, flight.refusals, COOL_DOWN_S)
        else:
            limit.block(now, failure.retry_after_s)
            last = flight.spent_all_tries(failure, self._attempts)
            if failure.kind is FailureKind.CONTENT:
                self._alive()
            else:
                self._admission.gate.fault()
                wait_s = self._backoff(flight, flight.faults, _WELL_BACKOFF_S)
            if last:
                if why := self._health.failed(_words(failure)):
                    self.stop("failing", why)
                return self._give_up(flight, failure)
        wait_s = max(wait_s, self._admission.silence_s(now))
        self._line.wait(flight, now + wait_s, refused=failure.kind is FailureKind.RATE)
        self._tell(self._listener.request_retrying, flight.completion_id, failure, wait_s)
        return self.pump()

    def _backoff(self, flight: Flight, failures: int, most_s: float) -> float:
        """How long to wait after that many failures, where the server did not say: no longer than `most_s`
        while it answers others, for then the fault is one of many requests and not of the server; longer and
        longer where it answers nobody."""
        others_answered = self._answered_count != flight.answered_before
        flight.answered_before = self._answered_count
        return backoff_s(failures, self._rng, most_s if others_answered else BACKOFF_MOST_S)

    def _give_up(self, flight: Flight, failure: TeacherFailure) -> None:
        flight.ended = True
        kind = "cancelled" if isinstance(failure, Cancelled) else failure.kind.value
        cost = self._admission.ledger.cost(flight.charged)
        self._recorder.fail(flight, _words(failure), kind, cost, partial(self._gave_up, flight, failure))
        self.pump()

    def _gave_up(self, flight: Flight, failure: TeacherFailure, _: None) -> None:
        del self._flights[flight.number]
        self.failures += 1
        self._tell(self._listener.request_failed, flight.completion_id, flight.job, failure)
        self.pump()

    # --- what is said

    def _report(self, change: LimitChange | None) -> None:
        """Every cut; growth only in steps worth a line in a log."""
        if change is None:
            return
        grown = change.new > change.old
        if grown and change.new < min(self._reported_limit * _REPORTED_GROWTH, self._admission.limit.cap):
            return
        old, self._reported_limit = (self._reported_limit if grown else change.old), change.new
        at_once = f"{change.new:,} instead of {old:,} requests at once"
        self._tell(self._listener.limit_changed, old, change.new, f"{change.reason}: {at_once}.")

    def _learn_rates(self, source: Answer | TeacherFailure, *, refused: bool) -> None:
        if source.rate is None:
            return
        news = self._admission.learn_rates(source.rate, self._loop.time(), refused=refused)
        if news is not None:
            allowed = self._admission.limit.allowed
            self._tell(self._listener.limit_changed, allowed, allowed, news)

    def _tell(self, hear: Callable[..., None], *words: Any) -> None:
        try:
            hear(*words)
        except Exception as error:
            self._broke(error)

    def _broke(self, error: Exception) -> None:
        """Something on our side failed: the store, the listener, or a bug."""
        if self.error is None:
            self.error = error
            if not isinstance(error, UserError):
                logger.error("the request engine stopped by a fault", exc_info=error)
        self.stop(
            "error", str(error) if isinstance(error, UserError) else "An unexpected fault; see the log."
        )

    def _on_loop_fault(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._broke(error if isinstance(error, Exception) else RuntimeError(str(context.get("message"))))

    # --- the end

    async def _put_away(self) -> None:
        """Cut what is in flight, store what has come of it, and wait until all is stored."""
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        for flight in list(self._flights.values()):
            if not flight.ended and flight.completion_id:
                self._cut(flight)
        for task in tasks:
            task.cancel()
        if leaving := [*tasks, *self._leaving]:
            await asyncio.wait(leaving, timeout=_GOODBYE_S)
        while self._journal.pending:
            await self._journal.drain()

    def _cut(self, flight: Flight) -> None:
        """End a job that has no answer: text that has come is an answer of its own."""
        usage = Usage()
        if flight.on_wire:
            if flight.task is not None:
                usage = self._admission.forecast.of_broken(flight.job.request, flight.text)
            self._off_wire(flight, usage)
            if flight.text.strip():
                now, model = self._loop.time(), self._endpoint.model
                return self._finish(flight, flight.cut_answer(usage, now, model, self._spoke), usage)
        flight.charge(usage)
        return self._give_up(
            flight, Cancelled(FailureKind.TRANSIENT, "The run was stopped before this request had an answer.")
        )

    async def _say_goodbye(self, teacher: Teacher) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await teacher.aclose()
        except Exception:
            logger.warning("the teacher's connections did not close cleanly", exc_info=True)


def _words(failure: TeacherFailure) -> str:
    """The failure and what the user can do about it."""
    message = failure.message if failure.message.endswith((".", "!", "?", "…")) else f"{failure.message}."
    return f"{message} {failure.hint}".strip()
