"""SIGKILL at random moments: what was acknowledged is there, and no completion is half judged."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpaca_tui.store.store import Store
from tests.conftest import REPOSITORY
from tests.support.stores import assert_counters_true

CANDIDATES = 7
WRITER = """
import json, sys, threading
from pathlib import Path
from alpaca_tui.store.store import Store
from tests.support.stores import begin, candidate, finish

store = Store.open(Path(sys.argv[1]))
run = store.start_run({})
store.mark_lost()
first = store.next_index()
lock = threading.Lock()

def tell(*words):
    with lock:
        sys.stdout.write(json.dumps(words) + "\\n")
        sys.stdout.flush()

def work(offset):
    index = first + offset
    while True:
        completion = begin(store, run, index)
        tell("begun", completion)
        finish(store, completion, f"answer {completion} " * 100)
        tell("done", completion)
        store.record_verdicts(completion, [
            candidate(n, f"task {completion} {n}", "kept" if n % 2 else "duplicate") for n in range(7)
        ])
        tell("judged", completion)
        index += 3

for offset in range(3):
    threading.Thread(target=work, args=(offset,)).start()
"""


def kill_once(path: Path, wait_s: float) -> list[list[object]]:
    """Let a writer run for `wait_s` seconds after its first word, kill it; what it acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    )
    try:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(wait_s)
    finally:
        writer.kill()
    rest, _ = writer.communicate()
    lines = [
        line for line in (first + rest).split("\n")[:-1] if line
    ]  # a torn last line was not acknowledged
    return [json.loads(line) for line in lines]


def check(path: Path, told: list[list[object]]) -> None:
    with Store.open(path) as store:
        lost = store.mark_lost()
        assert 0 <= lost <= 3
        for word, completion_id in told:
            assert isinstance(completion_id, int)
            row = store.completion(completion_id)
            assert row is not None
            if word != "begun":
                assert row.state == "done"
                assert row.text == f"answer {completion_id} " * 100
            if word == "judged":
                assert row.judged
        assert store.spending().states.get("in_flight", 0) == 0
        kept = 0
        for row in store.iter_done():
            candidates = store.candidates(completion_id=row.id)
            assert len(candidates) == (CANDIDATES if row.judged else 0)
            assert sum(candidate.example_id is not None for candidate in candidates) == (
                3 if row.judged else 0
            )
            kept += 3 if row.judged else 0
        assert store.tally().kept == kept == sum(1 for _ in store.iter_examples())
        orders = [row.finish_order for row in store.iter_done()]
        assert orders == list(range(1, len(orders) + 1))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert_counters_true(path)


@pytest.mark.parametrize(
    "kills",
    [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
    ids=["short", "marathon"],
)
def test_nothing_acknowledged_is_lost(tmp_path, kills):
    path = tmp_path / "alpaca.db"
    moments = random.Random(kills)
    told: list[list[object]] = []
    for _ in range(kills):
        told += kill_once(path, moments.uniform(0.0, 0.4))
        check(path, told)
    assert {word for word, _ in told} == {"begun", "done", "judged"}
