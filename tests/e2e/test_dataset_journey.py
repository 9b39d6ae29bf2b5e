"""Real rows in a real terminal: a newcomer finds the empty outputs, fixes every "noinput" in one step that can be
undone, reviews twenty tasks on single keys, takes three back, and exports."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from alpaca_tui.workspace import Workspace
from tests.e2e.conftest import OpenTerminal
from tests.support.terminal import Terminal, needs_tmux, program

pytestmark = [needs_tmux, pytest.mark.timeout(600)]
SLOWEST_KEYS_PER_S = 1.0
REVIEWED, TAKEN_BACK = 20, 3


class Newcomer:
    """Someone at the keyboard; every key is counted."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.keys = 0

    def press(self, *keys: str) -> None:
        self.keys += len(keys)
        self._terminal.press(*keys)

    def type(self, text: str) -> None:
        self.keys += len(text)
        self._terminal.type(text)

    def until(self, text: str, seconds: float = 60.0) -> str:
        return self._terminal.until(text, seconds)

    def until_gone(self, text: str, seconds: float = 120.0) -> str:
        return self._terminal.until_gone(text, seconds)


def test_from_raw_rows_to_a_good_dataset(data_dir: Path, tmp_path: Path, open_terminal: OpenTerminal) -> None:
    with gzip.open(data_dir / "alpaca_rows.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [
            {name: row[name] for name in ("instruction", "input", "output")} for row in map(json.loads, lines)
        ]
    raw = tmp_path / "raw.json"
    raw.write_text(json.dumps(rows), "utf-8")
    empty = sum(not row["output"].strip() for row in rows)
    workspace = tmp_path / "w"
    workspace.mkdir()
    terminal = open_terminal(program(workspace), (120, 36))
    newcomer = Newcomer(terminal)

    newcomer.until("Import a dataset")
    newcomer.press("i")
    newcomer.until("a path, or hf://")
    newcomer.type(str(raw))
    newcomer.until("Alpaca JSON")
    newcomer.press("C-s")
    newcomer.until(f"{len(rows):,} rows imported", 120)
    newcomer.press("Escape")
    newcomer.until("Facets")
    newcomer.until(f"─ {len(rows):,} rows")
    newcomer.until("noinput-text")  # the lint has read some
    newcomer.until_gone(" reading ", 180)

    newcomer.press("/")
    newcomer.type("flag:empty-output")
    newcomer.press("Enter")
    newcomer.until(f"{empty} of {len(rows):,} rows")
    newcomer.until("e Edit")  # the cursor is in the table
    newcomer.press("Escape")
    newcomer.until_gone(f"{empty} of {len(rows):,} rows")

    newcomer.press("l")
    newcomer.until("Rules over")
    newcomer.until("Errors")
    for _ in range(25):
        if '"No input" written as text' in terminal.screen:
            break
        newcomer.press("j")
    newcomer.until('"No input" written as text')
    newcomer.press("F")
    asked = re.search(r"Fix noinput-text in ([\d,]+) rows", newcomer.until("enter does it"))
    assert asked is not None
    fixed = int(asked.group(1).replace(",", ""))
    newcomer.press("Enter")
    newcomer.until(f"Fix noinput-text: {fixed} rows")
    newcomer.press("Escape")
    newcomer.until_gone("Rules over")

    newcomer.press("r")
    newcomer.until("Row 1")
    for number in range(REVIEWED):
        newcomer.press("x" if number % 5 == 4 else "a")
    newcomer.until(f"{REVIEWED + 1} of {len(rows):,}")
    newcomer.press(*["u"] * TAKEN_BACK)
    newcomer.until(f"{REVIEWED + 1 - TAKEN_BACK} of {len(rows):,}")
    newcomer.press("Escape")
    newcomer.until("Facets")

    newcomer.press("X")
    newcomer.until("What is written")
    newcomer.press("C-s")
    newcomer.until("rows exported")
    newcomer.press("Escape")
    newcomer.until_gone("What is written")
    newcomer.press("C-q")
    newcomer.until("[exit 0]")
    assert newcomer.keys / SLOWEST_KEYS_PER_S < 120 + len(str(raw)), (
        "within two minutes, the file's name apart"
    )

    with Workspace(workspace).open_store() as store:
        operations = {entry.title: entry for entry in store.operations(limit=100)}
        assert operations["Fix noinput-text"].rows == fixed
        assert operations["Fix noinput-text"].who == "fix"
        statuses = [row.status for row in store.examples_by_id(range(1, REVIEWED + 1))]
    decided = REVIEWED - TAKEN_BACK
    rejected = sum(number % 5 == 4 for number in range(decided))
    assert statuses.count("rejected") == rejected
    assert statuses.count("approved") == decided - rejected
    [exported] = (workspace / "exports").iterdir()
    written = json.loads(exported.read_text("utf-8"))
    assert len(written) == len(rows) - rejected
    kept = [row for number, row in enumerate(rows) if number >= decided or number % 5 != 4]
    changed = [(old, new) for old, new in zip(kept, written, strict=True) if old != new]
    assert len(changed) == fixed
    assert all(new == {**old, "input": ""} for old, new in changed)
    spelt = [new for new in written if re.fullmatch(r"\W*no\W?input\W*", new["input"], re.IGNORECASE)]
    assert spelt == []
