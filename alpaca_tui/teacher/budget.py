"""The hard budget: what is spent, what is reserved for requests in flight, what one more may cost at worst.

`spent + reserved <= budget` holds at every moment, because the worst case of a request is reserved before it
is sent and replaced by its real cost when it ends. Money is counted in whole 1e-12 dollars, so that sums are
exact. Knows no loop, no HTTP, no store.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from alpaca_tui.teacher.pricing import PICO, Price
from alpaca_tui.teacher.types import TeacherRequest, Usage

_FRAME_TOKENS = 32
_MESSAGE_TOKENS = 8
_CHARACTERS_PER_TOKEN = 4
_ENOUGH_BYTES = 200
_RECENT = 50
_HEADROOM = 1.1
_UNSEEN_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Budget:
    """What all requests together may cost, in US dollars and in tokens; None: no limit."""

    usd: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """The worst case of one request. `usd` is None where the price is unknown."""

    tokens: int
    pico: int | None

    @property
    def usd(self) -> float | None:
        return None if self.pico is None else self.pico / PICO


def estimate_tokens(text: str) -> int:
    """A fair guess where no server counted: four ASCII characters a token, every other character one."""
    other = len(text) if not text.isascii() else 0
    if other:
        other = sum(character > "\x7f" for character in text)
    return math.ceil((len(text) - other) / _CHARACTERS_PER_TOKEN) + other


class TokenForecast:
    """How many tokens a request takes: at worst (for the budget) and as expected (for tokens a minute).

    At worst a byte is a token, whatever the tokenizer, plus the frame a chat template puts around messages,
    plus the whole answer asked for. A server that counts more than that (its own system prompt, a
    `max_tokens` it ignores) is believed from then on: the excess is added to every later worst case.
    """

    def __init__(self) -> None:
        self._excess_prompt = self._excess_answer = 0
        self._prompt_ratio: float | None = None
        self._answer_ratio: float | None = None
        self._recent: list[int] = []

    def worst(self, request: TeacherRequest) -> Usage:
        """An upper bound: prompt tokens by bytes, completion tokens by `max_tokens`."""
        return Usage(
            _prompt_bytes(request) + self._excess_prompt,
            request.sampling.max_tokens + self._excess_answer,
        )

    def expected(self, request: TeacherRequest) -> int:
        """What the request will probably take: known ratios and the mean of recent answers; before there
        are any, the whole answer asked for."""
        ratio = self._prompt_ratio if self._prompt_ratio is not None else 1 / _CHARACTERS_PER_TOKEN
        answer = request.sampling.max_tokens
        if self._recent:
            answer = min(answer, math.ceil(_HEADROOM * sum(self._recent) / len(self._recent)))
        return math.ceil(_prompt_bytes(request) * ratio) + answer

    def of_broken(self, request: TeacherRequest, partial: str) -> Usage:
        """What a request that broke off may have been charged: its prompt, the text that arrived, and what was
        written after that before the server noticed. Counted at the highest tokens per byte the server has
        counted so far; a byte a token before it counted any."""
        prompt, text = _prompt_bytes(request), len(partial.encode("utf-8", "replace"))
        worst = self.worst(request)
        completion = math.ceil(text * _or_one(self._answer_ratio)) + _UNSEEN_TOKENS
        return Usage(
            min(worst.prompt_tokens, math.ceil(prompt * _or_one(self._prompt_ratio))),
            min(worst.completion_tokens, completion),
            estimated=True,
        )

    def of_silent(self, request: TeacherRequest) -> Usage:
        """What a request that reached the server and brought nothing may have been charged: its prompt and
        every token it was allowed, for all we know spent on thinking or on an answer that was lost."""
        completion = self.worst(request).completion_tokens
        return Usage(self.of_broken(request, "").prompt_tokens, completion, estimated=True)

    def of_answer(self, request: TeacherRequest, text: str, usage: Usage) -> Usage:
        """The usage to book for an answer: as the server counted, else no less than our guess."""
        if not usage.estimated:
            return usage
        chat = sum(estimate_tokens(content) for _, content in request.chat)
        prompt = max(usage.prompt_tokens, chat, estimate_tokens(request.text))
        return Usage(prompt, max(usage.completion_tokens, estimate_tokens(text)), estimated=True)

    def learn(self, request: TeacherRequest, text: str, usage: Usage) -> int:
        """An answer came. Returns by how many tokens it went beyond its worst case (usually 0)."""
        self._recent.append(usage.completion_tokens)
        del self._recent[:-_RECENT]
        if usage.estimated:
            return 0
        prompt, answer = _prompt_bytes(request), len(text.encode("utf-8", "replace"))
        if prompt >= _ENOUGH_BYTES:
            self._prompt_ratio = max(self._prompt_ratio or 0.0, usage.prompt_tokens / prompt)
        if answer >= _ENOUGH_BYTES:
            self._answer_ratio = max(self._answer_ratio or 0.0, usage.completion_tokens / answer)
        worst = self.worst(request)
        beyond_prompt = max(0, usage.prompt_tokens - worst.prompt_tokens)
        beyond_answer = max(0, usage.completion_tokens - worst.completion_tokens)
        self._excess_prompt += beyond_prompt
        self._excess_answer += beyond_answer
        return beyond_prompt + beyond_answer


def _or_one(ratio: float | None) -> float:
    return 1.0 if ratio is None else ratio


def _prompt_bytes(request: TeacherRequest) -> int:
    chat = sum(len(content.encode("utf-8", "replace")) + _MESSAGE_TOKENS for _, content in request.chat)
    return _FRAME_TOKENS + max(chat, len(request.text.encode("utf-8", "replace")))


class Ledger:
    """What was spent and what is reserved. Dollars are counted where the price is known."""

    def __init__(
        self, budget: Budget, price: Price | None, *, spent_usd: float = 0.0, spent_tokens: int = 0
    ) -> None:
        """spent_*: what counts against the budget already. ValueError: a budget in dollars needs a price."""
        if budget.usd is not None and price is None:
            raise ValueError("a budget in dollars needs a price")
        self._price = price
        self._budget_pico = None if budget.usd is None else math.floor(budget.usd * PICO + 0.5)
        self._budget_tokens = budget.tokens
        self._spent_pico = math.ceil(spent_usd * PICO - 0.5)
        self._reserved_pico = 0
        self.spent_tokens = spent_tokens
        self.reserved_tokens = 0

    @property
    def spent_usd(self) -> float | None:
        """None: the price is unknown."""
        return None if self._price is None else self._spent_pico / PICO

    @property
    def reserved_usd(self) -> float | None:
        return None if self._price is None else self._reserved_pico / PICO

    def cost(self, usage: Usage) -> float | None:
        """What `usage` costs, in dollars; None: the price is unknown."""
        return None if self._price is None else self._price.cost(usage.prompt_tokens, usage.completion_tokens)

    def worst_case(self, usage: Usage) -> Reservation:
        """The reservation that covers `usage`."""
        price = self._price
        pico = None if price is None else price.cost_pico(usage.prompt_tokens, usage.completion_tokens)
        return Reservation(usage.total, pico)

    def in_the_way(self, wanted: Reservation) -> Literal["budget", "tokens"] | None:
        """The limit `wanted` does not fit under now; None: it fits."""
        pico = self._spent_pico + self._reserved_pico + (wanted.pico or 0)
        if self._budget_pico is not None and pico > self._budget_pico:
            return "budget"
        tokens = self.spent_tokens + self.reserved_tokens + wanted.tokens
        if self._budget_tokens is not None and tokens > self._budget_tokens:
            return "tokens"
        return None

    def explain(self, wanted: Reservation, limit: Literal["budget", "tokens"]) -> str:
        """Why `wanted` does not fit, for people."""
        if limit == "budget":
            left = max(0, (self._budget_pico or 0) - self._spent_pico - self._reserved_pico) / PICO
            budget = (self._budget_pico or 0) / PICO
            return f"${left:,.4f} of ${budget:,.4f} is left; the next request could cost ${wanted.usd:,.4f}."
        left_tokens = max(0, (self._budget_tokens or 0) - self.spent_tokens - self.reserved_tokens)
        return (
            f"{left_tokens:,} of {self._budget_tokens:,} tokens are left; "
            f"the next request could take {wanted.tokens:,}."
        )

    @property
    def idle(self) -> bool:
        """Nothing is reserved, hence nothing can become cheaper than feared."""
        return self.reserved_tokens == 0

    def reserve(self, wanted: Reservation) -> None:
        """ValueError if it does not fit: ask `in_the_way` first."""
        if limit := self.in_the_way(wanted):
            raise ValueError(f"does not fit under the limit: {limit}")
        self.reserved_tokens += wanted.tokens
        self._reserved_pico += wanted.pico or 0

    def settle(self, reserved: Reservation, usage: Usage) -> float | None:
        """The request ended: its reservation gives way to what it used. Returns the cost in dollars."""
        self.reserved_tokens -= reserved.tokens
        self._reserved_pico -= reserved.pico or 0
        self.spent_tokens += usage.total
        if self._price is not None:
            self._spent_pico += self._price.cost_pico(usage.prompt_tokens, usage.completion_tokens)
        return self.cost(usage)
