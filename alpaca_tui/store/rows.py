"""What goes into the store and what comes out: plain frozen values, no SQL, no behaviour.

Times are seconds since the epoch, money US dollars, durations seconds. Keys of the novelty pool are
strings: `seed:ID` for a seed task, `row:ID` for an example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from alpaca_tui.store.encoding import load_top

CompletionState = Literal["in_flight", "done", "failed", "lost"]
CandidateVerdict = Literal["kept", "duplicate", "filtered", "truncated", "surplus"]
ExampleSource = Literal["generated", "imported", "manual"]
ReviewStatus = Literal["pending", "approved", "rejected"]
Top = tuple[tuple[str, float], ...]


def row_key(example_id: int) -> str:
    """The novelty-pool key of an example."""
    return f"row:{example_id}"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One `generate` invocation. `ended_at` and `stopped_because` are None while it runs, and for ever
    if its process was killed."""

    id: int
    started_at: float
    ended_at: float | None
    config: dict[str, Any]
    stopped_because: str | None
    totals: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogRow:
    """One entry of the run's log: what changed, what failed, in plain words."""

    id: int
    run_id: int | None
    at: float
    kind: str
    message: str
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CompletionRow:
    """One request to a teacher and what came of it. `text` is the raw answer (of a failed request: what
    arrived before the fault). `finish_order` numbers the done ones in the order they finished.
    `kept_count` of `judged_count` candidates were kept (surplus and truncated ones were not judged)."""

    id: int
    run_id: int
    index: int
    key: str
    purpose: str
    state: CompletionState
    judged: bool
    finish_order: int | None
    server: str
    model: str
    prompt_hash: str
    seed_ids: tuple[str, ...]
    k: int
    reserved_tokens: int
    reserved_usd: float | None
    started_at: float
    finished_at: float | None
    finish_reason: str | None
    spoke: str | None
    prompt_tokens: int
    completion_tokens: int
    usage_estimated: bool
    cost_usd: float | None
    latency_s: float | None
    first_token_s: float | None
    attempts: int
    answered_model: str | None
    request_id: str | None
    error: str | None
    error_kind: str | None
    kept_count: int
    judged_count: int
    text: str


@dataclass(frozen=True, slots=True)
class CandidateIn:
    """A parsed task with its verdict, as the engine hands it over. `position` counts from 0 within the
    completion; `number` is the one the teacher wrote. `top` is (key, score), highest first."""

    position: int
    number: int | None
    instruction: str
    input: str
    output: str
    verdict: CandidateVerdict
    rule: str | None = None
    detail: str = ""
    score: float | None = None
    nearest: str | None = None
    top: Sequence[tuple[str, float]] = ()
    mean: float | None = None


class VerdictIds(NamedTuple):
    """Where a candidate landed; `example_id` only when it was kept."""

    candidate_id: int
    example_id: int | None


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A stored candidate. `rescued`: kept by hand against the rules, whose objection stays readable in
    `rule` and `detail`. `superseded`: no longer part of its completion's reading after a rejudge."""

    id: int
    completion_id: int
    position: int
    number: int | None
    instruction: str
    input: str
    output: str
    verdict: CandidateVerdict
    rule: str | None
    detail: str
    score: float | None
    nearest: str | None
    top: Top
    mean: float | None
    rescued: bool
    superseded: bool
    example_id: int | None


class ExampleRow(NamedTuple):
    """One row of the dataset. `deleted` by a person, `withdrawn` by a rejudge or an undo: both can come back.

    `edited`: its texts are no longer as they came, changed by `edited_by` (user, fix or teacher). `revised`
    changes whenever an operation changes the row. `flags`: a bit a lint rule (`Store.flag_bits`).
    A tuple, and its neighbours read when they are asked for: whole datasets are read through it."""

    id: int
    instruction: str
    input: str
    output: str
    source: ExampleSource
    origin: str
    teacher: str | None
    model: str | None
    completion_id: int | None
    candidate_id: int | None
    created_at: float
    deleted: bool
    withdrawn: bool
    edited: bool
    status: ReviewStatus
    nearest_score: float | None
    nearest_key: str | None
    mean_score: float | None
    top_json: str
    extra: dict[str, Any]
    rating: int | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    split: str | None = None
    edited_at: float | None = None
    edited_by: str = ""
    revised: int = 0
    flags: int = 0
    verb: str | None = None
    object: str | None = None
    tokens: int | None = None

    @property
    def key(self) -> str:
        return row_key(self.id)

    @property
    def top(self) -> Top:
        """The ten nearest."""
        return load_top(self.top_json)


class RowNovelty(NamedTuple):
    """What the novelty index says of a row: its highest ROUGE-L F1 and the key it has it with, the ten
    highest as (key, score), and the mean over the pool."""

    example_id: int
    score: float
    nearest: str | None
    top: Sequence[tuple[str, float]]
    mean: float


class PoolRow(NamedTuple):
    """A row of the novelty pool that no automatic verdict put there (imported, rescued, promoted,
    edited): a replay must let it join after completion number `after_order`, as it did then. `held`: a
    person's decision keeps it there, whatever the rules; a promoted one is judged again."""

    after_order: int
    example_id: int
    candidate_id: int | None
    instruction: str
    held: bool

    @property
    def key(self) -> str:
        return row_key(self.example_id)


class Acceptance(NamedTuple):
    """Of `judged` candidates of the completions up to `finish_order`, `kept` were kept."""

    finish_order: int
    kept: int
    judged: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What a workspace holds. `kept`, `with_input` and `unique` speak of generated rows neither deleted
    nor withdrawn; `exportable` of all rows neither deleted, withdrawn nor rejected."""

    kept: int = 0
    with_input: int = 0
    imported: int = 0
    manual: int = 0
    deleted: int = 0
    withdrawn: int = 0
    exportable: int = 0
    candidates: int = 0
    duplicates: int = 0
    filtered: Mapping[str, int] = field(default_factory=dict[str, int])
    truncated: int = 0
    surplus: int = 0
    completions: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def rows(self) -> int:
        """Rows neither deleted nor withdrawn, whatever their source."""
        return self.kept + self.imported + self.manual


@dataclass(frozen=True, slots=True)
class Spending:
    """Tokens and money. A lost request (its process died) counts with what was reserved for it.

    `known_usd` sums what is known; `unknown_costs` counts requests that cost an unknown amount.
    `in_flight_*` is the worst case of what is being asked right now and is not part of the rest.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    lost_tokens: int = 0
    known_usd: float = 0.0
    unknown_costs: int = 0
    in_flight_tokens: int = 0
    in_flight_usd: float = 0.0
    states: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def tokens(self) -> int:
        """Everything spent, in tokens."""
        return self.prompt_tokens + self.completion_tokens + self.lost_tokens

    @property
    def cost_usd(self) -> float | None:
        """Everything spent, in dollars; None when any part of it is unknown."""
        return None if self.unknown_costs else self.known_usd


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A row of a file on its way in; `extra` holds the fields we do not know."""

    instruction: str
    input: str
    output: str
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import added: `added` rows with ids `first_id` to `last_id` (0 when there were none)."""

    added: int
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Rejudged:
    """The new reading of one completion: its candidates under other rules."""

    completion_id: int
    candidates: Sequence[CandidateIn]


@dataclass(frozen=True, slots=True)
class RejudgeReport:
    """What a rejudge changed. Rows: `added` new, `restored` withdrawn ones that came back, `withdrawn`
    gone (reversible), `held` stayed only because a person rescued or edited them."""

    completions: int = 0
    candidates: int = 0
    added: int = 0
    restored: int = 0
    withdrawn: int = 0
    held: int = 0
