"""Every format: what is written is read back, what was read is written back, and each knows itself."""

from __future__ import annotations

import csv
import json
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alpaca_tui.curation.interchange import (
    FORMATS,
    Options,
    Record,
    Refused,
    detect,
    open_source,
    write,
)
from alpaca_tui.errors import UserError

FILES = [format for format in FORMATS if format not in ("hf", "hub")]
TEXT_FILES = [format for format in FILES if format != "parquet"]
ALL = [format for format in FORMATS if format != "hub"]
ROW = Record(0, None, "Name a bird.", "in the north", "Auk")


def place(folder, format):
    suffixes = FORMATS[format].suffixes
    return folder / f"data{suffixes[0] if suffixes else ''}"


def content(source):
    rows = list(source)
    assert [row for row in rows if isinstance(row, Refused)] == []
    return [(row.instruction, row.input, row.output, dict(row.extra)) for row in rows]


def texts_of(rows):
    return [(row.instruction, row.input, row.output, dict(row.extra)) for row in rows]


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = TEXT.filter(lambda name: name not in ("instruction", "input", "output"))


@st.composite
def rows_with_equal_fields(draw):
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    values = {name: draw(st.sampled_from([VALUE, TEXT, st.integers()])) for name in names}
    return [
        Record(
            row,
            None,
            draw(TEXT.filter(str.strip)),
            draw(TEXT),
            draw(TEXT),
            {name: draw(values[name]) for name in names},
        )
        for row in range(draw(st.integers(1, 4)))
    ]


@pytest.mark.parametrize("format", ALL)
@settings(max_examples=40)
@given(rows=rows_with_equal_fields())
def test_rows_come_back_as_they_went(tmp_path_factory, format, rows):
    assume(format != "hf" or not any("\0" in name for row in rows for name in row.extra))
    path = place(tmp_path_factory.mktemp("round"), format)
    assert write(path, rows, format) == len(rows)
    expected = texts_of(rows)
    if format == "regen":
        own = {"most_similar_instructions": {}, "avg_similarity_score": None}
        expected = [(*texts[:3], {**own, **texts[3]}) for texts in expected]
    assert content(open_source(path, format)) == expected
    assert open_source(path).format == format


@pytest.mark.parametrize("format", ALL)
@settings(max_examples=15)
@given(rows=rows_with_equal_fields())
def test_what_was_read_is_written_back_byte_for_byte(tmp_path_factory, format, rows):
    assume(format != "hf" or not any("\0" in name for row in rows for name in row.extra))
    folder = tmp_path_factory.mktemp("bytes")
    first, second = place(folder, format), folder / ("again" + place(folder, format).suffix)
    write(first, rows, format)
    write(second, open_source(first), format)
    assert files_in(second) == files_in(first)


def files_in(path):
    if path.is_file():
        return path.read_bytes()
    return {file.name: file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("format", ALL)
def test_no_rows_are_rows_too(tmp_path, format):
    path = place(tmp_path, format)
    assert write(path, [], format) == 0
    if format in ("jsonl", "messages"):  # lines without a line
        with pytest.raises(UserError, match="is empty"):
            open_source(path, format)
    else:
        assert content(open_source(path, format)) == []


@pytest.mark.parametrize("format", FILES)
def test_a_fault_while_writing_leaves_the_old_file(tmp_path, format):
    path = place(tmp_path, format)
    path.write_text("old")

    def rows():
        yield ROW
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, rows(), format)
    assert path.read_text() == "old"
    assert len([*tmp_path.iterdir()]) == 1
    with pytest.raises(UserError, match="does not exist"):
        write(tmp_path / "no" / "file", [ROW], format)


def test_a_fault_while_writing_leaves_the_old_folder(tmp_path):
    path = tmp_path / "saved"
    write(path, [ROW], "hf")
    before = files_in(path)

    def rows():
        yield replace(ROW, output="other")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, rows(), "hf")
    assert files_in(path) == before
    assert [*tmp_path.iterdir()] == [path]
    write(path, [replace(ROW, output="other")], "hf")
    assert content(open_source(path))[0][2] == "other"
    assert [*tmp_path.iterdir()] == [path]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not overwritten"):
        write(tmp_path / "mine", [ROW], "hf")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_field_that_some_rows_lack(tmp_path):
    rows = [replace(ROW, extra={"a": "x"}), ROW, replace(ROW, extra={"b": [1]})]
    for format in ("alpaca", "jsonl", "messages", "sharegpt"):
        write(place(tmp_path, format), rows, format)
        assert content(open_source(place(tmp_path, format), format)) == texts_of(rows)
    write(tmp_path / "t.csv", rows, "csv")
    assert [row[3] for row in content(open_source(tmp_path / "t.csv"))] == [
        {"a": "x"},
        {"a": ""},
        {"a": "", "b": [1]},
    ]
    write(tmp_path / "t.parquet", rows, "parquet")
    assert [row[3] for row in content(open_source(tmp_path / "t.parquet"))] == [
        {"a": "x", "b": None},
        {"a": None, "b": None},
        {"a": None, "b": [1]},
    ]


