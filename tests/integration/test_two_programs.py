"""Two programs on one workspace: neither overwrites what the other saved, and a search never misses a row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from alpaca_tui.curation.query import FlagBits, compile_sql, parse
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from tests.conftest import REPOSITORY
from tests.support.stores import assert_counters_true

SAVES = 40
EDITOR = """
import json, sys, time
from pathlib import Path
from alpaca_tui.curation import edits
from alpaca_tui.store.curated import Conflict
from alpaca_tui.store.store import Store

name, saves = sys.argv[2], int(sys.argv[3])
store = Store.open(Path(sys.argv[1]))
told = 0
print("ready", flush=True)
sys.stdin.readline()  # both begin at once
for number in range(saves):
    row = store.example(1)
    while True:
        time.sleep(0.005)  # a person reads
        try:
            edits.save(store, 1, {"output": f"{row.output} {name}{number}"}, expected=row.revised)
            break
        except Conflict as conflict:
            told += 1
            row = conflict.theirs  # take theirs, and put mine to it
    edits.change_tags(store, [1, 2, 3], add=[f"{name}{number}"])
print(json.dumps(told))
"""


def test_neither_overwrites_the_other(tmp_path: Path) -> None:
    path = tmp_path / "alpaca.db"
    with Store.open(path) as store:
        store.add_imported([ImportedRow(f"Do {n}.", "", "Begun.") for n in range(3)], "in.json")
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", EDITOR, str(path), name, str(SAVES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            text=True,
        )
        for name in ("red", "blue")
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    told = [json.loads(program.communicate(timeout=100)[0]) for program in programs]
    assert sum(told) > 0, "the two never met"
    everything = {f"{name}{number}" for name in ("red", "blue") for number in range(SAVES)}
    with Store.open(path) as store:
        row = store.example(1)
        assert row is not None
        words = row.output.split()
        assert words[0] == "Begun."
        assert len(words) == 1 + 2 * SAVES
        assert set(words[1:]) == everything
        # In the order each program saved them.
        for name in ("red", "blue"):
            assert [word for word in words if word.startswith(name)] == [f"{name}{n}" for n in range(SAVES)]
        assert all(set(row.tags) == everything for row in store.iter_examples())
        assert len(store.operations(limit=1_000)) == 1 + 4 * SAVES
        sql = compile_sql(parse("red0 blue39"), FlagBits({}, {}))
        assert list(store.example_ids(sql.where, sql.values)) == [1]
        while store.undo():
            pass
        store.redo()
        assert [row.output for row in store.iter_examples()] == ["Begun."] * 3
        assert not list(store.example_ids(sql.where, sql.values))
    assert_counters_true(path)
