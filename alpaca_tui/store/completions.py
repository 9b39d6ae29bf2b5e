"""Completions: one row a request to a teacher, born before it is sent, so that money is never forgotten.

in_flight -> done | failed | lost. Only the holder of the workspace's generation lock may declare lost.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import dump, load_object, public, storable, without_credentials
from alpaca_tui.store.rows import CompletionRow, CompletionState, Spending

_PAGE = 200
_COMPLETION = """
SELECT c.id, c.run_id, c.request_index, c.request_key, c.purpose, c.state, c.judged, c.finish_order,
  c.server, c.model, c.prompt_hash, c.seed_ids, c.k, c.reserved_tokens, c.reserved_usd,
  c.started_at, c.finished_at, c.finish_reason, c.spoke, c.prompt_tokens, c.completion_tokens,
  c.usage_estimated, c.cost_usd, c.latency_s, c.first_token_s, c.attempts, c.answered_model, c.request_id,
  c.error, c.error_kind, c.kept_count, c.judged_count, ifnull(t.text, '')
FROM completion c LEFT JOIN completion_text t ON t.completion_id = c.id
"""
_FIELDS = tuple(field.name for field in dataclasses.fields(CompletionRow))  # the columns above, in that order
_NEXT_ORDER = "SELECT ifnull(max(finish_order), 0) + 1 FROM completion WHERE finish_order IS NOT NULL"
_SPENDING = """
SELECT state, count(*), sum(prompt_tokens), sum(completion_tokens), sum(reserved_tokens),
  total(cost_usd), sum(cost_usd IS NULL), total(reserved_usd), sum(reserved_usd IS NULL)
