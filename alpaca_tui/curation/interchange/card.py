"""The card of a dataset: what it holds, who answered, when, and what may be done with it.

Text only: knows neither the store nor the Hub. Names that came from outside are quoted.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_OPENAI = re.compile(r"openai|gpt|davinci|chatgpt|\bo\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says. teachers: name of a model that wrote outputs -> how many rows (rows written by
    people or of unknown origin are the rest); sources: where rows come from -> how many. licence: an id
    the Hub knows, "" if it is not decided. language: two letters."""

    title: str
    rows: int
    with_input: int
    created: datetime.date
    teachers: Mapping[str, int] = field(default_factory=dict[str, int])
    sources: Mapping[str, int] = field(default_factory=dict[str, int])
    splits: Mapping[str, int] = field(default_factory=dict[str, int])
    columns: Sequence[str] = ("instruction", "input", "output")
    licence: str = ""
    language: str = "en"
    description: str = ""


def dataset_card(facts: CardFacts) -> str:
    """The card as Markdown with the Hub's YAML head; the same facts give the same text."""
    splits = facts.splits or {"train": facts.rows}
    parts = [
        _head(facts, splits),
        f"# {_inline(facts.title)}\n",
        facts.description.strip() + "\n" if facts.description.strip() else "",
        f"Instruction data of {facts.rows:,} rows, {facts.with_input:,} of them with an input. "
        f"Created {facts.created.isoformat()} with alpaca-tui.\n",
        _table("Split", "Rows", splits),
        _table("Teacher", "Rows", facts.teachers),
        _table("Source", "Rows", facts.sources),
        _FIELDS,
        f"## Licence\n\n{_licence(facts)}\n",
    ]
    return "\n".join(part for part in parts if part)


_FIELDS = """## Fields

- `instruction`: the task, in words.
- `input`: what the task is about; empty where the instruction says it all.
- `output`: the answer.
"""


def _head(facts: CardFacts, splits: Mapping[str, int]) -> str:
    size = next((name for limit, name in _SIZES if facts.rows < limit), "n>1M")
    lines = ["---"]
    if facts.licence:
        lines.append(f"license: {_quoted(facts.licence)}")
    lines += [
        "language:",
        f"- {_quoted(facts.language)}",
        "task_categories:",
        "- text-generation",
        "tags:",
        "- instruction-tuning",
        "- alpaca",
        *(["- synthetic"] if facts.teachers else []),
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        "  data_files:",
    ]
    for split in splits:
        lines += [f"  - split: {_quoted(split)}", f"    path: {_quoted(f'data/{split}-*')}"]
    return "\n".join([*lines, "---\n"])


def _table(name: str, count: str, entries: Mapping[str, int]) -> str:
    if not entries:
        return ""
    rows = [f"| {_inline(entry)} | {number:,} |" for entry, number in entries.items()]
    return "\n".join([f"| {name} | {count} |", "| --- | ---: |", *rows]) + "\n"


def _licence(facts: CardFacts) -> str:
    said = (
        f"Published under {_inline(facts.licence)}." if facts.licence else "No licence has been chosen yet."
    )
    if not facts.teachers:
        return said
    note = (
        f"{said} The outputs were written by {', '.join(map(_inline, facts.teachers))}: "
        "the terms of use of each model and of its provider apply to them beside this licence"
    )
    if any(_OPENAI.search(teacher) for teacher in facts.teachers):
        note += "; those of OpenAI forbid developing models that compete with its own"
    return note + "."


def _quoted(text: str) -> str:
    """A YAML string: JSON's are ones."""
    return json.dumps(text)


def _inline(text: str) -> str:
    """Text that is no markup, on one line."""
    plain = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>#|!~])", r"\\\1", plain)
