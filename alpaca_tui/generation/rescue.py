"""A rejected candidate kept by hand: a person may overrule any rule, and the rules' objection stays readable."""

from __future__ import annotations

from alpaca_tui.errors import UserError
from alpaca_tui.store.store import Store


def rescue(store: Store, candidate_id: int) -> int:
    """Keep the candidate; returns its row's id. It joins the novelty pool, stays through every rejudge and
    counts as kept. Raises UserError when there is no such candidate or it holds nothing to keep."""
    candidate = store.candidate(candidate_id)
    if candidate is None:
        raise UserError(
            "There is no such candidate", f"Nothing has the number {candidate_id}.", "Pick it from the list."
        )
    if not candidate.instruction.strip() or not candidate.output.strip():
        raise UserError(
            "This candidate cannot be kept",
            "Its instruction or its output is empty.",
            "Open its completion to read what the teacher wrote.",
        )
    return store.promote(candidate_id, rescued=True)
