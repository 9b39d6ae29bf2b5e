"""How fast requests and text flow, counted on one thread and read from any. Knows no clock and no loop: times
are handed in, in seconds.
"""

from __future__ import annotations

from collections import deque

_MINUTE = 60
_SPAN_S = 5.0
_SAMPLE_S = 0.25


class LastMinute:
    """Counts events of the last 60 seconds, by whole seconds."""

    def __init__(self) -> None:
        self._seconds = [-_MINUTE] * _MINUTE
        self._counts = [0] * _MINUTE

    def add(self, now: float) -> None:
        second = int(now)
        slot = second % _MINUTE
        if self._seconds[slot] != second:
            self._seconds[slot], self._counts[slot] = second, 0
        self._counts[slot] += 1

    def count(self, now: float) -> int:
        oldest = int(now) - _MINUTE
        return sum(
            count for second, count in zip(self._seconds, self._counts, strict=True) if second > oldest
        )


class Flow:
    """The rate at which a running total grows, over the last five seconds, sampled when it is read."""

    def __init__(self, now: float) -> None:
        self._samples: deque[tuple[float, float]] = deque([(now, 0.0)])

    def per_second(self, total: float, now: float) -> float:
        """`total`: the sum so far. Readers may come from any thread and at any pace."""
        samples = self._samples
        if now - samples[-1][0] >= _SAMPLE_S:
            samples.append((now, total))
        while len(samples) > 2 and samples[1][0] <= now - _SPAN_S:
            samples.popleft()
        since, before = samples[0]
        return max(0.0, total - before) / (now - since) if now - since >= _SAMPLE_S else 0.0
