"""Which column of a foreign file is the instruction, which the input, which the output; and rows made of them.

A guess by the names in use among published datasets, which the caller may override. Nothing is dropped:
what is none of the three texts stays in `extra` under its own name. Knows no file format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from alpaca_tui.curation.interchange.jsons import name_of
from alpaca_tui.curation.interchange.model import FIELDS, Raw, Record, Refused
from alpaca_tui.store.encoding import storable

IDENTITY: Mapping[str, str] = {field: field for field in FIELDS}

# Of each field, the names that mean it, the surest first. Compared without case and without `_`, `-` or space.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "instruction": (
        *("instruction", "instructions", "prompt", "question", "query", "task", "request", "problem"),
        *("human", "user", "usermessage", "instruct", "inputs", "input", "source", "q"),
    ),
    "output": (
        *("output", "outputs", "response", "responses", "answer", "answers", "completion", "reply", "target"),
        *("targets", "solution", "assistant", "gpt", "bot", "model", "chosen", "generation", "result", "a"),
        "text",
    ),
    "input": ("input", "inputs", "context", "passage", "document", "background"),
}


def guess(columns: Iterable[str]) -> dict[str, str] | None:
    """The likely mapping of our fields to `columns`; None if instruction or output cannot be told.

    A file with a column named exactly `instruction` is ours, so that a missing output is its fault."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(_plain(column), column)
    if not by_name:
        return dict(IDENTITY)
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        taken = found.values()
        column = next(
            (by_name[name] for name in names if name in by_name and by_name[name] not in taken), None
        )
        if column is not None:
            found[field] = column
    if "instruction" not in found:
        return None
    if "output" not in found:
        if found["instruction"] != "instruction":
            return None
        found["output"] = "output"
    if "input" not in found and found["instruction"] == "instruction":
        found["input"] = "input"
    return {field: found[field] for field in FIELDS if field in found}


def record(raw: Raw, mapping: Mapping[str, str]) -> Record | Refused:
    """The row that `raw` is under `mapping` (our field -> its column), or why it is none.

    A missing or null input becomes "". A text that is no string is refused, never converted: a dataset
    whose outputs are numbers or lists is to be mended where it was made.
    """
    if raw.fields is None:
        return Refused(raw.row, f"not an object but {name_of(raw.value)}", raw.line)
    entries = dict(raw.fields)
    texts: dict[str, str] = {"input": ""}
    for field, column in mapping.items():
        if column not in entries:
            if field == "input":
                continue
            return Refused(raw.row, f"no {column}", raw.line)
        text: object = entries.pop(column)
        if text is None and field == "input":
            text = ""
        if not isinstance(text, str):
            return Refused(raw.row, f"{column} is {name_of(text)}, not text", raw.line)
        texts[field] = storable(text)
    if not texts["instruction"].strip():
        column = mapping["instruction"]
        return Refused(raw.row, f"the {column} is empty", raw.line)
    return Record(raw.row, raw.line, texts["instruction"], texts["input"], texts["output"], entries)


def unique(names: Iterable[str]) -> list[str]:
    """`names` with a number after those that came before, so that no column hides another."""
    seen: set[str] = set()
    result: list[str] = []
    for name in names:
        distinct, number = name, 2
        while distinct in seen:
            distinct, number = f"{name} ({number})", number + 1
        seen.add(distinct)
        result.append(distinct)
    return result


def free(name: str, taken: Iterable[str]) -> str:
    """`name`, with underscores behind it until it is not in `taken`."""
    others = set(taken)
    while name in others:
        name += "_"
    return name


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()