def test_a_field_named_like_a_text(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"question": "q", "answer": "a", "instruction": "be nice", "output": 5}))
    source = open_source(path, mapping={"instruction": "question", "output": "answer"})
    assert content(source) == [("q", "", "a", {"instruction": "be nice", "output": 5})]
    write(path, source, "jsonl")
    assert json.loads(path.read_text()) == {
        "instruction": "q",
        "input": "",
        "output": "a",
        "instruction_": "be nice",
        "output_": 5,
    }


def test_only_the_three_texts_and_names_of_their_own(tmp_path):
    rows = [
        replace(ROW, extra={"id": 1, "most_similar_instructions": {"x": 0.5}, "avg_similarity_score": 0.1})
    ]
    path = tmp_path / "data.json"
    write(path, rows, "alpaca")
    assert [*json.loads(path.read_text())[0]] == ["instruction", "input", "output", "id"]
    write(path, rows, "alpaca", Options(extra=False))
    assert [*json.loads(path.read_text())[0]] == ["instruction", "input", "output"]
    write(
        path, rows, "jsonl", Options(extra=False, mapping={"instruction": "prompt", "output": "completion"})
    )
    assert json.loads(path.read_text()) == {
        "prompt": ROW.instruction,
        "input": ROW.input,
        "completion": "Auk",
    }
    source = open_source(path)
    assert source.mapping == {"instruction": "prompt", "input": "input", "output": "completion"}
    assert content(source) == texts_of([ROW])


def test_neighbours_are_given_or_those_the_row_came_with(tmp_path):
    path = tmp_path / "regen.json"
    old = {"most_similar_instructions": {"x": 0.5}, "avg_similarity_score": 0.1, "id": 7}
    write(path, [replace(ROW, extra=old), ROW], "regen")
    assert detect(path) == "regen"
    first, second = json.loads(path.read_text())
    assert {name: first[name] for name in old} == old
    assert (second["most_similar_instructions"], second["avg_similarity_score"]) == ({}, None)
    assert [*first] == ["instruction", "input", "output", *old]

    def neighbours(row):
        return ([("low", 0.25), ("high", 0.5), ("low", 0.125)], 0.2) if "id" in row.extra else None

    write(
        path,
        [replace(ROW, extra=old), replace(ROW, extra={**old, "id": 8})],
        "regen",
        Options(neighbours=neighbours),
    )
    first = json.loads(path.read_text())[0]
    assert [*first["most_similar_instructions"].items()] == [("high", 0.5), ("low", 0.25)]
    assert first["avg_similarity_score"] == 0.2


def test_splits_of_a_folder(tmp_path):
    path = tmp_path / "saved"
    rows = [replace(ROW, output=str(number), extra={"split": number % 2}) for number in range(5)]
    write(path, rows, "hf", Options(split=lambda row: "eval" if row.extra["split"] else None))
    assert detect(path) == "hf"
    with pytest.raises(UserError, match=r"has several splits.*train, eval"):
        open_source(path)
    assert [row[2] for row in content(open_source(path, split="eval"))] == ["1", "3"]
    assert [row[2] for row in content(open_source(path, split="all"))] == ["0", "2", "4", "1", "3"]
    with pytest.raises(UserError, match="no split 'test'"):
        open_source(path, split="test")
    write(path, rows, "hf")
    assert len(content(open_source(path))) == len(content(open_source(path, split="train"))) == 5
    with pytest.raises(UserError, match="no split 'eval'"):
        open_source(path, split="eval")
    write(tmp_path / "x.json", rows, "alpaca")
    with pytest.raises(UserError, match="has no splits"):
        open_source(tmp_path / "x.json", split="eval")


