"""The nearest scores of imported rows, computed after the import, in a process of its own.

Importing must not wait for 50,000 comparisons with the whole pool, and a screen's event loop must not
compete with them: `start_measuring` starts this module as a low-priority process that fills in what is
missing and ends. It may be killed at any moment; the next one goes on. Like a generated row, an imported
one is compared with the seeds and the rows that joined the pool before it. Knows no screen and no command line.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from alpaca_tui.children import module_command, module_environment
from alpaca_tui.errors import UserError
from alpaca_tui.generation.novelty import NoveltyIndex
from alpaca_tui.generation.opening import seeds_of_last_run
from alpaca_tui.generation.seeds import SeedTask
from alpaca_tui.logs import log_to_file, stop_logging
from alpaca_tui.store.rows import RowNovelty
from alpaca_tui.store.store import Store
from alpaca_tui.workspace import Workspace

logger = logging.getLogger(__name__)
_BATCH = 256
_NICENESS = 10


def measure(store: Store, seeds: Iterable[SeedTask]) -> int:
    """Compute and store the novelty of every imported row that lacks it; returns how many.

    Commits every few hundred rows, each batch in one transaction. Raises UserError from the store.
    """
    missing = {f"row:{example_id}": example_id for example_id in store.unmeasured()}
    if not missing:
        return 0
    index = NoveltyIndex()
    for seed in seeds:
        index.add(seed.instruction, f"seed:{seed.id}")
    measured, batch = 0, list[RowNovelty]()
    for key, instruction in store.pool():
        if (example_id := missing.pop(key, None)) is not None:
            found = index.judge(instruction)
            top = cast(list[tuple[str, float]], found.top)
            nearest = top[0][0] if top else None
            batch.append(RowNovelty(example_id, found.score, nearest, top, found.mean))
        if batch and (len(batch) == _BATCH or not missing):
            store.set_novelty(batch)
            measured += len(batch)
            batch = []
        if not missing:
            break
        index.add(instruction, key)
    return measured


def measure_workspace(workspace: Workspace) -> int:
    """`measure` unless another process is at it, until nothing is missing; returns how many."""
    measured = 0
    with workspace.open_store(create=False) as store:
        # Rows may come in between the last look and the end of the lock: look again without it.
        while store.count_unmeasured():
            with workspace.measuring_lock() as mine:
                done = measure(store, seeds_of_last_run(workspace, store)) if mine else 0
            measured += done
            if not done:
                break
    return measured


def start_measuring(workspace: Workspace) -> None:
    """Start a process that does `measure_workspace`, and let it go. It outlives this one; where none can
    be started the scores stay open for the next time."""
    try:
        child = subprocess.Popen(
            module_command(__name__, str(workspace.root)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=module_environment(),
            start_new_session=True,
        )
    except OSError as error:
        logger.warning("the nearest scores of imported rows are not computed: %s", error)
        return
    threading.Thread(target=child.wait, name="alpaca-measuring", daemon=True).start()


def main(arguments: list[str]) -> int:
    """`python -m alpaca_tui.generation.measuring WORKSPACE`; returns the exit code."""
    workspace = Workspace(Path(arguments[0]).absolute())
    handler = log_to_file(workspace.logs_dir / "commands.log")
    os.nice(_NICENESS)
    try:
        measure_workspace(workspace)
    except UserError as error:
        logger.warning("the nearest scores of imported rows are not all computed: %s", error)
        return error.exit_code
    except Exception:
        logger.exception("the nearest scores of imported rows are not all computed")
        return 1
    finally:
        stop_logging(handler)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
