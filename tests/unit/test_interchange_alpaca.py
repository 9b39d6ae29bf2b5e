"""Alpaca JSON and regen.json: what is read, what is refused and why, and the exact bytes written."""

from __future__ import annotations

import codecs
import json
import os
import tracemalloc
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.curation.interchange.alpaca import Refused, RegenRow, read_alpaca, write_alpaca, write_regen
from alpaca_tui.errors import UserError
from alpaca_tui.store.rows import ImportedRow

ROW = {"instruction": "Name a bird.", "input": "in the north", "output": "Auk"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.json"


def error_of(call, *arguments) -> UserError:
    with pytest.raises(UserError) as caught:
        call(*arguments)
    assert str(arguments[0]) in str(caught.value)
    assert caught.value.next_step
    return caught.value


def test_reading(path):
    path.write_text(json.dumps([ROW, {"output": "b", "instruction": "a\u2028\n", "id": 7, "tags": [None]}]))
    data = read_alpaca(path)
    assert data.rows == [
        ImportedRow("Name a bird.", "in the north", "Auk", {}),
        ImportedRow("a\u2028\n", "", "b", {"id": 7, "tags": [None]}),
    ]
    assert data.refused == []


def test_an_empty_list(path):
    path.write_text(" [ ]\n")
    assert read_alpaca(path).rows == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark(path, encoding):
    path.write_bytes(json.dumps([ROW | {"output": "Ü ✓ 🦙"}], ensure_ascii=False).encode(encoding))
    assert read_alpaca(path).rows[0].output == "Ü ✓ 🦙"


def test_rows_that_cannot_be_taken_are_named(path):
    good = ROW
    rows = [
        good,
        {"input": "", "output": "x"},
        {"instruction": 5, "input": "", "output": "x"},
        {"instruction": "a", "input": ["x"], "output": "x"},
        {"instruction": "a", "output": None},
        {"instruction": "a"},
        {"instruction": " \n", "output": "x"},
        {"instruction": "a", "input": True, "output": "x"},
        {"instruction": {"a": 1}, "output": "x"},
        "text",
        [1],
        None,
        3.5,
        {"instruction": "a", "input": None, "output": ""},
    ]
    path.write_text(json.dumps(rows))
    data = read_alpaca(path)
    assert [row.instruction for row in data.rows] == ["Name a bird.", "a"]
    assert data.rows[1].input == ""
    assert {refused.line for refused in data.refused} == {1}
    assert [replace(refused, line=None) for refused in data.refused] == [
        Refused(1, "no instruction"),
        Refused(2, "instruction is a number, not text"),
        Refused(3, "input is a list, not text"),
        Refused(4, "output is null, not text"),
        Refused(5, "no output"),
        Refused(6, "the instruction is empty"),
        Refused(7, "input is true or false, not text"),
        Refused(8, "instruction is an object, not text"),
        Refused(9, "not an object but text"),
        Refused(10, "not an object but a list"),
        Refused(11, "not an object but null"),
        Refused(12, "not an object but a number"),
    ]


def test_json_lines_are_read_too(path):
    lines = [json.dumps(ROW), "", json.dumps({"instruction": "b\u2028c", "output": "d"}, ensure_ascii=False)]
    lines += ["{torn", json.dumps({"instruction": "e"}), json.dumps(["no"])]
    path.write_text("\r\n".join(lines), encoding="utf-8", newline="")
    data = read_alpaca(path)
    assert [row.instruction for row in data.rows] == ["Name a bird.", "b\u2028c"]
    assert [(refused.row, refused.line) for refused in data.refused] == [(2, 4), (3, 5), (4, 6)]
    assert data.refused[0].reason.startswith("not valid JSON")
    path.write_text(json.dumps(ROW))
    assert read_alpaca(path).rows == [ImportedRow(**ROW)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty"]),
        (b"\xef\xbb\xbf \n", ["empty"]),
        (b'[\n  {"instruction": "a",\n   "output" "b"}\n]', ["not valid JSON", "Line 3, column 13"]),
        (b'[{"instru', ["not valid JSON", "cut off"]),
        (b"[", ["not valid JSON", "cut off"]),
        (b'{"instruction": "a",\n "output": "b"', ["not valid JSON", "Line 2", "cut off"]),
        (b"<html>no</html>", ["not valid JSON", "Line 1, column 1"]),
        (b'{"data": [], "version": 1}', ["no list of rows", "data, version"]),
        (b'{"data": [],\n"version": 1}', ["no list of rows", "data, version"]),
        (b'"text"', ["no list of rows", "text"]),
        (b"null", ["no list of rows", "null"]),
        pytest.param(b"[" * 100_000, ["not valid JSON", "nested too deeply"], id="deep"),
        pytest.param(b"[" + b"9" * 10_000 + b"]", ["not valid JSON", "4300 digits"], id="digits"),
        (bytes(range(128, 256)) * 4, ["The encoding of", "cannot be told"]),
        (codecs.BOM_UTF16_LE + b"[\x00]", ["not valid JSON"]),
    ],
)
def test_files_that_hold_no_rows_say_what_and_where(path, content, words):
    path.write_bytes(content)
    error = error_of(read_alpaca, path)
    assert [word for word in words if word not in str(error)] == []


