"""Ask the teacher about rows: one row or thousands, through the request engine, within the workspace's budget.

Every answer is stored as a completion, and what it proposes as an open suggestion: nothing changes a row
before a person accepts it. A question that was answered when the program died is not asked again. Knows the
teacher's engine and the store, no screen.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alpaca_tui.config import Settings, load_settings
from alpaca_tui.curation.question import Reply, continued, question, read_reply
from alpaca_tui.errors import UserError
from alpaca_tui.store.curated import SuggestionKind
from alpaca_tui.store.rows import ExampleRow
from alpaca_tui.store.store import Store
from alpaca_tui.teacher.budget import Budget, estimate_tokens
from alpaca_tui.teacher.client import OpenAITeacher
from alpaca_tui.teacher.jobs import Job, Limits
from alpaca_tui.teacher.opening import open_endpoint, price_in_force, spent_so_far
from alpaca_tui.teacher.pricing import Price
from alpaca_tui.teacher.scheduler import Scheduler
from alpaca_tui.teacher.types import Answer, Endpoint, EndpointKind, Sampling, TeacherFailure, TeacherRequest
from alpaca_tui.workspace import Workspace

logger = logging.getLogger(__name__)

PURPOSE = "assist"
_JUDGEMENT_TOKENS = 400
_LEAST_TOKENS = 768
_MOST_TOKENS = 4_096
_GROWTH = 2.0

State = Literal["waiting", "asked", "answered", "failed"]


@dataclass(frozen=True, slots=True)
class AskSettings:
    """Whom to ask what. budget_usd, token_budget: over everything the workspace has ever asked, as in
    generation. price: USD per million tokens, input and output."""

    kind: SuggestionKind
    teacher: str = "demo"
    model: str | None = None
    endpoint: EndpointKind = "auto"
    budget_usd: float | None = None
    token_budget: int | None = None
    price: tuple[float, float] | None = None
    concurrency: int = 4
    temperature: float | None = None

    def to_json(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class Asked:
    """One row of the question: how it stands, and the text that has come so far (untrusted)."""

    row: int
    state: State = "waiting"
    text: str = ""
    fault: str = ""
    suggestion: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How it goes. spent_usd, tokens: of this question alone; None for dollars: the price is unknown."""

    total: int
    answered: int
    failed: int
    in_flight: int
    spent_usd: float | None
    tokens: int
    stopped: bool
    why: str
    server: str
    model: str


