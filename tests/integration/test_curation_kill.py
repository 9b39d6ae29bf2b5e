"""SIGKILL at random moments of an import, a bulk edit, an undo and an export: the store is whole, each act is
done or not begun, the search finds what the rows hold, and a file is the old one or the new one.

A process does one kind of act over and over, saying before each that it begins and after each that it is done.
Three kills of each kind in every run of the tests, thirteen with `-m slow`.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alpaca_tui.curation.export import Plan, export
from alpaca_tui.curation.inspection import flags_of
from alpaca_tui.curation.interchange import open_source
from alpaca_tui.curation.query import Sql, compile_sql, parse
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from tests.conftest import REPOSITORY
from tests.support.stores import assert_counters_true

ROWS = 600
ACTS = """
import json, sys
from pathlib import Path
from alpaca_tui.curation import edits
from alpaca_tui.curation.export import Plan, export
from alpaca_tui.curation.importing import import_source
from alpaca_tui.curation.interchange import open_source
from alpaca_tui.curation.query import Sql
from alpaca_tui.store.store import Store

act, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
store = Store.open(folder / "alpaca.db")
ids = list(store.example_ids())

def tell(*words):
    sys.stdout.write(json.dumps(words) + "\\n")
    sys.stdout.flush()

while True:
    tell("begun", number)
    if act == "import":
        import_source(store, open_source(folder / "rows.jsonl"))
    elif act == "edit":
        store.operate_on("Edit", ids, lambda row: {"output": f"version{number} {row.id} " + "words " * 30})
    elif act == "undo":
        assert (store.undo() if number % 2 else store.redo()) is not None
    else:
        which = Sql("e.id % 2 = ?", [number % 2])
        export(store, folder / "out" / sys.argv[4], Plan(act.removeprefix("export-"), which))
    tell("done", number)
    number += 1
"""


class Worker:
    """One kind of act on one workspace, interrupted again and again. `number`: of the act to come, or of the
    one that had begun when the kill came (`begun`); `open`: how often that was."""

    def __init__(self, act: str, folder: Path, *more: str) -> None:
        self.act, self.folder, self.more = act, folder, more
        self.number = 1
        self.begun = False
        self.open = 0

    @property
    def database(self) -> Path:
        return self.folder / "alpaca.db"

    @property
    def possible(self) -> set[int]:
        """How many acts may have been done: all acknowledged ones, and perhaps the one under way."""
        return {self.number - 1, self.number} if self.begun else {self.number - 1}

    def kill_once(self, wait_s: float) -> None:
        """Let it work for `wait_s` seconds after its first act, and kill it."""
        command = [sys.executable, "-c", ACTS, self.act, str(self.folder), str(self.number), *self.more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True)
        assert process.stdout is not None
        try:
            told = [process.stdout.readline() for _ in range(2)]
            time.sleep(wait_s)
        finally:
            process.kill()
        rest, _ = process.communicate()
        assert all(told), "the process ended by itself"
        # A torn last line was not acknowledged.
        lines = [json.loads(line) for line in ("".join(told) + rest).split("\n")[:-1]]
        word, number = lines[-1]
        self.begun = word == "begun"
        self.open += self.begun
        self.number = number if self.begun else number + 1


def begin(folder: Path) -> None:
    """A workspace of a few hundred rows, and a file of as many."""
    folder.mkdir()
    with Store.open(folder / "alpaca.db") as store:
        store.add_imported(
            [ImportedRow(f"Do thing {n}.", "", f"version0 {n} and on") for n in range(ROWS)], "first.json"
        )
    with (folder / "rows.jsonl").open("w") as file:
        for n in range(ROWS):
            row = {"instruction": f"Bring {n}.", "input": "", "output": f"brought {n} " + "words " * 30}
            file.write(json.dumps({**row, "page": n}) + "\n")


def found(store: Store, query: str) -> list[int]:
    sql = compile_sql(parse(query), flags_of(store))
    return list(store.example_ids(sql.where, sql.values))


def assert_whole(path: Path) -> None:
    """The file, the counters and the search index say what the rows say."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
    # An operation and its record are one: as many revisions, or rows of an import, as it says.
    for id, rows, first, last in connection.execute("SELECT id, rows, first_row, last_row FROM operation"):
        count = "SELECT count(*) FROM revision WHERE operation_id = ?", (id,)
        if first is not None:
            count = "SELECT count(*) FROM example WHERE id BETWEEN ? AND ?", (first, last)
        assert connection.execute(*count).fetchone()[0] == rows
    connection.close()
    assert_counters_true(path)


