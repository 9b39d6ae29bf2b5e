"""What curation puts into the store and takes out of it: plain values, no SQL, no behaviour.

Times are seconds since the epoch. Tags are words without blanks, in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from alpaca_tui.errors import UserError
from alpaca_tui.store.rows import ExampleRow, ExampleSource, ReviewStatus

Who = Literal["user", "fix", "teacher"]
OperationState = Literal["done", "undone", "dropped"]
ReviewKind = Literal["review", "recheck"]
Decision = Literal["approved", "rejected", "skipped"]
SuggestionKind = Literal["rewrite", "correct", "judge"]
SuggestionState = Literal["open", "accepted", "declined"]
TEXTS = ("instruction", "input", "output")
EDITABLE = (*TEXTS, "status", "rating", "tags", "note", "deleted", "split")
"""The fields an operation may change. `tags` is a sequence of words, `deleted` a bool, `rating` 1..5 or None."""


@dataclass(frozen=True, slots=True)
class Change:
    """New values for fields of one row. `expected`: the `revised` number of the row as the person saw it;
    where another program has changed the row since, the change is refused (`Conflict`)."""

    example_id: int
    fields: Mapping[str, Any]
    expected: int | None = None


class EditableRow(NamedTuple):
    """A row as a change of many rows is worked out from it, read fast: every value as it is stored (tags: words
    between blanks)."""

    id: int
    instruction: str
    input: str
    output: str
    status: ReviewStatus
    rating: int | None
    tags: str
    note: str
    split: str | None
    deleted: int
    edited: int
    edited_at: float | None
    edited_by: str
    revised: int


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row made by hand: added, copied or split off. `origin` says of what."""

    instruction: str
    input: str
    output: str
    origin: str = ""
    tags: Sequence[str] = ()
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """One act: `rows` rows changed or made. `undone` can be redone until another operation is done; then
    it is `dropped`, and stays readable in the history of its rows."""

    id: int
    at: float
    who: Who
    title: str
    rows: int
    state: OperationState


class Done(NamedTuple):
    """What an operation came to: `operation` is None where nothing changed; `added` ids of rows it made."""

    operation: Operation | None
    added: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """What one operation did to one row. `before` is None where it made the row. `under`: the row's `revised`
    as the operation found it, which names the version it was made from."""

    operation: Operation
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    under: int = 0


class Conflict(UserError):  # noqa: N818 - what happened, not what broke
    """A row was changed elsewhere since the person began to edit it. `theirs` is the row as it is now."""

    def __init__(self, theirs: ExampleRow) -> None:
        super().__init__(
            f"Row {theirs.id} was changed elsewhere meanwhile",
            "Another program, or another window, saved it after you opened it here. Nothing was overwritten.",
            "Compare the two versions, then save again or take theirs.",
        )
        self.theirs = theirs


@dataclass(frozen=True, slots=True)
class RowLine:
    """A row as a table shows it: the beginnings of its texts (at most `PREVIEW` characters) and its facts."""

    id: int
    instruction: str
    input: str
    output: str
    source: ExampleSource
    origin: str
    teacher: str | None
    model: str | None
    created_at: float
    edited: bool
    edited_by: str
    status: ReviewStatus
    rating: int | None
    tags: tuple[str, ...]
    has_note: bool
    flags: int
    nearest_score: float | None
    words: tuple[int, int, int]
    tokens: int | None
    verb: str | None
    object: str | None
    split: str | None
    deleted: bool
    revised: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What reading a row's texts told: the rules it breaks, its root verb and object, and the keys by which
    rows with the same prompt, or the same everything, are found. `version` names the reader."""

    rules: Sequence[str]
    verb: str | None
    object: str | None
    prompt_key: int
    whole_key: int
    version: int


class Texts(NamedTuple):
    """A row's three texts, and the `revised` it had when they were read."""

    id: int
    revised: int
    instruction: str
    input: str
    output: str


class TokenCount(NamedTuple):
    """How many tokens a row has as it is trained on, and how many of them are its prompt."""

    example_id: int
    tokens: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How many rows fall under each value: field -> value -> count, values with the most rows first.

    `flag` counts a row under every rule it breaks, `tag` under every tag it has.
    """

    total: int
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A review: the rows it goes through, frozen when it began, and how far it has come."""

    id: int
    kind: ReviewKind
    started_at: float
    ended_at: float | None
    query: str
    ids: Sequence[int]
    position: int
    approved: int
    rejected: int
    skipped: int
    seconds: float


class Agreement(NamedTuple):
    """Of `decided` rows decided a second time without seeing the first decision, `same` came out the same."""

    decided: int
    same: int
    changed: Sequence[tuple[int, str, str]]


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """What a teacher said of a row. `output` is the answer it proposes (None: none); `verdict` of a
    judgement is `right`, `wrong` or `unsure`. `stale`: the row has changed since it was asked."""

    id: int
    example_id: int
    completion_id: int | None
    kind: SuggestionKind
    at: float
    verdict: str
    reason: str
    output: str | None
    state: SuggestionState
    stale: bool
