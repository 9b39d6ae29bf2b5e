"""The demo teacher's small knowledge base: TOML shipped in `alpaca_tui/data/demo`, read once each.

Every fact in it was written for this project and is meant to be beyond dispute. Knows no task family.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """The content of `data/demo/<name>.toml`."""
    source = files("alpaca_tui").joinpath("data", "demo", f"{name}.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


def table(name: str, key: str) -> dict[str, Any]:
    """One table of a knowledge file."""
    return load(name)[key]


def rows(name: str, key: str) -> list[Any]:
    """One list of a knowledge file."""
    return load(name)[key]


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