def test_values_of_arrow_that_json_does_not_have(tmp_path):
    import datetime
    import decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    day = datetime.datetime(2026, 5, 4, 3, 2, 1)
    table = pa.table(
        {
            "prompt": ["a", "b"],
            "response": ["c", "d"],
            "at": [day, None],
            "raw": [b"\x00\xff", b""],
            "price": [decimal.Decimal("1.50"), None],
            "list": [[1], []],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    rows = content(open_source(tmp_path / "x.parquet"))
    assert rows[0][3] == {"at": day.isoformat(), "raw": "AP8=", "price": "1.50", "list": [1]}
    assert json.loads(json.dumps(rows)) == [[*row] for row in rows]


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (["instruction", "input", "output", "text"], ["instruction", "input", "output"]),
        (["instruction", "context", "response", "category"], ["instruction", "context", "response"]),
        (["question", "answer"], ["question", None, "answer"]),
        (["Context", "Question", "Answer"], ["Question", "Context", "Answer"]),
        (["prompt", "completion"], ["prompt", None, "completion"]),
        (["prompt", "chosen", "rejected"], ["prompt", None, "chosen"]),
        (["input", "output"], ["input", None, "output"]),
        (["inputs", "targets"], ["inputs", None, "targets"]),
        (["Human", "Assistant"], ["Human", None, "Assistant"]),
        (["prompt", "text"], ["prompt", None, "text"]),
        (["id", "user_message", "Response"], ["user_message", None, "Response"]),
        (["a", "b"], None),
        (["text"], None),
        (["question", "label"], None),
    ],
)
def test_the_fields_are_guessed(tmp_path, columns, mapping):
    path = tmp_path / "data.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, [f"<{name}>" for name in columns]])
    source = open_source(path)
    assert source.columns == tuple(columns)
    if mapping is None:
        assert source.mapping is None
        with pytest.raises(UserError, match="cannot be told from their names"):
            source.preview(1)
        return
    assert [source.mapping.get(field) for field in ("instruction", "input", "output")] in (
        mapping,
        [mapping[0], mapping[1] or "input", mapping[2]],
    )
    instruction, input, output, extra = content(source)[0]
    assert [instruction, input, output] == [f"<{name}>" if name else "" for name in mapping]
    assert extra == {name: f"<{name}>" for name in columns if name not in mapping}


def test_a_mapping_by_hand_is_checked(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"x": "a", "y": "b"}')
    assert content(open_source(path, mapping={"instruction": "x", "output": "y"})) == [("a", "", "b", {})]
    for mapping, word in (
        ({"instruction": "x", "output": "z"}, "no column 'z'; there are x, y"),
        ({"question": "x"}, "'question' is no field"),
        ({"instruction": "x"}, "does not say"),
    ):
        with pytest.raises(UserError, match=word) as caught:
            open_source(path, mapping=mapping)
        assert caught.value.exit_code == 2


