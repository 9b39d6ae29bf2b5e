"""One job on its way: what it has cost, what has arrived, how often it was tried. State without behaviour but
for the texts and figures derived from it; the scheduler moves it along.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from alpaca_tui.store.rows import CompletionRow
from alpaca_tui.teacher.budget import Reservation
from alpaca_tui.teacher.jobs import Job
from alpaca_tui.teacher.types import Answer, FailureKind, TeacherFailure, Usage

Spoke = Literal["chat", "completions"]
_CONTENT_TRIES = 2


@dataclass(slots=True, eq=False)
class Flight:
    """A job from its admission to its end. `on_wire` while its request is sent (or about to be) and not yet
    answered; `reserved` and `tpm_taken` belong to that request, as do its last sign of life (`heard_at`) and
    longest silence. `charged`: what broken tries may have cost."""

    job: Job
    number: int
    completion_id: int = 0
    on_wire: bool = False
    ended: bool = False
    reserved: Reservation | None = None
    tpm_taken: int = 0
    epoch: int = 0
    sent_at: float = 0.0
    first_at: float | None = None
    heard_at: float = 0.0
    silence_s: float = 0.0
    parts: list[str] = field(default_factory=list[str])
    task: asyncio.Task[None] | None = None
    tries: int = 0
    faults: int = 0
    refusals: int = 0
    answered_before: int = 0
    unusable: int = 0
    waits_for_rate: bool = False
    charged: Usage = field(default_factory=Usage)
    longest_partial: str = ""

    @property
    def text(self) -> str:
        """What has arrived of the current try."""
        return "".join(self.parts)

    def charge(self, usage: Usage) -> None:
        """A try ended without an answer, and may have cost this."""
        if usage.total:
            self.charged = self.total_with(usage)

    def total_with(self, usage: Usage) -> Usage:
        """`usage` and all that broken tries may have cost."""
        charged = self.charged
        return Usage(
            charged.prompt_tokens + usage.prompt_tokens,
            charged.completion_tokens + usage.completion_tokens,
            charged.estimated or usage.estimated,
        )

    def spent_all_tries(self, failure: TeacherFailure, attempts: int) -> bool:
        """Count a try that ended in `failure` (never RATE); whether it was the last one."""
        self.tries += 1
        self.faults += 1
        if failure.kind is FailureKind.CONTENT:
            self.unusable += 1
        return self.tries >= attempts or self.unusable >= _CONTENT_TRIES

    def cut_answer(self, usage: Usage, now: float, model: str, spoke: Spoke) -> Answer:
        """The text so far, as an answer that we cut off."""
        return Answer(
            text=self.text,
            finish_reason="cancelled",
            usage=usage,
            spoke=spoke,
            latency_s=now - self.sent_at,
            first_token_s=None if self.first_at is None else self.first_at - self.sent_at,
            model=model,
        )


def stored_request(job: Job) -> dict[str, Any]:
    """The request as the store keeps it."""
    sampling = job.request.sampling
    return {
        "chat": [list(message) for message in job.request.chat],
        "text": job.request.text,
        "sampling": {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "stop": list(sampling.stop),
        },
    }


def stored_answer(row: CompletionRow) -> Answer:
    """The answer a finished completion holds."""
    return Answer(
        text=row.text,
        finish_reason=row.finish_reason or "unknown",
        usage=Usage(row.prompt_tokens, row.completion_tokens, row.usage_estimated),
        spoke="completions" if row.spoke == "completions" else "chat",
        latency_s=row.latency_s or 0.0,
        first_token_s=row.first_token_s,
        model=row.answered_model or row.model,
        request_id=row.request_id,
    )
