"""The one consumer of finished completions: stored text in, verdicts and rows out, in finishing order.

It runs on a thread of its own and may lag behind the teacher; nothing is lost, because an answer is
stored before it is queued here and whatever was not judged is found again at the next start.
Between completions it previews what is still streaming. Knows the store and the judge; no HTTP, no screen.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from alpaca_tui.errors import UserError
from alpaca_tui.generation.arrivals import AT_THE_END, Arrivals
from alpaca_tui.generation.board import Board
from alpaca_tui.generation.counts import Counts
from alpaca_tui.generation.events import TaskView
from alpaca_tui.generation.judge import Judge, Judged
from alpaca_tui.generation.parser import ParserName, Task, parse
from alpaca_tui.store.rows import CandidateIn, CandidateRow, CompletionRow
from alpaca_tui.store.store import Store
from alpaca_tui.store.verdicts import place_key

logger = logging.getLogger(__name__)
PREVIEW_INTERVAL_S = 0.1
READ_AFTER = 20
"""Answers after which what they brought is read, however many wait."""


class Watcher(Protocol):
    """Who hears of the consumer's progress (the run)."""

    def on_judged(self) -> None: ...
    def on_fault(self, error: UserError) -> None: ...


def candidates_for_store(judge: Judge, judged: Sequence[Judged]) -> list[CandidateIn]:
    """As the store takes them; every neighbour must have its key by now (`name_places`)."""
    rows: list[CandidateIn] = []
    for position, item in enumerate(judged):
        novelty = item.novelty
        top = [] if novelty is None else [(judge.key_of(_slot(near)), score) for near, score in novelty.top]
        rows.append(
            CandidateIn(
                position=position,
                number=item.task.number,
                instruction=item.task.instruction,
                input=item.task.input,
                output=item.task.output,
                verdict=item.verdict.value,
                rule=item.rule,
                detail=item.detail,
                score=None if novelty is None else novelty.score,
                nearest=top[0][0] if top else None,
                top=top,
                mean=None if novelty is None else novelty.mean,
            )
        )
    return rows


def name_places(judge: Judge, completion_id: int, judged: Sequence[Judged]) -> None:
    """Rows kept a moment ago have no id yet: until the store has assigned one they go by their place."""
    for position, item in enumerate(judged):
        if item.slot is not None:
            judge.name(item.slot, place_key(completion_id, position))


def view_of(judge: Judge, item: Judged, completion_id: int, *, provisional: bool = False) -> TaskView:
    """A verdict as screens show it, with the twin's text beside a duplicate's score."""
    novelty = item.novelty
    nearest = None if novelty is None or novelty.nearest is None else _slot(novelty.nearest)
    return TaskView(
        task=item.task,
        verdict=item.verdict,
        reason=item.detail or item.rule or "",
        score=None if novelty is None else novelty.score,
        twin="" if nearest is None else judge.text_of(nearest),
        provisional=provisional,
        completion_id=completion_id,
    )


def _slot(key: object) -> int:
    assert isinstance(key, int)
    return key


class Consumer:
    """Judges completions one by one. `goal` is the number of kept generated rows to stop keeping at."""

    def __init__(
        self,
        store: Store,
        judge: Judge,
        counts: Counts,
        board: Board,
        watcher: Watcher,
        arrivals: Arrivals,
        *,
        goal: int,
        parser: ParserName,
    ) -> None:
        self._store = store
        self._judge = judge
        self._counts = counts
        self._board = board
        self._watcher = watcher
        self._arrivals = arrivals
        self._unread = 0
        self._goal = goal
        self._parser: ParserName = parser
        self._queue: queue.SimpleQueue[int | Callable[[], None] | None] = queue.SimpleQueue()
        self._previews_wanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alpaca-judge", daemon=True)

    def start(self, before: Callable[[], None]) -> None:
        """Start the thread; `before` runs on it first (what earlier runs left to judge)."""
        self._queue.put(before)
        self._thread.start()

    def submit(self, completion_id: int) -> None:
        """Queue a stored completion."""
        self._queue.put(completion_id)

    def later(self, action: Callable[[], None]) -> None:
        """Do something small on the judge's thread: writing a line of the log, off the scheduler's loop."""
        self._queue.put(action)

    def want_previews(self) -> None:
        """Someone is looking: give provisional verdicts to what streams, for a while."""
        self._previews_wanted.set()

    @property
    def backlog(self) -> int:
        return self._queue.qsize()

    def finish(self, timeout: float | None = None) -> None:
        """Judge what is queued, then end the thread."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)

    # --- on the judge's thread

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=PREVIEW_INTERVAL_S)
            except queue.Empty:
                self._preview()
                continue
            if item is None:
                self._arrivals.read(AT_THE_END)
                return
            try:
                if callable(item):
                    item()
                else:
                    completion = self._store.completion(item)
                    if completion is not None and not completion.judged:
                        self.consume(completion)
            except UserError as error:
                self._watcher.on_fault(error)
            except Exception:
                logger.exception("judging failed")
                self._watcher.on_fault(
                    UserError(
                        "A completion could not be judged",
                        "Something unexpected happened; its text is stored and nothing is lost.",
                        "The log has the details. Continue the run to judge it again.",
                    )
                )
            idle = self._queue.empty()
            if idle:
                self._preview()
            if self._unread and (idle or self._unread >= READ_AFTER):
                self._unread = 0
                self._arrivals.read()

    def consume(self, completion: CompletionRow) -> None:
        """Parse, judge, store (one transaction), count, tell."""
        tasks = parse(completion.text, completion.k, completion.finish_reason or "unknown", self._parser)
        judged = self._judge.judge(tasks, max(0, self._goal - self._counts.kept))
        name_places(self._judge, completion.id, judged)
        ids = self._store.record_verdicts(completion.id, candidates_for_store(self._judge, judged))
        for item, (_, example_id) in zip(judged, ids, strict=True):
            if item.slot is not None and example_id is not None:
                self._judge.name(item.slot, f"row:{example_id}")
        self._unread += 1
        self._counts.add_completion(judged)
        self._board.judged([view_of(self._judge, item, completion.id) for item in judged])
        self._board.ended(completion.id)
        self._watcher.on_judged()

    def keep_surplus(self) -> None:
        """What earlier runs paid for beyond their goal becomes kept now, in order, as far as the new goal
        reaches: judged again, because the pool has grown since. What no longer passes stays as it is."""
        for row in self._surplus():
            if self._counts.kept >= self._goal:
                return
            task = Task(row.number, row.instruction, row.input, row.output)
            [judged] = self._judge.judge([task], 1)
            if judged.slot is None or judged.novelty is None:
                continue
            [candidate] = candidates_for_store(self._judge, [judged])
            example_id = self._store.promote(
                row.id,
                score=candidate.score,
                nearest=candidate.nearest,
                top=candidate.top,
                mean=candidate.mean,
            )
            self._judge.name(judged.slot, f"row:{example_id}")
            self._counts.add_promoted(task.instruction)
            self._unread += 1

    def _surplus(self) -> list[CandidateRow]:
        """Every surplus candidate, oldest first."""
        rows: list[CandidateRow] = []
        while page := self._store.candidates(
            verdict="surplus", before=rows[-1].id if rows else None, limit=500
        ):
            rows.extend(page)
        return rows[::-1]

    def _preview(self) -> None:
        if not self._previews_wanted.is_set():
            return
        self._previews_wanted.clear()
        self._board.pump(self._preview_task)

    def _preview_task(self, task: Task, completion_id: int) -> TaskView:
        return view_of(self._judge, self._judge.preview(task), completion_id, provisional=True)
