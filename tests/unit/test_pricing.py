"""Prices: the shipped table, what the user types, and the arithmetic."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.pricing import PICO, Price, find_price, parse_price


def test_a_known_model_has_its_dated_price():
    price = find_price("gpt-4o-mini", "openai")
    assert price is not None
    assert (price.input, price.output) == (0.15, 0.60)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", price.as_of)


@pytest.mark.parametrize(
    ("model", "server"),
    [
        ("gpt-4o-mini", "http://localhost:8000/v1"),  # the same name elsewhere is another price
        ("llama-3", "openai"),
        ("ft:gpt-4o-mini:me", "openai"),
        ("", ""),
    ],
)
def test_what_is_not_in_the_table_is_unknown(model: str, server: str):
    assert find_price(model, server) is None


def test_the_demo_is_free():
    assert find_price("demo-alpaca", "demo") == Price(0.0, 0.0)


def test_cost_of_a_million_tokens_is_the_price():
    assert Price(0.15, 0.60).cost(1_000_000, 1_000_000) == 0.75
    assert Price(2.5, 10.0).cost(830, 1500) == pytest.approx(0.017075)
    assert Price(0.15, 0.6).cost_pico(1, 1) == 750_000


@given(
    price=st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
    tokens=st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
)
def test_cost_is_exact_for_prices_of_six_decimals(price: tuple[int, int], tokens: tuple[int, int]):
    """Against rational arithmetic."""
    dollars = sum(Fraction(p, 10**6) * t / 10**6 for p, t in zip(price, tokens, strict=True))
    assert Price(price[0] / 1e6, price[1] / 1e6).cost_pico(*tokens) == dollars * PICO


@given(price=st.floats(0, 1000), tokens=st.integers(0, 10**7))
def test_cost_is_never_below_the_price(price: float, tokens: int):
    assert Price(price, 0.0).cost_pico(tokens, 0) >= Fraction(price) * tokens * 10**6 * (
        1 - Fraction(1, 10**9)
    )


@pytest.mark.parametrize("text", ["0.15,0.60", " 0.15 , 0.6 ", ".15,.6"])
def test_a_price_as_typed(text: str):
    assert parse_price(text) == Price(0.15, 0.60)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "-1,2", "1,inf", "nan,1", "1;2", "1,"])
def test_what_is_no_price_is_explained(text: str):
    with pytest.raises(UserError) as caught:
        parse_price(text)
    assert caught.value.exit_code == 2
    assert f"“{text}”" in caught.value.cause
    assert "0.15,0.60" in caught.value.next_step
