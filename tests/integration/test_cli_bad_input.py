"""`import` of what cannot be imported: it says which row and why, takes the rest when told to, and leaves the
workspace as it was otherwise. (What each reader makes of each damage is in tests/unit/test_interchange_bad_input.)
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from tests.support.commands import call, done

GOOD = '{"instruction": "Name a bird.", "input": "", "output": "Wren."}'
LAST = '{"instruction": "Name a fish.", "input": "", "output": "Carp."}'
DEEP = "[" * 100_000 + "]" * 100_000


def listed(*rows: str) -> bytes:
    return ("[\n" + ",\n".join(rows) + "\n]\n").encode()


@pytest.fixture(autouse=True)
def no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alpaca_tui.generation.measuring.start_measuring", lambda workspace: None)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "w").mkdir()
    with Store.open(tmp_path / "w" / "alpaca.db") as store:
        store.add_imported([ImportedRow("Hop.", "", "Hop!"), ImportedRow("Sit.", "", "")], "before.json")
    return tmp_path / "w"


def content(workspace: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, and the files beside the database."""
    database = sqlite3.connect(workspace / "alpaca.db")
    names = [
        row[0]
        for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    held = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    database.close()
    held["files"] = [
        (path.name,) for path in sorted(workspace.iterdir()) if not path.name.startswith("alpaca.db")
    ]
    return held


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.json", b"", "is empty"),
        ("a.json", b" \n\t ", "is empty"),
        ("a.jsonl", b"\n\n\n", "is empty"),
        ("a.csv", b"", "is empty"),
        ("a.json", b'{"rows": 5', "not valid JSON"),
        ("a.json", b'"rows"', "text, not a list"),
        ("a.json", b"17", "a number, not a list"),
        ("a.json", b"null", "not a list"),
        ("a.json", b"Dear reader,\nthis is a letter.\n", "not valid JSON"),
        ("a.json", b'[{"title": "x", "body": "y"}]', "--map"),
        ("a.json", b"\x1f\x8b\x08\x00" + bytes(40), "gunzip"),
        ("a.json", b"\x00" * 16, "not valid JSON"),
        ("a.json", bytes(range(128, 256)) * 9, "encoding"),
        ("a.json", b"[" + DEEP.encode() + b"]", "nested too deeply"),
        ("a.parquet", b"PAR1 and then nothing", "Parquet"),
        ("a.json", b"[{", "Line 1"),
    ],
)
def test_files_that_hold_no_rows(workspace: Path, tmp_path: Path, name: str, data: bytes, words: str) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(data)
    before = content(workspace)
    for more in ([], ["--skip-bad"]):
        called = call("-w", workspace, "import", tmp_path / name, *more)
        assert called.code == 1
        assert words in called.words
        assert not called.out
    assert content(workspace) == before


BAD_ROWS = [
    ("a number for an instruction", '{"instruction": 5, "output": "x"}', 1, "a number, not text"),
    ("a list for an output", '{"instruction": "x", "output": ["y"]}', 1, "a list, not text"),
    ("an object for an input", '{"instruction": "x", "input": {}, "output": "y"}', 1, "not text"),
    ("NaN for an output", '{"instruction": "x", "output": NaN}', 1, "NaN, not text"),
    ("null for an output", '{"instruction": "x", "output": null}', 1, "output is"),
    ("no output", '{"instruction": "x"}', 1, "no output"),
    ("a blank instruction", '{"instruction": " ", "output": "x"}', 1, "instruction is empty"),
    ("no object", '"text"', 1, "not an object but text"),
    ("a key that occurs twice", '{"instruction": "x", "instruction": "y", "output": "z"}', 1, "occurs twice"),
    ("deep nesting", '{"instruction": "x", "output": "y", "more": ' + DEEP + "}", 1, "nested too deeply"),
    ("a missing comma", '{"instruction": "x" "output": "y"}', 1, "line 3"),
]


@pytest.mark.parametrize(
    ("row", "number", "words"), [bad[1:] for bad in BAD_ROWS], ids=[b[0] for b in BAD_ROWS]
)
def test_a_bad_row_is_named_and_costs_no_other(
    workspace: Path, tmp_path: Path, row: str, number: int, words: str
) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(listed(GOOD, row, LAST))
    before = content(workspace)
    called = call("-w", workspace, "import", file)
    assert called.code == 1
    assert f"refused row {number} (line 3)" in called.words
    assert words in called.words
    assert "so nothing was" in called.words
    assert "--skip-bad" in called.words
    assert content(workspace) == before

    result = done("-w", workspace, "import", file, "--skip-bad")
    assert result["imported"] == 2
    assert [(bad["row"], bad["line"]) for bad in result["refused"]] == [(number, 3)]
    assert words in result["refused"][0]["reason"]
    with Store.open(workspace / "alpaca.db") as store:
        assert [row.instruction for row in store.iter_examples()] == [
            "Hop.",
            "Sit.",
            "Name a bird.",
            "Name a fish.",
        ]
        assert store.undo().rows == 2  # type: ignore[union-attr]
        assert [row.instruction for row in store.iter_examples()] == ["Hop.", "Sit."]


