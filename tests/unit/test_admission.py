"""What stands between a job and the wire, one piece at a time."""

from __future__ import annotations

import pytest

from alpaca_tui.teacher.admission import Admission, Hold
from alpaca_tui.teacher.budget import Budget
from alpaca_tui.teacher.flight import Flight
from alpaca_tui.teacher.jobs import Limits
from alpaca_tui.teacher.types import RateHeaders, Usage
from tests.support.engine import job


def admission(budget: Budget | None = None, **limits: int) -> Admission:
    made = Admission(Limits(**limits), budget or Budget(), None, 0.0, 0)
    made.start(0.0)
    return made


def flight(index: int = 1, max_tokens: int = 100) -> Flight:
    return Flight(job(index, max_tokens=max_tokens), index)


def test_one_goes_ahead_then_a_few_then_all():
    gate = admission(concurrency=64)
    assert gate.room == 1
    gate.gate.fault()
    assert gate.room == 8
    assert gate.most_alive == 8
    gate.gate.patience_over()
    assert gate.room == 8  # there was trouble: patience does not open the gate
    gate.gate.open()
    assert (gate.room, gate.most_alive) == (64, 128)


def test_patience_opens_the_gate_to_a_slow_server():
    gate = admission(concurrency=64)
    gate.gate.patience_over()
    assert gate.room == 64


def test_tokens_reserved_and_not_used_come_back():
    gate = admission(tpm=6000)
    first, second = flight(1, 2000), flight(2, 2000)
    assert gate.hold(first, 0.0) is None
    gate.admit(first, 0.0)
    held = gate.hold(second, 0.0)
    assert held is not None
    assert held.wait_s > 20
    gate.settle(first, Usage(20, 10), 0.0)
    held = gate.hold(second, 0.0)
    assert held is None or held.wait_s < 1


def test_requests_a_minute_hold_back_for_as_long_as_it_takes():
    gate = admission(rpm=60)
    gate.admit(flight(1), 0.0)
    held = gate.hold(flight(2), 0.0)
    assert held is not None
    assert held.wait_s == pytest.approx(1.0, rel=1e-3)


def test_a_budget_holds_back_until_nothing_in_flight_can_make_room():
    gate = admission(Budget(tokens=400))
    first, second = flight(1), flight(2)
    gate.admit(first, 0.0)
    gate.admit(second, 0.0)
    assert gate.hold(flight(3), 0.0) == Hold(limit="tokens", for_good=False)
    gate.settle(first, Usage(50, 100), 0.0)
    gate.settle(second, Usage(50, 100), 0.0)
    assert gate.hold(flight(3), 0.0) == Hold(limit="tokens", for_good=True)
    assert "100 of 400 tokens are left" in gate.explain(flight(3), "tokens")


@pytest.mark.parametrize(
    ("headers", "refused", "words"),
    [
        (RateHeaders(), True, None),
        (RateHeaders(limit_requests=500, remaining_requests=400), True, None),  # a 429 for another reason
        (RateHeaders(limit_requests=500, remaining_requests=50), False, "500 requests"),
        (RateHeaders(limit_requests=500, remaining_requests=51), False, None),
        (RateHeaders(limit_requests=500), False, None),
        (RateHeaders(limit_requests=500), True, "500 requests"),
        (RateHeaders(limit_requests=5, remaining_requests=0), True, None),  # hardly a limit per minute
        (RateHeaders(limit_tokens=90_000, remaining_tokens=100), False, "90,000 tokens"),
        (RateHeaders(60, 9000, 0, 0), True, "60 requests and 9,000 tokens"),
    ],
)
def test_the_servers_limits_count_once_they_matter(headers: RateHeaders, refused: bool, words: str | None):
    said = admission().learn_rates(headers, 0.0, refused=refused)
    assert said == (None if words is None else f"The teacher allows {words} a minute; keeping to that.")


def test_the_users_limits_come_first_and_a_known_limit_is_not_told_twice():
    used_up = RateHeaders(600, 60_000, 0, 0)
    gate = admission(rpm=5, tpm=500)
    assert gate.learn_rates(used_up, 0.0, refused=True) is None
    gate = admission()
    assert gate.learn_rates(used_up, 0.0, refused=True) is not None
    assert gate.learn_rates(RateHeaders(590, 61_000, 0, 0), 1.0, refused=True) is None
    assert gate.learn_rates(RateHeaders(1200, 61_000, 0, 0), 2.0, refused=True) == (
        "The teacher allows 1,200 requests a minute; keeping to that."
    )
