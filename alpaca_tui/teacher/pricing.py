"""What a teacher's tokens cost: a small dated table. What it lacks is unknown, never 0.

The user's own prices (`--price`, `prices` in config.toml) come before it. Knows no endpoint and no store;
whether a run may go on at its price is `budget`'s business.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import cast

from alpaca_tui.errors import UserError

PICO = 10**12
_WRONG_USAGE = 2


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. `as_of` is the ISO date of the figure, "" if the user gave it."""

    input: float
    output: float
    as_of: str = ""

    def cost_pico(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The cost in whole 1e-12 dollars, rounded up; exact for prices of up to six decimals."""
        return _pico(self.input, prompt_tokens) + _pico(self.output, completion_tokens)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The cost in dollars."""
        return self.cost_pico(prompt_tokens, completion_tokens) / PICO


def _pico(per_million: float, tokens: int) -> int:
    """Decimal, for 0.15 dollars a million are 150,000 pico-dollars a token, though 0.15 * 1e6 is not."""
    return math.ceil(Decimal(repr(per_million)).scaleb(6) * tokens)


FREE = Price(0.0, 0.0)


def find_price(model: str, server: str) -> Price | None:
    """What `model` costs at `server` (its label), None when unknown. The demo teacher is free.

    Only a name that stands in the table counts: a model's dated snapshots and fine-tunes can cost more than
    the model.
    """
    return FREE if server == "demo" else _shipped().get(server, {}).get(model)


def parse_price(text: str) -> Price:
    """`0.15,0.60` (US dollars per million tokens: input, output) as given to `--price`. Raises UserError."""
    try:
        figures = [float(part) for part in text.split(",")]
    except ValueError:
        figures = []
    if len(figures) != 2 or not all(math.isfinite(figure) and figure >= 0 for figure in figures):
        raise UserError(
            "This is not a price",
            f"It says “{text}”.",
            "Give two numbers, US dollars per million tokens for input and output: --price 0.15,0.60.",
            exit_code=_WRONG_USAGE,
        )
    return Price(figures[0], figures[1])


@cache
def _shipped() -> Mapping[str, Mapping[str, Price]]:
    """Server label -> model -> price."""
    text = (resources.files("alpaca_tui") / "data" / "prices.toml").read_text("utf-8")
    content = tomllib.loads(text)
    as_of = str(content.pop("as_of"))
    return {
        server: {model: Price(float(pair[0]), float(pair[1]), as_of) for model, pair in models.items()}
        for server, models in cast(dict[str, dict[str, list[float]]], content).items()
    }
