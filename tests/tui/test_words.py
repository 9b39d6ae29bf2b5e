"""Numbers, money and times in words."""

from __future__ import annotations

import pytest

from alpaca_tui.tui import words
from tests.tui.fakes import NOON


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "unknown"),
        (0, "$0"),
        (0.000001, "<$0.00001"),
        (0.00002, "$0.000020"),
        (0.000198, "$0.00020"),
        (0.004, "$0.0040"),
        (0.0262, "$0.026"),
        (0.5, "$0.500"),
        (1.0, "$1.00"),
        (999.994, "$999.99"),
        (12345.6, "$12,346"),
    ],
)
def test_dollars_show_as_much_as_the_amount_needs(amount: float | None, shown: str) -> None:
    assert words.dollars(amount) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (987, "987"),
        (1243, "1.2k"),
        (99_949, "99.9k"),
        (123_456, "123k"),
        (4_560_000, "4.6M"),
        (2e9, "2.0G"),
    ],
)
def test_short_numbers(number: float, shown: str) -> None:
    assert words.short(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "unknown"),
        (0.2, "0 s"),
        (59.4, "59 s"),
        (60, "1 m 00 s"),
        (80, "1 m 20 s"),
        (7500, "2 h 05 m"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert words.duration(seconds) == shown


def test_percent_of_nothing_is_no_number() -> None:
    assert words.percent(0, 0) == "–"
    assert words.percent(1, 3) == "33 %"
    assert words.percent(1, 40) == "2.5 %"
    assert words.percent(0, 5) == "0 %"


def test_ago_counts_from_the_screens_own_clock() -> None:
    assert words.ago(NOON + 30) == "just now"
    assert words.ago(NOON - 240) == "5 min ago"
    assert words.ago(NOON - 7200) == "2 h ago"
    assert words.ago(NOON - 5 * 86400) == "5 days ago"


def test_a_run_that_was_killed_says_so() -> None:
    assert "killed" in words.stop_words(None)
    assert words.stop_words("goal") == "Goal reached"
