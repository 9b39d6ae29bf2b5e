"""An export is of one moment, and one that is interrupted has not been."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.curation.export import Plan, export
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store

ROWS = 5_000  # more than a page


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(f"Do {n}.", "", "before") for n in range(ROWS)], "rows.json")
        store.operate_on("Half", range(1, ROWS, 2), {"split": "odd"})
    return tmp_path / "alpaca.db"


@pytest.mark.parametrize("split", [False, True])
def test_what_others_do_meanwhile_is_in_it_whole_or_not_at_all(
    path: Path, tmp_path: Path, split: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program changes every row, and puts them on the other side, while the first page is written."""
    other = Store.open(path)
    pages = 0

    def iter_examples(self: Store, **named: Any) -> Any:
        nonlocal pages
        for place, row in enumerate(original(self, **named)):
            if place == 100:
                pages += 1
                if pages == (2 if split else 1):  # the first time through, the splits are looked for
                    other.operate_on("All", range(1, ROWS + 1), lambda row: {"output": "after", "split": (
                        None if row.split else "odd")})  # fmt: skip
            yield row

    original = Store.iter_examples
    monkeypatch.setattr(Store, "iter_examples", iter_examples)
    with Store.open(path) as store:
        done = export(store, tmp_path / "data.json", Plan(split=split))
        assert done.rows == ROWS
        rows = [row for name in done.files for row in json.loads(Path(name).read_text())]
        assert {row["output"] for row in rows} == {"before"}
        assert sorted(row["instruction"] for row in rows) == sorted(f"Do {n}." for n in range(ROWS))
        # Afterwards the same store sees what has come.
        assert {row.output for row in store.iter_examples()} == {"after"}
        assert store.undo().rows == ROWS  # type: ignore[union-attr]
    other.close()


def interrupted(*arguments: str, begun: Callable[[], bool]) -> tuple[int, str]:
    """Run a command and interrupt it once it has begun; its exit code and words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "alpaca_tui", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not begun():
        time.sleep(0.02)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, words = process.communicate(timeout=100)
    assert not out
    return process.returncode, words


def being_written(path: Path) -> bool:
    """Whether somebody is in the middle of a transaction."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.rollback()
        return False


def test_an_import_that_is_interrupted_has_not_been(path: Path, tmp_path: Path) -> None:
    with (tmp_path / "more.jsonl").open("w") as file:
        for n in range(30_000):
            file.write(
                json.dumps({"instruction": f"Bring {n}.", "input": "", "output": "words " * 100}) + "\n"
            )
    code, words = interrupted(
        "-w", str(tmp_path), "import", str(tmp_path / "more.jsonl"), begun=lambda: being_written(path)
    )
    assert (code, "Interrupted" in words, "Traceback" in words) == (130, True, False)
    with Store.open(path) as store:
        assert len(store.example_ids("1")) == ROWS
        assert store.next_undo().title == "Half"  # type: ignore[union-attr]


def test_an_export_that_is_interrupted_leaves_the_old_file_and_nothing_else(
    path: Path, tmp_path: Path
) -> None:
    with Store.open(path) as store:
        for _ in range(3):
            store.add_imported([ImportedRow(f"Do {n}.", "", "words " * 90) for n in range(ROWS)], "rows.json")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "data.json").write_text("old")
    code, words = interrupted(
        "-w",
        str(tmp_path),
        "export",
        str(tmp_path / "out" / "data.json"),
        begun=lambda: any(file.stat().st_size for file in (tmp_path / "out").glob(".data.json.*")),
    )
    assert (code, "Traceback" in words) == (130, False)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["data.json"]
    assert (tmp_path / "out" / "data.json").read_text() == "old"