def check_import(worker: Worker) -> None:
    with Store.open(worker.database) as store:
        rows = list(store.iter_examples())
        imports = [one for one in store.operations(limit=10_000) if one.title.endswith("from rows.jsonl")]
        assert len(imports) in worker.possible
        assert all(one.rows == ROWS and one.state == "done" for one in imports)
        assert len(rows) == ROWS * (1 + len(imports))
        assert [row.extra["page"] for row in rows[ROWS:]] == [*range(ROWS)] * len(imports)
        assert found(store, "brought") == [row.id for row in rows[ROWS:]]
        worker.number = len(imports) + 1


def check_edit(worker: Worker) -> None:
    with Store.open(worker.database) as store:
        versions = {row.output.split()[0] for row in store.iter_examples()}
        assert len(versions) == 1, "half of the rows were changed"
        version = versions.pop()
        assert version in {f"version{number}" for number in worker.possible}
        assert len(found(store, version)) == ROWS
        assert len(found(store, "version*")) == ROWS
        worker.number = int(version.removeprefix("version")) + 1
        last = store.operations(limit=1)[0]
        assert last.rows == ROWS


def check_undo(worker: Worker) -> None:
    with Store.open(worker.database) as store:
        last = store.operations(limit=1)[0]
        undone = last.state == "undone"
        versions = {row.output.split()[0] for row in store.iter_examples()}
        assert versions == {"version0"} if undone else {"version1"}
        assert len(found(store, "version0")) == (ROWS if undone else 0)
        assert len(found(store, "version1")) == (0 if undone else ROWS)
        assert undone in {number % 2 == 1 for number in worker.possible}
        worker.number = 2 if undone else 1


@pytest.mark.parametrize(
    "kills",
    [3, pytest.param(13, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
    ids=["short", "marathon"],
)
@pytest.mark.parametrize(
    ("act", "check"), [("import", check_import), ("edit", check_edit), ("undo", check_undo)]
)
def test_an_act_is_done_or_not_begun(
    tmp_path: Path, act: str, check: Callable[[Worker], None], kills: int
) -> None:
    begin(tmp_path / "w")
    worker = Worker(act, tmp_path / "w")
    moments = random.Random(f"{act} {kills}")
    if act == "undo":
        with Store.open(worker.database) as store:
            ids = list(store.example_ids())
            store.operate_on("Edit", ids, lambda row: {"output": f"version1 {row.id}"})
    for _ in range(kills):
        worker.kill_once(moments.uniform(0.0, 0.2))
        assert_whole(worker.database)
        check(worker)
    assert worker.open > 0, "every kill fell between two acts"


@pytest.mark.parametrize(
    "kills",
    [3, pytest.param(13, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
    ids=["short", "marathon"],
)
@pytest.mark.parametrize(("format", "name"), [("alpaca", "data.json"), ("csv", "data.csv")])
def test_an_exported_file_is_the_old_one_or_the_new_one(
    tmp_path: Path, format: str, name: str, kills: int
) -> None:
    folder = tmp_path / "w"
    begin(folder)
    (folder / "out").mkdir()
    whole: set[bytes] = set()
    with Store.open(folder / "alpaca.db") as store:
        for half in (0, 1):
            export(store, tmp_path / name, Plan(format, Sql("e.id % 2 = ?", [half])))
            whole.add((tmp_path / name).read_bytes())
    assert len(whole) == 2
    worker = Worker(f"export-{format}", folder, name)
    moments = random.Random(f"{format} {kills}")
    for _ in range(kills):
        worker.kill_once(moments.uniform(0.0, 0.1))
        assert (folder / "out" / name).read_bytes() in whole
        # What a kill leaves behind is hidden and of no ending that anything would read.
        for path in (folder / "out").iterdir():
            assert path.name == name or (path.name.startswith(".") and path.suffix == ".tmp")
        assert_whole(worker.database)
        assert len(list(open_source(folder / "out" / name))) == ROWS // 2
    assert worker.open > 0, "every kill fell between two acts"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_exported_folder_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "w"
    begin(folder)
    (folder / "out").mkdir()
    worker = Worker("export-hf", folder, "saved")
    moments = random.Random(4)
    for _ in range(6):
        worker.kill_once(moments.uniform(0.0, 0.3))
        rows = datasets.load_from_disk(str(folder / "out" / "saved")).to_list()
        numbers = [int(row["instruction"].split()[2].strip(".")) for row in rows]
        assert numbers in (list(range(0, ROWS, 2)), list(range(1, ROWS, 2)))
        for path in (folder / "out").iterdir():
            assert path.name == "saved" or path.name.startswith(".")
    assert worker.open > 0, "every kill fell between two acts"
