"""SIGKILL at random moments of `generate`, then resume: no stored answer is lost, no task is there twice.

Three kills in every run of the tests, fifty with `-m slow`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from alpaca_tui.store.store import Store
from tests.support.faulty_server import ServerProcess

GOAL = 100_000  # never reached: only the kill ends a round


def command(workspace: Path, url: str, goal: int) -> list[str]:
    program = [sys.executable, "-m", "alpaca_tui", "--workspace", str(workspace), "--json", "--quiet"]
    return [*program, "generate", "--teacher", url, "--num", str(goal), "--concurrency", "16", "--seed", "5"]


def answers(store: Store) -> dict[int, str]:
    return {row.id: row.text for row in store.completions(state="done", limit=1_000_000)}


def marathon(workspace: Path, kills: int) -> None:
    rng = random.Random(kills)
    with ServerProcess("--duration", "0.15", "--chunks", "6", "--tasks", "4", "--rate", "500=0.1") as server:
        stored: dict[int, str] = {}
        for _ in range(kills):
            process = subprocess.Popen(command(workspace, server.url, GOAL), stdout=subprocess.DEVNULL)
            while not stored and not (workspace / "alpaca.db").exists():
                assert process.poll() is None
                time.sleep(0.02)
            time.sleep(rng.uniform(0.0, 2.5))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            with Store.open(workspace / "alpaca.db") as store:
                now = answers(store)
                assert stored.items() <= now.items(), "an answer that was stored is gone or changed"
                stored = now
                for row in store.completions(state="done", limit=1_000_000):
                    assert bool(store.candidates(completion_id=row.id)) == row.judged
        with Store.open(workspace / "alpaca.db") as store:
            kept = store.tally().kept
        last = subprocess.run(
            command(workspace, server.url, kept + 50), capture_output=True, text=True, timeout=100
        )
        result = json.loads(last.stdout)
        assert (last.returncode, result["stopped_because"], result["kept"]) == (0, "goal", kept + 50), (
            last.stderr
        )
        with Store.open(workspace / "alpaca.db") as store:
            assert stored.items() <= answers(store).items()
            assert not store.unjudged()
            texts = Counter(answers(store).values())
            indexes = Counter(row.index for row in store.completions(order="begin", limit=1_000_000))
            instructions = Counter(row.instruction for row in store.iter_examples())
        sent = {entry.text for entry in server.log() if entry.outcome == "complete"}
    assert max(indexes.values()) == 1, "a request was asked twice"
    assert max(instructions.values()) == 1, "a task is there twice"
    assert max(count for text, count in texts.items() if text in sent) == 1, "an answer is stored twice"


def test_three_kills(tmp_path: Path) -> None:
    marathon(tmp_path / "w", 3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_kills(tmp_path: Path) -> None:
    marathon(tmp_path / "w", 50)