def test_truncated_json_gives_its_whole_rows_when_told(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "cut.json"
    file.write_bytes(listed(GOOD, LAST, GOOD)[:-30])
    before = content(workspace)
    called = call("-w", workspace, "import", file)
    assert called.code == 1
    assert "row 2" in called.words
    assert "cut off" in called.words
    assert content(workspace) == before
    result = done("-w", workspace, "import", file, "--skip-bad")
    assert (result["imported"], len(result["refused"])) == (2, 1)


def test_mixed_encodings_cost_the_rows_they_are_in(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "mixed.json"
    latin = '{"instruction": "Nenne ein Getränk.", "output": "Tee"}'.encode("latin-1")
    utf8 = '{"instruction": "Nenne eine Fähre.", "output": "Förde"}'.encode()
    file.write_bytes(b"[\n" + utf8 + b",\n" + latin + b",\n" + utf8 + b"\n]")
    called = call("-w", workspace, "import", file)
    assert called.code == 1
    assert "row 1 (line 3)" in called.words
    assert "is no UTF-8" in called.words
    assert done("-w", workspace, "import", file, "--skip-bad")["imported"] == 2


def test_nul_bytes_and_nan_in_other_fields_are_kept(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(
        listed(
            '{"instruction": "A NUL: \\u0000.", "output": "x\\u0000y", "loss": NaN, "deep": {"a": [null]}}'
        )
    )
    assert done("-w", workspace, "import", file)["imported"] == 1
    with Store.open(workspace / "alpaca.db") as store:
        row = store.example(3)
        assert row is not None
        assert (row.instruction, row.output) == ("A NUL: \x00.", "x\x00y")
        assert repr(row.extra) == "{'loss': nan, 'deep': {'a': [None]}}"
    called = call("-w", workspace, "lint", "--json")
    assert "control-char" in {one["rule"] for one in called.json["findings"] if one["row"] == 3}


def test_every_refused_row_is_named_up_to_a_thousand(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("".join(f'{{"instruction": {n}, "output": "x"}}\n' for n in range(1_500)) + GOOD + "\n")
    before = content(workspace)
    called = call("-w", workspace, "import", file)
    assert called.code == 1
    assert "1,500 rows of many.jsonl cannot be imported" in called.words
    assert all(f"refused row {n} (line {n + 1}): " in called.err for n in range(1_000))
    assert "and 500 more" in called.err
    assert content(workspace) == before
    result = done("-w", workspace, "import", file, "--skip-bad")
    assert (result["imported"], len(result["refused"]), result["refusals"]) == (1, 1_000, 1_500)


def test_where_all_rows_are_refused_nothing_is_an_operation(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "none.json"
    file.write_bytes(listed("5", "6"))
    before = content(workspace)
    assert done("-w", workspace, "import", file, "--skip-bad")["imported"] == 0
    after = content(workspace)
    assert after["operation"] == before["operation"]
    assert after["revision"] == before["revision"]
    assert len(after["example"]) == 2


def test_what_is_no_file(workspace: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    before = content(workspace)
    for name, words in (
        ("absent.json", "does not exist"),
        ("folder.json", "is a folder"),
        ("pipe.json", "not a regular file"),
        ("n\0ul.json", "cannot be read"),
        (f"{'n' * 300}.json", "cannot be read"),
    ):
        called = call("-w", workspace, "import", tmp_path / name)
        assert called.code == 1
        assert words in called.words, called.err
    assert content(workspace) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    file.write_bytes(listed(GOOD))
    file.chmod(0)
    called = call("-w", workspace, "import", file)
    assert called.code == 1
    assert "Permission denied" in called.words


def test_a_workspace_that_may_not_be_written(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.json").write_bytes(listed(GOOD))
    before = content(workspace)
    with monkeypatch.context() as patch:
        patch.setattr("alpaca_tui.store.database._writable", lambda path: False)
        called = call("-w", workspace, "import", tmp_path / "good.json")
        assert called.code == 1
        assert "read-only" in called.words
        # What only looks needs no right to write.
        assert done("-w", workspace, "stats")["rows"] == 2
    assert content(workspace) == before


@pytest.mark.parametrize("command", ["lint", "dedup", "stats"])
def test_the_other_commands_say_the_same_of_a_file(tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "cut.json").write_bytes(b'[{"instruc')
    for name, words in (
        ("pipe.json", "not a regular file"),
        ("empty.json", "is empty"),
        ("cut.json", "cut off"),
    ):
        for more in ([], ["--where", "bird"]):
            called = call(command, tmp_path / name, "--json", *more)
            assert called.code == 1
            assert words in " ".join(called.json["error"].values())
            assert words in called.words


def test_interrupted_by_the_end_of_a_pipe(workspace: Path, tmp_path: Path) -> None:
    """Who reads our output may leave; what was to be done is done."""
    (tmp_path / "good.json").write_bytes(listed(GOOD))
    program = [sys.executable, "-m", "alpaca_tui", "-w", str(workspace), "--json"]
    process = subprocess.Popen(
        [*program, "import", str(tmp_path / "good.json")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    words = process.stderr.read().decode()
    process.stderr.close()
    process.wait(timeout=100)
    assert "Traceback" not in words
    with Store.open(workspace / "alpaca.db") as store:
        instructions = [row.instruction for row in store.iter_examples()]
    assert instructions == ["Hop.", "Sit.", "Name a bird."]