class Asking:
    """One question to the teacher about many rows. Made by `prepare`."""

    def __init__(
        self,
        *,
        settings: AskSettings,
        rows: Sequence[int],
        store: Store,
        run_id: int,
        endpoint: Endpoint,
        price: Price | None,
        spent_usd: float | None,
        spent_tokens: int,
        resources: contextlib.ExitStack,
    ) -> None:
        self.settings = settings
        self.endpoint = endpoint
        self._store = store
        self._run_id = run_id
        self._resources = resources
        self._before = (spent_usd or 0.0, spent_tokens)
        self._asked = {row: Asked(row) for row in rows}
        self._waiting = deque(rows)
        self._of_completion: dict[int, int] = {}
        self._rows: dict[str, ExampleRow] = {}
        self._keys: dict[str, int] = {}
        self._lock = threading.Lock()
        self._why = ""
        self._index = store.next_index(PURPOSE)
        self._answers: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = False
        self._done = threading.Event()
        self._scheduler = Scheduler(
            lambda: OpenAITeacher(endpoint),
            store,
            run_id,
            self._next_job,
            self,
            Limits(concurrency=settings.concurrency),
            Budget(usd=settings.budget_usd, tokens=settings.token_budget),
            price,
            endpoint=endpoint,
            already_spent_usd=spent_usd,
            already_spent_tokens=spent_tokens,
        )
        self._reader = threading.Thread(target=self._read_answers, name="alpaca-assist", daemon=True)

    # --- commands

    def start(self) -> None:
        self._started = True
        self._reader.start()
        self._scheduler.start()

    def stop(self) -> None:
        """Ask nothing more; what is in flight is cut. Returns at once."""
        self._scheduler.stop("user")

    def wait(self, timeout: float | None = None) -> bool:
        """True once everything that was asked is answered and stored."""
        return self._done.wait(timeout)

    def close(self) -> None:
        """Stop, wait, release the workspace."""
        if self._started:
            self.stop()
            self.wait()
        else:
            self._finish()
        self._resources.close()

    # --- how it goes

    @property
    def rows(self) -> list[Asked]:
        """Every row asked about, in the order they were given; live objects, to be looked at only."""
        return list(self._asked.values())

    def progress(self) -> Progress:
        """A snapshot; cheap, from any thread."""
        status = self._scheduler.status()
        states = [asked.state for asked in self._asked.values()]
        usd, tokens = self._before
        return Progress(
            total=len(states),
            answered=states.count("answered"),
            failed=states.count("failed"),
            in_flight=status.in_flight,
            spent_usd=None if status.spent_usd is None else max(0.0, status.spent_usd - usd),
            tokens=status.spent_tokens - tokens,
            stopped=self._done.is_set(),
            why=self._why,
            server=self.endpoint.label,
            model=self.endpoint.model,
        )

    # --- what to ask (scheduler's thread)

    def _next_job(self, in_flight: int) -> Job | None:
        while self._waiting:
            id = self._waiting.popleft()
            row = self._store.example(id)
            if row is not None and not row.deleted and not row.withdrawn:
                return self._job(row)
            self._asked[id].state, self._asked[id].fault = "failed", "The row is gone."
        if in_flight == 0:
            self._scheduler.stop("goal")
        return None

    def _job(self, row: ExampleRow) -> Job:
        kind = self.settings.kind
        asked = question(kind, row.instruction, row.input, row.output)
        request = TeacherRequest(
            chat=(("user", asked),),
            text=continued(kind, asked),
            sampling=Sampling(temperature=self.settings.temperature, max_tokens=_answer_tokens(kind, row)),
        )
        identity = (
            *(self.endpoint.base_url, self.endpoint.model, kind, asked, self.settings.temperature),
            *(row.id, self._store.times_asked(row.id, kind)),
        )
        key = hashlib.sha256(json.dumps(identity, ensure_ascii=True).encode()).hexdigest()
        self._rows[key] = row
        index, self._index = self._index, self._index + 1
        return Job(key, index, request, kind, (row.key,), 1, PURPOSE, alone=True)

    # --- what the scheduler says (its thread)

    def request_started(self, completion_id: int, job: Job) -> None:
        row = self._rows[job.key].id
        self._of_completion[completion_id] = row
        self._asked[row].state = "asked"

    def delta(self, completion_id: int, text: str) -> None:
        self._asked[self._of_completion[completion_id]].text += text

    def request_retrying(self, completion_id: int, failure: TeacherFailure, wait_s: float) -> None:
        asked = self._asked[self._of_completion[completion_id]]
        asked.text, asked.fault = "", f"{failure.message} Asking again in {wait_s:.1f} s."

    def completed(self, completion_id: int, job: Job, answer: Answer, cost_usd: float | None) -> None:
        self._answers.put(lambda: self._keep(completion_id, job, answer))

    def request_failed(self, completion_id: int, job: Job, failure: TeacherFailure) -> None:
        asked = self._asked[self._rows[job.key].id]
        asked.state, asked.fault = "failed", failure.message
        self._scheduler.wake()

    def limit_changed(self, old: int, new: int, reason: str) -> None:
        """Nothing to say: a question about rows is short enough to need no log."""

    def stopped(self, reason: str, detail: str) -> None:
        self._why = _ending(reason, detail)
        self._answers.put(None)

    # --- keeping what came (a thread of its own)

    def _read_answers(self) -> None:
        """Turns answers into suggestions until the scheduler has ended and all are kept."""
        ended = False
        while not (ended and self._answers.empty()):
            job = self._answers.get()
            if job is None:
                self._scheduler.join()
                ended = True
                continue
            try:
                job()
            except UserError as error:
                self._why = str(error)
                self._scheduler.stop("error")
        self._finish()

    def _keep(self, completion_id: int, job: Job, answer: Answer) -> None:
        row = self._rows[job.key]
        asked = self._asked[row.id]
        if answer.finish_reason == "cancelled":
            asked.state, asked.fault = "failed", "Stopped before the answer was whole."
            return
        reply = read_reply(
            self.settings.kind,
            answer.text,
            continues=answer.spoke == "completions",
            whole=answer.finish_reason != "length",
        )
        asked.text = answer.text
        asked.suggestion = self._store.add_suggestion(
            row.id,
            self.settings.kind,
            revised=row.revised,
            completion_id=completion_id,
            verdict=reply.verdict,
            reason=reply.reason or _unread(reply),
            output=_proposed(reply, row),
        )
        asked.state = "answered"
        self._scheduler.wake()

    def _finish(self) -> None:
        progress = self.progress()
        totals = {"asked": progress.total, "answered": progress.answered, "failed": progress.failed}
        try:
            self._store.end_run(self._run_id, self._why, {**totals, "cost_usd": progress.spent_usd})
        except UserError as error:
            logger.error("the end of asking the teacher could not be written: %s", error)
        self._done.set()


