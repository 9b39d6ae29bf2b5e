"""What a workspace holds, for a screen that opens on it while no run is live. Reads the store, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from alpaca_tui.generation.counts import ACCEPTANCE_POINTS, HISTOGRAM_BINS
from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.store.rows import CandidateRow, LogRow, RunRow, Spending, Tally
from alpaca_tui.store.store import Store

RECENT_CANDIDATES = 200
LOG_LINES = 200


@dataclass(frozen=True, slots=True)
class Overview:
    """The stored state. `settings` are the last run's, to continue with; None where nothing ever ran.
    `recent` newest first, `log` oldest first."""

    tally: Tally
    spending: Spending
    run: RunRow | None
    settings: GenerationSettings | None
    histogram: tuple[int, ...]
    acceptance: tuple[float, ...]
    recent: tuple[CandidateRow, ...]
    log: tuple[LogRow, ...]


def overview(store: Store) -> Overview:
    """Everything at once; a few milliseconds at any size."""
    run = store.last_run()
    points = store.acceptance()[-ACCEPTANCE_POINTS:]
    return Overview(
        tally=store.tally(),
        spending=store.spending(),
        run=run,
        settings=GenerationSettings.from_json(run.config) if run else None,
        histogram=tuple(store.nearest_histogram(HISTOGRAM_BINS)),
        acceptance=tuple(point.kept / point.judged for point in points if point.judged),
        recent=tuple(store.candidates(limit=RECENT_CANDIDATES)),
        log=tuple(store.log_entries(limit=LOG_LINES)),
    )
