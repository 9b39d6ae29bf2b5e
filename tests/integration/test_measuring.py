"""The nearest scores of imported rows: right, computed once, and by a process that may be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rouge_score import rouge_scorer

from alpaca_tui.children import module_command, module_environment
from alpaca_tui.generation import measuring
from alpaca_tui.generation.measuring import measure, measure_workspace
from alpaca_tui.generation.novelty_tokens import words
from alpaca_tui.generation.seeds import load_builtin
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from alpaca_tui.workspace import Workspace

TEXTS = [
    "Explain why the sea is salt to a child of six.",
    "Explain why the sea is salt to a class of adults.",
    "List four uses of an old newspaper.",
    "List four uses of an old newspaper.",
    "海はなぜ塩辛いのか、子どもに説明してください。",
]


def brought(store: Store, texts: list[str]) -> None:
    store.add_imported([ImportedRow(text, "", "So.", {}) for text in texts], "file.json")


def many(number: int) -> list[str]:
    return [
        f"Say how {n} differs from {n * 7 % 1009} in a sentence of {n % 13} words." for n in range(number)
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def test_each_row_is_compared_with_the_seeds_and_the_rows_before_it(workspace: Workspace) -> None:
    seeds = load_builtin()
    with workspace.open_store() as store:
        brought(store, TEXTS)
        assert measure(store, seeds) == len(TEXTS)
        rows = store.examples()
        assert store.count_unmeasured() == 0
        assert measure(store, seeds) == 0
    pool = [(f"seed:{seed.id}", words(seed.instruction)) for seed in seeds]
    for row in rows:
        mine = words(row.instruction)
        scores = {key: rouge_scorer._score_lcs(other, mine).fmeasure for key, other in pool}
        best = sorted(scores.items(), key=lambda item: -item[1])[:10]
        assert row.nearest_score == best[0][1]
        assert [score for _, score in row.top] == [score for _, score in best]
        assert row.mean_score == pytest.approx(sum(scores.values()) / len(scores), abs=1e-12)
        pool.append((row.key, mine))
    assert (rows[3].nearest_key, rows[3].nearest_score) == (rows[2].key, 1.0)
    assert rows[1].nearest_key == rows[0].key


def test_rows_that_come_later_are_measured_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_BATCH", 4)
    with workspace.open_store() as store:
        brought(store, many(10))
        assert measure(store, []) == 10
        first = store.examples()
        brought(store, TEXTS)
        assert measure_workspace(workspace) == len(TEXTS)
        assert store.examples(limit=10) == first
        assert store.examples(after=10)[3].nearest_score == 1.0


def test_a_row_alone_in_the_pool_is_measured_once(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        brought(store, ["Name a fruit that is blue."])
        assert measure(store, []) == 1
        assert store.example(1).nearest_score == 0.0  # type: ignore[union-attr]
        assert store.example(1).nearest_key is None  # type: ignore[union-attr]
        assert measure(store, []) == 0


def test_while_another_process_is_at_it_nothing_is_done(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        brought(store, TEXTS)
        with workspace.measuring_lock() as mine:
            assert mine
            assert measure_workspace(workspace) == 0
        assert store.count_unmeasured() == len(TEXTS)


def test_import_starts_it_and_waits_for_nothing(tmp_path: Path, workspace: Workspace) -> None:
    file = tmp_path / "data.json"
    file.write_text(json.dumps([{"instruction": text, "input": "", "output": "So."} for text in TEXTS]))
    command = [sys.executable, "-m", "alpaca_tui", "-w", str(workspace.root), "import", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    with workspace.open_store() as store:
        _until_measured(store)
        assert store.examples()[3].nearest_score == 1.0


def test_killed_and_gone_on(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        brought(store, many(6_000))
        child = subprocess.Popen(
            module_command("alpaca_tui.generation.measuring", str(workspace.root)), env=module_environment()
        )
        deadline = time.monotonic() + 60
        while store.count_unmeasured() == 6_000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        child.kill()
        child.wait()
        left = store.count_unmeasured()
        assert 0 < left < 6_000
        assert measure_workspace(workspace) == left
        assert store.count_unmeasured() == 0


def test_regen_has_the_similarities_of_imported_rows(tmp_path: Path, workspace: Workspace) -> None:
    with workspace.open_store() as store:
        brought(store, TEXTS)
    out = tmp_path / "regen.json"
    command = [sys.executable, "-m", "alpaca_tui", "-w", str(workspace.root), "export", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    rows = json.loads(out.read_text())
    assert all(len(row["most_similar_instructions"]) == 10 for row in rows)
    assert rows[3]["most_similar_instructions"][TEXTS[2]] == 1.0


def _until_measured(store: Store) -> None:
    deadline = time.monotonic() + 60
    while store.count_unmeasured():
        assert time.monotonic() < deadline
        time.sleep(0.05)
