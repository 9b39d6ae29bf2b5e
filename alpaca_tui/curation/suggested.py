"""What a teacher proposed, decided on by a person: what accepting would change, and the change itself.

Knows the store and no teacher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alpaca_tui.errors import UserError
from alpaca_tui.store.curated import Change, Done, SuggestionKind, SuggestionRow
from alpaca_tui.store.rows import ExampleRow
from alpaca_tui.store.store import Store

VERBS: Mapping[SuggestionKind, str] = {"judge": "Judge", "correct": "Correct", "rewrite": "Rewrite"}
_STATUS = {"right": "approved", "wrong": "rejected"}


def accept(store: Store, decided: Sequence[tuple[SuggestionRow, ExampleRow]]) -> Done:
    """Do what the teacher proposed to rows as they were looked at, as one operation: take its output, else its
    verdict as the status. Raises Conflict where a row was changed meanwhile, UserError where there is nothing
    to take."""
    if not all(proposal(suggestion) for suggestion, _ in decided):
        raise UserError(
            "There is nothing to take from this answer",
            "The teacher proposed no output and was not sure.",
            "Decline it, or edit the row yourself.",
        )
    suggestion, row = decided[0]
    which = f"row {row.id}" if len(decided) == 1 else f"{len(decided):,} rows"
    title = f"{VERBS[suggestion.kind]} {which} as the teacher says"
    changes = [(one, Change(row.id, proposal(one), row.revised)) for one, row in decided]
    return store.accept_suggestions(title, changes)


def proposal(suggestion: SuggestionRow) -> dict[str, str]:
    """The fields accepting would change; empty where there is nothing to accept."""
    if suggestion.output is not None:
        return {"output": suggestion.output}
    if suggestion.kind != "rewrite" and suggestion.verdict in _STATUS:
        if suggestion.kind == "correct" and suggestion.verdict == "wrong":
            return {}  # a fault without its correction: a person's work
        return {"status": _STATUS[suggestion.verdict]}
    return {}


def unanswered(store: Store, kind: SuggestionKind, rows: Sequence[int]) -> list[int]:
    """Those of `rows` about which no answer to this question stands open; what was said of a text that has
    changed since does not count."""
    open_rows = {
        one.example_id for one in store.suggestions(limit=1_000_000) if one.kind == kind and not one.stale
    }
    return [row for row in rows if row not in open_rows]
