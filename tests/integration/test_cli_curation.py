"""`lint`, `dedup` and `stats` as scripts use them: on a FILE with no workspace, and on a workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rouge_score.rouge_scorer import RougeScorer

from alpaca_tui.store.store import Store
from tests.support.commands import call, done

HERON = {"instruction": "Name a wading bird.", "input": "", "output": "A heron is a wading bird."}
ROWS: list[dict[str, Any]] = [
    HERON,
    {"instruction": "Name a wading bird that you know.", "input": "", "output": "I know the stork."},
    {"instruction": "List the primary colours.", "input": "<noinput>", "output": "Red, yellow and blue."},
    {"instruction": "Explain why the sky is blue.", "input": "", "output": ""},
    {**HERON, "source_page": 17},
    {"instruction": "Translate into French.", "input": "Good morning.", "output": "Bonjour.", "tags": ["fr"]},
]
FOUND = {(2, "noinput-text"), (3, "empty-output"), (4, "exact-duplicate")}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rows as a file, in a folder that no command may leave anything in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "rows.json").write_text(json.dumps(ROWS))
    return folder / "rows.json"


@pytest.fixture
def workspace(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rows in a workspace, where no other process works on them."""
    monkeypatch.setattr("alpaca_tui.generation.measuring.start_measuring", lambda workspace: None)
    assert done("-w", tmp_path / "w", "import", file)["imported"] == len(ROWS)
    return tmp_path / "w"


def test_lint_of_a_file_names_rows_from_0_and_leaves_everything_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    result = done("lint", file)
    assert result["total"] == len(ROWS)
    assert {(one["row"], one["rule"]) for one in result["findings"]} == FOUND
    for one in result["findings"]:
        assert set(one) == {"row", "rule", "severity", "field", "message", "fixable"}
        assert one["message"]
    assert {one["rule"]: (one["severity"], one["field"], one["fixable"]) for one in result["findings"]} == {
        "noinput-text": ("warning", "input", True),
        "empty-output": ("error", "output", False),
        "exact-duplicate": ("error", "instruction", False),
    }
    assert [one["row"] for one in result["findings"]] == sorted(one["row"] for one in result["findings"])
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["rows.json"]  # noqa: PTH208


def test_dedup_of_a_file_lets_the_first_win_and_names_the_nearest_kept_row(file: Path) -> None:
    result = done("dedup", file)
    assert set(result) == {"total", "kept", "duplicates"}
    assert (result["total"], result["kept"]) == (6, 4)
    score = RougeScorer(["rougeL"]).score(ROWS[0]["instruction"], ROWS[1]["instruction"])["rougeL"].fmeasure
    assert result["duplicates"] == [
        {"row": 1, "twin": 0, "score": pytest.approx(score)},
        {"row": 4, "twin": 0, "score": 1.0},
    ]
    assert [one["row"] for one in done("dedup", file, "--threshold", "0.8")["duplicates"]] == [4]
    # As in generation, a row is a duplicate above the threshold, not at it.
    assert done("dedup", file, "--threshold", "1")["kept"] == 6
    assert os.listdir(file.parent) == ["rows.json"]  # noqa: PTH208


def test_dedup_compares_with_seeds_when_told(file: Path, tmp_path: Path) -> None:
    seed = {"id": "blue", "name": "sky", "instruction": "Explain why the sky is so blue.",
            "instances": [{"input": "", "output": "Rayleigh."}], "is_classification": False}  # fmt: skip
    (tmp_path / "seeds.jsonl").write_text(json.dumps(seed) + "\n")
    result = done("dedup", file, "--seeds", tmp_path / "seeds.jsonl")
    assert [(one["row"], one["twin"]) for one in result["duplicates"]] == [(1, 0), (3, "seed:blue"), (4, 0)]


def test_dedup_may_look_at_instruction_and_input_together(file: Path) -> None:
    rows = [{**HERON, "input": place} for place in ("in the far north of Norway", "on the coast of Peru")]
    file.write_text(json.dumps(rows))
    assert done("dedup", file)["kept"] == 1
    assert done("dedup", file, "--fields", "prompt")["kept"] == 2


