"""One generation run: teacher to dataset, on threads of its own, told what to do and asked how it goes.

`opening.prepare` does everything slow (call it off the event loop); `start`, `pause`, `stop` and the settings that
may change mid-run return at once; `snapshot` is what any number of listeners render. The scheduler asks
and stores, the consumer judges, the board shows; this module only decides when to ask for more, when
enough is enough, and writes every decision into the run's log. Knows no screen and no HTTP.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import random
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from alpaca_tui.errors import UserError
from alpaca_tui.generation.arrivals import Arrivals
from alpaca_tui.generation.board import Board
from alpaca_tui.generation.consumer import Consumer
from alpaca_tui.generation.counts import Counts
from alpaca_tui.generation.endings import ending
from alpaca_tui.generation.events import Money, RunState, Snapshot, StopReason
from alpaca_tui.generation.judge import Judge
from alpaca_tui.generation.prompt import build_prompt, is_english
from alpaca_tui.generation.seeds import SeedTask
from alpaca_tui.generation.settings import CONCURRENCY_CEILING, GenerationSettings
from alpaca_tui.store.rows import Spending
from alpaca_tui.store.store import Store
from alpaca_tui.teacher.budget import Budget
from alpaca_tui.teacher.jobs import Job, Limits
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.scheduler import Scheduler
from alpaca_tui.teacher.types import Answer, Endpoint, Sampling, Teacher, TeacherFailure, TeacherRequest
from alpaca_tui.text import plural

logger = logging.getLogger(__name__)
EXPECTED_SHARE_KEPT = 0.6
OVERASK = 1.1


class Generation:
    """One run on a workspace. Made by `opening.prepare`, which connects everything."""

    def __init__(
        self,
        *,
        settings: GenerationSettings,
        store: Store,
        run_id: int,
        endpoint: Endpoint,
        teacher_factory: Callable[[], Teacher],
        seeds: list[SeedTask],
        judge: Judge,
        counts: Counts,
        price: Price | None,
        spent_usd: float | None,
        spending: Spending,
        lost: int,
        resources: contextlib.ExitStack,
    ) -> None:
        self.settings = settings
        self.endpoint = endpoint
        self._store = store
        self._run_id = run_id
        self._seeds = seeds
        self._judge = judge
        self._counts = counts
        self._price = price
        self._lost = lost
        self._earlier = spending
        self._resources = resources
        self._prompt_settings = settings.prompt_settings()
        self._seed = settings.seed if settings.seed is not None else secrets.randbits(32)
        self._next_index = store.next_index()
        self._board = Board()
        self._state: RunState = "preparing"
        self._reason: StopReason | None = None
        self._detail = ""
        self._started = time.monotonic()
        self._stopped_at: float | None = None
        self._paused_s = 0.0
        self._paused_at: float | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._done = threading.Event()
        self._asking = False
        self._consumer = Consumer(
            store,
            judge,
            counts,
            self._board,
            self,
            Arrivals(store, seeds),
            goal=settings.goal,
            parser=settings.parser,
        )
        self._scheduler = Scheduler(
            teacher_factory,
            store,
            run_id,
            self._next_job,
            self,
            Limits(concurrency=settings.concurrency, rpm=settings.rpm, tpm=settings.tpm),
            Budget(usd=settings.budget_usd, tokens=settings.token_budget),
            price,
            endpoint=endpoint,
            already_spent_usd=spent_usd,
            already_spent_tokens=spending.tokens,
        )
        self._closer = threading.Thread(target=self._close_when_stopped, name="alpaca-run", daemon=True)

    # --- commands; all return at once

    def start(self) -> None:
        """Begin: what earlier runs left to judge first, then new requests."""
        self._started = time.monotonic()
        self._state = "running"
        self.log(
            "note",
            f"Asking {self.endpoint.label} ({self.endpoint.model}) for {plural(self.settings.goal, 'task')}.",
        )
        if self.settings.teacher == "demo" and (
            self.settings.topic or not is_english(self.settings.language)
        ):
            self.log(
                "note",
                "The demo teacher writes about what it knows, in English: it heeds no topic and no language.",
            )
        if self._lost:
            self.log(
                "note",
                f"{self._lost} requests of an interrupted run are lost; their worst-case cost counts as spent.",
            )
        self._closer.start()
        self._consumer.start(self._catch_up)

    def pause(self) -> None:
        """Send nothing more; what is in flight finishes."""
        with self._lock:
            if self._state != "running":
                return
            self._state = "pausing"
            self._paused_at = time.monotonic()
        self._scheduler.pause()
        self.log("change", "Paused: requests in flight finish, nothing new is sent.")

    def resume(self) -> None:
        with self._lock:
            if self._state not in ("pausing", "paused"):
                return
            self._state = "running"
            if self._paused_at is not None:
                self._paused_s += time.monotonic() - self._paused_at
                self._paused_at = None
        self._scheduler.resume()
        self.log("change", "Resumed.")

    def stop(self, reason: StopReason = StopReason.USER, detail: str = "") -> None:
        """End the run. Answers still streaming are cut, stored as far as they came, and judged."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason, self._detail = reason, detail
            self._state = "stopping"
            asking = self._asking
        if asking:
            self._scheduler.stop(reason.value)
        else:
            self._stopping.set()

    def set_concurrency(self, number: int) -> None:
        number = max(1, min(number, CONCURRENCY_CEILING))
        self._change("concurrency", number)
        self.log("change", f"Requests in flight: at most {number}.", {"concurrency": number})
        self._scheduler.set_concurrency(number)

    def set_temperature(self, temperature: float | None) -> None:
        self._change("temperature", temperature)
        self.log("change", f"Temperature: {temperature}.", {"temperature": temperature})

    def set_threshold(self, threshold: float) -> None:
        """Counts for candidates judged from now on; `rejudge` applies it to earlier ones."""
        self._change("threshold", threshold)
        self._judge.threshold = threshold
        self.log("change", f"Novelty threshold: {threshold} from here on.", {"threshold": threshold})

    def _change(self, name: str, value: object) -> None:
        self.settings = GenerationSettings.build(**{**dict(self.settings), name: value})

    def wait(self, timeout: float | None = None) -> bool:
        """True once the run has stopped and everything is judged and stored."""
        return self._done.wait(timeout)

    def close(self) -> None:
        """Stop if still running, wait, release the workspace."""
        if self._state == "preparing":
            self._store.end_run(self._run_id, StopReason.USER.value, {})
            self._done.set()
        else:
            self.stop()
            self.wait()
        self._resources.close()

    def log(self, kind: str, message: str, data: dict[str, Any] | None = None) -> None:
        """One line for people, kept with the run (written by the judge's thread)."""
        self._board.log(kind, message)
        self._consumer.later(lambda: self._store.log(self._run_id, kind, message, data))

    # --- how it goes

    def snapshot(self) -> Snapshot:
        """Everything a screen shows, now. Thread-safe; also tells the judge that someone is looking."""
        self._consumer.want_previews()
        status = self._scheduler.status()
        counts = self._counts
        now = self._stopped_at or time.monotonic()
        with self._lock:
            paused = self._paused_s + (now - self._paused_at if self._paused_at is not None else 0.0)
            if self._state == "pausing" and status.in_flight == 0:
                self._state = "paused"
            state, reason, detail = self._state, self._reason, self._detail
        elapsed = max(0.0, now - self._started - paused)
        missing = max(0, self.settings.goal - counts.kept)
        rate = counts.kept_this_run / elapsed if elapsed > 0 else 0.0
        spent = status.spent_usd
        paid_kept = counts.kept if spent is not None else 0
        per_kept = spent / paid_kept if spent is not None and paid_kept else None
        return Snapshot(
            run_id=self._run_id,
            state=state,
            stopped_because=reason if state in ("stopping", "stopped") else None,
            stop_detail=detail,
            goal=self.settings.goal,
            kept=counts.kept,
            kept_this_run=counts.kept_this_run,
            duplicates=counts.duplicates,
            filtered=dict(counts.filtered),
            truncated=counts.truncated,
            surplus=counts.surplus,
            judged=counts.judged,
            completions=counts.completions,
            failed=counts.failed,
            lost=self._lost,
            in_flight=status.in_flight,
            concurrency=self.settings.concurrency,
            allowed=status.allowed,
            elapsed_s=elapsed,
            eta_s=missing / rate if rate > 0 and state == "running" else None,
            tokens_per_s=status.tokens_per_s,
            tasks_per_min=counts.tasks_per_min() if state != "stopped" else 0.0,
            prompt_tokens=self._earlier.prompt_tokens + status.prompt_tokens,
            completion_tokens=self._earlier.completion_tokens + status.completion_tokens,
            token_budget=self.settings.token_budget,
            money=Money(
                spent=spent,
                reserved=status.reserved_usd,
                budget=self.settings.budget_usd,
                per_kept=per_kept,
                forecast=None if per_kept is None or spent is None else spent + per_kept * missing,
            ),
            judging_backlog=self._consumer.backlog,
            temperature=self.settings.temperature,
            threshold=self._judge.threshold,
            server=self.endpoint.label,
            model=self.endpoint.model,
            histogram=tuple(counts.histogram),
            acceptance=tuple(counts.acceptance),
            new_verb_rate=counts.verbs.new_verb_rate,
            streams=self._board.streams(),
            recent=self._board.recent(),
            log=self._board.log_lines(),
        )

    def result(self) -> dict[str, Any]:
        """The run in one JSON object; counts are the workspace's, `this_run` is what this run added."""
        status = self._scheduler.status()
        counts = self._counts
        return {
            "kept": counts.kept,
            "goal": self.settings.goal,
            "duplicates": counts.duplicates,
            "filtered": dict(sorted(counts.filtered.items())),
            "truncated": counts.truncated,
            "surplus": counts.surplus,
            "completions": counts.completions,
            "failed": counts.failed,
            "new_verb_rate": counts.verbs.new_verb_rate,
            "usage": {
                "prompt_tokens": self._earlier.prompt_tokens + status.prompt_tokens,
                "completion_tokens": self._earlier.completion_tokens + status.completion_tokens,
                "lost_tokens": self._earlier.lost_tokens,
                "total_tokens": status.spent_tokens,
            },
            "cost_usd": status.spent_usd,
            "stopped_because": None if self._reason is None else self._reason.value,
            "detail": self._detail,
            "teacher": self.endpoint.label,
            "model": self.endpoint.model,
            "this_run": {
                "id": self._run_id,
                "kept": counts.kept_this_run,
                "completions": counts.completions_this_run,
                "seconds": round((self._stopped_at or time.monotonic()) - self._started, 3),
            },
        }

    # --- what to ask (scheduler's thread)

    def _next_job(self, in_flight: int) -> Job | None:
        """The next request, or None while what is in flight and waiting to be judged will do."""
        missing = self.settings.goal - self._counts.kept
        if missing <= 0 or self._reason is not None:
            return None
        expected = self._counts.kept_per_completion(self.settings.tasks * EXPECTED_SHARE_KEPT)
        if (in_flight + self._consumer.backlog) * expected >= missing * OVERASK:
            return None
        index = self._next_index
        self._next_index += 1
        rng = random.Random(f"{self._seed}:{index}")
        kept = [
            SeedTask(f"row:{row.id}", "", row.instruction, row.input, row.output, None)
            for row in (
                self._store.kept_sample(self.settings.from_kept, rng) if self.settings.from_kept else ()
            )
        ]
        prompt = build_prompt(self._prompt_settings, self._seeds, kept, rng)
        request = TeacherRequest(
            chat=prompt.chat,
            text=prompt.text,
            sampling=Sampling(temperature=self.settings.temperature, max_tokens=self.settings.answer_tokens),
        )
        return Job(
            key=self._key(index, request),
            index=index,
            request=request,
            prompt_hash=prompt.template_hash,
            seed_ids=prompt.seed_ids,
            k=prompt.k,
        )

    def _key(self, index: int, request: TeacherRequest) -> str:
        """Same server, model, question, sampling and place in the run: the same request."""
        identity = (
            self.endpoint.base_url,
            self.endpoint.model,
            self.endpoint.kind,
            request.chat,
            request.text,
            request.sampling.temperature,
            request.sampling.top_p,
            request.sampling.max_tokens,
            index,
        )
        return hashlib.sha256(json.dumps(identity, ensure_ascii=True).encode()).hexdigest()

    # --- what the scheduler says (its thread)

    def request_started(self, completion_id: int, job: Job) -> None:
        self._board.started(completion_id, job.index, job.k)

    def delta(self, completion_id: int, text: str) -> None:
        self._board.delta(completion_id, text)

    def request_retrying(self, completion_id: int, failure: TeacherFailure, wait_s: float) -> None:
        self._board.retrying(completion_id, failure.message, wait_s)
        self.log("fault", f"{failure.message} Asking again in {wait_s:.1f} s.")

    def completed(self, completion_id: int, job: Job, answer: Answer, cost_usd: float | None) -> None:
        self._consumer.submit(completion_id)

    def request_failed(self, completion_id: int, job: Job, failure: TeacherFailure) -> None:
        self._board.ended(completion_id)
        if self._reason is not None:
            return
        self._counts.add_failure()
        self.log("fault", f"Gave up on a request: {failure.message}")
        self._check_failing()

    def limit_changed(self, old: int, new: int, reason: str) -> None:
        self.log("note", reason)

    def stopped(self, reason: str, detail: str) -> None:
        with self._lock:
            if self._reason is None:
                self._reason, self._detail = StopReason(reason), detail
            self._state = "stopping"
        self._stopping.set()

    # --- what the consumer says (judge's thread)

    def on_judged(self) -> None:
        if self._counts.kept >= self.settings.goal:
            self.stop(StopReason.GOAL)
        elif self._counts.saturated:
            self.stop(
                StopReason.SATURATED,
                f"The last {self._counts.streak} candidates brought nothing new. Give the teacher other seeds, a topic, "
                "a higher temperature or a higher threshold.",
            )
        else:
            self._check_failing()
            self._scheduler.wake()

    def on_fault(self, error: UserError) -> None:
        self.log("fault", str(error))
        self.stop(StopReason.ERROR, str(error))

    # --- ending

    def _check_failing(self) -> None:
        if self._counts.failing:
            bad = self._counts.outcomes.count(False)
            self.stop(
                StopReason.FAILING,
                f"{bad} of the last {len(self._counts.outcomes)} answers failed or held no task that could be read. "
                "Open one of them to see what the teacher says.",
            )

    def _catch_up(self) -> None:
        """First on the judge's thread: surplus that now fits, answers stored but not judged, then asking."""
        self._consumer.keep_surplus()
        for completion in self._store.unjudged():
            self._consumer.consume(completion)
        if self._counts.kept >= self.settings.goal:
            self.stop(StopReason.GOAL)
        with self._lock:
            self._asking = self._reason is None
        if self._asking:
            self._scheduler.start()

    def _close_when_stopped(self) -> None:
        """Waits for the scheduler's end, lets the judge finish, and closes the run's books."""
        self._stopping.wait()
        if self._asking:
            self._scheduler.join()
        self._consumer.finish()
        self._stopped_at = time.monotonic()
        try:
            self._store.end_run(self._run_id, (self._reason or StopReason.ERROR).value, self.result())
        except UserError as error:
            logger.error("the run's end could not be written: %s", error)
            if self._reason is not StopReason.ERROR:
                self._detail = str(error)
        self._board.log("note", ending(self._reason, self._detail))
        self._state = "stopped"
        self._done.set()
