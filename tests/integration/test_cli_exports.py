"""`export` and `import` as scripts use them: nothing is lost on the way, the same rows give the same bytes,
and what was once held back stays held back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.curation import edits
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from tests.support.commands import call, done

FORMATS = {
    "alpaca": "rows.json",
    "regen": "regen.json",
    "jsonl": "rows.jsonl",
    "csv": "rows.csv",
    "tsv": "rows.tsv",
    "parquet": "rows.parquet",
    "sharegpt": "chats.json",
    "messages": "chats.jsonl",
    "hf": "folder",
}
EXTRA: list[dict[str, Any]] = [
    {"id": 7, "tags": ["a", "b"], "origin": {"page": 3, "book": "Ä"}, "score": 0.25, "note": ""},
    {},
    {"id": None, "note": "kept, with a comma,\na line\tand a \"quote\"", "checked": True},
    {"id": "seven", "origin": {"page": None}, "score": -1e-9},
]  # fmt: skip
TEXTS = [
    ("Name a wading bird.", "", "A heron.\r\n\r\nOr a stork."),
    ("  Blanks stay.\u2028", "\tas they are ", "\n"),
    ("Émile: «où?» 🦙", "汉字", "e\u0301 is not \xe9"),
    ("A bell \x07, a NUL \x00 and a half: \\ud83d", "<noinput>", ""),
]


def rows_of(workspace: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    with Store.open(workspace / "alpaca.db") as store:
        return [(row.instruction, row.input, row.output, row.extra) for row in store.iter_examples()]


def files_of(place: Path) -> dict[str, bytes]:
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return {str(path.relative_to(place)): path.read_bytes() for path in files}


@pytest.fixture(autouse=True)
def no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alpaca_tui.generation.measuring.start_measuring", lambda workspace: None)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "w").mkdir()
    with Store.open(tmp_path / "w" / "alpaca.db") as store:
        store.add_imported(
            [ImportedRow(*texts, extra) for texts, extra in zip(TEXTS, EXTRA, strict=True)], "a"
        )
    return tmp_path / "w"


@pytest.mark.parametrize("format", FORMATS)
def test_out_and_in_again_loses_nothing(workspace: Path, tmp_path: Path, format: str) -> None:
    if format in ("parquet", "hf"):
        pytest.importorskip("datasets")
    out = tmp_path / FORMATS[format]
    told = done("-w", workspace, "export", out, "--format", format, "--extra")
    assert told == {"rows": 4, "file": str(out), "format": format, "files": {str(out): 4}}
    assert done("-w", tmp_path / "v", "import", out)["imported"] == 4
    there = rows_of(tmp_path / "v")
    if format == "regen":  # which adds what the rows are most like
        for row in there:
            assert 0 < len(row[3].pop("most_similar_instructions")) <= 10
            assert 0 <= row[3].pop("avg_similarity_score") < 1
    assert [row[:3] for row in there] == TEXTS
    # A table has a cell in every row; where a row had no such field it is empty, which is all that changes.
    empty = {"csv": "", "tsv": "", "parquet": None, "hf": None}
    columns = {name for extra in EXTRA for name in extra}
    for (*_, extra), expected in zip(there, EXTRA, strict=True):
        if format in empty:
            made_up = {name: extra.pop(name) for name in columns - expected.keys() if name in extra}
            assert set(made_up.values()) <= {empty[format]}
        assert extra == expected
    # Once more, from the workspace it was brought into: the very same file.
    again = tmp_path / "again" / FORMATS[format]
    again.parent.mkdir()
    done("-w", tmp_path / "v", "export", again, "--format", format, "--extra")
    assert files_of(again) == files_of(out)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_rows_give_the_same_bytes(workspace: Path, tmp_path: Path, format: str) -> None:
    if format in ("parquet", "hf"):
        pytest.importorskip("datasets")
    places = [tmp_path / name / FORMATS[format] for name in ("one", "two")]
    for place in places:
        place.parent.mkdir()
        done("-w", workspace, "export", place, "--format", format)
        with Store.open(workspace / "alpaca.db") as store:  # what is no part of the rows changes nothing
            edits.set_note(store, [1], f"seen {place}")
    assert files_of(places[0]) == files_of(places[1])


def test_alpaca_json_has_exactly_its_three_fields(workspace: Path, tmp_path: Path) -> None:
    done("-w", workspace, "export", tmp_path / "a.json")
    rows = json.loads((tmp_path / "a.json").read_text())
    assert [tuple(row.values()) for row in rows] == TEXTS
    assert all(list(row) == ["instruction", "input", "output"] for row in rows)


def test_rejected_and_deleted_rows_stay_behind_and_a_filter_takes_its_share(
    workspace: Path, tmp_path: Path
) -> None:
    with Store.open(workspace / "alpaca.db") as store:
        edits.set_status(store, [1], "rejected")
        edits.delete(store, [2])
        edits.change_tags(store, [4], add=["hard"])
    assert done("-w", workspace, "export", tmp_path / "all.json")["rows"] == 2
    assert done("-w", workspace, "export", tmp_path / "hard.json", "--where", "tag:hard")["rows"] == 1
    assert json.loads((tmp_path / "hard.json").read_text())[0]["instruction"] == TEXTS[3][0]
    assert done("-w", workspace, "export", tmp_path / "none.json", "--where", "rating>3")["rows"] == 0
    assert (tmp_path / "none.json").read_text() == "[]\n"


def test_facts_beside_the_texts(workspace: Path, tmp_path: Path) -> None:
    with Store.open(workspace / "alpaca.db") as store:
        edits.rate(store, [1], 4)
        edits.change_tags(store, [1], add=["b", "a"])
    done("-w", workspace, "export", tmp_path / "f.jsonl", "--no-extra", "--with", "rating,tags, id")
    first = json.loads((tmp_path / "f.jsonl").read_text().split("\n")[0])
    assert first == {**dict(zip(("instruction", "input", "output"), TEXTS[0], strict=True)),
                     "rating": 4, "tags": ["a", "b"], "id": 1}  # fmt: skip
    called = call("-w", workspace, "export", tmp_path / "g.jsonl", "--with", "stars")
    assert called.code == 2
    assert "rating" in called.words


@pytest.mark.parametrize(
    ("out", "code", "words"),
    [
        ("data", 2, "--format"),
        ("data.txt", 2, "--format"),
        ("nowhere/data.json", 1, "mkdir"),
        ("taken.json", 1, "It is a folder"),
        (f"{'n' * 300}.json", 1, "too long"),
    ],
)
def test_a_place_that_cannot_be(workspace: Path, tmp_path: Path, out: str, code: int, words: str) -> None:
    (tmp_path / "taken.json").mkdir()
    before = sorted(tmp_path.iterdir())
    called = call("-w", workspace, "export", tmp_path / out)
    assert called.code == code
    assert words in called.words
    assert sorted(tmp_path.iterdir()) == before


def test_an_export_that_fails_leaves_the_file_that_was_there(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.json"
    out.write_text("[]")
    assert call("-w", workspace, "export", out, "--where", "rating>").code == 2
    assert call("-w", workspace, "export", out, "--format", "excel").code == 2
    assert call("-w", workspace, "export", out, "--split", "train=0.5").code == 2
    assert out.read_text() == "[]"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    called = call("-w", workspace, "export", tmp_path / "folder", "--format", "hf")
    assert called.code == 1
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["thesis.txt"]


# --- splits


def many(workspace: Path, numbers: range) -> None:
    """Rows of which every tenth has the prompt of the one before it."""
    workspace.mkdir(exist_ok=True)
    with Store.open(workspace / "alpaca.db") as store:
        store.add_imported(
            [ImportedRow(f"Do {n - (n % 10 == 9)}.", "", f"Done {n}.") for n in numbers], f"{numbers}"
        )


def sides(folder: Path, *names: str) -> dict[str, str]:
    """Output (which names the row) -> the split whose file it is in; no row is in two."""
    found: dict[str, str] = {}
    for name in names:
        for row in json.loads((folder / f"data-{name}.json").read_text()):
            assert row["output"] not in found
            found[row["output"]] = name
    return found


def test_splits_are_frozen_in_the_store(tmp_path: Path) -> None:
    workspace, out = tmp_path / "w", tmp_path / "data.json"
    many(workspace, range(200))
    export = ("-w", workspace, "export", out, "--split", "train=0.95,eval=0.05")
    told = done(*export, "--seed", "3")
    assert told["files"] == {str(tmp_path / "data-eval.json"): 10, str(tmp_path / "data-train.json"): 190}
    first = sides(tmp_path, "train", "eval")
    bytes_then = (tmp_path / "data-eval.json").read_bytes(), (tmp_path / "data-train.json").read_bytes()
    # Again, with whatever seed: the rows have their sides.
    for seed in ("3", "4"):
        done(*export, "--seed", seed)
        assert (
            (tmp_path / "data-eval.json").read_bytes(),
            (tmp_path / "data-train.json").read_bytes(),
        ) == bytes_then
    many(workspace, range(200, 400))
    told = done(*export, "--seed", "3")
    assert sorted(told["files"].values()) == [20, 380]
    grown = sides(tmp_path, "train", "eval")
    assert {row: grown[row] for row in first} == first
    # Rows of one prompt are on one side, or the model would be tested on what it was shown.
    for n in range(9, 400, 10):
        assert grown[f"Done {n}."] == grown[f"Done {n - 1}."]
    # Without --split everything is in one file, as ever.
    assert done("-w", workspace, "export", out)["rows"] == 400
    with Store.open(workspace / "alpaca.db") as store:
        assert store.distinct("split") == ["eval", "train"]
        assert "train 0.95, eval 0.05" in store.operations(limit=1)[0].title


def test_the_seed_decides_and_another_decides_otherwise(tmp_path: Path) -> None:
    found: list[dict[str, str]] = []
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        many(tmp_path / name, range(100))
        done("-w", tmp_path / name, "export", tmp_path / name / "data.json", "--split", "train=0.8,eval=0.2",
             "--seed", seed)  # fmt: skip
        found.append(sides(tmp_path / name, "train", "eval"))
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_other_splits_than_before_are_refused(tmp_path: Path) -> None:
    many(tmp_path / "w", range(20))
    export = ("-w", tmp_path / "w", "export", tmp_path / "data.json", "--split")
    done(*export, "train=0.9,eval=0.1")
    before = sides(tmp_path, "train", "eval")
    called = call(*export, "train=0.9,test=0.1")
    assert called.code == 1
    assert "is in the split" in called.words
    assert not (tmp_path / "data-test.json").exists()
    # The same names with other shares bind only the rows to come.
    done(*export, "train=0.5,eval=0.5")
    assert sides(tmp_path, "train", "eval") == before


def test_every_split_asked_for_has_its_file(tmp_path: Path) -> None:
    """Of too few rows none falls to `eval`: its file says so, and none of an earlier export is taken for it."""
    many(tmp_path / "w", range(3))
    (tmp_path / "data-eval.json").write_text('[{"instruction": "old"}]')
    told = done("-w", tmp_path / "w", "export", tmp_path / "data.json", "--split", "train=0.95,eval=0.05")
    assert told["files"] == {str(tmp_path / "data-eval.json"): 0, str(tmp_path / "data-train.json"): 3}
    assert json.loads((tmp_path / "data-eval.json").read_text()) == []


def test_splits_inside_a_datasets_folder(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    many(tmp_path / "w", range(40))
    told = done("-w", tmp_path / "w", "export", tmp_path / "saved", "--format", "hf",
                "--split", "train=0.75,eval=0.25")  # fmt: skip
    assert told["rows"] == 40
    loaded = datasets.load_from_disk(str(tmp_path / "saved"))
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 30, "eval": 10}


def test_a_split_of_no_rows_is_in_the_folder_too(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    many(tmp_path / "w", range(3))
    done(
        "-w",
        tmp_path / "w",
        "export",
        tmp_path / "saved",
        "--format",
        "hf",
        "--split",
        "train=0.95,eval=0.05",
    )
    loaded = datasets.load_from_disk(str(tmp_path / "saved"))
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 3, "eval": 0}
    assert loaded["eval"].column_names == loaded["train"].column_names


@pytest.mark.parametrize(
    "shares", ["train", "train=1.5", "train=0.5,eval=0.4", "train=0.5,train=0.5", "train=0,eval=1", "../x=1"]
)
def test_shares_that_cannot_be(workspace: Path, tmp_path: Path, shares: str) -> None:
    called = call("-w", workspace, "export", tmp_path / "x.json", "--split", shares)
    assert called.code == 2
    assert "train=0.95,eval=0.05" in called.words
    assert not list(tmp_path.glob("x*"))


def test_a_preview_imports_nothing(workspace: Path, tmp_path: Path) -> None:
    done("-w", workspace, "export", tmp_path / "rows.csv")
    told = done("-w", tmp_path / "v", "import", tmp_path / "rows.csv", "--preview", "2")
    assert (told["format"], told["encoding"], told["mapping"]["output"]) == ("csv", "utf-8", "output")
    assert [row["instruction"] for row in told["rows"]] == [TEXTS[0][0], TEXTS[1][0]]
    assert not (tmp_path / "v").exists()
    assert "csv, utf-8" in call("-w", tmp_path / "v", "import", tmp_path / "rows.csv", "--preview", "2").out
