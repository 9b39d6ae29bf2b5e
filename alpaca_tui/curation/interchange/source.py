"""A dataset to be read: what format it is in, which of its columns mean what, and its rows one at a time.

`open_source` finds out what it is not told. Reading streams: memory is bounded by the largest row. Every
row is taken or refused with a reason; UserError only where nothing can be read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from alpaca_tui.curation.interchange import chats
from alpaca_tui.curation.interchange import mapping as fields
from alpaca_tui.curation.interchange.arrow import HUB, FolderReader, HubReader, ParquetReader
from alpaca_tui.curation.interchange.jsons import JsonReader
from alpaca_tui.curation.interchange.model import (
    CONVERSATION,
    FIELDS,
    FORMATS,
    Raw,
    Reader,
    Record,
    Refused,
)
from alpaca_tui.curation.interchange.streams import TextStream, open_regular
from alpaca_tui.curation.interchange.tables import TableReader, find_dialect
from alpaca_tui.errors import UserError

HEAD_ROWS = 100
"""So many first rows are looked at to learn the columns."""

_CHAT_FORMATS = ("sharegpt", "messages")
_REGEN_FIELD = "most_similar_instructions"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")
_NOT_TEXT: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "is compressed (gzip)", "Unpack it first: gunzip FILE."),
    (b"PK\x03\x04", "is a zip archive or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    (b"\x28\xb5\x2f\xfd", "is compressed (zstd)", "Unpack it first: unzstd FILE."),
    (b"\xfd7zXZ", "is compressed (xz)", "Unpack it first: unxz FILE."),
    (b"BZh", "is compressed (bzip2)", "Unpack it first: bunzip2 FILE."),
    (b"SQLite format 3", "is an SQLite database", "Export it as CSV or JSON first."),
    (b"%PDF", "is a PDF", "Give a file of rows: JSON, CSV, Parquet."),
    (b"ARROW1", "is an Arrow file", "Save it as Parquet, or give the dataset's folder."),
)


class Source:
    """A dataset ready to be read; iterating yields every row, as Record or Refused, from the start each
    time, and raises UserError if nothing can be read.

    format: its id. path: the file or folder, or the name on the Hub. columns: the names seen in the first
    rows. mapping: our field -> their column (`conversation` -> column in chat formats); None when it cannot
    be guessed, and then reading raises UserError until one is given to `open_source`. encoding: how bytes
    became text, "" where that is no question. total_bytes (None: unknown) and bytes_read: progress.
    """

    def __init__(
        self, path: str, format: str, reader: Reader, given: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self.format = format
        self._reader = reader
        head = _Head(reader)
        self.columns = tuple(head.columns)
        self._chat_column = head.chat_column
        self.mapping = self._mapping(given)

    @property
    def encoding(self) -> str:
        return self._reader.encoding

    @property
    def total_bytes(self) -> int | None:
        return self._reader.total_bytes

    @property
    def bytes_read(self) -> int:
        return self._reader.bytes_read

    def preview(self, n: int) -> list[Record | Refused]:
        """The first `n` rows. Raises UserError as iterating does."""
        return list(itertools.islice(self, n))

    def __iter__(self) -> Iterator[Record | Refused]:
        if self.mapping is None:
            raise self._unknown()
        conversation = self.mapping.get(CONVERSATION)
        for raw in self._reader.rows():
            if isinstance(raw, Refused):
                yield raw
            elif conversation is not None:
                yield chats.record(raw, conversation)
            else:
                yield fields.record(raw, self.mapping)

    def _mapping(self, given: Mapping[str, str] | None) -> Mapping[str, str] | None:
        if given is not None:
            return _checked(self.path, given, self.columns)
        if self.format in _CHAT_FORMATS:
            if self._chat_column is None and self.columns:
                return None
            return {CONVERSATION: self._chat_column or "conversations"}
        mapping = fields.guess(self.columns)
        if mapping is not None and {"instruction", "output"} <= set(self.columns):
            return mapping
        return {CONVERSATION: self._chat_column} if self._chat_column else mapping

    def _unknown(self) -> UserError:
        names = ", ".join(name[:40] for name in self.columns[:12]) + (", …" if len(self.columns) > 12 else "")
        return UserError(
            f"{self.path} is no list of rows of a known shape",
            f"Which of its fields are instruction and output cannot be told from their names: {names}.",
            "Say which they are, for example: --map instruction=FIELD,output=FIELD.",
        )


def open_source(
    path: str | Path,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    split: str | None = None,
    encoding: str | None = None,
) -> Source:
    """The dataset at `path`: a file, a folder saved by `datasets`, or `hf://OWNER/NAME`.

    format: an id of FORMATS, found by content and suffix if None. mapping: our field -> their column,
    guessed if None. split: of a dataset with several; `all` takes them one after the other. encoding: a
    Python codec, found if None. Raises UserError if it cannot be read at all.
    """
    name = str(path)
    chosen = format or detect(path)
    known = FORMATS.get(chosen)
    if known is None or not known.reads:
        raise UserError(
            f"Unknown format {chosen!r}",
            f"Known are {', '.join(id for id, known in FORMATS.items() if known.reads)}.",
            "Choose one of them.",
            exit_code=2,
        )
    if split is not None and chosen not in ("hf", "hub"):
        raise UserError(f"{name} has no splits", f"It is {known.title}.", "Leave the split out.", exit_code=2)
    return Source(name, chosen, _reader(name, chosen, split, encoding), mapping)


def detect(path: str | Path) -> str:
    """The id of the format of `path`, by its content, else its suffix. Raises UserError when there is no
    such file, it cannot be read, or its content is nothing we know."""
    name = str(path)
    if name.startswith(HUB):
        return "hub"
    file = Path(name)
    if _is_folder(file):
        if (file / "dataset_dict.json").is_file() or (file / "state.json").is_file():
            return "hf"
        raise UserError(f"{file} is a folder", "It holds no saved dataset.", "Give the name of a file in it.")
    head = _head_bytes(name, file)
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, what, step in _NOT_TEXT:
        if head.startswith(magic):
            raise UserError(f"{file} {what}", "Its rows cannot be read.", step)
    suffix = file.suffix.lower()
    for table in ("csv", "tsv"):
        if suffix in FORMATS[table].suffixes:
            return table
    stream = TextStream(file)
    start = next(stream.chunks(), "").lstrip("\ufeff \t\r\n")[:1]
    if start and start in "[{":
        return _detect_json(stream, listed=start == "[")
    if start and suffix not in (".json", ".jsonl", ".ndjson"):
        dialect, header = find_dialect(stream)
        if len(header) > 1 and fields.guess(header) is not None:
            return "tsv" if dialect.delimiter == "\t" else "csv"
    if suffix == ".parquet":
        return "parquet"
    return "alpaca"  # whose reader says what is wrong


def _detect_json(stream: TextStream, *, listed: bool) -> str:
    try:
        head = _Head(JsonReader(stream))
    except UserError:
        return "alpaca" if listed else "jsonl"  # to be said by the reader
    if listed and _REGEN_FIELD in head.columns and "instruction" in head.columns:
        return "regen"
    if head.chat_format and not {"instruction", "output"} <= head.columns.keys():
        return head.chat_format
    return "alpaca" if listed else "jsonl"


def _reader(name: str, format: str, split: str | None, encoding: str | None) -> Reader:
    path = Path(name)
    match format:
        case "hub":
            return HubReader(name, split)
        case "hf":
            return FolderReader(path, split)
        case "parquet":
            return ParquetReader(path)
        case "csv" | "tsv":
            stream = TextStream(path, encoding)
            dialect, _ = find_dialect(stream, "\t" if format == "tsv" else None)
            return TableReader(stream, dialect)
        case _:
            return JsonReader(TextStream(path, encoding))


def _checked(path: str, given: Mapping[str, str], columns: tuple[str, ...]) -> Mapping[str, str]:
    """A mapping by hand: names we know, columns that are there (others may be further down the file)."""
    wrong = [name for name in given if name not in (*FIELDS, CONVERSATION)]
    absent = [column for column in given.values() if columns and column not in columns]
    if not wrong and not absent and (CONVERSATION in given or {"instruction", "output"} <= set(given)):
        return dict(given)
    if wrong:
        cause = f"{wrong[0]!r} is no field of ours."
    elif absent:
        cause = f"There is no column {absent[0]!r}; there are {', '.join(columns[:12])}."
    else:
        cause = "It does not say which column is the instruction and which the output."
    raise UserError(
        f"The field mapping does not fit {path}",
        cause,
        "Map instruction, input and output, or conversation, to its columns.",
        exit_code=2,
    )


class _Head:
    """What the first rows tell: the names of their fields in order, and which of them is a conversation."""

    def __init__(self, reader: Reader) -> None:
        self.columns: dict[str, None] = {}
        self.chat_column: str | None = None
        self.chat_format: str | None = None
        for raw in itertools.islice(reader.rows(), HEAD_ROWS):
            entries = raw.fields if isinstance(raw, Raw) else None
            if entries is None:
                continue
            self.columns.update(dict.fromkeys(entries))
            if self.chat_column is None and (column := chats.chat_column(entries)):
                self.chat_column, self.chat_format = column, chats.chat_format(entries[column])
        if not self.columns:
            self.columns.update(dict.fromkeys(reader.columns))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _head_bytes(name: str, path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(16)
    except UserError as error:
        if "does not exist" in error.title and _HUB_NAME.fullmatch(name):
            error.next_step = f"Check the name and the folder; a dataset on the Hub is {HUB}{name}."
        raise
