"""From the teacher's name to an endpoint that answers, its price, and what this workspace has spent on it.

Shared by everyone who asks a teacher: generation, curation, judging. Blocks: call it off any event loop.
Knows no run and no prompt.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from alpaca_tui.errors import UserError
from alpaca_tui.store.rows import Spending
from alpaca_tui.teacher.connect import resolve_endpoint
from alpaca_tui.teacher.demo.process import start_demo
from alpaca_tui.teacher.pricing import Price, find_price
from alpaca_tui.teacher.types import Endpoint, EndpointKind


def open_endpoint(
    teacher: str,
    model: str | None,
    kind: EndpointKind,
    resources: contextlib.ExitStack,
    environ: Mapping[str, str],
    *,
    seed: int = 0,
) -> Endpoint:
    """Where `teacher` (demo, openai, a URL) answers; a demo teacher is started, and ends with `resources`.
    Raises UserError."""
    if teacher != "demo":
        return resolve_endpoint(teacher, model=model, kind=kind, environ=environ)
    demo = resources.enter_context(start_demo(seed=seed))
    return Endpoint(base_url=demo.url, model=model or demo.model, label="demo", kind=kind)


def price_in_force(
    endpoint: Endpoint,
    given: tuple[float, float] | None,
    own: Mapping[str, tuple[float, float]],
    budget_usd: float | None,
) -> Price | None:
    """The price `given`, else the user's `own` for the model, else the table's; None where it is unknown.
    Raises UserError where a budget in dollars would then have nothing to count with."""
    if given is not None:
        return Price(*given)
    mine = own.get(endpoint.model)
    price = find_price(endpoint.model, endpoint.label) if mine is None else Price(*mine)
    if price is None and budget_usd is not None:
        raise UserError(
            f"The price of {endpoint.model} at {endpoint.label} is unknown",
            "A budget in dollars can only be kept with a price.",
            "Give it: --price IN,OUT in USD per million tokens (for a server of your own: --price 0,0), "
            "or limit tokens instead: --max-tokens N.",
        )
    return price


def spent_so_far(spending: Spending, price: Price | None) -> float | None:
    """What counts against the budget already. Where the cost of an earlier request is unknown, all that
    was spent is valued at today's price, and at no less than what is known; None without a price."""
    if price is None:
        return None if spending.unknown_costs or not spending.states else spending.known_usd
    if not spending.unknown_costs:
        return spending.known_usd
    valued = price.cost(spending.prompt_tokens, spending.completion_tokens + spending.lost_tokens)
    return max(spending.known_usd, valued)
