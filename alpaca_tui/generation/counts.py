"""The numbers of a run, kept as verdicts arrive: what was kept, what was dropped and why, how it goes.

Loaded once from the store when a run opens, so that counts continue after a crash, and then only
incremented. Mutated by the judge's thread alone; readers copy. Knows no store and no screen.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from alpaca_tui.curation.diversity import VerbTally, root_verb_object
from alpaca_tui.generation.events import Verdict
from alpaca_tui.generation.judge import Judged

HISTOGRAM_BINS = 20
ACCEPTANCE_POINTS = 120
SATURATION_STREAK = 200
OUTCOME_WINDOW = 20
FIRST_EMPTY_ANSWERS = 8
RATE_WINDOW_S = 60.0


def bin_of(score: float) -> int:
    """The bar of a nearest-ROUGE score in 0..1; 1.0 falls into the last one."""
    return min(int(score * HISTOGRAM_BINS), HISTOGRAM_BINS - 1)


@dataclass(slots=True)
class Counts:
    """Totals over the workspace, and the run's own pace.

    `streak`: candidates in a row that brought nothing kept. `outcomes`: of the last completions, whether
    each held at least one task. `verbs`: the root verbs of what was kept.
    """

    kept: int = 0
    duplicates: int = 0
    filtered: Counter[str] = field(default_factory=Counter[str])
    truncated: int = 0
    surplus: int = 0
    judged: int = 0
    completions: int = 0
    failed: int = 0
    kept_this_run: int = 0
    judged_this_run: int = 0
    completions_this_run: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * HISTOGRAM_BINS)
    acceptance: deque[float] = field(default_factory=lambda: deque[float](maxlen=ACCEPTANCE_POINTS))
    verbs: VerbTally = field(default_factory=VerbTally)
    streak: int = 0
    outcomes: deque[bool] = field(default_factory=lambda: deque[bool](maxlen=OUTCOME_WINDOW))
    clock: Callable[[], float] = time.monotonic
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque[tuple[float, int]](maxlen=4096))
    _begun: float = 0.0

    def __post_init__(self) -> None:
        self._begun = self.clock()

    def add_completion(self, judged: Sequence[Judged]) -> None:
        """Count one judged completion."""
        self.completions += 1
        self.completions_this_run += 1
        self.outcomes.append(bool(judged))
        kept = 0
        for candidate in judged:
            self.judged += 1
            self.judged_this_run += 1
            self.streak = 0 if candidate.verdict is Verdict.KEPT else self.streak + 1
            if candidate.novelty is not None:
                self.histogram[bin_of(candidate.novelty.score)] += 1
            match candidate.verdict:
                case Verdict.KEPT:
                    kept += 1
                    self.verbs.add(*root_verb_object(candidate.task.instruction))
                case Verdict.DUPLICATE:
                    self.duplicates += 1
                case Verdict.FILTERED:
                    self.filtered[candidate.rule or "other"] += 1
                case Verdict.TRUNCATED:
                    self.truncated += 1
                case _:
                    self.surplus += 1
        self.kept += kept
        self.kept_this_run += kept
        if judged:
            self._accept([candidate.verdict for candidate in judged])
            self._recent.append((self.clock(), len(judged)))

    def _accept(self, verdicts: Sequence[Verdict]) -> None:
        """A point of the curve. Answers that came after the goal was reached would show a dry well."""
        judged = [verdict for verdict in verdicts if verdict is not Verdict.TRUNCATED]
        if judged and Verdict.SURPLUS not in judged:
            self.acceptance.append(judged.count(Verdict.KEPT) / len(judged))

    def add_promoted(self, instruction: str) -> None:
        """Count a surplus task that is kept after all."""
        self.surplus -= 1
        self.kept += 1
        self.kept_this_run += 1
        self.verbs.add(*root_verb_object(instruction))

    def add_failure(self) -> None:
        """Count one completion that failed after all its retries."""
        self.failed += 1
        self.outcomes.append(False)

    @property
    def saturated(self) -> bool:
        return self.streak >= SATURATION_STREAK

    @property
    def failing(self) -> bool:
        """More than half of the last 20 completions brought no task at all, or the first 8 all did:
        a teacher that only chats must not cost twenty answers."""
        bad = self.outcomes.count(False)
        if len(self.outcomes) == OUTCOME_WINDOW:
            return bad > OUTCOME_WINDOW // 2
        return bad >= FIRST_EMPTY_ANSWERS and bad == len(self.outcomes)

    def kept_per_completion(self, guess: float) -> float:
        """How many rows the next answer will bring, from the latest answers; `guess` weighs as much as
        two of them while there are few, and once saturated it never reaches zero."""
        if self.completions_this_run == 0:
            return guess
        mean = self.kept_this_run / self.completions_this_run
        weight = 2 / (2 + self.completions_this_run)
        return max(0.25, weight * guess + (1 - weight) * mean)

    def tasks_per_min(self) -> float:
        """Candidates judged a minute, over the last minute or, if it is shorter, the run so far."""
        now = self.clock()
        span = max(min(now - self._begun, RATE_WINDOW_S), 1.0)
        return sum(count for at, count in self._recent if now - at <= span) * 60.0 / span
