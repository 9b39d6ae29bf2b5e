"""The words in which readers and writers speak: a format, a row read, a row refused, a row to be written.

Plain values only. Knows no file, no parser and no store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from alpaca_tui.curation.texts import Texts

FIELDS = ("instruction", "input", "output")
CONVERSATION = "conversation"
"""The name under which the mapping of a chat format gives the column of the conversation."""

JSON_SUFFIX = ":json"
"""Ends the name of a column that holds JSON, where a table can hold but text or values of one type."""

EXTRA = "alpaca-tui[data]"
"""What to install for the formats that need `datasets`."""


@dataclass(frozen=True, slots=True)
class Format:
    """A dataset format. `suffixes`: the usual ends of its names, the first one the default. `needs`: the
    package without which it can be neither read nor written, None where the program alone suffices."""

    id: str
    title: str
    suffixes: tuple[str, ...]
    reads: bool = True
    writes: bool = True
    needs: str | None = None


FORMATS: Mapping[str, Format] = {
    format.id: format
    for format in (
        Format("alpaca", "Alpaca JSON: a list of instruction, input, output", (".json",)),
        Format("regen", "regen.json: Alpaca JSON with the ten nearest instructions", (".json",)),
        Format("jsonl", "JSON lines: one object a line", (".jsonl", ".ndjson")),
        Format("csv", "CSV: a table with a header, comma-separated", (".csv",)),
        Format("tsv", "TSV: a table with a header, tab-separated", (".tsv", ".tab")),
        Format("parquet", "Parquet", (".parquet",), needs="datasets"),
        Format("sharegpt", "ShareGPT: conversations of from and value", (".json", ".jsonl")),
        Format("messages", "Chat messages of role and content", (".jsonl", ".json")),
        Format("hf", "A folder saved by Hugging Face datasets", (), needs="datasets"),
        Format("hub", "A dataset of the Hugging Face Hub: hf://OWNER/NAME", (), needs="datasets"),
    )
}
"""Every format by its id, in the order in which to offer them."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a file. `row` counts from 0 in file order; `line` from 1, None where there are no lines.
    `extra`: every field that is none of the three texts, in file order, JSON values."""

    row: int
    line: int | None
    instruction: str
    input: str
    output: str
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken. `row` counts from 0 in file order; `line` from 1, where lines are rows."""

    row: int
    reason: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """A row as its file has it, before it is known which field is which."""

    row: int
    line: int | None
    value: object

    @property
    def fields(self) -> dict[str, Any] | None:
        """Its fields by name; None if it is no object."""
        value = self.value
        return cast(dict[str, Any], value) if isinstance(value, dict) else None


class Row(Texts, Protocol):
    """A row to be written: the three texts and the fields of other names."""

    @property
    def extra(self) -> Mapping[str, Any]: ...


class Reader(Protocol):
    """What a file format gives: its rows as they are, from the start at each call, and how far it is.

    `encoding` says how bytes became text, in words fit for a person; "" where that is no question.
    `total_bytes` is None where the size is unknown. `columns`: the names that are known without a row,
    once `rows` has begun; () where only rows tell."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def encoding(self) -> str: ...
    @property
    def total_bytes(self) -> int | None: ...
    @property
    def bytes_read(self) -> int: ...
    def rows(self) -> Iterator[Raw | Refused]: ...
