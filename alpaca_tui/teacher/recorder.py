"""What a run's requests leave in the store: their rows, answers and failures, written through the journal.

Knows which figures belong in a row; decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from alpaca_tui.store.rows import CompletionRow
from alpaca_tui.teacher.flight import Flight, stored_request
from alpaca_tui.teacher.jobs import CompletionStore
from alpaca_tui.teacher.journal import Journal
from alpaca_tui.teacher.types import Answer, Endpoint, Usage


class Recorder:
    """Writes for one run and one endpoint. What is to follow a write is called on the loop."""

    def __init__(self, journal: Journal, store: CompletionStore, run_id: int, endpoint: Endpoint) -> None:
        self._journal = journal
        self._store = store
        self._run_id = run_id
        self._endpoint = endpoint

    def begin(self, flight: Flight, then: Callable[[CompletionRow | int], None]) -> None:
        """The row of a request about to be sent; `then` gets its id, or the finished completion that this
        job's key has already."""
        self._journal.write(partial(self._find_or_begin, flight), then)

    def _find_or_begin(self, flight: Flight) -> CompletionRow | int:
        job, reserved = flight.job, flight.reserved
        return self._store.find_completion(job.key) or self._store.begin_completion(
            self._run_id,
            key=job.key,
            index=job.index,
            purpose=job.purpose,
            server=self._endpoint.label,
            model=self._endpoint.model,
            prompt_hash=job.prompt_hash,
            seed_ids=job.seed_ids,
            k=job.k,
            request=stored_request(job),
            reserved_tokens=0 if reserved is None else reserved.tokens,
            reserved_usd=None if reserved is None else reserved.usd,
        )

    def finish(
        self,
        flight: Flight,
        answer: Answer,
        usage: Usage,
        cost_usd: float | None,
        then: Callable[[int], None],
    ) -> None:
        """The answer. `usage` and `cost_usd`: of the whole job, broken tries included."""
        self._journal.write(
            partial(
                self._store.finish_completion,
                flight.completion_id,
                text=answer.text,
                finish_reason=answer.finish_reason,
                spoke=answer.spoke,
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                usage_estimated=usage.estimated,
                cost_usd=cost_usd,
                latency_s=answer.latency_s,
                first_token_s=answer.first_token_s,
                attempts=max(1, flight.tries),
                model=answer.model,
                request_id=answer.request_id,
            ),
            then,
        )

    def fail(
        self, flight: Flight, error: str, kind: str, cost_usd: float | None, then: Callable[[None], None]
    ) -> None:
        """No answer. `cost_usd`: of all the tries."""
        self._journal.write(
            partial(
                self._store.fail_completion,
                flight.completion_id,
                error=error,
                kind=kind,
                partial=flight.longest_partial,
                attempts=flight.tries,
                cost_usd=cost_usd,
                prompt_tokens=flight.charged.prompt_tokens,
                completion_tokens=flight.charged.completion_tokens,
            ),
            then,
        )
