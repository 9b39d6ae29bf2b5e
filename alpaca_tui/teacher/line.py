"""Who is sent next: jobs waiting to be asked again, then new ones. Knows no loop and no HTTP."""

from __future__ import annotations

import heapq

from alpaca_tui.teacher.flight import Flight
from alpaca_tui.teacher.jobs import NextJob


class Line:
    """The queue in front of the wire. Retries are mixed with new work, not left to the end, and go first."""

    def __init__(self, next_job: NextJob) -> None:
        self._next_job = next_job
        self._waiting: list[tuple[float, int, Flight]] = []
        self._held: Flight | None = None
        self._taken = 0
        self._refused = 0

    @property
    def waiting(self) -> int:
        """Jobs waiting to be asked again."""
        return len(self._waiting)

    @property
    def next_at(self) -> float | None:
        """When the first of them is due."""
        return self._waiting[0][0] if self._waiting else None

    def wait(self, flight: Flight, until: float, *, refused: bool) -> None:
        """Ask again, not before `until`. refused: the server said that there were too many requests."""
        flight.waits_for_rate = refused
        self._refused += refused
        heapq.heappush(self._waiting, (until, flight.number, flight))

    def first(self, now: float, on_wire: int, room: int, most_alive: int, outstanding: int) -> Flight | None:
        """Who is next; it stays first until it is taken.

        Jobs waiting to be asked again hold no slot of the `room`, so that a fault here and there costs no
        throughput; but no more of them may pile up than `most_alive` allows, or a dead server would be given
        job after job. Those refused for the rate do hold theirs, or each refusal would only make room for
        the next. Whatever the job source raises goes through.
        """
        if self._waiting and self._waiting[0][0] <= now:
            return self._waiting[0][2]
        if self._held is None:
            if on_wire + self._refused >= room or on_wire + self.waiting >= most_alive:
                return None
            job = self._next_job(outstanding)
            if job is None:
                return None
            self._taken += 1
            self._held = Flight(job, self._taken)
        return self._held

    def take(self, flight: Flight) -> None:
        """`flight` was first and is sent now."""
        if flight is self._held:
            self._held = None
            return
        heapq.heappop(self._waiting)
        self._refused -= flight.waits_for_rate