def test_what_is_no_file(path, tmp_path, monkeypatch):
    assert "does not exist" in error_of(read_alpaca, path).title
    assert "folder" in error_of(read_alpaca, tmp_path).title
    os.mkfifo(path)
    assert "regular file" in error_of(read_alpaca, path).title
    path.unlink()
    path.write_text("[]")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in error_of(read_alpaca, path).cause


def test_the_exact_bytes_of_alpaca_json(path):
    rows = [ImportedRow('a "q" \\ \n\t\x00', "ü🦙", "</s>", {"id": 1}), ImportedRow(*"bcd")]
    assert write_alpaca(path, iter(rows)) == 2
    plain = [{"instruction": r.instruction, "input": r.input, "output": r.output} for r in rows]
    assert path.read_text(encoding="utf-8") == json.dumps(plain, indent=4, ensure_ascii=False) + "\n"
    assert write_alpaca(path, []) == 0
    assert path.read_text() == "[]\n"


def test_surrogates_never_reach_a_file(path):
    write_alpaca(path, [ImportedRow("\ud83d\ude00", "\ud800", "x")])
    assert read_alpaca(path).rows == [ImportedRow("\U0001f600", "\ufffd", "x")]
    path.write_text('[{"instruction": "\\ud83d\\ude00 \\ud800", "output": "x", "k": "\\udc00"}]')
    assert read_alpaca(path).rows[0].instruction == "\U0001f600 \ufffd"


def test_the_exact_bytes_of_regen_json(path):
    similar = [("low", 0.25), ("high", 0.5), ("low", 0.125), ("alike", 0.25)]
    rows = [RegenRow("a\nb", "", "c", similar, 0.0625), RegenRow("d", "e", "f", [], None)]
    assert write_regen(path, rows) == 2
    assert (
        path.read_text(encoding="utf-8")
        == json.dumps(
            [
                {
                    "instruction": "a\nb",
                    "input": "",
                    "output": "c",
                    "most_similar_instructions": {"high": 0.5, "low": 0.25, "alike": 0.25},
                    "avg_similarity_score": 0.0625,
                },
                {
                    "instruction": "d",
                    "input": "e",
                    "output": "f",
                    "most_similar_instructions": {},
                    "avg_similarity_score": None,
                },
            ],
            indent=4,
        )
        + "\n"
    )
    extra = read_alpaca(path).rows[0].extra
    assert list(extra) == ["most_similar_instructions", "avg_similarity_score"]


def test_a_fault_while_writing_leaves_the_old_file(path):
    path.write_text("old")

    def rows():
        yield ImportedRow("a", "", "b")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_alpaca(path, rows())
    assert path.read_text() == "old"
    assert len(list(path.parent.iterdir())) == 1
    assert "does not exist" in error_of(write_alpaca, path.parent / "no" / "file", []).cause


def test_writing_streams(path):
    text = "x" * 10_000
    tracemalloc.start()
    write_alpaca(path, (ImportedRow(text, "", text) for _ in range(2_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 40_000_000
    assert peak < 2_000_000


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    rows=st.lists(st.tuples(TEXT.filter(str.strip), TEXT, TEXT), max_size=5),
)
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("round") / "data.json"
    expected = [ImportedRow(*row) for row in rows]
    write_alpaca(path, expected)
    first = path.read_bytes()
    data = read_alpaca(path)
    assert data.rows == expected
    assert data.refused == []
    write_alpaca(path, data.rows)
    assert path.read_bytes() == first


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["instruction", "input", "output", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values=st.lists(JSON, max_size=4))
def test_every_row_is_taken_or_refused(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("any") / "data.json"
    path.write_text(json.dumps(values))
    try:
        data = read_alpaca(path)
    except UserError as error:
        if "cannot be told from their names" not in error.cause:
            raise
    else:
        assert len(data.rows) + len(data.refused) == len(values)


@given(
    content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_file_brings_anything_but_rows_or_an_explanation(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "data.json"
    path.write_bytes(content)
    with suppress(UserError):
        assert read_alpaca(path).rows is not None


def test_real_alpaca_data_comes_back_row_for_row(data_dir, path):
    source = data_dir / "alpaca_first5000.json"
    data = read_alpaca(source)
    assert (len(data.rows), data.refused) == (5_000, [])
    write_alpaca(path, data.rows)
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(source.read_text(encoding="utf-8"))


def test_real_regen_json_is_written_as_it_was(data_dir, path):
    for name in ("regen_147.json", "regen_305.json"):
        source = json.loads((data_dir / "regen" / name).read_text(encoding="utf-8"))
        rows = [
            RegenRow(
                *(entry["instruction"], entry["input"], entry["output"]),
                list(entry["most_similar_instructions"].items()),
                entry["avg_similarity_score"],
            )
            for entry in source
        ]
        write_regen(path, rows)
        written = json.loads(path.read_text(encoding="utf-8"))
        for entry, original in zip(written, source, strict=True):
            original.pop("emotion_label", None)  # one of the runs added a field of its own
            assert entry == original
            assert list(entry["most_similar_instructions"]) == list(original["most_similar_instructions"])
