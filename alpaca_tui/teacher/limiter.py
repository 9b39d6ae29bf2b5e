"""How fast to ask: how many requests at once (learned from the server's 429s), requests and tokens a minute,
and how long to wait before asking again.

Pure arithmetic over times handed in (seconds on any monotonic clock). Knows no loop, no HTTP, no store.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

CUT = 0.75
RUN_OF_SUCCESSES = 25
COOL_DOWN_S = 2.0
PROBE = 1.1
PROBE_RUNS = 4
BACKOFF_MOST_S = 30.0

_BACKOFF_FIRST_S = 0.5
_WINDOW_S = 60.0
_BURST_S = 0.25
_SHADE = 1 - 1e-6  # keeps rounding from letting one too many into a minute


@dataclass(frozen=True, slots=True)
class LimitChange:
    """The number of requests allowed at once went from `old` to `new`, and why, in plain words."""

    old: int
    new: int
    reason: str


class AdaptiveLimit:
    """Additive increase, multiplicative decrease of the requests in flight.

    Starts at the user's cap. A 429 cuts to three quarters, once a burst: requests sent before the cut and
    requests answered within its cool-down (what Retry-After asks, else 2 s) do not cut again. A run of 25
    successes (or a quarter of a round) allows one more (or a sixteenth), up to just below the level that
    failed; from there on it goes one by one, four times slower, and when a tenth above has held the level is
    forgotten. Never above the cap.

    A Retry-After speaks for the whole endpoint: nothing may be sent before `blocked_until`. A 429 without
    one blocks nothing but its own request (`backoff_s`): a server that refuses one request in ten is best
    left at work with fewer at once, not left alone.
    """

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._allowed = cap
        self._successes = 0
        self._failed_at: int | None = None
        self._no_cut_until = -math.inf
        self.epoch = 0
        self.blocked_until = -math.inf

    @property
    def allowed(self) -> int:
        return self._allowed

    @property
    def cap(self) -> int:
        return self._cap

    def set_cap(self, cap: int) -> None:
        """The user's new ceiling. Raising one that had not been cut raises what is allowed at once."""
        uncut = self._allowed == self._cap
        self._cap = cap
        self._allowed = cap if uncut else min(self._allowed, cap)

    def rate_limited(self, epoch: int, now: float, retry_after_s: float | None) -> LimitChange | None:
        """A 429 to a request that was sent when `self.epoch` was `epoch`. Returns the cut, if it is one."""
        self.block(now, retry_after_s)
        if epoch != self.epoch or now < self._no_cut_until:
            return None
        old = self._allowed
        self.epoch += 1
        self._successes = 0
        self._failed_at = old
        self._no_cut_until = now + max(retry_after_s or 0.0, COOL_DOWN_S)
        self._allowed = max(1, math.floor(old * CUT))
        if self._allowed == old:
            return None
        wait = f" and to wait {retry_after_s:.0f} s" if retry_after_s and retry_after_s >= 1 else ""
        return LimitChange(old, self._allowed, f"The teacher asks to slow down{wait}")

    def block(self, now: float, retry_after_s: float | None) -> None:
        """The server asked for silence: nothing is sent until it is over."""
        if retry_after_s is not None:
            self.blocked_until = max(self.blocked_until, now + retry_after_s)

    def succeeded(self) -> LimitChange | None:
        """An answer came. Returns the increase, if it brought one."""
        old, failed_at = self._allowed, self._failed_at
        if old >= self._cap:
            return None
        self._successes += 1
        probing = failed_at is not None and old + 1 >= failed_at
        run = max(RUN_OF_SUCCESSES, old // 4)
        if self._successes < run * (PROBE_RUNS if probing else 1):
            return None
        self._successes = 0
        new = old + 1
        if failed_at is not None and not probing:
            new = min(old + max(1, old // 16), failed_at - 1)
        elif failed_at is not None and old >= max(failed_at + 1, math.floor(failed_at * PROBE)):
            self._failed_at = None
        self._allowed = min(self._cap, new)
        return LimitChange(old, self._allowed, "The teacher keeps up")


class RateBucket:
    """At most `per_minute` units in any 60 seconds, spread evenly rather than in bursts (providers enforce
    their limits over shorter spans than they state).

    unit: the smallest amount ever taken (1 for requests; 0 for tokens, whose amounts vary). The bucket holds
    a quarter of a second's worth, or the largest amount asked for, and refills at what that leaves of the
    minute. An amount above half of the limit is let through alone, from a full bucket, and paid off after.
    """

    def __init__(self, per_minute: float, now: float, *, unit: float = 0.0) -> None:
        self.per_minute = per_minute
        self._unit = unit
        self._untouched = True
        self._level = self._capacity = self._fill = 0.0
        self._at = now
        self._make_room_for(unit)

    def _make_room_for(self, amount: float) -> None:
        wanted = max(self._capacity, amount, self.per_minute * _BURST_S / _WINDOW_S)
        self._capacity = min(wanted, max(self.per_minute / 2, self._unit))
        self._fill = _SHADE * (self.per_minute + self._unit - self._capacity) / _WINDOW_S
        if self._untouched:
            self._level = self._capacity

    def _advance(self, now: float) -> None:
        if now > self._at:
            self._level = min(self._capacity, self._level + (now - self._at) * self._fill)
            self._at = now

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until `amount` may be taken; 0.0 means now."""
        self._advance(now)
        if amount > self._capacity:
            self._make_room_for(amount)
        short = min(amount, self._capacity) - self._level
        # A hair of tolerance, lest a wait of 1e-17 s keep a timer spinning.
        return short / self._fill if short > 1e-9 * self.per_minute else 0.0

    def take(self, amount: float, now: float) -> None:
        self._advance(now)
        self._untouched = False
        self._level -= amount

    def correct(self, taken: float, real: float, now: float) -> None:
        """An amount of which `taken` had been taken turned out to be `real`."""
        self._advance(now)
        self._level = min(self._capacity, self._level + taken - real)


def backoff_s(failures: int, rng: random.Random, most_s: float = BACKOFF_MOST_S) -> float:
    """Seconds to wait after the `failures`-th failure in a row (from 1): full jitter under an exponential
    that grows from 0.5 s to `most_s`, so that requests that failed together do not return together."""
    return rng.uniform(0.0, min(most_s, _BACKOFF_FIRST_S * 2 ** (min(failures, 16) - 1)))