FROM completion
"""


class Completions:
    """The part of the store that speaks of completions."""

    _db: Database

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
    ) -> int:
        """A request about to be sent, with the worst case it can cost. Returns the completion's id."""
        body = dump(public(request, "request", mend=False))
        seeds = dump(list(seed_ids))
        with self._db.write() as db:
            cursor = db.execute(
                "INSERT INTO completion (run_id, request_index, request_key, purpose, state, server, model, "
                "prompt_hash, seed_ids, k, reserved_tokens, reserved_usd, started_at) "
                "VALUES (?, ?, ?, ?, 'in_flight', ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(
                        run_id,
                        index,
                        storable(key),
                        purpose,
                        storable(without_credentials(server)),
                        storable(model),
                    ),
                    *(prompt_hash, seeds, k, reserved_tokens, reserved_usd, time.time()),
                ),
            )
            completion_id = cast(int, cursor.lastrowid)
            db.execute("INSERT INTO completion_request VALUES (?, ?)", (completion_id, body))
        return completion_id

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
    ) -> int:
        """The answer is here: done, and next in the order of finishing, which is returned.

        model: as the server named it. cost_usd: None when unknown. ValueError if it was not in flight.
        """
        with self._db.write() as db:
            order = int(db.execute(_NEXT_ORDER).fetchone()[0])
            changed = db.execute(
                "UPDATE completion SET state = 'done', finish_order = ?, finished_at = ?, finish_reason = ?, "
                "spoke = ?, prompt_tokens = ?, completion_tokens = ?, usage_estimated = ?, cost_usd = ?, "
                "latency_s = ?, first_token_s = ?, attempts = ?, answered_model = ?, request_id = ? "
                "WHERE id = ? AND state = 'in_flight'",
                (
                    *(order, time.time(), finish_reason, spoke, prompt_tokens, completion_tokens),
                    *(usage_estimated, cost_usd, latency_s, first_token_s, attempts, storable(model)),
                    *(None if request_id is None else storable(request_id), completion_id),
                ),
            ).rowcount
            _must_be_in_flight(changed, completion_id)
            db.execute("INSERT INTO completion_text VALUES (?, ?)", (completion_id, storable(text)))
        return order

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
    ) -> None:
        """No usable answer: why (`kind` as the teacher room names it), and what arrived before the fault.

        cost_usd: 0.0 where nothing was charged, None when unknown. ValueError if it was not in flight.
        """
        with self._db.write() as db:
            changed = db.execute(
                "UPDATE completion SET state = 'failed', finished_at = ?, error = ?, error_kind = ?, "
                "attempts = ?, cost_usd = ?, prompt_tokens = ?, completion_tokens = ? "
                "WHERE id = ? AND state = 'in_flight'",
                (
                    *(time.time(), storable(error), kind, attempts),
                    *(cost_usd, prompt_tokens, completion_tokens, completion_id),
                ),
            ).rowcount
            _must_be_in_flight(changed, completion_id)
            if partial:
                db.execute("INSERT INTO completion_text VALUES (?, ?)", (completion_id, storable(partial)))

    def mark_lost(self) -> int:
        """Requests whose process died become lost, and what was reserved for them counts as spent.

        Call it holding the generation lock and before sending anything: then nobody else can have
        requests in flight, of whatever purpose. Returns how many there were.
        """
        with self._db.write() as db:
            return db.execute(
                "UPDATE completion INDEXED BY completion_in_flight SET state = 'lost', finished_at = ? "
                "WHERE state = 'in_flight'",
                (time.time(),),
            ).rowcount

    def find_completion(self, key: str) -> CompletionRow | None:
        """A done completion with that request key, the first to finish if there are several."""
        return self._one(
            "WHERE c.request_key = ? AND c.state = 'done' ORDER BY c.finish_order LIMIT 1",
            (storable(key),),
        )

    def completion(self, completion_id: int) -> CompletionRow | None:
        return self._one("WHERE c.id = ?", (completion_id,))

    def completion_request(self, completion_id: int) -> dict[str, Any] | None:
        """The request exactly as `begin_completion` got it."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT body FROM completion_request WHERE completion_id = ?", (completion_id,)
            ).fetchone()
        return load_object(row[0]) if row else None

    def unjudged(self, limit: int | None = None, purpose: str = "generate") -> list[CompletionRow]:
        """Done but without verdicts, in the order they finished."""
        return self._many(
            "WHERE c.state = 'done' AND c.judged = 0 AND +c.purpose = ? ORDER BY c.finish_order LIMIT ?",
            (purpose, -1 if limit is None else limit),
        )

    def completions(
        self,
        state: CompletionState | None = None,
        order: Literal["finish", "begin"] = "finish",
        after: int | None = None,
        limit: int = 100,
        purpose: str = "generate",
    ) -> list[CompletionRow]:
        """A page of those of one purpose, newest first. By finish order only done ones have a place; `after`: the finish order
        (or the id) of the last row of the page before."""
        column = "c.finish_order" if order == "finish" else "c.id"
        conditions, values = [f"{column} IS NOT NULL", "+c.purpose = ?"], list[object]([purpose])
        if state is not None:
            conditions.append("c.state = ?")
            values.append(state)
        if after is not None:
            conditions.append(f"{column} < ?")
            values.append(after)
        return self._many(
            f"WHERE {' AND '.join(conditions)} ORDER BY {column} DESC LIMIT ?", (*values, limit)
        )

    def iter_done(self, purpose: str = "generate", after: int = 0) -> Iterator[CompletionRow]:
        """Every done completion by finish order, page by page: for a replay."""
        while page := self._many(
            "WHERE c.finish_order > ? AND c.state = 'done' AND c.purpose = ? ORDER BY c.finish_order LIMIT ?",
            (after, purpose, _PAGE),
        ):
            yield from page
            after = cast(int, page[-1].finish_order)

    def next_index(self, purpose: str = "generate") -> int:
        """1 + the highest request index ever begun."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT max(request_index) FROM completion WHERE purpose = ?", (purpose,)
            ).fetchone()
        return 1 + (row[0] or 0)

    def spending(self, run_id: int | None = None) -> Spending:
        """What one run, or the whole workspace, has spent."""
        where, values = ("WHERE run_id = ?", (run_id,)) if run_id is not None else ("", ())
        with self._db.read() as db:
            rows = db.execute(f"{_SPENDING} {where} GROUP BY state", values).fetchall()
        prompt = completion = lost_tokens = in_flight_tokens = unknown = 0
        known = in_flight_usd = 0.0
        states: dict[str, int] = {}
        for state, count, prompts, completions, reserved, usd, unpriced, reserved_usd, unreserved in rows:
            states[state] = count
            if state == "in_flight":
                in_flight_tokens, in_flight_usd = reserved, reserved_usd
            elif state == "lost":
                lost_tokens, known, unknown = reserved, known + reserved_usd, unknown + unreserved
            else:
                prompt, completion = prompt + prompts, completion + completions
                known, unknown = known + usd, unknown + unpriced
        return Spending(
            prompt, completion, lost_tokens, known, unknown, in_flight_tokens, in_flight_usd, states
        )

    def _one(self, where: str, values: Sequence[object]) -> CompletionRow | None:
        rows = self._many(where, values)
        return rows[0] if rows else None

    def _many(self, where: str, values: Sequence[object]) -> list[CompletionRow]:
        with self._db.read() as db:
            rows = db.execute(_COMPLETION + where, tuple(values)).fetchall()
        return [_completion(row) for row in rows]


def _must_be_in_flight(changed: int, completion_id: int) -> None:
    if changed != 1:
        raise ValueError(f"completion {completion_id} is not in flight")


def _completion(row: Any) -> CompletionRow:
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    values["judged"] = bool(values["judged"])
    values["usage_estimated"] = bool(values["usage_estimated"])
    values["seed_ids"] = tuple(cast(list[str], json.loads(values["seed_ids"])))
    return CompletionRow(**values)
