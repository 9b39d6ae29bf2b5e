"""Stand-ins for the screens' tests: a run that evolves step by step, a workspace that is a folder."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from alpaca_tui.generation.events import LogLine, Money, Snapshot, StopReason, StreamView, TaskView, Verdict
from alpaca_tui.generation.task import Task

NOON = 1_750_000_000.0
INSTRUCTIONS = (
    "Explain why the sky looks red at sunset to a ten-year-old.",
    "Rewrite the sentence in the passive voice.",
    "Give three reasons to keep a diary.",
    "Classify the review as positive, negative or mixed.",
    "Summarise the paragraph in one sentence of at most twenty words.",
    "Convert the recipe from cups to grams.",
    "Write a haiku about an empty railway station.",
    "Find the grammatical mistake in the sentence and correct it.",
    "Suggest a name for a bakery that only opens at night.",
    "Sort the words by the number of their syllables.",
    "Compare a violin with a viola in two sentences.",
    "Draft a polite reply that declines the invitation.",
)


def task(number: int, instruction: str | None = None) -> Task:
    return Task(number, instruction or INSTRUCTIONS[number % len(INSTRUCTIONS)], "", "An answer.")


def task_view(number: int, verdict: Verdict, *, completion: int = 1, provisional: bool = False) -> TaskView:
    """A task with a verdict and what goes with it, the same for the same number."""
    rng = random.Random(number)
    score = rng.uniform(0.72, 0.95) if verdict is Verdict.DUPLICATE else rng.uniform(0.05, 0.66)
    return TaskView(
        task(number),
        verdict,
        reason='contains "map"' if verdict is Verdict.FILTERED else "",
        score=None if verdict is Verdict.FILTERED else round(score, 2),
        twin=INSTRUCTIONS[(number + 5) % len(INSTRUCTIONS)] if verdict is Verdict.DUPLICATE else "",
        provisional=provisional,
        completion_id=completion,
    )


def verdict_of(number: int) -> Verdict:
    return (Verdict.KEPT, Verdict.KEPT, Verdict.DUPLICATE, Verdict.KEPT, Verdict.FILTERED)[number % 5]


def stream(index: int, tasks: int, *, started_at: float = NOON, tail: str | None = None) -> StreamView:
    return StreamView(
        completion_id=index,
        index=index,
        started_at=started_at,
        characters=tasks * 240 + 90,
        tasks=tuple(
            task_view(index + n, verdict_of(index + n), completion=index, provisional=True)
            for n in range(tasks)
        ),
        tail=tail
        if tail is not None
        else f"###\n{tasks + 4}. Instruction: {INSTRUCTIONS[(index + tasks) % 12]}",
    )


def snapshot(**changes: Any) -> Snapshot:
    """A run in full swing."""
    base = Snapshot(
        run_id=1,
        state="running",
        stopped_because=None,
        stop_detail="",
        goal=300,
        kept=132,
        kept_this_run=132,
        duplicates=41,
        filtered={"forbidden-word": 14, "too-long": 3, "starts-with-punctuation": 1},
        truncated=4,
        surplus=0,
        judged=195,
        completions=11,
        failed=0,
        lost=0,
        in_flight=8,
        concurrency=8,
        allowed=8,
        elapsed_s=58.0,
        eta_s=73.4,
        tokens_per_s=1243.2,
        tasks_per_min=207.0,
        prompt_tokens=9800,
        completion_tokens=41200,
        token_budget=None,
        money=Money(spent=0.0262, reserved=0.004, budget=1.0, per_kept=0.000198, forecast=0.0595),
        judging_backlog=0,
        temperature=1.0,
        threshold=0.7,
        server="openai",
        model="gpt-test-mini",
        histogram=(2, 5, 9, 14, 19, 24, 22, 17, 13, 10, 8, 7, 5, 4, 9, 8, 6, 5, 3, 1),
        acceptance=(0.9, 0.85, 0.8, 0.82, 0.7, 0.75, 0.66, 0.7, 0.6, 0.62, 0.55),
        streams=tuple(stream(index, (index * 3) % 8) for index in range(12, 20)),
        recent=tuple(task_view(n, verdict_of(n), completion=n // 20 + 1) for n in range(40)),
        log=(
            LogLine(NOON, "note", "Asking openai (gpt-test-mini) for 300 tasks."),
            LogLine(NOON + 21, "fault", "The server is overloaded (503). Asking again in 1.2 s."),
            LogLine(NOON + 40, "change", "Requests in flight: at most 8."),
        ),
    )
    return replace(base, **changes)


class FakeRun:
    """A run that does what it is told and keeps a list of it; snapshots are set by the test, or grow."""

    def __init__(self, first: Snapshot | None = None) -> None:
        self.now = first or snapshot()
        self.orders: list[Any] = []
        self.closed = False

    def start(self) -> None:
        self.orders.append("start")

    def pause(self) -> None:
        self.orders.append("pause")
        self.now = replace(self.now, state="paused", streams=(), in_flight=0)

    def resume(self) -> None:
        self.orders.append("resume")
        self.now = replace(self.now, state="running")

    def stop(self, reason: StopReason = StopReason.USER) -> None:
        self.orders.append(("stop", reason))
        self.now = replace(self.now, state="stopped", stopped_because=reason, streams=(), in_flight=0)

    def set_concurrency(self, number: int) -> None:
        self.orders.append(("concurrency", number))
        self.now = replace(self.now, concurrency=number, allowed=number)

    def set_temperature(self, temperature: float | None) -> None:
        self.orders.append(("temperature", temperature))

    def set_threshold(self, threshold: float) -> None:
        self.orders.append(("threshold", threshold))
        self.now = replace(self.now, threshold=threshold)

    def snapshot(self) -> Snapshot:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


class FakeWorkspace:
    """A folder that is never written to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.db_path = root / "alpaca.db"
        self.logs_dir = root / "logs"
