"""What a generation run says while it runs: frozen snapshots any number of listeners may render.

A snapshot is built on demand from the run's counters (`engine.Generation.snapshot()`), so a screen
polls at its own pace and a slow screen never holds the engine up. Knows no screen, no HTTP, no SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from alpaca_tui.generation.parser import Task

RunState = Literal["preparing", "running", "pausing", "paused", "stopping", "stopped"]


class Verdict(StrEnum):
    """What became of a candidate."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    FILTERED = "filtered"
    TRUNCATED = "truncated"
    SURPLUS = "surplus"


class StopReason(StrEnum):
    """Why a run ended. `budget` and `tokens` are limits the user set (exit code 3)."""

    GOAL = "goal"
    BUDGET = "budget"
    TOKENS = "tokens"
    SATURATED = "saturated"
    FAILING = "failing"
    FATAL = "fatal"
    USER = "user"
    INTERRUPTED = "interrupted"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as it is shown. `provisional` verdicts were given while its completion still streamed; the
    final one comes when the completion ends. `twin` is the text of the nearest instruction."""

    task: Task
    verdict: Verdict
    reason: str = ""
    score: float | None = None
    twin: str = ""
    provisional: bool = False
    completion_id: int = 0


@dataclass(frozen=True, slots=True)
class StreamView:
    """One request in flight: the tasks seen so far and the raw tail being written (bounded)."""

    completion_id: int
    index: int
    started_at: float
    characters: int
    tasks: tuple[TaskView, ...]
    tail: str
    attempt: int = 1
    waiting_s: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the run's log, in plain words. `at` is seconds since the epoch."""

    at: float
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Money:
    """Spent so far (None: price unknown), with the worst case of what is in flight beside it; dollars."""

    spent: float | None
    reserved: float | None
    budget: float | None
    per_kept: float | None
    forecast: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a screen shows of a run, at one moment. Times are seconds, rates per second.

    new_verb_rate: of the last hundred kept instructions, the share whose root verb was the first of its kind.
    """

    run_id: int
    state: RunState
    stopped_because: StopReason | None
    stop_detail: str
    goal: int
    kept: int
    kept_this_run: int
    duplicates: int
    filtered: dict[str, int]
    truncated: int
    surplus: int
    judged: int
    completions: int
    failed: int
    lost: int
    in_flight: int
    concurrency: int
    allowed: int
    elapsed_s: float
    eta_s: float | None
    tokens_per_s: float
    tasks_per_min: float
    prompt_tokens: int
    completion_tokens: int
    token_budget: int | None
    money: Money
    judging_backlog: int
    temperature: float | None
    threshold: float
    server: str
    model: str
    histogram: tuple[int, ...] = ()
    acceptance: tuple[float, ...] = ()
    new_verb_rate: float | None = None
    streams: tuple[StreamView, ...] = ()
    recent: tuple[TaskView, ...] = ()
    log: tuple[LogLine, ...] = field(default=())