def test_stats_of_a_file(file: Path) -> None:
    result = done("stats", file)
    assert (result["rows"], result["with_input"], result["unique_instructions"]) == (6, 2, 5)
    assert result["words"]["output"]["longest"] == 6
    assert result["root_verbs"] == {"name": 3, "explain": 1, "list": 1, "translate": 1}


def test_the_figure_of_a_file(file: Path, tmp_path: Path) -> None:
    result = done("stats", file, "--diversity", tmp_path / "verbs.svg")
    assert result["diversity"] == str(tmp_path / "verbs.svg")
    figure = (tmp_path / "verbs.svg").read_text()
    assert figure.startswith("<svg")
    assert "translate" in figure


def test_refused_rows_keep_their_numbers(file: Path) -> None:
    file.write_text(json.dumps([{"instruction": 5, "output": "x"}, "text", *ROWS]))
    result = done("lint", file)
    assert result["total"] == 8
    assert {(one["row"], one["rule"]) for one in result["findings"]} == {
        (0, "bad-field"),
        (1, "bad-field"),
        *((row + 2, rule) for row, rule in FOUND),
    }
    assert "a number, not text" in result["findings"][0]["message"]
    result = done("dedup", file)
    assert [(one["row"], one["twin"]) for one in result["duplicates"]] == [(3, 2), (6, 2)]
    assert [one["row"] for one in result["refused"]] == [0, 1]
    assert done("stats", file)["refused"] == 2


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("flag:empty-output or flag:noinput-text", [2, 3]),
        ('"wading bird" and words(output)<5', [1]),
        ("-bird input:any", [2, 5]),
        ("not (bird or blue)", [5]),
        ("status:rejected", []),
    ],
)
def test_a_filter_means_the_same_on_a_file_and_in_the_workspace(
    file: Path, workspace: Path, where: str, rows: list[int]
) -> None:
    lint = done("lint", file, "--where", where)
    assert lint["total"] == len(rows)
    assert {one["row"] for one in lint["findings"]} == {row for row, _ in FOUND if row in rows}
    stored = done("lint", "-w", workspace, "--where", where)
    # A row of the workspace is named by its id, which here counts from 1 in file order.
    assert [{**one, "row": one["row"] - 1} for one in stored["findings"]] == lint["findings"]
    assert stored["total"] == len(rows)
    assert done("dedup", file, "--where", where)["total"] == len(rows)
    for place in ([file], ["-w", workspace]):
        counts = done("stats", *place, "--where", where)
        assert (counts["rows"], counts["with_input"]) == (
            len(rows),
            sum(bool(ROWS[row]["input"]) for row in rows),
        )


@pytest.mark.parametrize("command", ["lint", "dedup", "stats", "export"])
def test_a_filter_that_cannot_be_read_points_at_the_place(workspace: Path, command: str) -> None:
    out = ["out.json"] if command == "export" else []
    called = call("-w", workspace, command, *out, "--where", "bird flag:emty")
    assert called.code == 2
    lines = [line.strip("│ ").rstrip() for line in called.err.splitlines()]
    place = next(number for number, line in enumerate(lines) if line == "bird flag:emty")
    assert called.err.splitlines()[place + 1].index("^^^^") == called.err.splitlines()[place].index("emty")
    assert "no rule is called" in called.words
    assert not called.out
    assert not Path("out.json").exists()


def test_a_bad_filter_on_a_file_is_one_object_with_json(file: Path) -> None:
    called = call("lint", file, "--json", "--where", "rating>many")
    assert called.code == 2
    assert "many" in called.json["error"]["cause"]
    assert "^" in called.json["error"]["cause"]


