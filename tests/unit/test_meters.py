"""Rates as they are shown."""

from __future__ import annotations

import pytest

from alpaca_tui.teacher.meters import Flow, LastMinute


def test_counts_the_last_sixty_seconds():
    meter = LastMinute()
    assert meter.count(1000.0) == 0
    for second in range(200):
        for _ in range(3):
            meter.add(1000.0 + second)
    assert meter.count(1199.0) == 180
    assert meter.count(1229.0) == 90
    assert meter.count(1300.0) == 0


def test_flow_is_the_growth_over_the_last_seconds():
    flow = Flow(100.0)
    assert flow.per_second(0.0, 100.0) == 0.0
    assert flow.per_second(50.0, 101.0) == pytest.approx(50.0)
    total = 50.0
    for tick in range(1, 100):
        total += 40.0
        rate = flow.per_second(total, 101.0 + tick * 0.1)
    assert rate == pytest.approx(400.0, rel=0.1)
    assert flow.per_second(total, 130.0) < 20.0
    assert flow.per_second(total, 140.0) == 0.0


def test_flow_read_once_speaks_of_the_whole_time():
    assert Flow(100.0).per_second(1000.0, 110.0) == pytest.approx(100.0)