TABLES = {
    "semicolons": "question;answer\r\na;b, c\r\n",
    "tabs": "question\tanswer\na\tb, c\n",
    "pipes": "question|answer\na|b, c\n",
    "quotes": '"question","answer"\n"a","b, c"\n',
    "backslashes": '"question","answer"\n"a","b, c"\n"say \\"x\\"","y, z"\n',
    "old Mac": "question,answer\ra,'b'\r",
    "mark": '\ufeffquestion,answer\na,"b, c"\n',
    "blank lines": '\n\nquestion,answer\n\na,"b, c"\n\n',
    "newlines": 'question,answer\n"a\nb","c\r\nd"\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_dialects_of_tables(tmp_path, name):
    path = tmp_path / "data.csv"
    path.write_bytes(TABLES[name].encode())
    rows = content(open_source(path))
    expected = {"old Mac": ("a", "", "'b'", {}), "newlines": ("a\nb", "", "c\r\nd", {})}
    assert rows[0] == expected.get(name, ("a", "", "b, c", {}))
    if name == "backslashes":
        assert rows[1] == ('say "x"', "", "y, z", {})


def test_columns_of_one_name_are_told_apart(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("question,answer,answer,\na,b,c,d\n")
    assert content(open_source(path)) == [("a", "", "b", {"answer (2)": "c", "": "d"})]


def test_where_a_row_begins(tmp_path):
    (tmp_path / "a.csv").write_text('question,answer\n"a\nb",c\nd,e\n')
    assert [row.line for row in open_source(tmp_path / "a.csv")] == [2, 4]
    (tmp_path / "a.json").write_text(
        '[\n{"instruction": "a",\n"output": "b"},\n\n{"instruction": "c", "output": "d"}]'
    )
    assert [row.line for row in open_source(tmp_path / "a.json")] == [2, 5]
    (tmp_path / "a.jsonl").write_text(
        '\n{"instruction": "a", "output": "b"}\n\n{"instruction": "c", "output": "d"}'
    )
    assert [(row.row, row.line) for row in open_source(tmp_path / "a.jsonl")] == [(0, 2), (1, 4)]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252"],
)
@pytest.mark.parametrize("format", TEXT_FILES)
def test_encodings(tmp_path, format, encoding):
    path = place(tmp_path, format)
    row = replace(ROW, output="Zwölf Bären, 3 €" + ("" if encoding == "cp1252" else " 🦙 ✓"))
    write(path, [row] * 3, format)
    path.write_bytes(path.read_bytes().decode().encode(encoding))
    source = open_source(path)
    assert source.format == format
    assert [entry[2] for entry in content(source)] == [row.output] * 3
    assert source.encoding.startswith(
        {"cp1252": "windows-1252 (guessed"}.get(encoding, encoding.removesuffix("-sig"))
    )
    assert content(open_source(path, encoding=encoding))[0][2] == row.output
    with pytest.raises(UserError, match="No encoding is called"):
        open_source(path, encoding="klingon")


def test_latin_1_where_windows_has_no_such_sign(tmp_path):
    path = tmp_path / "data.json"
    path.write_bytes('[{"instruction": "caf\xe9 \x81", "output": "b"}]'.encode("latin-1"))
    source = open_source(path)
    assert source.encoding.startswith("latin-1 (guessed")
    assert content(source) == [("caf\xe9 \x81", "", "b", {})]


@pytest.mark.parametrize("format", TEXT_FILES)
def test_progress_and_memory(tmp_path, format):
    path = place(tmp_path, format)
    row = replace(ROW, output="x" * 2_000)
    write(path, (row for _ in range(12_000)), format)
    assert path.stat().st_size > 24_000_000
    tracemalloc.start()
    source = open_source(path)
    assert source.total_bytes == path.stat().st_size
    seen = []
    for number, _ in enumerate(source):
        if number % 3_000 == 0:
            seen.append(source.bytes_read)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 11_999
    assert seen == sorted(set(seen))
    assert source.bytes_read == source.total_bytes
    assert peak < 12_000_000


@pytest.mark.parametrize("format", FILES)
def test_a_field_of_fifty_megabytes(tmp_path, format):
    path = place(tmp_path, format)
    row = replace(ROW, output=("x" * 990 + ' "b"\n, ö') * 50_100)
    assert len(row.output.encode()) > 50_000_000
    write(path, [ROW, row, ROW], format, Options(extra=False))
    assert [entry[:3] for entry in content(open_source(path, format))] == [
        entry[:3] for entry in texts_of([ROW, row, ROW])
    ]


def test_unknown_formats(tmp_path):
    for call in (lambda: open_source(tmp_path, "xml"), lambda: write(tmp_path / "x", [], "xml")):
        with pytest.raises(UserError, match="Unknown format 'xml'") as caught:
            call()
        assert caught.value.exit_code == 2


def test_what_needs_datasets_says_so(tmp_path, monkeypatch):
    write(tmp_path / "x.parquet", [ROW], "parquet")
    for module in ("pyarrow", "pyarrow.parquet", "datasets", "huggingface_hub"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    for call in (
        lambda: open_source(tmp_path / "x.parquet"),
        lambda: open_source(tmp_path, "hf"),
        lambda: open_source("hf://a/b"),
        lambda: write(tmp_path / "y.parquet", [ROW], "parquet"),
        lambda: write(tmp_path / "folder", [ROW], "hf"),
        lambda: write("a/b", [ROW], "hub"),
    ):
        with pytest.raises(UserError, match=r"pip install 'alpaca-tui\[data\]'"):
            call()
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_real_rows_through_every_format(data_dir, tmp_path):
    original = texts_of(open_source(data_dir / "alpaca_first5000.json"))
    assert len(original) == 5_000
    for format in ALL:
        path = place(tmp_path, format).with_stem(format)
        write(path, open_source(data_dir / "alpaca_first5000.json"), format)
        found = content(open_source(path, format))
        assert [row[:3] for row in found] == [row[:3] for row in original], format


def test_real_regen_json_comes_back(data_dir, tmp_path):
    for source in sorted((data_dir / "regen").glob("*.json")):
        path = tmp_path / source.name
        assert detect(source) == "regen"
        write(path, open_source(source), "regen")
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(source.read_text(encoding="utf-8"))


def test_a_name_that_datasets_cannot_hold_is_said(tmp_path):
    pytest.importorskip("datasets")
    with pytest.raises(UserError, match="NUL"):
        write(tmp_path / "folder", [replace(ROW, extra={"a\0b": 1})], "hf")
    assert not list(tmp_path.iterdir())