def test_safe_fixes_of_a_file_go_to_another(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    out = tmp_path / "fixed.json"
    result = done("lint", file, "--fix", "--output", out)
    assert result["fixed"] == 1
    assert {(one["row"], one["rule"]) for one in result["findings"]} == FOUND  # of the file as it was
    expected = [dict(row) for row in ROWS]
    expected[2]["input"] = ""
    assert json.loads(out.read_text()) == expected
    assert file.read_bytes() == before
    again = done("lint", out, "--fix", "--output", tmp_path / "twice.json")
    assert again["fixed"] == 0
    assert (tmp_path / "twice.json").read_bytes() == out.read_bytes()


def test_one_rule_alone(file: Path, tmp_path: Path) -> None:
    assert {one["rule"] for one in done("lint", file, "--rule", "empty-output")["findings"]} == {
        "empty-output"
    }
    out = tmp_path / "same.json"
    assert done("lint", file, "--fix", "--output", out, "--rule", "mojibake")["fixed"] == 0
    assert json.loads(out.read_text()) == ROWS
    assert call("lint", file, "--rule", "empty").code == 2


def test_safe_fixes_in_the_workspace_are_one_operation(workspace: Path) -> None:
    assert done("-w", workspace, "lint", "--fix")["fixed"] == 1
    with Store.open(workspace / "alpaca.db") as store:
        operation = store.next_undo()
        assert operation is not None
        assert (operation.who, operation.rows) == ("fix", 1)
        assert store.example(3).input == ""  # type: ignore[union-attr]
        store.undo()
        assert store.example(3).input == "<noinput>"  # type: ignore[union-attr]


def test_near_duplicates_in_the_workspace_are_deleted_as_one_operation(workspace: Path) -> None:
    result = done("-w", workspace, "dedup", "--delete")
    assert [(one["row"], one["twin"]) for one in result["duplicates"]] == [(2, 1), (5, 1)]
    assert done("-w", workspace, "stats")["rows"] == 4
    with Store.open(workspace / "alpaca.db") as store:
        store.undo()
    assert done("-w", workspace, "stats")["rows"] == 6


def test_looking_at_the_workspace_changes_nothing(workspace: Path) -> None:
    with Store.open(workspace / "alpaca.db") as store:
        before = list(store.iter_examples()), store.operations()
    for command in ("lint", "dedup", "stats"):
        done("-w", workspace, command)
    with Store.open(workspace / "alpaca.db") as store:
        assert (list(store.iter_examples()), store.operations()) == before


def test_kept_rows_go_to_a_file_with_all_their_fields(file: Path, tmp_path: Path) -> None:
    done("dedup", file, "--output", tmp_path / "kept.json", "--where", "words(output)<6 or tags")
    assert json.loads((tmp_path / "kept.json").read_text()) == [ROWS[place] for place in (1, 2, 3, 5)]


def test_a_name_says_the_format_of_what_is_written(file: Path, tmp_path: Path) -> None:
    done("dedup", file, "--output", tmp_path / "kept.csv")
    assert (tmp_path / "kept.csv").read_bytes().startswith(b"instruction,input,output,tags:json\r\n")
    done("lint", tmp_path / "kept.csv", "--fix", "--output", tmp_path / "fixed.jsonl")
    lines = (tmp_path / "fixed.jsonl").read_text().splitlines()
    assert [json.loads(line)["instruction"] for line in lines] == [
        ROWS[place]["instruction"] for place in (0, 2, 3, 5)
    ]
    # Where the name leaves it open, it is as the file was.
    done("dedup", tmp_path / "fixed.jsonl", "--output", tmp_path / "kept.txt")
    assert (tmp_path / "kept.txt").read_text().splitlines() == lines


def test_what_came_from_the_hub_is_never_sent_there_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.chdir(tmp_path)
    held = datasets.IterableDatasetDict(
        {"train": datasets.Dataset.from_list([HERON, HERON]).to_iterable_dataset()}
    )
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: held)
    monkeypatch.setattr(
        "alpaca_tui.curation.interchange.writing.push_to_hub", lambda *_, **__: pytest.fail("sent")
    )
    assert call("dedup", "hf://owner/name", "--output", "owner/kept").code == 2
    assert done("dedup", "hf://owner/name", "--output", "kept.json")["kept"] == 1
    assert json.loads(Path("kept.json").read_text()) == [HERON]