def prepare(
    workspace: Workspace,
    settings: AskSettings,
    rows: Sequence[int],
    *,
    config: Settings | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Asking:
    """A question ready to `start()`. It holds the workspace's generation lock until `close()`, so that the
    budget has one keeper. Raises UserError: no such teacher, wrong key, unknown price with a budget, somebody
    else asking."""
    config = config or load_settings(workspace.root)
    with contextlib.ExitStack() as resources:
        resources.enter_context(workspace.generation_lock())
        store = resources.enter_context(workspace.open_store())
        store.mark_lost()
        endpoint = open_endpoint(settings.teacher, settings.model, settings.endpoint, resources, environ)
        price = price_in_force(endpoint, settings.price, config.prices, settings.budget_usd)
        spending = store.spending()
        run_id = store.start_run(
            {
                **settings.to_json(),
                "rows": len(rows),
                "server": endpoint.label,
                "answering_model": endpoint.model,
            },
            PURPOSE,
        )
        return Asking(
            settings=settings,
            rows=rows,
            store=store,
            run_id=run_id,
            endpoint=endpoint,
            price=price,
            spent_usd=spent_so_far(spending, price),
            spent_tokens=spending.tokens,
            resources=resources.pop_all(),
        )


def forecast(kind: SuggestionKind, rows: Sequence[ExampleRow]) -> tuple[int, int]:
    """What asking about `rows` takes: prompt tokens, about; answer tokens, at most."""
    prompts = sum(estimate_tokens(question(kind, row.instruction, row.input, row.output)) for row in rows)
    return prompts, sum(_answer_tokens(kind, row) for row in rows)


def _answer_tokens(kind: SuggestionKind, row: ExampleRow) -> int:
    """Room for the answer: a corrected text is about as long as the old one."""
    if kind == "judge":
        return _JUDGEMENT_TOKENS
    return min(_MOST_TOKENS, max(_LEAST_TOKENS, round(_GROWTH * estimate_tokens(row.output)) + 256))


def _proposed(reply: Reply, row: ExampleRow) -> str | None:
    """The output where it is another one than the row's."""
    if reply.output is None or reply.output == row.output.strip():
        return None
    return reply.output


def _unread(reply: Reply) -> str:
    return "The answer is not in the form that was asked for." if reply.empty else ""


def _ending(reason: str, detail: str) -> str:
    match reason:
        case "goal":
            return ""
        case "user":
            return "Stopped."
        case "budget" | "tokens":
            return f"The budget is used up. {detail}"
        case _:
            return detail or "The teacher could not be asked."
