"""The real program in a real terminal (tmux), driven by keys: set up, watch, look, quit, reopen, go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from alpaca_tui.workspace import Workspace
from tests.support.terminal import REPOSITORY, needs_tmux, program

pytestmark = [
    needs_tmux,
    pytest.mark.timeout(300),
]


@pytest.fixture
def teacher() -> Iterator[str]:
    """A separate OpenAI-compatible process at a URL."""
    child = subprocess.Popen(
        [sys.executable, "-m", "alpaca_tui.teacher.demo", "--until-stdin-closes", "--pace", "150"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    yield json.loads(child.stdout.readline())["url"]
    child.stdin.close()
    child.wait(20)


def kept(workspace: Path) -> int:
    with Workspace(workspace).open_store() as store:
        return store.tally().kept


def test_from_an_empty_folder_to_a_dataset_and_back(tmp_path: Path, open_terminal) -> None:
    workspace = tmp_path / "w"
    workspace.mkdir()
    terminal = open_terminal(program(workspace))
    shown = terminal.until("Try it offline")
    assert "Nothing here yet" in shown

    terminal.press("n")
    terminal.until("Tasks to keep")
    terminal.press("Tab")
    terminal.type("40")
    terminal.press("F5")
    terminal.until("Running")
    terminal.until("Goal reached", 90)
    shown = terminal.until("40 of 40 kept")
    assert "100 %" in shown

    terminal.press("c")
    terminal.until("✓ kept 40")
    terminal.until("Instruction")  # of the row under the cursor: there is something to open
    terminal.press("Enter")
    terminal.until("judged")
    terminal.press("Escape", "Escape")
    terminal.until("40 of 40 kept")
    before = terminal.until_gone("Goal reached: 40")
    terminal.press("C-q")
    terminal.until("[exit 0]")
    assert kept(workspace) == 40

    again = open_terminal(program(workspace))
    again.until("40 tasks kept")
    again.press("2")
    told = [line for line in before.splitlines() if "kept" in line]
    for line in told:  # the panes fill one after another
        again.until(line)
    assert [line for line in again.screen.splitlines() if "kept" in line] == told
    again.press("C-q")
    again.until("[exit 0]")


def test_a_server_at_a_url_with_a_budget_killed_and_continued(
    tmp_path: Path, open_terminal, teacher: str
) -> None:
    workspace = tmp_path / "w"
    workspace.mkdir()
    terminal = open_terminal(program(workspace))
    terminal.until("Try it offline")
    terminal.press("n")
    terminal.until("Tasks to keep")
    terminal.press("Down")
    terminal.until("Another server")
    terminal.press("Down", "Down", "Enter")
    terminal.until("http://localhost:8000/v1")
    terminal.press("Tab")
    terminal.type(teacher)
    terminal.press("Tab", "Tab")
    terminal.type("300")
    terminal.press("Tab")
    terminal.type("2")
    terminal.press("Tab")
    terminal.type("0.15,0.60")
    terminal.until("about $0.0")
    terminal.press("F5")
    terminal.until("Running")
    end = time.monotonic() + 60
    while kept(workspace) < 20:
        assert time.monotonic() < end
        time.sleep(0.2)
    os.kill(terminal.pid_of("alpaca_tui"), signal.SIGKILL)
    terminal.until("[exit 137]")
    saved = kept(workspace)
    assert saved >= 20

    again = open_terminal(program(workspace), (80, 24))
    again.until("Continue the run")
    again.press("r")
    again.until("Running")
    again.until("Goal reached", 120)
    again.press("C-q")
    again.until("[exit 0]")
    assert kept(workspace) == 300
    with Workspace(workspace).open_store() as store:
        assert store.spending().known_usd < 2.0
        assert store.spending().unknown_costs == 0
        texts = [row.text for row in store.completions(state="done", limit=1000)]
    assert len(texts) == len(set(texts)), "no answer was stored twice"


def test_leaving_a_live_run_stops_it_and_says_so(tmp_path: Path, open_terminal) -> None:
    workspace = tmp_path / "w"
    workspace.mkdir()
    terminal = open_terminal(program(workspace), (80, 24))
    terminal.until("Try it offline")
    terminal.press("d")
    terminal.until("Running")
    terminal.press("C-q")
    terminal.until("A run is live")
    terminal.press("Right", "Enter")
    terminal.until("[exit 0]")
    with Workspace(workspace).open_store() as store:
        run = store.last_run()
    assert run is not None
    assert run.stopped_because == "user"
    assert run.ended_at is not None


def test_the_first_screen_is_there_at_once(tmp_path: Path, open_terminal) -> None:
    """A second is the promise on a quiet machine; tests run on busy ones, so the best of three counts."""
    best = 99.0
    for number in range(3):
        workspace = tmp_path / f"w{number}"
        workspace.mkdir()
        began = time.monotonic()
        terminal = open_terminal(program(workspace), (80, 24))
        while "alpaca-tui" not in terminal.screen:
            time.sleep(0.02)
            assert time.monotonic() - began < 30
        best = min(best, time.monotonic() - began)
        terminal.press("C-q")
    assert best < 8.0
