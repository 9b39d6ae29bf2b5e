"""What the request engine is given and what it says: jobs, limits, the listener, its status.

Plain values and protocols without behaviour, shared by the scheduler, its callers and their tests. Knows no
loop, no HTTP and no SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alpaca_tui.store.rows import CompletionRow
from alpaca_tui.teacher.types import Answer, TeacherFailure, TeacherRequest

CONCURRENCY_CEILING = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """One question to be asked once. `key` identifies it for good: a key with a finished answer in the store
    is never asked again. The rest is stored beside the answer, so that it can be judged later. alone: other
    jobs' prompts are shorter or longer, so one that is too long for the model ends this job and not the run."""

    key: str
    index: int
    request: TeacherRequest
    prompt_hash: str
    seed_ids: tuple[str, ...]
    k: int
    purpose: str = "generate"
    alone: bool = False


NextJob = Callable[[int], Job | None]
"""Asked for the next job, with the number of jobs that still have no stored answer; None: nothing for now."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows: requests at once (1 to 1,000), requests and tokens a minute, tries a request."""

    concurrency: int = 8
    rpm: int | None = None
    tpm: int | None = None
    attempts: int = 5


class Cancelled(TeacherFailure):
    """Not the teacher's fault: the run was stopped before this request had an answer."""


class Listener(Protocol):
    """Hears what happens, on the scheduler's thread: be quick, block on nothing.

    An exception here stops the run with `error`. For one job the order is request_started, any number of
    delta and request_retrying, then completed or request_failed (a job answered from the store: completed
    only).
    """

    def request_started(self, completion_id: int, job: Job) -> None:
        """The request has its row in the store and is about to be sent for the first time."""
        ...

    def delta(self, completion_id: int, text: str) -> None: ...

    def request_retrying(self, completion_id: int, failure: TeacherFailure, wait_s: float) -> None:
        """It will be asked again in about `wait_s`; text streamed so far is void."""
        ...

    def completed(self, completion_id: int, job: Job, answer: Answer, cost_usd: float | None) -> None:
        """The answer is stored. `cost_usd` includes broken attempts; None: unknown. `answer.finish_reason` is
        `cancelled` for the text that had come when the run was stopped. A job whose key had a finished answer
        is completed with that completion's id, at no cost."""
        ...

    def request_failed(self, completion_id: int, job: Job, failure: TeacherFailure) -> None:
        """Stored as failed, after all its tries; `Cancelled` where the run was stopped before any text."""
        ...

    def limit_changed(self, old: int, new: int, reason: str) -> None:
        """`reason` is a whole sentence for people. `old == new`: a limit per minute was taken over."""
        ...

    def stopped(self, reason: str, detail: str) -> None:
        """Called once, when the end is decided: nothing more will be sent. What was in flight is completed or
        failed after this; once `join` returns, nothing more is called."""
        ...


class CompletionStore(Protocol):
    """The part of the store the scheduler writes to."""

    def find_completion(self, key: str) -> CompletionRow | None: ...

    def begin_completion(
        self,
        run_id: int,
        *,
        key: str,
        index: int,
        purpose: str,
        server: str,
        model: str,
        prompt_hash: str,
        seed_ids: Sequence[str],
        k: int,
        request: Mapping[str, Any],
        reserved_tokens: int,
        reserved_usd: float | None,
    ) -> int: ...

    def finish_completion(
        self,
        completion_id: int,
        *,
        text: str,
        finish_reason: str,
        spoke: str | None,
        prompt_tokens: int,
        completion_tokens: int,
        usage_estimated: bool,
        cost_usd: float | None,
        latency_s: float,
        first_token_s: float | None,
        attempts: int,
        model: str,
        request_id: str | None,
    ) -> int: ...

    def fail_completion(
        self,
        completion_id: int,
        *,
        error: str,
        kind: str,
        partial: str,
        attempts: int,
        cost_usd: float | None,
        prompt_tokens: int,
        completion_tokens: int,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    """How it goes, at one moment.

    in_flight: requests sent and not yet answered. retrying: jobs waiting to be asked again. allowed: requests
    at once the teacher bears, at most `cap`. waiting_s: silence the teacher asked for. spent and reserved
    include what was spent before this scheduler (`already_spent_*`); prompt_tokens, completion_tokens,
    answers and failures are its own. None for dollars: the price is unknown.
    """

    in_flight: int
    retrying: int
    allowed: int
    cap: int
    waiting_s: float
    tokens_per_s: float
    requests_last_minute: int
    spent_usd: float | None
    reserved_usd: float | None
    spent_tokens: int
    reserved_tokens: int
    prompt_tokens: int
    completion_tokens: int
    answers: int
    failures: int
    paused: bool
    stopped_because: str | None
