"""THE request engine: asks a teacher many questions at once, within limits and a budget, and stores every answer.

    scheduler = Scheduler(teacher_factory, store, run_id, next_job, listener, limits, budget, price,
                          endpoint=endpoint)
    scheduler.start(); ...; scheduler.stop("user"); scheduler.join()

It has a thread and an event loop of its own; every method here returns at once (but `join`) and may be called
from any thread. Generation, curation and judging use the same engine. It ends by `stop`, or by itself with
`budget`, `tokens` (nothing more fits), `fatal` (asking again cannot help), `failing` (the teacher fails), `error`
(our side failed; see `error`).
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable

from alpaca_tui.teacher.admission import Admission
from alpaca_tui.teacher.budget import Budget
from alpaca_tui.teacher.dispatcher import Dispatcher
from alpaca_tui.teacher.jobs import (
    CONCURRENCY_CEILING,
    Cancelled,
    CompletionStore,
    Job,
    Limits,
    Listener,
    NextJob,
    SchedulerStatus,
)
from alpaca_tui.teacher.meters import Flow
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.types import Endpoint, Teacher

__all__ = ["Budget", "Cancelled", "Job", "Limits", "Listener", "Scheduler", "SchedulerStatus"]

_CHARACTERS_PER_TOKEN = 4


class Scheduler:
    """One run's request engine. Start it once."""

    def __init__(
        self,
        teacher_factory: Callable[[], Teacher],
        store: CompletionStore,
        run_id: int,
        next_job: NextJob,
        listener: Listener,
        limits: Limits,
        budget: Budget,
        price: Price | None,
        *,
        endpoint: Endpoint,
        already_spent_usd: float | None = None,
        already_spent_tokens: int = 0,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """teacher_factory: called on the scheduler's loop. price: None means unknown, and then a budget in
        dollars is a ValueError. already_spent_*: what counts against the budget from earlier runs, requests
        lost with a killed process included. loop_factory, rng: time and jitter, for tests."""
        if not 1 <= limits.concurrency <= CONCURRENCY_CEILING:
            raise ValueError(f"concurrency must be 1 to {CONCURRENCY_CEILING}")
        if min(limits.attempts, limits.rpm or 1, limits.tpm or 1) < 1 or 0 in (limits.rpm, limits.tpm):
            raise ValueError("limits must be 1 or more")
        self._admission = Admission(limits, budget, price, already_spent_usd or 0.0, already_spent_tokens)
        self._dispatcher = Dispatcher(
            teacher_factory,
            store,
            run_id,
            next_job,
            listener,
            limits,
            self._admission,
            endpoint,
            rng or random.Random(),
        )
        self._loop_factory = loop_factory
        self._loop: asyncio.AbstractEventLoop | None = None
        self._early: list[Callable[[], None]] | None = []
        self._lock = threading.Lock()
        self._wake_posted = False
        self._flow: Flow | None = None
        self._thread = threading.Thread(target=self._run, name="alpaca-teacher", daemon=True)

    # --- commands

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Ask for the next job again, after `next_job` said there was none."""
        if not self._wake_posted:
            self._wake_posted = True
            self._post(self._on_wake)

    def pause(self) -> None:
        """Send nothing more, not even what failed; what is in flight finishes."""
        self._post(self._dispatcher.pause)

    def resume(self) -> None:
        self._post(self._dispatcher.resume)

    def set_concurrency(self, cap: int) -> None:
        """Requests at once, from now on. ValueError outside 1 to 1,000."""
        if not 1 <= cap <= CONCURRENCY_CEILING:
            raise ValueError(f"concurrency must be 1 to {CONCURRENCY_CEILING}")
        self._post(lambda: self._dispatcher.set_concurrency(cap))

    def stop(self, reason: str = "user") -> None:
        """End the run. Text that has come for requests in flight is stored as an answer cut off
        (`cancelled`). The first reason counts."""
        self._post(lambda: self._dispatcher.stop(reason))

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; True once everything is stored and nothing more will be called."""
        if self._thread.ident is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- how it goes

    @property
    def error(self) -> Exception | None:
        """What failed on our side, when the reason is `error`: a UserError where the user can act on it."""
        return self._dispatcher.error

    def status(self) -> SchedulerStatus:
        """A snapshot; cheap, from any thread."""
        dispatcher, admission = self._dispatcher, self._admission
        loop = self._loop
        now = 0.0 if loop is None else loop.time()
        flow = self._flow
        per_second = 0.0 if flow is None or loop is None else flow.per_second(dispatcher.characters, now)
        usage = dispatcher.usage
        return SchedulerStatus(
            in_flight=dispatcher.on_wire,
            retrying=dispatcher.retrying,
            allowed=admission.limit.allowed,
            cap=admission.limit.cap,
            waiting_s=0.0 if loop is None else admission.silence_s(now),
            tokens_per_s=per_second / _CHARACTERS_PER_TOKEN,
            requests_last_minute=0 if loop is None else dispatcher.sends.count(now),
            spent_usd=admission.ledger.spent_usd,
            reserved_usd=admission.ledger.reserved_usd,
            spent_tokens=admission.ledger.spent_tokens,
            reserved_tokens=admission.ledger.reserved_tokens,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            answers=dispatcher.answers,
            failures=dispatcher.failures,
            paused=dispatcher.paused,
            stopped_because=dispatcher.stopped_because,
        )

    # --- the thread

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._main(runner.get_loop()))

    async def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        self._flow = Flow(loop.time())
        with self._lock:
            early, self._early, self._loop = self._early or [], None, loop
        try:
            await self._dispatcher.run(early)
        finally:
            with self._lock:
                self._loop = None

    def _post(self, command: Callable[[], None]) -> None:
        """Run `command` on the loop: at the start if it has not begun, never once it has ended."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(command)
            elif self._early is not None:
                self._early.append(command)

    def _on_wake(self) -> None:
        self._wake_posted = False
        self._dispatcher.pump()
