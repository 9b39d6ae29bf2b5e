"""The scheduler's writes to the store, on a thread of their own: the loop that reads a thousand streams never
waits for a disk, or for another writer's long transaction.

Writes happen one after the other, in the order given; the outcome of each comes back on the loop. Knows the
store only as callables.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

_BATCH = 32

T = TypeVar("T")


class Journal:
    """Made on the loop it answers to. `on_fault(error)` is called there for a write that failed, in place of
    what was to follow it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_fault: Callable[[Exception], None]) -> None:
        self._loop = loop
        self._on_fault = on_fault
        self._queue: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None] = (
            queue.SimpleQueue()
        )
        self.pending = 0
        self._thread = threading.Thread(target=self._run, name="alpaca-journal", daemon=True)
        self._thread.start()

    def write(self, action: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do `action` on the journal's thread, then call `then` with its result on the loop."""
        self.pending += 1
        self._queue.put((action, then))

    async def drain(self) -> None:
        """Wait until everything given so far is written and its outcome delivered."""
        written: asyncio.Future[None] = self._loop.create_future()
        self.write(lambda: None, written.set_result)
        await written

    def close(self) -> None:
        """End the thread; drain first."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        outcomes: list[Callable[[], None]] = []
        while (item := self._queue.get()) is not None:
            action, then = item
            try:
                outcomes.append(partial(then, action()))
            except Exception as error:
                outcomes.append(partial(self._on_fault, error))
            # Waking the loop costs more than a write: one call for all that were waiting.
            if self._queue.empty() or len(outcomes) >= _BATCH:
                self._loop.call_soon_threadsafe(self._deliver, outcomes)
                outcomes = []

    def _deliver(self, outcomes: list[Callable[[], None]]) -> None:
        self.pending -= len(outcomes)
        for outcome in outcomes:
            self._loop.call_soon(outcome)  # each on its own, lest a fault in one lose the others
