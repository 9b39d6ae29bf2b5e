"""Other rules for answers already paid for: every stored completion is read, judged and counted again.

Calls nobody. Replays completions in the order they finished through the same `Judge` as a live run, with
imported, rescued and promoted rows joining the pool where they joined it then; the same rules give the
same dataset, row for row. Applied in one transaction; nothing is lost, and the old rules bring it back.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from alpaca_tui.generation.consumer import candidates_for_store, name_places
from alpaca_tui.generation.events import Verdict
from alpaca_tui.generation.filters import FilterRules
from alpaca_tui.generation.judge import Judge, Judged
from alpaca_tui.generation.parser import ParserName, Task, parse
from alpaca_tui.generation.seeds import SeedTask
from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.store.encoding import storable
from alpaca_tui.store.rows import CandidateRow, Rejudged, RejudgeReport
from alpaca_tui.store.store import Store

Texts = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RejudgeResult:
    """Counts after the rejudge (over all stored completions), and what changed in the dataset."""

    kept: int
    duplicates: int
    filtered: dict[str, int] = field(default_factory=dict[str, int])
    truncated: int = 0
    surplus: int = 0
    completions: int = 0
    changes: RejudgeReport = field(default_factory=RejudgeReport)


class Rejudgement:
    """Every stored completion judged under other rules, and nothing changed yet: to be looked at, then
    applied."""

    def __init__(self, store: Store, judge: Judge, plan: Mapping[int, list[Judged]]) -> None:
        self._store = store
        self._judge = judge
        self._plan = plan
        self.verdicts = Counter(item.verdict for judged in plan.values() for item in judged)
        filtered = Counter(
            item.rule or "other" for judged in plan.values() for item in judged if item.rule is not None
        )
        self.filtered = dict(sorted(filtered.items()))

    def apply(self) -> RejudgeResult:
        """Let the dataset follow, in one transaction. Raises UserError from the store."""
        changes = self._store.apply_rejudge(
            Rejudged(id, candidates_for_store(self._judge, judged)) for id, judged in self._plan.items()
        )
        return RejudgeResult(
            kept=self._store.tally().kept,
            duplicates=self.verdicts[Verdict.DUPLICATE],
            filtered=self.filtered,
            truncated=self.verdicts[Verdict.TRUNCATED],
            surplus=self.verdicts[Verdict.SURPLUS],
            completions=len(self._plan),
            changes=changes,
        )


def judge_again(
    store: Store,
    seeds: Sequence[SeedTask],
    rules: FilterRules,
    *,
    threshold: float,
    parser: ParserName,
    progress: Callable[[int], None] = lambda _: None,
) -> Rejudgement:
    """Judge every stored completion under `rules`, `threshold` and `parser`.

    What came after a goal was reached stays surplus, whatever the rules: a later run with a higher goal
    takes it first. `progress` hears how many completions are judged. Raises UserError from the store.
    """
    replay = _Replay(store, rules, threshold, seeds)
    for number, completion in enumerate(store.iter_done(), 1):
        tasks = parse(completion.text, completion.k, completion.finish_reason or "unknown", parser)
        replay.add(completion.id, completion.finish_order or 0, tasks)
        progress(number)
    replay.join_after(None)
    return Rejudgement(store, replay.judge, replay.plan)


def rejudge(
    store: Store,
    seeds: Sequence[SeedTask],
    settings: GenerationSettings,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> RejudgeResult:
    """Judge every stored completion under the settings' rules, let the dataset follow, and leave a line in the
    log. Raises UserError from the store."""
    judged = judge_again(
        store,
        seeds,
        settings.filter_rules(),
        threshold=settings.threshold,
        parser=settings.parser,
        progress=progress,
    )
    return keep(store, judged, settings)


def keep(store: Store, judged: Rejudgement, settings: GenerationSettings) -> RejudgeResult:
    """Apply what was judged, and say so in the log."""
    result = judged.apply()
    store.log(
        None,
        "change",
        f"Judged {result.completions:,} completions again: threshold {settings.threshold}, "
        f"{settings.parser} parser.",
        settings.to_json(),
    )
    return result


class _Replay:
    """The dataset's history told again under other rules.

    A row that joined the pool later than its completion (a surplus one promoted when the goal rose, a
    rescued or an imported one) joins again at that moment: held ones as they are, promoted ones only if
    the rules still keep them.
    """

    def __init__(self, store: Store, rules: FilterRules, threshold: float, seeds: Sequence[SeedTask]) -> None:
        self.judge = Judge(rules, threshold)
        self.judge.add_seeds(seeds)
        self.plan: dict[int, list[Judged]] = {}
        self._store = store
        self._later = deque(store.pool_by_hand())
        self._joins_later = {row.candidate_id for row in self._later}
        self._places: dict[int, tuple[int, int]] = {}

    def add(self, completion_id: int, finish_order: int, tasks: Sequence[Task]) -> None:
        """Judge one completion's tasks, in their place in history."""
        self.join_after(finish_order - 1)
        old: dict[Texts, deque[CandidateRow]] = defaultdict(deque)
        verdicts: set[str] = set()
        for row in self._store.candidates(completion_id=completion_id, limit=1_000_000):
            old[(row.instruction, row.input, row.output)].append(row)
            verdicts.add(row.verdict)
        beyond = "surplus" in verdicts and "kept" not in verdicts
        judged: list[Judged] = []
        for position, task in enumerate(tasks):
            twins = old.get(_stored(task))
            twin = twins.popleft() if twins else None
            if twin is not None and twin.id in self._joins_later:
                self._places[twin.id] = (completion_id, position)
                judged.append(self.judge.preview(task))
                continue
            if beyond if twin is None else twin.verdict == "surplus":
                judged.append(Judged(task, Verdict.SURPLUS, novelty=self.judge.preview(task).novelty))
            else:
                judged += self.judge.judge([task], None)
        name_places(self.judge, completion_id, judged)
        self.plan[completion_id] = judged

    def join_after(self, finish_order: int | None) -> None:
        """Let join what joined by hand up to that completion (None: all that is left)."""
        while self._later and (finish_order is None or self._later[0].after_order <= finish_order):
            row = self._later.popleft()
            place = None if row.candidate_id is None else self._places.get(row.candidate_id)
            if row.held or place is None:
                self.judge.add(row.instruction, row.key)
                continue
            completion_id, position = place
            [judged] = self.judge.judge([self.plan[completion_id][position].task], None)
            if judged.slot is not None:
                self.judge.name(judged.slot, row.key)
            self.plan[completion_id][position] = judged


def _stored(task: Task) -> Texts:
    return storable(task.instruction), storable(task.input), storable(task.output)
