"""What the rooms of curation do to a whole dataset, timed in a process of its own: import, lint,
near-duplicates, bulk edits and their undo, export. Prints one JSON object of seconds."""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alpaca_tui.curation import edits
from alpaca_tui.curation.duplicates import find_duplicates
from alpaca_tui.curation.export import Plan, export
from alpaca_tui.curation.importing import import_source
from alpaca_tui.curation.inspection import inspect
from alpaca_tui.curation.interchange import open_source
from alpaca_tui.curation.lint import lint_rows
from alpaca_tui.store.curated import Done, EditableRow
from alpaca_tui.store.rows import RowNovelty
from alpaca_tui.store.store import Store
from alpaca_tui.workspace import Workspace

EDITED_ROWS = 50_000


class Laps:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started


def build(store: Store, file: Path, laps: Laps) -> None:
    """The rows of a file into a workspace by the product's own ways."""
    with laps.lap("import: rows and search index"):
        import_source(store, open_source(str(file)))
    with laps.lap("import: lint"):
        inspect(store)


def give_scores(store: Store) -> None:
    """A nearest score for every row, at random: the real ones are computed for hours at a million rows, in a
    process beside, and sorting by them is what is measured."""
    rng = random.Random(5)
    last, chunk = store.pulse()[0], 20_000
    for start in range(1, last + 1, chunk):
        store.set_novelty(
            [
                RowNovelty(id, score := rng.betavariate(4, 4), "row:1", [("row:1", score)], score / 3)
                for id in range(start, min(start + chunk, last + 1))
            ]
        )


def work(file: Path, folder: Path) -> dict[str, float]:
    """Everything once, in order; the rows of `file` go into a new workspace in `folder`."""
    laps = Laps()
    workspace = Workspace(folder)
    with workspace.open_store() as store:
        build(store, file, laps)
        with laps.lap("lint, every row again"):
            store.void_inspections(-1)
            inspect(store)
        give_scores(store)
        ids = list(store.example_ids())[:EDITED_ROWS]
        for name, act in _BULK.items():
            with laps.lap(name):
                done = act(store, ids)
            assert done.operation is not None
            assert done.operation.rows == len(ids)
            if name.endswith("edited"):
                with laps.lap(f"{name}: the search index follows"):
                    store.catch_up()
            _check_search(workspace.db_path)
            for again in ("undo", "redo", "undo"):
                with laps.lap(f"{name}: {again}"):
                    assert (store.redo() if again == "redo" else store.undo()) is not None
            store.catch_up()
            _check_search(workspace.db_path)
        for format in ("alpaca", "jsonl", "csv"):
            with laps.lap(f"export, {format}"):
                export(store, folder / f"out.{format}", Plan(format=format))
        texts = [(row.id, row.instruction) for row in store.iter_examples()]
        with laps.lap("near-duplicates at 0.7"):
            found = find_duplicates(texts)
        with laps.lap("lint of a list, one process"):
            findings = sum(1 for _ in lint_rows(store.iter_examples()))
    assert findings
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**laps.seconds, "rows": len(texts), "duplicates": len(found.duplicates), "peak": peak}


def _add_words(store: Store, ids: list[int]) -> Done:
    """A text edit of every row, by a function as fixes are."""

    def change(row: EditableRow) -> dict[str, str]:
        return {"output": f"{row.output.rstrip()}\nChecked by hand."}

    return store.operate_on("Add a line", ids, change, who="fix")


_BULK: dict[str, Callable[[Store, list[int]], Done]] = {
    "50,000 texts edited": _add_words,
    "50,000 rows approved": lambda store, ids: edits.set_status(store, ids, "approved"),
    "50,000 rows tagged": lambda store, ids: edits.change_tags(store, ids, add=["checked"]),
    "50,000 rows deleted": edits.delete,
}


def _check_search(path: Path) -> None:
    """The search index agrees with the rows, word for word (raises where it does not)."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
    finally:
        connection.close()


if __name__ == "__main__":
    print(json.dumps(work(Path(sys.argv[1]), Path(sys.argv[2]))))
