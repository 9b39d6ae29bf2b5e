"""What a workspace holds, read from its store as if its last run stood there stopped.

A screen without a live run of its own shows this: after quitting and reopening, the same numbers, the
same tasks and the same log as before. Blocks; call it in a thread. Knows no widget.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alpaca_tui.tui.session import Stored, Twins

if TYPE_CHECKING:
    from alpaca_tui.generation.events import Snapshot, TaskView
    from alpaca_tui.generation.overview import Overview
    from alpaca_tui.store.rows import CandidateRow, RunRow
    from alpaca_tui.store.store import Store
    from alpaca_tui.workspace import Workspace

LOCK_NAME = "generation.lock"


def read_stored(workspace: Workspace, store: Store | None, twins: Twins) -> Stored:
    """Everything Home and Generate show of a workspace at rest. Raises UserError."""
    if store is None:
        return Stored()
    from alpaca_tui.generation.overview import overview

    seen = overview(store)
    run, tally, spending = seen.run, seen.tally, seen.spending
    return Stored(
        snapshot=_snapshot(store, seen, run, twins) if run is not None else None,
        config=run.config if run is not None else {},
        started_at=run.started_at if run is not None else None,
        ended_at=run.ended_at if run is not None else None,
        kept=tally.kept,
        with_input=tally.with_input,
        imported=tally.imported,
        unmeasured=store.count_unmeasured(),
        rows=tally.rows,
        tokens=spending.tokens,
        cost_usd=spending.cost_usd,
        candidates=tally.candidates,
        completions=sum(tally.completions.values()),
        busy=busy(workspace) if run is not None and run.ended_at is None else "",
    )


def busy(workspace: Workspace) -> str:
    """Who else holds the right to generate here, in words; "" when nobody does.

    The lock file's own words are read, the lock is not touched: probing it could turn away a run that
    starts at this very moment.
    """
    try:
        holder: Any = json.loads((workspace.root / LOCK_NAME).read_text("utf-8"))
        pid, host = int(holder["pid"]), str(holder["host"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    if host != socket.gethostname():
        return f"A process on {host}"
    if pid == os.getpid():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass  # it is there, of another user
    return f"Process {pid}"


def _snapshot(store: Store, seen: Overview, run: RunRow, twins: Twins) -> Snapshot:
    from alpaca_tui.generation.events import LogLine, Money, Snapshot, StopReason

    config, totals = run.config, run.totals
    tally, spending = seen.tally, seen.spending
    goal = _number(config.get("goal"), 0)
    kept = tally.kept
    this_run: Any = totals.get("this_run") or {}
    cost = spending.cost_usd
    per_kept = cost / kept if cost is not None and kept else None
    judged = tally.candidates
    states = tally.completions
    try:
        reason = StopReason(run.stopped_because) if run.stopped_because else None
    except ValueError:
        reason = None
    return Snapshot(
        run_id=run.id,
        state="stopped",
        stopped_because=reason,
        stop_detail=str(totals.get("detail") or ""),
        goal=goal,
        kept=kept,
        kept_this_run=_number(this_run.get("kept"), 0),
        duplicates=tally.duplicates,
        filtered=dict(tally.filtered),
        truncated=tally.truncated,
        surplus=tally.surplus,
        judged=judged,
        completions=states.get("done", 0),
        failed=states.get("failed", 0),
        lost=states.get("lost", 0),
        in_flight=0,
        concurrency=_number(config.get("concurrency"), 1),
        allowed=_number(config.get("concurrency"), 1),
        elapsed_s=float(
            this_run.get("seconds") or max((run.ended_at or run.started_at) - run.started_at, 0.0)
        ),
        eta_s=None,
        tokens_per_s=0.0,
        tasks_per_min=0.0,
        prompt_tokens=spending.prompt_tokens,
        completion_tokens=spending.completion_tokens + spending.lost_tokens,
        token_budget=config.get("token_budget"),
        money=Money(
            spent=cost,
            reserved=None,
            budget=config.get("budget_usd"),
            per_kept=per_kept,
            forecast=None if per_kept is None or cost is None else cost + per_kept * max(goal - kept, 0),
        ),
        judging_backlog=0,
        temperature=config.get("temperature"),
        threshold=float(config.get("threshold", 0.7)),
        server=str(config.get("server") or config.get("teacher") or ""),
        model=str(config.get("answering_model") or config.get("model") or ""),
        histogram=seen.histogram,
        acceptance=seen.acceptance,
        new_verb_rate=totals.get("new_verb_rate"),
        recent=_recent(store, seen.recent, config, twins),
        log=tuple(
            LogLine(entry.at, entry.kind, entry.message)
            for entry in sorted(seen.log, key=lambda entry: entry.id)
        ),
    )


def _recent(
    store: Store, rows: Sequence[CandidateRow], config: Mapping[str, Any], twins: Twins
) -> tuple[TaskView, ...]:
    """Newest last, as a live run shows them."""
    texts = twins.texts(
        store, [row.nearest for row in rows if row.nearest and row.verdict == "duplicate"], config
    )
    return tuple(_view(row, texts) for row in reversed(rows))


def _view(row: CandidateRow, texts: Mapping[str, str]) -> TaskView:
    from alpaca_tui.generation.events import TaskView, Verdict
    from alpaca_tui.generation.task import Task

    return TaskView(
        Task(row.number, row.instruction, row.input, row.output, row.verdict == "truncated"),
        Verdict(row.verdict),
        reason=row.detail or row.rule or "",
        score=row.score,
        twin=texts.get(row.nearest or "", ""),
        completion_id=row.completion_id,
    )


def _number(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) else otherwise
