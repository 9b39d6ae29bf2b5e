"""A workspace of the version before curation, opened by today's: everything readable, searchable and
inspectable, and an upgrade killed half-way has not begun."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpaca_tui.curation import edits
from alpaca_tui.curation.inspection import flags_of, inspect, rules_of
from alpaca_tui.curation.query import compile_sql, parse
from alpaca_tui.store import schema
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from tests.conftest import REPOSITORY
from tests.support.older import STEP, make_older
from tests.support.stores import assert_counters_true, begin, candidate, finish

MANY = 12_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_older(tmp_path / "alpaca.db")
    return tmp_path / "alpaca.db"


def found(store: Store, query: str) -> list[int]:
    sql = compile_sql(parse(query), flags_of(store))
    return list(store.example_ids(sql.where, sql.values))


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What the older version could read, by table."""
    db = sqlite3.connect(path)
    example = (
        "id, source, origin, teacher, model, completion_id, candidate_id, created_at, deleted, withdrawn, edited, "
        "status, nearest_score, nearest_key, mean_score, pool_after, pool_position, instruction, input, output, "
        "top, extra"
    )
    columns = {"example": example, "run": "id, started_at, ended_at, config, stopped_because, totals"}
    tables = ("run", "log_entry", "completion", "completion_request", "completion_text", "candidate", "example",
              "counter")  # fmt: skip
    held = {
        name: db.execute(f"SELECT {columns.get(name, '*')} FROM {name} ORDER BY 1").fetchall()
        for name in tables
    }
    db.close()
    return held


def test_everything_is_there_as_it_was(path: Path) -> None:
    before = everything(path)
    Store.open(path).close()
    assert everything(path) == before
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
    db.close()
    assert_counters_true(path)


def test_an_upgraded_file_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    def tables(of: Path) -> dict[str, object]:
        db = sqlite3.connect(of)
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        held: dict[str, object] = {
            name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in names
        }
        held["rest"] = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type <> 'table' ORDER BY name"
        ).fetchall()
        db.close()
        return held

    Store.open(path).close()
    Store.open(tmp_path / "new.db").close()
    assert tables(path) == tables(tmp_path / "new.db")


def test_old_rows_are_browsed_searched_counted_and_read_by_the_lint(path: Path) -> None:
    with Store.open(path) as store:
        assert list(store.example_ids()) == [1, 4, 5, 6]
        assert [row.id for row in store.iter_examples()] == [1, 4, 5, 6]
        assert found(store, "harbour") == [1]
        assert found(store, "cafe") == [4, 5, 6]
        assert found(store, "brulee") == [4, 6]
        assert found(store, "uber source:generated") == [1]
        assert found(store, "words(output)<3 source:imported") == [4]
        assert found(store, "words(instruction):7") == [4, 5, 6]
        assert found(store, "is:edited") == [1]
        assert found(store, "nearest:none") == [4, 5, 6]
        first = store.example_lines([1])[0]
        assert (first.words, first.rating, first.tags, first.edited_by, first.revised) == (
            (4, 0, 3),
            None,
            (),
            "",
            0,
        )
        assert store.unmeasured() == [4, 5, 6]
        assert store.facets().counts["source"] == {"generated": 1, "imported": 3}
        tally = store.tally()
        assert (tally.kept, tally.imported, tally.deleted, tally.withdrawn, tally.exportable) == (
            1,
            3,
            1,
            1,
            4,
        )
        assert [key for key, _ in store.pool()] == ["row:1", "row:2", "row:4", "row:5", "row:6"]
        assert store.spending().known_usd == 0.75
        assert [row.verdict for row in store.candidates(completion_id=1)] == [
            "kept",
            "kept",
            "duplicate",
            "filtered",
            "filtered",
        ]
        assert [row.text for row in store.iter_done()] == [
            "3. Instruction: Answer 1.",
            "3. Instruction: Answer 2.",
        ]
        # Also rows that are deleted or withdrawn, for they may come back.
        assert inspect(store) == 6
        assert found(store, "flag:empty-output") == [4]
        row = store.example(2)
        assert row is not None
        assert "noinput-text" in rules_of(row.flags, store.flag_bits())
        assert store.example(1).verb == "sing"  # type: ignore[union-attr]


def test_old_rows_are_edited_and_the_work_goes_on(path: Path) -> None:
    with Store.open(path) as store:
        assert store.undo() is None  # what was imported before there were operations is none
        edits.set_status(store, [1, 4], "approved")
        edits.save(store, 5, {"output": "Harbour."}, expected=0)
        assert found(store, "harbour") == [1, 5]
        while store.undo():
            pass
        assert found(store, "harbour") == [1]
        assert {row.status for row in store.iter_examples()} == {"pending"}
        store.record_verdicts(2, [candidate(0, "Whistle a tune.")])
        run = store.start_run({})
        completion = begin(store, run, store.next_index())
        finish(store, completion)
        store.record_verdicts(completion, [candidate(0, "Hum a tune."), candidate(1, "Hum.", "duplicate")])
        store.add_imported([ImportedRow("Bring tea.", "", "Here.")], "new.json")
        assert found(store, "tune") == [7, 8]
        assert store.undo().rows == 1  # type: ignore[union-attr]
    assert_counters_true(path)


def test_a_command_that_only_looks_has_it_upgraded_too(path: Path) -> None:
    program = [sys.executable, "-m", "alpaca_tui", "-w", str(path.parent), "stats"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 rows")


def test_two_programs_open_it_at_once(path: Path) -> None:
    code = "import sys; from pathlib import Path; from alpaca_tui.store.store import Store\n" \
        "store = Store.open(Path(sys.argv[1])); print(len(store.example_ids()))"  # fmt: skip
    command = [sys.executable, "-c", code, str(path)]
    programs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True) for _ in range(3)
    ]
    assert [program.communicate(timeout=100)[0] for program in programs] == ["4\n"] * 3
    assert_counters_true(path)


OPENER = """
import sys, time
from pathlib import Path
from alpaca_tui.store.store import Store
print("opening", flush=True)
began = time.monotonic()
store = Store.open(Path(sys.argv[1]))
print(time.monotonic() - began, flush=True)
"""


def test_an_upgrade_killed_in_the_middle_has_not_begun(tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    make_older(older, MANY)
    before = everything(older)
    path = tmp_path / "alpaca.db"
    shutil.copy(older, path)
    command = [sys.executable, "-c", OPENER, str(path)]
    whole = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=REPOSITORY)
    seconds = float(whole.stdout.split()[1])
    left = 0
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        for file in tmp_path.glob("alpaca.db*"):
            file.unlink()
        shutil.copy(older, path)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "opening\n"
        time.sleep(seconds * share)
        process.kill()
        process.communicate()
        db = sqlite3.connect(path)
        step = db.execute("PRAGMA user_version").fetchone()[0]
        columns = {row[1] for row in db.execute("PRAGMA table_info(example)")}
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()
        assert STEP <= step <= len(schema.STEPS)  # each step is one transaction
        assert ("rating" in columns) == ("operation" in tables) == (step > STEP)
        assert everything(path) == before
        left += step == STEP
        with Store.open(path) as store:  # and the next one does it
            assert len(store.example_ids()) == MANY + 1
            assert len(found(store, "cafe")) == MANY
        assert everything(path) == before
    assert left > 0, "no kill came before the end"
