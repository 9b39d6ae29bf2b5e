"""A row's history: what it was after each operation, and the way back to any of it.

Built from the store's revisions; undo and redo themselves are the store's. Knows no screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alpaca_tui.errors import UserError
from alpaca_tui.store.curated import EDITABLE, Change, Done, Operation, Revision
from alpaca_tui.store.rows import ExampleRow
from alpaca_tui.store.store import Store

_RESTORED = tuple(name for name in EDITABLE if name not in ("deleted", "split"))


@dataclass(frozen=True, slots=True)
class Version:
    """A row as it stood. `operation` brought it about (None: it came so); `changed` names the fields it
    changed. `fields`: every editable field as it was then. `current`: this is the row as it is."""

    number: int
    operation: Operation | None
    changed: tuple[str, ...]
    fields: Mapping[str, Any]
    current: bool


def versions(store: Store, example_id: int) -> list[Version]:
    """Everything a row has been, oldest first; what was taken back by undo is among it, and marked so by
    its operation's state."""
    row = store.example(example_id)
    if row is None:
        return []
    revisions = store.revisions(example_id)
    first = _original(fields_of(row), revisions)
    # By the row's `revised`: what it was after an operation, and (negative) after that one was taken back.
    states: dict[int, Mapping[str, Any]] = {}
    found: list[Version] = []
    standing = 0
    born = bool(revisions) and revisions[0].before is None
    if not born:
        found.append(Version(0, None, (), first, current=False))
    for number, revision in enumerate(revisions, 1):
        operation = revision.operation
        before = states.get(revision.under, first)
        states[-operation.id], states[operation.id] = before, {**before, **revision.after}
        changed = tuple(name for name in EDITABLE if name in revision.after)
        if operation.state == "done":
            standing = len(found)
        found.append(Version(number, operation, changed, states[operation.id], current=False))
    if found:
        found[standing] = replace(found[standing], current=True)
    return found


def fields_of(row: ExampleRow) -> dict[str, Any]:
    """The editable fields of a row."""
    return {name: getattr(row, name) for name in EDITABLE}


def restore(store: Store, example_id: int, version: Version, *, expected: int | None = None) -> Done:
    """Give a row the texts, status, rating, tags and note of an earlier version, as a new operation."""
    fields = {name: version.fields[name] for name in _RESTORED}
    if not fields["instruction"].strip():
        raise UserError(
            "This version has no instruction", "A row needs one.", "Restore another, or delete the row."
        )
    return store.operate(
        f"Restore row {example_id} to version {version.number}", [Change(example_id, fields, expected)]
    )


def _original(now: Mapping[str, Any], revisions: list[Revision]) -> dict[str, Any]:
    """The row before any operation: each field as the first operation that stands found it."""
    fields = dict(now)
    for revision in reversed(revisions):
        if revision.operation.state == "done" and revision.before is not None:
            fields.update(revision.before)
    return fields
