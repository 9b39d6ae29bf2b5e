"""Adaptive concurrency, minute buckets, backoff."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.teacher.limiter import (
    COOL_DOWN_S,
    RUN_OF_SUCCESSES,
    AdaptiveLimit,
    LimitChange,
    RateBucket,
    backoff_s,
)


def succeed(limit: AdaptiveLimit, times: int) -> list[LimitChange]:
    return [change for _ in range(times) if (change := limit.succeeded())]


# --- adaptive concurrency


def test_starts_at_the_cap_and_stays_there_while_all_is_well():
    limit = AdaptiveLimit(8)
    assert succeed(limit, 1000) == []
    assert (limit.allowed, limit.cap) == (8, 8)


def test_a_429_cuts_to_three_quarters_and_says_so():
    limit = AdaptiveLimit(64)
    assert limit.rate_limited(limit.epoch, 0.0, None) == LimitChange(64, 48, "The teacher asks to slow down")
    assert limit.rate_limited(limit.epoch, 10.0, 20.0) == LimitChange(
        48, 36, "The teacher asks to slow down and to wait 20 s"
    )


def test_requests_sent_before_the_cut_do_not_cut_again():
    limit = AdaptiveLimit(64)
    before = limit.epoch
    limit.rate_limited(before, 0.0, None)
    assert limit.rate_limited(before, 100.0, None) is None
    assert limit.allowed == 48


def test_nothing_cuts_again_within_the_cool_down():
    limit = AdaptiveLimit(64)
    limit.rate_limited(limit.epoch, 0.0, None)
    assert limit.rate_limited(limit.epoch, COOL_DOWN_S - 0.01, None) is None
    assert limit.rate_limited(limit.epoch, COOL_DOWN_S, None) is not None
    limit.rate_limited(limit.epoch, 10.0, 30.0)
    assert limit.rate_limited(limit.epoch, 39.9, None) is None


def test_retry_after_silences_the_endpoint_in_full_and_the_longest_counts():
    limit = AdaptiveLimit(8)
    limit.rate_limited(limit.epoch, 100.0, 30.0)
    limit.rate_limited(0, 101.0, 5.0)
    assert limit.blocked_until == 130.0
    limit.rate_limited(0, 110.0, 60.0)
    assert limit.blocked_until == 170.0


def test_without_retry_after_the_endpoint_is_not_silenced():
    limit = AdaptiveLimit(8)
    limit.rate_limited(limit.epoch, 100.0, None)
    assert limit.blocked_until < 100.0


def test_never_below_one():
    limit = AdaptiveLimit(3)
    for i in range(20):
        limit.rate_limited(limit.epoch, i * 100.0, None)
    assert limit.allowed == 1


def test_recovers_after_runs_of_successes():
    limit = AdaptiveLimit(8)
    limit.rate_limited(limit.epoch, 0.0, None)
    assert limit.allowed == 6
    assert succeed(limit, RUN_OF_SUCCESSES - 1) == []
    assert succeed(limit, 1) == [LimitChange(6, 7, "The teacher keeps up")]


def test_recovers_in_proportion_and_takes_at_least_a_round():
    limit = AdaptiveLimit(1000)
    limit.rate_limited(limit.epoch, 0.0, None)
    assert succeed(limit, 186) == []
    assert succeed(limit, 1) == [LimitChange(750, 796, "The teacher keeps up")]
    succeed(limit, 750 - 187)
    assert 850 < limit.allowed < 1000
    succeed(limit, 600)
    assert limit.allowed == 999  # the level that failed is approached no further this way


def test_a_cut_starts_the_run_of_successes_anew():
    limit = AdaptiveLimit(100)
    limit.rate_limited(limit.epoch, 0.0, None)
    succeed(limit, RUN_OF_SUCCESSES - 1)
    limit.rate_limited(limit.epoch, 10.0, None)
    assert succeed(limit, RUN_OF_SUCCESSES - 1) == []


def test_probes_slowly_around_the_level_that_failed():
    limit = AdaptiveLimit(40)
    limit.rate_limited(limit.epoch, 0.0, None)  # failed at 40, now 30
    limit.set_cap(1000)
    succeed(limit, 6 * RUN_OF_SUCCESSES)
    assert limit.allowed == 39
    succeed(limit, 3 * RUN_OF_SUCCESSES)
    assert limit.allowed == 39  # from here on four times slower
    succeed(limit, RUN_OF_SUCCESSES)
    assert limit.allowed == 40
    succeed(limit, 4 * 4 * RUN_OF_SUCCESSES)
    assert limit.allowed == 44
    succeed(limit, 4 * RUN_OF_SUCCESSES)
    assert limit.allowed == 45  # a tenth above has held: the level is forgotten
    succeed(limit, 5 * RUN_OF_SUCCESSES)
    assert limit.allowed == 50


def test_the_user_moves_the_cap():
    limit = AdaptiveLimit(8)
    limit.set_cap(100)
    assert limit.allowed == 100
    limit.set_cap(4)
    assert limit.allowed == 4
    limit = AdaptiveLimit(100)
    limit.rate_limited(limit.epoch, 0.0, None)
    limit.set_cap(200)
    assert limit.allowed == 75  # what the server refused is not forgotten
    limit.set_cap(50)
    assert limit.allowed == 50


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("ok"), st.integers(1, 200)),
        st.tuples(st.just("429"), st.integers(0, 3), st.one_of(st.none(), st.floats(0, 50))),
        st.tuples(st.just("time"), st.floats(0, 10)),
        st.tuples(st.just("cap"), st.integers(1, 100)),
    ),
    max_size=60,
)


@given(cap=st.integers(1, 100), events=EVENTS)
def test_always_between_one_and_the_cap_and_one_cut_a_burst(cap: int, events: list[tuple]):
    limit, now, cuts = AdaptiveLimit(cap), 0.0, []
    for event in events:
        match event:
            case ("ok", times):
                succeed(limit, times)
            case ("429", age, wait):
                epoch = max(0, limit.epoch - age)
                before, blocked = limit.allowed, limit.blocked_until
                limit.rate_limited(epoch, now, wait)
                if limit.allowed < before:
                    assert age == 0 or limit.epoch - 1 == epoch
                    cuts.append((now, wait or 0.0))
                assert limit.blocked_until >= max(blocked, now + wait if wait is not None else blocked)
            case ("time", passed):
                now += passed
            case ("cap", new):
                limit.set_cap(new)
            case _:
                raise AssertionError(event)
        assert 1 <= limit.allowed <= limit.cap
    for (first, wait), (second, _) in pairwise(cuts):
        assert second - first >= max(COOL_DOWN_S, wait) - 1e-9


# --- minute buckets


def drain(bucket: RateBucket, amounts: list[float], start: float = 0.0) -> list[tuple[float, float]]:
    """Take each amount as soon as it may be taken; when, how much."""
    now, taken = start, []
    for amount in amounts:
        while (wait := bucket.wait_s(amount, now)) > 0:
            now += wait
        bucket.take(amount, now)
        taken.append((now, amount))
    return taken


def most_in_a_minute(taken: list[tuple[float, float]]) -> float:
    most, within, first = 0.0, 0.0, 0
    for at, amount in taken:
        within += amount
        while taken[first][0] <= at - 60.0:
            within -= taken[first][1]
            first += 1
        most = max(most, within)
    return most


@pytest.mark.parametrize("per_minute", [1, 2, 10, 60, 600, 10_000])
def test_requests_reach_the_limit_and_never_exceed_it(per_minute: int):
    taken = drain(RateBucket(per_minute, 0.0, unit=1.0), [1.0] * (3 * per_minute))
    assert most_in_a_minute(taken) <= per_minute
    assert taken[-1][0] <= 180.5
    assert taken[0][0] == 0.0


def test_requests_are_spread_over_the_minute():
    taken = drain(RateBucket(60, 0.0, unit=1.0), [1.0] * 30)
    assert [at for at, _ in taken] == pytest.approx(range(30), rel=1e-4)


def test_the_first_large_request_goes_out_at_once():
    assert RateBucket(60_000, 0.0).wait_s(4000.0, 0.0) == 0.0


@given(
    limit=st.integers(100, 10_000),
    shares=st.lists(st.floats(0.001, 0.5), min_size=1, max_size=80),
    pause=st.floats(0, 100),
)
@settings(deadline=None)
def test_tokens_never_exceed_the_limit_in_any_minute(limit: int, shares: list[float], pause: float):
    bucket = RateBucket(limit, 0.0)
    half = len(shares) // 2
    taken = drain(bucket, [share * limit for share in shares[:half]])
    later = (taken[-1][0] if taken else 0.0) + pause
    taken += drain(bucket, [share * limit for share in shares[half:]], later)
    assert most_in_a_minute(taken) <= limit * (1 + 1e-6)


def test_an_amount_above_half_the_limit_gets_through_and_is_paid_off():
    taken = drain(RateBucket(1000, 0.0), [5000.0, 10.0, 5000.0])
    assert taken[0][0] == 0.0
    assert taken[1][0] > 60.0 * 4
    assert taken[2][0] > taken[1][0]


def test_what_was_not_used_comes_back():
    bucket = RateBucket(6000, 0.0)
    bucket.wait_s(1000.0, 0.0)
    bucket.take(1000.0, 0.0)
    assert bucket.wait_s(1000.0, 0.0) > 5
    bucket.correct(1000.0, 100.0, 0.0)
    assert bucket.wait_s(900.0, 0.0) == 0.0
    bucket.correct(100.0, 2000.0, 0.0)
    assert bucket.wait_s(1.0, 0.0) > 5


# --- backoff


def test_backoff_is_jittered_under_a_doubling_ceiling_of_thirty_seconds():
    rng = random.Random(1)
    for failures, most in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (7, 30.0), (1000, 30.0)]:
        waits = [backoff_s(failures, rng) for _ in range(500)]
        assert 0 <= min(waits) < most * 0.1
        assert most * 0.9 < max(waits) <= most
    assert max(backoff_s(9, rng, most_s=2.0) for _ in range(200)) <= 2.0
