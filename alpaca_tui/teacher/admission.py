"""May this request be sent now? A free slot, the first contact, requests and tokens a minute, and the budget, in
one place; and what they learn from each request's end.

Times are seconds on the caller's clock. Knows no loop, no HTTP and no store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alpaca_tui.teacher.budget import Budget, Ledger, Reservation, TokenForecast
from alpaca_tui.teacher.flight import Flight
from alpaca_tui.teacher.jobs import Limits
from alpaca_tui.teacher.limiter import AdaptiveLimit, RateBucket
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.types import FailureKind, RateHeaders, TeacherFailure, Usage

_SCOUTS = 8
_NEAR = 0.1
_LEAST_REQUESTS = 60
_LEAST_TOKENS = 1000
_SAME = 0.1


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: for `wait_s` seconds; or, with a budget (`limit`) in the way, until another request ends, or
    `for_good` when nothing in flight can make room under it."""

    wait_s: float = 0.0
    limit: Literal["budget", "tokens"] | None = None
    for_good: bool = False


class Gate:
    """The first contact: one request goes ahead, so that a wrong key is refused once and not sixty times. Any
    sign of life opens the gate; a fault before that lets a few more try."""

    def __init__(self) -> None:
        self.is_open = False
        self._trouble = False

    def room(self, allowed: int) -> int:
        if self.is_open:
            return allowed
        return min(allowed, _SCOUTS if self._trouble else 1)

    def open(self) -> None:
        self.is_open = True

    def fault(self) -> None:
        self._trouble = True

    def patience_over(self) -> None:
        """Neither refused nor answered in good time: a slow server, not a wrong key."""
        self.is_open = self.is_open or not self._trouble


class Admission:
    """All that stands between a job and the wire. `request_room` and `hold` ask, `admit` takes, `settle` gives
    back what a request did not use."""

    def __init__(
        self, limits: Limits, budget: Budget, price: Price | None, spent_usd: float, spent_tokens: int
    ) -> None:
        self.limit = AdaptiveLimit(limits.concurrency)
        self.ledger = Ledger(budget, price, spent_usd=spent_usd, spent_tokens=spent_tokens)
        self.forecast = TokenForecast()
        self.gate = Gate()
        self._limits = limits
        self._rpm: RateBucket | None = None
        self._tpm: RateBucket | None = None

    def start(self, now: float) -> None:
        """The minute limits count from here."""
        if self._limits.rpm is not None:
            self._rpm = RateBucket(self._limits.rpm, now, unit=1.0)
        if self._limits.tpm is not None:
            self._tpm = RateBucket(self._limits.tpm, now)

    @property
    def room(self) -> int:
        """Requests that may be on the wire at once."""
        return self.gate.room(self.limit.allowed)

    @property
    def most_alive(self) -> int:
        """Jobs that may be on the wire or waiting to be asked again: twice the room, so that waiting costs no
        throughput; but only the room while the server has not answered anybody."""
        return 2 * self.room if self.gate.is_open else self.room

    def silence_s(self, now: float) -> float:
        """How long nothing may be sent, because the server said so."""
        return max(0.0, self.limit.blocked_until - now)

    def hold(self, flight: Flight, now: float) -> Hold | None:
        """What keeps this request from being sent now (slots and silence aside); None: nothing."""
        limit = self.ledger.in_the_way(self._reservation(flight))
        if limit is not None:
            return Hold(limit=limit, for_good=self.ledger.idle)
        wait_s = 0.0
        if self._rpm is not None:
            wait_s = self._rpm.wait_s(1.0, now)
        if self._tpm is not None:
            wait_s = max(wait_s, self._tpm.wait_s(self.forecast.expected(flight.job.request), now))
        return Hold(wait_s=wait_s) if wait_s > 0 else None

    def explain(self, flight: Flight, limit: Literal["budget", "tokens"]) -> str:
        """Why the request does not fit under `limit`, for people."""
        return self.ledger.explain(self._reservation(flight), limit)

    def admit(self, flight: Flight, now: float) -> Reservation:
        """Take what the request may use; ask `hold` first."""
        reserved = self._reservation(flight)
        self.ledger.reserve(reserved)
        flight.reserved = reserved
        if self._rpm is not None:
            self._rpm.take(1.0, now)
        if self._tpm is not None:
            flight.tpm_taken = self.forecast.expected(flight.job.request)
            self._tpm.take(flight.tpm_taken, now)
        return reserved

    def settle(self, flight: Flight, usage: Usage, now: float) -> None:
        """The request that was admitted used `usage`."""
        if flight.reserved is not None:
            self.ledger.settle(flight.reserved, usage)
            flight.reserved = None
        if self._tpm is not None and flight.tpm_taken:
            self._tpm.correct(flight.tpm_taken, usage.total, now)
        flight.tpm_taken = 0

    def charge(self, flight: Flight, failure: TeacherFailure, partial: str) -> Usage:
        """What a try without an answer may have been charged, `partial` being the text that came. A request
        that was refused, or never reached the server, cost nothing."""
        if not failure.sent or failure.kind not in (FailureKind.TRANSIENT, FailureKind.CONTENT):
            return Usage()
        if partial:
            return self.forecast.of_broken(flight.job.request, partial)
        refused = failure.status is not None and failure.status >= 400
        return Usage() if refused else self.forecast.of_silent(flight.job.request)

    def learn_rates(self, rate: RateHeaders, now: float, *, refused: bool) -> str | None:
        """The server's `x-ratelimit-*` headers. They count where the user set no limit, and only once they
        matter (nine tenths used up; a 429, where it does not say how much is): servers do not agree on what
        the figures mean. Very low ones are not taken for limits per minute at all. Returns what was taken
        over, as a sentence."""
        taken: list[str] = []
        requests = _limit(rate.limit_requests, rate.remaining_requests, refused, _LEAST_REQUESTS)
        if requests is not None and self._limits.rpm is None and not _about(self._rpm, requests):
            self._rpm = RateBucket(requests, now, unit=1.0)
            taken.append(f"{requests:,} requests")
        tokens = _limit(rate.limit_tokens, rate.remaining_tokens, refused, _LEAST_TOKENS)
        if tokens is not None and self._limits.tpm is None and not _about(self._tpm, tokens):
            self._tpm = RateBucket(tokens, now)
            taken.append(f"{tokens:,} tokens")
        return f"The teacher allows {' and '.join(taken)} a minute; keeping to that." if taken else None

    def _reservation(self, flight: Flight) -> Reservation:
        return self.ledger.worst_case(self.forecast.worst(flight.job.request))


def _limit(limit: int | None, remaining: int | None, refused: bool, least: int) -> int | None:
    """`limit` where it should be kept to."""
    if limit is None or limit < least:
        return None
    near = refused if remaining is None else remaining <= limit * _NEAR
    return limit if near else None


def _about(bucket: RateBucket | None, limit: int) -> bool:
    return bucket is not None and abs(bucket.per_minute - limit) <= _SAME * bucket.per_minute
