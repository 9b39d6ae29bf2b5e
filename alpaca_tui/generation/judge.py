"""Candidate to verdict: the one place where a task is kept, filtered or called a duplicate.

Live runs, resumed runs and `rejudge` all go through `Judge.judge`, candidate by candidate in the order
completions finished, so a run replayed from its stored completions gives the same dataset.
Knows the rules and the novelty index; no store, no threads, no screen. One thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alpaca_tui.generation.events import Verdict
from alpaca_tui.generation.filters import FilterRules, check
from alpaca_tui.generation.novelty import Novelty, NoveltyIndex
from alpaca_tui.generation.parser import Task
from alpaca_tui.generation.seeds import SeedTask

TRUNCATED_DETAIL = "cut off before its end"


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate and what became of it. `rule` names the filter; `slot` is the candidate's place in the
    index when it was kept, to be given its row key once the store has assigned one."""

    task: Task
    verdict: Verdict
    rule: str | None = None
    detail: str = ""
    novelty: Novelty | None = None
    slot: int | None = None


class Judge:
    """The rules of a run and the pool it compares with.

    Index keys are slots (0, 1, ...); `key_of` turns a slot into `seed:ID` or `row:ID` and `text_of` into
    the instruction, so that a row kept a moment ago can be a neighbour before the store has named it.
    """

    def __init__(self, rules: FilterRules, threshold: float) -> None:
        self.rules = rules
        self._index = NoveltyIndex(threshold)
        self._keys: list[str] = []
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def threshold(self) -> float:
        return self._index.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._index.threshold = value

    def add_seeds(self, seeds: Iterable[SeedTask]) -> None:
        for seed in seeds:
            self.add(seed.instruction, f"seed:{seed.id}")

    def add(self, instruction: str, key: str = "") -> int:
        """Put an instruction into the pool; returns its slot. The key may follow by `name`."""
        slot = len(self._texts)
        self._index.add(instruction, slot)
        self._keys.append(key)
        self._texts.append(instruction)
        return slot

    def name(self, slot: int, key: str) -> None:
        self._keys[slot] = key

    def key_of(self, slot: int) -> str:
        return self._keys[slot]

    def text_of(self, slot: int) -> str:
        return self._texts[slot]

    def preview(self, task: Task) -> Judged:
        """The verdict `task` would get now; the pool stays as it is."""
        if task.truncated:
            return Judged(task, Verdict.TRUNCATED, detail=TRUNCATED_DETAIL)
        rejection = check(task, self.rules)
        if rejection is not None:
            return Judged(task, Verdict.FILTERED, rejection.rule, rejection.detail)
        novelty = self._index.judge(task.instruction)
        verdict = Verdict.DUPLICATE if self._index.is_duplicate(novelty) else Verdict.KEPT
        return Judged(task, verdict, novelty=novelty)

    def judge(self, tasks: Sequence[Task], room: int | None) -> list[Judged]:
        """Final verdicts, in order; kept tasks join the pool at once, so two candidates of one
        completion are compared with each other. After `room` kept ones (None: no end) the rest of
        what would have been kept is `surplus`, and stays out of the pool."""
        result: list[Judged] = []
        for task in tasks:
            judged = self.preview(task)
            if judged.verdict is Verdict.KEPT:
                if room is not None and room <= 0:
                    judged = Judged(task, Verdict.SURPLUS, novelty=judged.novelty)
                else:
                    room = None if room is None else room - 1
                    judged = Judged(
                        task,
                        Verdict.KEPT,
                        novelty=judged.novelty,
                        slot=self.add(task.instruction),
                    )
            result.append(judged)
        return result
