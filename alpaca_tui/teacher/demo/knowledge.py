"""The demo teacher's small knowledge base: TOML shipped in `alpaca_tui/data/demo`, read once each.

Every fact in it was written for this project and is meant to be beyond dispute. Tables are blocks of
lines, one row each, fields separated by ` | `; a field `-` is absent, and a column whose name ends in `*`
holds a list separated by ` ; `. Knows no task family.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

Row = dict[str, Any]


@cache
def load(name: str) -> dict[str, Any]:
    """The content of `data/demo/<name>.toml`."""
    source = files("alpaca_tui").joinpath("data", "demo", f"{name}.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


@cache
def load_all(folder: str) -> dict[str, Any]:
    """The tables of every file in `data/demo/<folder>`, in one dictionary; a name may occur once only."""
    found: dict[str, Any] = {}
    sources = [
        item for item in files("alpaca_tui").joinpath("data", "demo", folder).iterdir() if item.is_file()
    ]
    for source in sorted(sources, key=lambda item: item.name):
        for name, content in tomllib.loads(source.read_text(encoding="utf-8")).items():
            if name in found:
                raise ValueError(f"{name} is defined twice in the demo knowledge folder {folder}")
            found[name] = content
    return found


def rows(name: str, key: str) -> list[Any]:
    """One list of a knowledge file."""
    return load(name)[key]


@cache
def table(name: str) -> list[Row]:
    """The rows of the table `name` of the folder `tables`."""
    content = load_all("tables")[name]
    return parse_rows(content["columns"], content["rows"])


def parse_rows(columns: list[str], text: str) -> list[Row]:
    """Rows from a block of lines; raises ValueError naming a line whose fields do not match `columns`."""
    parsed: list[Row] = []
    for line in text.strip().splitlines():
        fields = [field.strip() for field in line.split(" | ")]
        if len(fields) != len(columns):
            raise ValueError(f"{len(fields)} fields where {len(columns)} are expected: {line}")
        row: Row = {}
        for column, field in zip(columns, fields, strict=True):
            if field == "-":
                continue
            if column.endswith("*"):
                row[column[:-1]] = [item.strip() for item in field.split(" ; ")]
            else:
                row[column] = field
        parsed.append(row)
    return parsed