def test_a_saved_dataset_of_several_splits(file: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    parts = {"train": ROWS[:3], "eval": ROWS[3:4]}
    folder = tmp_path / "saved"
    datasets.DatasetDict({n: datasets.Dataset.from_list(r) for n, r in parts.items()}).save_to_disk(folder)
    assert "--split" in call("lint", folder).words
    assert {one["rule"] for one in done("lint", folder, "--split", "eval")["findings"]} == {"empty-output"}
    assert done("stats", folder, "--split", "all")["rows"] == 4
    assert done("dedup", folder, "--split", "train")["total"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lint", "rows.json", "--fix"], "--output"),
        (["lint", "rows.json", "--output", "out.json"], "--fix"),
        (["lint", "--fix", "--output", "out.json"], "where they are"),
        (["lint", "rows.json", "--fix", "--output", "rows.json"], "never changed"),
        (["lint", "rows.json", "--fix", "--output", "link.json"], "never changed"),
        (["dedup", "rows.json", "--output", "../here/rows.json"], "never changed"),
        (["dedup", "rows.json", "--delete"], "never changed"),
        (["dedup", "rows.json", "--fields", "output"], "instruction or prompt"),
        (["dedup", "rows.json", "--threshold", "7"], "threshold"),
        (["lint", "rows.json", "--map", "instruction"], "OUR_FIELD=THEIR_FIELD"),
        (["lint", "rows.json", "--format", "excel"], "Unknown format"),
        (["lint", "rows.json", "--split", "train"], "no splits"),
    ],
)
def test_wrong_usage(file: Path, arguments: list[str], words: str) -> None:
    Path("link.json").symlink_to(file)
    before = file.read_bytes()
    called = call(*arguments)
    assert called.code == 2
    assert words in called.words
    assert not called.out
    assert file.read_bytes() == before
    assert sorted(os.listdir()) == ["link.json", "rows.json"]  # noqa: PTH208


@pytest.mark.parametrize("command", ["lint", "dedup", "stats"])
def test_without_rows(tmp_path: Path, command: str) -> None:
    called = call("-w", tmp_path / "none", command)
    assert called.code == 1
    assert "no dataset yet" in called.words
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty.json").write_text("[]")
    result = done(command, tmp_path / "empty.json")
    assert result["rows" if command == "stats" else "total"] == 0


def test_fields_of_other_names_are_mapped(file: Path) -> None:
    file.write_text(json.dumps([{"x": row["instruction"], "y": row["output"]} for row in ROWS]))
    assert "--map" in call("lint", file).words
    result = done("lint", file, "--map", "instruction=x,output=y")
    assert {(one["row"], one["rule"]) for one in result["findings"]} == {
        (3, "empty-output"),
        (4, "exact-duplicate"),
    }


def test_prompts_of_an_evaluation_suite_are_leaks(file: Path, tmp_path: Path) -> None:
    (tmp_path / "suite.json").write_text(json.dumps([ROWS[5]]))
    assert "leakage" not in {one["rule"] for one in done("lint", file)["findings"]}
    found = done("lint", file, "--against", tmp_path / "suite.json")["findings"]
    assert [(one["row"], one["severity"]) for one in found if one["rule"] == "leakage"] == [(5, "info")]


def test_words_for_a_person_and_none_when_quiet(file: Path) -> None:
    for command, words in (("lint", "3 findings in 6 rows."), ("dedup", "4 kept"), ("stats", "6 rows")):
        assert words in call(command, file).out
        quiet = call(command, file, "--quiet")
        assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_hostile_text_reaches_no_terminal(file: Path) -> None:
    file.write_text(json.dumps([{**HERON, "instruction": "Name \x1b[2J\x1b]0;x\x07 a bird."}] * 2))
    called = call("dedup", file)
    assert "1 near-duplicate" in called.out
    assert "\x1b" not in called.out
    assert "\x07" not in called.out


def test_a_pipe_of_real_processes(file: Path, tmp_path: Path) -> None:
    """The same through the interpreter: one object on standard output, read by another program."""
    program = [sys.executable, "-m", "alpaca_tui"]
    lint = subprocess.run(
        [*program, "lint", str(file), "--json"], capture_output=True, text=True, timeout=100
    )
    assert (lint.returncode, lint.stderr) == (0, "")
    assert json.loads(lint.stdout) == done("lint", file)
    out = subprocess.run(
        [*program, "dedup", str(file), "--output", "/dev/stdout", "--quiet"], capture_output=True, timeout=100
    )
    assert [row["instruction"] for row in json.loads(out.stdout)] == [
        ROWS[place]["instruction"] for place in (0, 2, 3, 5)
    ]
