"""From settings to a run that is ready to start: workspace, seeds, teacher, price, pool, books.

Everything slow or refusable happens here, once, before a request is sent, so that a wrong key, a missing
file or a second run on the workspace is a clear `UserError` and costs nothing. Blocks: call it off any
event loop. Knows no screen and no command line.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path

from alpaca_tui.config import Settings, load_settings
from alpaca_tui.curation.diversity import VerbTally, root_verb_object
from alpaca_tui.generation.counts import ACCEPTANCE_POINTS, HISTOGRAM_BINS, Counts
from alpaca_tui.generation.engine import Generation
from alpaca_tui.generation.judge import Judge
from alpaca_tui.generation.seeds import SeedTask, load_builtin, load_file
from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.store.store import Store
from alpaca_tui.teacher.client import OpenAITeacher
from alpaca_tui.teacher.opening import open_endpoint, price_in_force, spent_so_far
from alpaca_tui.workspace import Workspace


def prepare(
    workspace: Workspace,
    settings: GenerationSettings,
    *,
    config: Settings | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Generation:
    """A run ready to `start()`. It holds the workspace's generation lock until `close()`.

    Raises UserError: unusable seeds or prompt, no such teacher, wrong key, unknown price with a budget,
    a run already going on here, a workspace that cannot be written.
    """
    config = config or load_settings(workspace.root)
    seeds, _ = seeds_in_force(workspace, settings.seeds_file)
    settings.prompt_settings()
    with contextlib.ExitStack() as resources:
        resources.enter_context(workspace.generation_lock())
        store = resources.enter_context(workspace.open_store())
        lost = store.mark_lost()
        endpoint = open_endpoint(
            settings.teacher, settings.model, settings.endpoint, resources, environ, seed=settings.seed or 0
        )
        price = price_in_force(endpoint, settings.price, config.prices, settings.budget_usd)
        judge = Judge(settings.filter_rules(), settings.threshold)
        judge.add_seeds(seeds)
        for key, instruction in store.pool():
            judge.add(instruction, key)
        spending = store.spending()
        run_id = store.start_run(
            {**settings.to_json(), "server": endpoint.label, "answering_model": endpoint.model}
        )
        return Generation(
            settings=settings,
            store=store,
            run_id=run_id,
            endpoint=endpoint,
            teacher_factory=lambda: OpenAITeacher(endpoint),
            seeds=seeds,
            judge=judge,
            counts=load_counts(store),
            price=price,
            spent_usd=spent_so_far(spending, price),
            spending=spending,
            lost=lost,
            resources=resources.pop_all(),
        )


def workspace_seeds(workspace: Workspace) -> Path:
    """Where `seeds import` puts a workspace's own seed tasks."""
    return workspace.root / "seeds.jsonl"


def seeds_in_force(workspace: Workspace, file: Path | None) -> tuple[list[SeedTask], str]:
    """The seed tasks a run shows its teacher, and where they come from: `file`, else the workspace's own,
    else the shipped ones. Raises UserError naming each bad line."""
    own = workspace_seeds(workspace)
    if file is not None:
        return load_file(file), str(file)
    if own.exists():
        return load_file(own), str(own)
    return load_builtin(), "shipped with alpaca-tui"


def seeds_of_last_run(workspace: Workspace, store: Store) -> list[SeedTask]:
    """The seed tasks the last run showed its teacher, or those in force where there was no run or its
    file has gone. Raises UserError."""
    run = store.last_run()
    file = None if run is None else GenerationSettings.from_json(run.config).seeds_file
    if file is not None and not file.exists():
        file = None
    return seeds_in_force(workspace, file)[0]


def load_counts(store: Store) -> Counts:
    """The workspace's numbers so far, so that a run's counts continue."""
    tally = store.tally()
    points = store.acceptance()[-ACCEPTANCE_POINTS:]
    return Counts(
        kept=tally.kept,
        duplicates=tally.duplicates,
        filtered=Counter(tally.filtered),
        truncated=tally.truncated,
        surplus=tally.surplus,
        judged=tally.candidates,
        completions=tally.completions.get("done", 0) - len(store.unjudged()),
        failed=tally.completions.get("failed", 0),
        histogram=store.nearest_histogram(HISTOGRAM_BINS),
        verbs=_verbs(store),
        acceptance=deque(
            (point.kept / point.judged for point in points if point.judged), maxlen=ACCEPTANCE_POINTS
        ),
    )


def _verbs(store: Store) -> VerbTally:
    """The root verbs of the rows so far, in the order they came."""
    tally = VerbTally()
    for row in store.root_verbs():
        tally.add(*(root_verb_object(row.unread) if row.unread is not None else (row.verb, row.object)))
    return tally
