"""Whatever is given to a reader: the good rows come, each bad one is named, and only nothing is an error."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.curation.interchange import FORMATS, Record, Refused, detect, open_source, write
from alpaca_tui.curation.interchange import jsons as jsons_module
from alpaca_tui.curation.interchange import tables as tables_module
from alpaca_tui.errors import UserError

TEXT_FILES = ["alpaca", "regen", "jsonl", "csv", "tsv", "sharegpt", "messages"]
FILES = [*TEXT_FILES, "parquet"]
JSON_FILES = ["alpaca", "regen", "jsonl", "sharegpt", "messages"]
ROWS = [Record(number, None, f"Count to {number}.", "", f"1 … {number}") for number in range(6)]


def place(folder, format):
    return folder / f"data{(*FORMATS[format].suffixes, '')[0]}"


def read(path, format=None):
    """The outputs of the rows taken, and the rows refused."""
    taken, refused = [], []
    for row in open_source(path, format):
        (refused if isinstance(row, Refused) else taken).append(row)
    return [row.output for row in taken], refused


def error_of(path, format=None) -> UserError:
    with pytest.raises(UserError) as caught:
        read(path, format)
    assert str(path) in caught.value.title
    assert caught.value.next_step
    return caught.value


@pytest.fixture
def good(tmp_path, request):
    """A file of the six rows in the format that parametrizes the test, and its bytes."""
    path = place(tmp_path, request.param)
    write(path, ROWS, request.param)
    return path, path.read_bytes()


@pytest.mark.parametrize("format", [*FILES, "hf"])
def test_what_is_no_file(tmp_path, format, monkeypatch):
    path = place(tmp_path, format)
    error = error_of(path, format)
    assert "does not exist" in error.title or "cannot be opened" in error.title
    path.mkdir(exist_ok=True)
    assert "folder" in str(error_of(path, format))
    path.rmdir() if path != tmp_path else None
    fifo = tmp_path / f"pipe{path.suffix}"
    os.mkfifo(fifo)
    assert str(error_of(fifo, format))
    if format == "hf":
        return
    assert "not a regular file" in error_of(fifo, format).title
    assert "not a regular file" in error_of(fifo).title
    error = error_of(Path(f"/dev/null/x{path.suffix}"), format)
    assert "cannot be read" in error.title
    nul = Path(f"a\0b{path.suffix}")
    assert "cannot be read" in error_of(nul, format).title
    assert "cannot be read" in error_of(nul).title
    write(path, ROWS, format)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in error_of(path, format).cause
    assert "Permission denied" in error_of(path).cause


@pytest.mark.parametrize("format", FILES)
def test_a_file_that_vanishes(tmp_path, format):
    path = place(tmp_path, format)
    write(path, ROWS, format)
    source = open_source(path)
    path.unlink()
    with pytest.raises(UserError, match="does not exist"):
        list(source)


@pytest.mark.parametrize("good", FILES, indirect=True)
def test_a_disk_that_fails(good, monkeypatch):
    path, _ = good
    source = open_source(path)

    class Failing:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def read(self, *_):
            raise OSError(5, "Input/output error")

    opened = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *args, **named: Failing(opened(*args, **named)))
    with pytest.raises(UserError, match="Input/output error"):
        list(source)


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize(
    "content",
    [b"", b"\xef\xbb\xbf \n\n", b"\0" * 1_000, b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 3],
)
def test_files_of_nothing(tmp_path, format, content):
    path = place(tmp_path, format)
    path.write_bytes(content)
    error = error_of(path, format)
    assert len(content) >= 100 or format == "parquet" or "is empty" in error.title
    error_of(path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"PK\x03\x04", "spreadsheet"),
        (b"SQLite format 3\0", "SQLite"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_files_of_another_kind(tmp_path, content, word):
    path = tmp_path / "data.json"
    path.write_bytes(content)
    assert word in error_of(path).title


@pytest.mark.parametrize("good", JSON_FILES, indirect=True)
def test_cut_off_anywhere(good):
    path, data = good
    outputs = [row.output for row in ROWS]
    for end in range(1, len(data) - 2):
        path.write_bytes(data[:end])
        try:
            taken, refused = read(path, detect(path))
        except UserError as error:
            if data[:end].strip(b"[ \n") and "cut off" not in error.cause and "is no list" not in error.title:
                raise
            continue
        assert taken == outputs[: len(taken)]
        assert len(refused) <= 1
        if path.suffix == ".json":
            assert refused, end
            assert refused[0].row == len(taken)
            assert "cut off here" in refused[0].reason
            assert refused[0].line == data[:end].count(b"\n") + 1 or data[:end].endswith(b"\n")
        elif len(taken) < data[:end].count(b"}\n"):
            raise AssertionError(end)


@pytest.mark.parametrize("good", ["csv", "tsv"], indirect=True)
def test_a_table_cut_off_anywhere(good):
    path, data = good
    header = data.index(b"\n") + 1
    for end in range(header, len(data)):
        path.write_bytes(data[:end])
        taken, refused = read(path)
        whole = data[header:end].count(b"\n")
        assert taken[:whole] == [row.output for row in ROWS[:whole]]
        assert len(taken) + len(refused) <= whole + 1


@pytest.mark.parametrize("good", ["csv"], indirect=True)
def test_a_quote_never_closed(good, monkeypatch):
    path, data = good
    path.write_bytes(data.replace(b"Count to 4.", b'"Count to 4.'))
    taken, refused = read(path)
    assert taken == [row.output for row in ROWS if row.row != 4]
    assert [(row.row, row.line) for row in refused] == [(4, 6)]
    assert "never closed" in refused[0].reason
    path.write_bytes(data.replace(b"Count to 4.", b'"Count" to 4.'))
    taken, refused = read(path)
    assert len(taken) == 5
    assert [(row.row, row.line) for row in refused] == [(4, 6)]
    monkeypatch.setattr(tables_module, "LONGEST_FIELD", 1_000)
    import csv

    before = csv.field_size_limit(1_000)
    try:
        path.write_bytes(data + b"x,," + b"y" * 2_000 + b"\nz,,last\n")
        taken, refused = read(path)
    finally:
        csv.field_size_limit(before)
    assert taken == [row.output for row in ROWS] + ["last"]
    assert "a field of more than" in refused[0].reason


@pytest.mark.parametrize("good", TEXT_FILES, indirect=True)
def test_mixed_encodings(good):
    path, data = good
    path.write_bytes(data.replace(b"Count to 3.", b"Caf\xe9 3.").replace(b"Count to 5.", b"\xff\xfe"))
    taken, refused = read(path)
    assert taken == [row.output for row in ROWS if row.row not in (3, 5)]
    assert [row.row for row in refused] == [3, 5]
    lines = path.read_bytes().split(b"\n")
    for row, byte in zip(refused, (b"\xe9", b"\xff"), strict=True):
        line = next(number for number, line in enumerate(lines, 1) if byte in line)
        assert row.line == line
        place_in_line = lines[line - 1].index(byte) + 1
        assert row.reason == f"line {line}, byte {place_in_line} is no UTF-8"


@pytest.mark.parametrize("good", TEXT_FILES, indirect=True)
def test_nul_bytes_are_text(good):
    path, data = good
    path.write_bytes(data.replace(b"Count to 3.", b"Count\0to 3."))
    rows = list(open_source(path))
    assert len(rows) == 6
    assert rows[3].instruction == "Count\0to 3."


@pytest.mark.parametrize("good", JSON_FILES, indirect=True)
@pytest.mark.parametrize(
    "damage",
    [
        (b'"Count to 3."', b'"Count to 3.'),
        (b'"Count to 3."', b'Count to 3."'),
        (b'"Count to 3."', b""),
        (b'"Count to 3."', b'"Count \\x 3."'),
        (b'"Count to 3."', b'"Count \\u12 3."'),
        pytest.param((b'"Count to 3."', b"[" * 50_000 + b"]" * 50_000), id="deep"),
        pytest.param((b'"Count to 3."', b"9" * 5_000), id="digits"),
        (b'"Count to 3."', b"tru"),
    ],
)
def test_a_damaged_row_costs_no_other(good, damage):
    path, data = good
    old, new = damage
    path.write_bytes(data.replace(old, new, 1))
    taken, refused = read(path)
    assert taken == [row.output for row in ROWS if row.row != 3]
    assert refused[0].row == 3
    assert "not valid JSON" in refused[0].reason
    line = data[: data.index(old)].count(b"\n") + 1
    assert abs(refused[0].line - line) <= 5  # a conversation is several lines
    assert len(refused) == 1


@pytest.mark.parametrize("good", ["alpaca", "regen", "jsonl"], indirect=True)
@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("5", "a number"),
        ("NaN", "NaN"),
        ("-Infinity", "a number"),
        ("[1]", "a list"),
        ("{}", "an object"),
        ("null", "null"),
        ("true", "true or false"),
    ],
)
def test_values_that_are_no_text(good, value, word):
    path, data = good
    path.write_bytes(data.replace(b'"Count to 3."', value.encode()))
    taken, refused = read(path)
    assert len(taken) == 5
    assert [(row.row, row.reason) for row in refused] == [(3, f"instruction is {word}, not text")]


def test_values_that_are_no_text_in_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"instruction": ["a", "b", None], "output": [[1], [2], None]}), tmp_path / "x.parquet"
    )
    taken, refused = read(tmp_path / "x.parquet")
    assert taken == []
    assert [row.reason for row in refused] == [
        "output is a list, not text",
        "output is a list, not text",
        "instruction is null, not text",
    ]


@pytest.mark.parametrize("good", ["alpaca", "regen", "jsonl", "sharegpt", "messages"], indirect=True)
def test_keys_that_occur_twice(good):
    path, data = good
    for name in (b"instruction", b"from", b"role"):
        key = b'"%s": ' % name
        if key in data:
            break
    first = data.index(key)
    path.write_bytes(data[:first] + key + b'"other", ' + data[first:])
    taken, refused = read(path)
    assert taken == [row.output for row in ROWS[1:]]
    assert [(row.row, row.reason) for row in refused] == [
        (0, f"{name.decode()} occurs twice, with different values")
    ]
    value = data[first + len(key) : data.index(b",", first)]
    path.write_bytes(data[:first] + key + value + b", " + data[first:])
    assert read(path)[1] == []


def test_nan_in_other_fields_is_kept(tmp_path):
    path = tmp_path / "data.json"
    path.write_text('[{"instruction": "a", "output": "b", "loss": NaN, "best": -Infinity}]')
    write(tmp_path / "again.json", open_source(path), "alpaca")
    row = json.loads((tmp_path / "again.json").read_text())[0]
    assert row["loss"] != row["loss"]
    assert row["best"] == float("-inf")


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_rows_of_another_width(tmp_path, format):
    path = place(tmp_path, format)
    sign = "," if format == "csv" else "\t"
    path.write_text(
        "\n".join(
            sign.join(cells)
            for cells in (["question", "answer"], ["a", "b"], ["c"], ["d", "e", "f"], ["g", "h"])
        )
    )
    taken, refused = read(path)
    assert taken == ["b", "h"]
    assert [(row.row, row.line, row.reason) for row in refused] == [
        (1, 3, "1 cells where the header has 2"),
        (2, 4, "3 cells where the header has 2"),
    ]


def test_shapes_of_lists(tmp_path):
    path = tmp_path / "data.json"
    row = '{"instruction": "a", "output": "%s"}'
    path.write_text(f"[{row % 1}, {row % 2},]")  # a comma too many
    assert read(path) == (["1", "2"], [])
    path.write_text(f"[{row % 1} {row % 2}]")  # and one too few
    assert read(path) == (["1", "2"], [])
    path.write_text(f"[{row % 1}]\n[{row % 2}]")  # one list appended to another
    assert read(path) == (["1", "2"], [])
    path.write_text(f"[{row % 1}]\nbye")
    taken, refused = read(path)
    assert taken == ["1"]
    assert "something follows the end of the list" in refused[0].reason
    path.write_text(f"[{row % 1}, 12345, 1")
    taken, refused = read(path)
    assert taken == ["1"]
    assert [row.row for row in refused] == [1, 2, 3]
    path.write_text(
        json.dumps(json.loads(row % 1), indent=2) + "\n" + json.dumps(json.loads(row % 2), indent=2)
    )
    assert read(path) == (["1", "2"], [])
    path.write_text(json.dumps(json.loads(row % 1), indent=2) + "\n{\n  1")
    taken, refused = read(path)
    assert taken == ["1"]
    assert refused[0].line == 6
    path.write_text("{torn\n" + row % 1 + "\n" + row % 2)
    taken, refused = read(path)
    assert taken == ["1", "2"]
    assert [(bad.row, bad.line) for bad in refused] == [(0, 1)]
    path.write_text("{torn\n" * 25)
    assert "Line 1" in error_of(path).cause


def test_an_object_without_end_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(jsons_module, "_LONGEST_OBJECT", 1 << 21)
    path = tmp_path / "data.json"
    path.write_text('{"data": [' + "1, " * 3_000_000)
    assert "an object without end" in error_of(path).cause
    path.write_text('{"data": [\n' + "1, " * 3_000_000)
    assert "an object without end" in error_of(path).cause


def test_broken_parquet(tmp_path):
    path = tmp_path / "data.parquet"
    write(path, ROWS, "parquet")
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    assert "not valid Parquet" in error_of(path).title
    path.write_bytes(b"PAR1")
    assert "not valid Parquet" in error_of(path).title
    for at in range(4, len(data) - 8, 37):
        path.write_bytes(data[:at] + b"\xff\xff\xff\xff\xff\xff" + data[at + 6 :])
        with suppress(UserError):
            taken, refused = read(path)
            assert len(taken) + len(refused) <= 6


def test_text_that_is_no_utf_8_in_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    outputs = pa.array([b"good", b"b\xffd", b"fine"]).view(pa.string())
    pq.write_table(pa.table({"instruction": ["a", "b", "c"], "output": outputs}), tmp_path / "x.parquet")
    taken, refused = read(tmp_path / "x.parquet")
    assert taken == ["good", "fine"]
    assert [row.row for row in refused] == [1]


def test_broken_folders(tmp_path):
    write(tmp_path / "saved", ROWS, "hf")
    for name in ("state.json", "dataset_info.json", "data-00000-of-00001.arrow"):
        file = tmp_path / "saved" / name
        before = file.read_bytes()
        file.write_bytes(before[: len(before) // 2])
        assert "cannot be opened" in error_of(tmp_path / "saved", "hf").title
        file.write_bytes(before)
    assert len(read(tmp_path / "saved")[0]) == 6
    assert "holds no saved dataset" in error_of(tmp_path).cause


@settings(max_examples=300)
@given(
    at=st.integers(0, 600),
    new=st.sampled_from([b"", b'"', b"\\", b"{", b"}", b"]", b",", b"\n", b"\0", b"\xff", b"}, {", b'": "']),
    format=st.sampled_from(TEXT_FILES),
)  # a "[" between two rows makes all that follow one list, in good JSON: it is one row refused
def test_one_wrong_byte_costs_few_rows(tmp_path_factory, at, new, format):
    path = place(tmp_path_factory.mktemp("wrong"), format)
    rows = [Record(number, None, f"Say {number}.", "", f"<{number}>") for number in range(12)]
    write(path, rows, format)
    data = path.read_bytes()
    start = data.index(b"Say 1.")
    path.write_bytes(data[: start + at] + new + data[start + at + 1 :])
    taken, refused = read(path)
    outputs = [row.output for row in rows]
    assert taken[0] == outputs[0]
    lost = [output for output in outputs if output not in taken]
    assert len(lost) <= 3
    assert len(refused) <= 3


@settings(max_examples=300)
@given(
    content=st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
    | st.text(st.sampled_from('{}[]",:\\ \n\t\0a1;|é'), max_size=40).map(str.encode),
    suffix=st.sampled_from([".json", ".jsonl", ".csv", ".tsv", ".parquet", ".txt", ""]),
)
def test_any_bytes_bring_rows_or_an_explanation(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("any") / f"data{suffix}"
    path.write_bytes(content)
    with suppress(UserError):
        read(path)
    for format in TEXT_FILES:
        with suppress(UserError):
            read(path, format)


def test_a_fifo_in_place_of_the_file_does_not_hang(tmp_path):
    path = tmp_path / "data.json"
    write(path, ROWS, "alpaca")
    source = open_source(path)
    path.unlink()
    os.mkfifo(path)
    done = threading.Event()

    def go():
        with suppress(UserError):
            list(source)
        done.set()

    threading.Thread(target=go, daemon=True).start()
    assert done.wait(20)
