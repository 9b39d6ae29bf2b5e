"""What a person does to rows, each act one operation of the store with words that say what was done.

One row, a selection, or everything a filter matches: the same functions. Knows the store's operations, no
screen and no file format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from alpaca_tui.errors import UserError
from alpaca_tui.store.curated import Change, Done, EditableRow, NewRow, Who
from alpaca_tui.store.rows import ExampleRow, ReviewStatus
from alpaca_tui.store.store import Store
from alpaca_tui.text import plural, preview

_VERBS: Mapping[str, str] = {"approved": "Approve", "rejected": "Reject", "pending": "Set back to pending"}
_MARKER = re.compile(
    r"(?:^|\n)[ \t]*(?:#{2,}[ \t]*(?:\n[ \t]*)?)?(?:\d{1,3}[.)][ \t]*)?(?:#+[ \t]*)?Instruction:[ \t]*",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?:^|\n)[ \t]*(?:\d{1,3}[.)][ \t]*)?(?:#+[ \t]*)?(Input|Output|Response):[ \t]*\n?", re.IGNORECASE
)
_TAIL = re.compile(r"\s*(?:\n[ \t]*#{2,}[ \t]*(?:\n[ \t]*\d{1,3}[.)]?)?)?\s*$")
_NO_INPUT = re.compile(r"^\W*no\s*input\W*$", re.IGNORECASE)


class Part(NamedTuple):
    """The three texts of a row."""

    instruction: str
    input: str
    output: str


def rows_named(ids: Sequence[int]) -> str:
    """`row 12`, `3 rows`: for titles of operations."""
    return f"row {ids[0]}" if len(ids) == 1 else plural(len(ids), "row")


def set_status(store: Store, ids: Sequence[int], status: ReviewStatus) -> Done:
    return store.operate_on(f"{_VERBS[status]} {rows_named(ids)}", ids, {"status": status})


def rate(store: Store, ids: Sequence[int], stars: int | None) -> Done:
    """1 to 5 stars, None for no rating."""
    what = (
        f"Rate {rows_named(ids)}: {stars}" if stars is not None else f"Take the rating off {rows_named(ids)}"
    )
    return store.operate_on(what, ids, {"rating": stars})


def change_tags(
    store: Store, ids: Sequence[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> Done:
    """Add and remove tags; blanks inside a tag become hyphens."""
    more, less = _tags(add), _tags(remove)
    words = [f"+{tag}" for tag in sorted(more)] + [f"-{tag}" for tag in sorted(less)]

    def compute(row: EditableRow) -> Mapping[str, Any]:
        return {"tags": (set(row.tags.split()) | more) - less}

    return store.operate_on(f"Tag {rows_named(ids)}: {' '.join(words)}", ids, compute)


def set_note(store: Store, ids: Sequence[int], note: str) -> Done:
    what = f"Note on {rows_named(ids)}" if note.strip() else f"Take the note off {rows_named(ids)}"
    return store.operate_on(what, ids, {"note": note.strip()})


def delete(store: Store, ids: Sequence[int]) -> Done:
    """Out of the dataset; the rows stay in the novelty pool and can come back."""
    return store.operate_on(f"Delete {rows_named(ids)}", ids, {"deleted": True})


def undelete(store: Store, ids: Sequence[int]) -> Done:
    return store.operate_on(f"Bring back {rows_named(ids)}", ids, {"deleted": False})


def save(
    store: Store,
    example_id: int,
    fields: Mapping[str, Any],
    *,
    expected: int | None,
    who: Who = "user",
    title: str = "",
) -> Done:
    """Save an edited row. Raises Conflict where it was changed elsewhere since `expected`, UserError where
    the instruction would be empty."""
    if not str(fields.get("instruction", "x")).strip():
        raise UserError(
            "A row needs an instruction",
            "The instruction is empty.",
            "Write one, or delete the row.",
        )
    return store.operate(title or f"Edit row {example_id}", [Change(example_id, fields, expected)], who=who)


def add(store: Store, part: Part) -> Done:
    """A new row, written by hand."""
    return store.operate(f"Add a row: {preview(part.instruction, 40)}", additions=[_new(part, "")])


def duplicate(store: Store, example_id: int) -> Done:
    """A copy of a row, to be changed."""
    row = _row(store, example_id)
    copy = NewRow(
        row.instruction, row.input, row.output, f"copy of row {example_id}", row.tags, dict(row.extra)
    )
    return store.operate(f"Copy row {example_id}", additions=[copy])


def split(
    store: Store, example_id: int, first: Part, others: Sequence[Part], *, expected: int | None
) -> Done:
    """A merged task made several: the row keeps the first, new rows take the others, in one operation."""
    return store.operate(
        f"Split row {example_id} into {1 + len(others)}",
        [Change(example_id, first._asdict(), expected)],
        additions=[_new(part, f"split off row {example_id}") for part in others],
    )


def suggest_split(row: Part) -> list[Part]:
    """The tasks that seem to have been run together in a row, at least one; the first is the row's own.

    A task begins where a line says `Instruction:`, with or without a number or a `###` before it.
    """
    parts = [row]
    while True:
        last = parts[-1]
        cut = _MARKER.search(last.output)
        if cut is None or not last.output[cut.end() :].strip():
            return parts
        parts[-1] = last._replace(output=_TAIL.sub("", last.output[: cut.start()]))
        parts.append(_read_task(last.output[cut.end() :]))


def _read_task(text: str) -> Part:
    found = _PART.split(text, maxsplit=2)
    instruction = found[0].strip()
    named = {found[place].lower(): found[place + 1] for place in range(1, len(found) - 1, 2)}
    input = named.get("input", "").strip()
    output = named.get("output", named.get("response", "")).strip("\n")
    if not named:
        instruction, _, output = instruction.partition("\n")
    return Part(instruction, "" if _NO_INPUT.match(input) else input, output)


def merge(store: Store, kept: ExampleRow, merged: Mapping[str, Any], others: Sequence[ExampleRow]) -> Done:
    """Near-duplicates made one: the kept row gets the merged texts, the others are deleted, in one operation."""
    changes = [Change(kept.id, merged, kept.revised)]
    changes += [Change(row.id, {"deleted": True}, row.revised) for row in others]
    return store.operate(f"Merge {len(changes)} rows into row {kept.id}", changes)


def _new(part: Part, origin: str) -> NewRow:
    if not part.instruction.strip():
        raise UserError("A row needs an instruction", "The instruction is empty.", "Write one.")
    return NewRow(*part, origin=origin)


def _row(store: Store, example_id: int) -> ExampleRow:
    row = store.example(example_id)
    if row is None:
        raise UserError(f"There is no row {example_id}", "", "Pick one from the table.")
    return row


def _tags(tags: Iterable[str]) -> set[str]:
    return {"-".join(tag.lower().split()) for tag in tags if tag.strip()}
