"""The hard budget and the forecast of tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.teacher.budget import Budget, Ledger, TokenForecast, estimate_tokens
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.types import Sampling, TeacherRequest, Usage

PRICE = Price(0.15, 0.60)


def request(text: str = "x" * 400, max_tokens: int = 100) -> TeacherRequest:
    return TeacherRequest((("user", text),), text, Sampling(max_tokens=max_tokens))


# --- the ledger


def test_reserves_the_worst_case_and_settles_for_the_real_one():
    ledger = Ledger(Budget(usd=1.0), PRICE)
    worst = ledger.worst_case(Usage(1000, 3000))
    assert worst.usd == pytest.approx(0.00195)
    ledger.reserve(worst)
    assert ledger.reserved_usd == pytest.approx(0.00195)
    assert not ledger.idle
    assert ledger.settle(worst, Usage(800, 1000)) == pytest.approx(0.00072)
    assert (ledger.reserved_usd, ledger.spent_usd) == (0.0, pytest.approx(0.00072))
    assert ledger.idle
    assert ledger.spent_tokens == 1800


def test_a_budget_of_exactly_one_request_lets_it_through():
    worst = Usage(1000, 3000)
    exact = PRICE.cost(1000, 3000)
    assert Ledger(Budget(usd=exact), PRICE).in_the_way(Ledger(Budget(), PRICE).worst_case(worst)) is None
    less = Ledger(Budget(usd=exact - 1e-9), PRICE)
    assert less.in_the_way(less.worst_case(worst)) == "budget"
    tokens = Ledger(Budget(tokens=4000), None)
    assert tokens.in_the_way(tokens.worst_case(worst)) is None
    tokens = Ledger(Budget(tokens=3999), None)
    assert tokens.in_the_way(tokens.worst_case(worst)) == "tokens"


def test_what_does_not_fit_cannot_be_reserved():
    ledger = Ledger(Budget(tokens=100), None)
    with pytest.raises(ValueError, match="tokens"):
        ledger.reserve(ledger.worst_case(Usage(101, 0)))


def test_an_unknown_price_stays_unknown():
    ledger = Ledger(Budget(), None)
    assert (ledger.spent_usd, ledger.reserved_usd, ledger.cost(Usage(1, 1))) == (None, None, None)
    assert ledger.worst_case(Usage(1, 1)).usd is None
    with pytest.raises(ValueError, match="price"):
        Ledger(Budget(usd=5.0), None)


def test_free_is_not_unknown():
    ledger = Ledger(Budget(usd=0.0), Price(0.0, 0.0))
    assert ledger.in_the_way(ledger.worst_case(Usage(10**6, 10**6))) is None
    assert ledger.cost(Usage(5, 5)) == 0.0


def test_earlier_spending_counts():
    ledger = Ledger(Budget(usd=1.0, tokens=1000), PRICE, spent_usd=0.25, spent_tokens=900)
    assert (ledger.spent_usd, ledger.spent_tokens) == (0.25, 900)
    assert ledger.in_the_way(ledger.worst_case(Usage(101, 0))) == "tokens"


def test_explains_itself():
    ledger = Ledger(Budget(usd=0.01, tokens=2000), PRICE, spent_usd=0.0095, spent_tokens=1500)
    wanted = ledger.worst_case(Usage(1000, 3000))
    assert ledger.explain(wanted, "budget") == (
        "$0.0005 of $0.0100 is left; the next request could cost $0.0019."
    ) or ledger.explain(wanted, "budget").endswith("$0.0020.")
    assert ledger.explain(wanted, "tokens") == (
        "500 of 2,000 tokens are left; the next request could take 4,000."
    )


@given(
    usd=st.floats(0, 0.05),
    tokens=st.integers(0, 200_000),
    prices=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    spent=st.floats(0, 0.01),
    steps=st.lists(
        st.tuples(
            st.booleans(), st.integers(0, 5000), st.integers(1, 5000), st.floats(0, 1), st.floats(0, 1)
        ),
        max_size=80,
    ),
)
def test_the_budget_is_never_exceeded(usd, tokens, prices, spent, steps):
    """Whatever is asked and whatever it turns out to cost, within its worst case."""
    ledger = Ledger(Budget(usd, tokens), Price(*prices), spent_usd=min(spent, usd))
    in_flight = []
    for ask, prompt, completion, used_prompt, used_completion in steps:
        if ask:
            worst = Usage(prompt, completion)
            wanted = ledger.worst_case(worst)
            if ledger.in_the_way(wanted) is None:
                ledger.reserve(wanted)
                in_flight.append((wanted, worst))
        elif in_flight:
            wanted, worst = in_flight.pop(prompt % len(in_flight))
            ledger.settle(
                wanted,
                Usage(int(worst.prompt_tokens * used_prompt), int(worst.completion_tokens * used_completion)),
            )
        assert ledger.spent_usd is not None
        assert ledger.reserved_usd is not None
        assert ledger._spent_pico + ledger._reserved_pico <= ledger._budget_pico
        assert ledger.spent_tokens + ledger.reserved_tokens <= tokens
        assert ledger.idle == (not in_flight)


# --- the forecast


@given(text=st.text(max_size=300), max_tokens=st.integers(1, 5000))
def test_the_worst_case_bounds_any_byte_level_tokenizer(text: str, max_tokens: int):
    worst = TokenForecast().worst(request(text, max_tokens))
    assert worst.prompt_tokens > len(text.encode())
    assert worst.completion_tokens == max_tokens


def test_the_longer_of_both_forms_of_the_prompt_counts():
    both = TeacherRequest((("system", "y" * 10), ("user", "x" * 20)), "z" * 500, Sampling(max_tokens=5))
    assert TokenForecast().worst(both).prompt_tokens >= 500


def test_a_server_that_counts_more_than_the_worst_case_is_believed():
    forecast = TokenForecast()
    before = forecast.worst(request())
    assert forecast.learn(request(), "short", Usage(before.prompt_tokens + 70, 140)) == 70 + 40
    after = forecast.worst(request())
    assert after.prompt_tokens == before.prompt_tokens + 70
    assert after.completion_tokens == 140
    assert forecast.learn(request(), "short", Usage(before.prompt_tokens + 70, 140)) == 0


def test_expects_the_whole_answer_until_answers_are_known():
    forecast = TokenForecast()
    assert forecast.expected(request(max_tokens=3000)) > 3000
    for _ in range(60):
        forecast.learn(request(), "a" * 2000, Usage(100, 500))
    assert 550 + 100 <= forecast.expected(request(max_tokens=3000)) <= 550 + 120
    assert forecast.expected(request(max_tokens=50)) < 200


def test_a_broken_answer_is_charged_by_what_the_server_counted_before():
    forecast = TokenForecast()
    unknown = forecast.of_broken(request("p" * 400, 3000), "x" * 800)
    assert unknown.prompt_tokens >= 400
    assert (unknown.completion_tokens, unknown.estimated) == (800 + 100, True)
    forecast.learn(request("p" * 400, 3000), "x" * 2000, Usage(110, 500))
    forecast.learn(request("p" * 400, 3000), "x" * 2000, Usage(100, 400))
    known = forecast.of_broken(request("p" * 400, 3000), "x" * 800)
    assert known.prompt_tokens == pytest.approx(110, abs=2)
    assert known.completion_tokens == 200 + 100  # and what we did not see of it
    assert forecast.of_broken(request(max_tokens=10), "x" * 8000).completion_tokens == 10


def test_a_request_that_brought_nothing_may_have_cost_all_it_was_allowed():
    forecast = TokenForecast()
    forecast.learn(request("p" * 400, 3000), "x" * 2000, Usage(110, 500))
    silent = forecast.of_silent(request("p" * 400, 3000))
    assert silent.prompt_tokens == pytest.approx(110, abs=2)
    assert (silent.completion_tokens, silent.estimated) == (3000, True)


def test_where_the_server_counts_nothing_our_own_guess_is_no_lower_than_one_token_a_cjk_character():
    forecast = TokenForecast()
    said = Usage(3, 2, estimated=True)
    assert forecast.of_answer(request("写一首诗" * 10), "好" * 50, said) == Usage(40, 50, estimated=True)
    real = Usage(3, 2)
    assert forecast.of_answer(request("写一首诗" * 10), "好" * 50, real) is real


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("abcd", 1), ("abcde", 2), ("é", 1), ("好好ab", 3)])
def test_estimated_tokens(text: str, tokens: int):
    assert estimate_tokens(text) == tokens
