"""What the faulty server says: tasks in the teacher's format, unique to each request, so that a test can
count what was kept and trace every stored text back to the request it came from.

Instructions are a verb and nine invented words out of 4,096: no two come near a ROUGE-L of 0.7, and
none holds a word that a filter forbids. Knows no HTTP.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

_VERBS = [
    "Explain",
    "Describe",
    "Compare",
    "Summarize",
    "Classify",
    "Rewrite",
    "Translate",
    "List",
    "Suggest",
    "Invent",
    "Correct",
    "Simplify",
    "Convert",
    "Rank",
    "Estimate",
    "Identify",
    "Outline",
    "Compose",
    "Evaluate",
    "Reverse",
]
_SYLLABLES = ["ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su", "ta", "ve", "wi", "zo", "ka", "le"]

_NUMBERED = re.compile(r"(\d+)\.\s+Instruction:")
_OPEN_END = re.compile(r"(\d+)\.\s+Instruction:\s*$")


@dataclass(frozen=True, slots=True)
class GivenTask:
    """A task as the server wrote it; `input` is "" where the text says <noinput>."""

    number: int
    instruction: str
    input: str
    output: str


def _words(rng: random.Random, count: int) -> str:
    return " ".join("".join(rng.choices(_SYLLABLES, k=3)) for _ in range(count))


def make_tasks(rng: random.Random, first: int, count: int) -> list[GivenTask]:
    """`count` tasks numbered from `first`; every second one has an input."""
    return [
        GivenTask(
            number=first + i,
            instruction=f"{rng.choice(_VERBS)} {_words(rng, 9)}.",
            input=_words(rng, 6) if i % 2 else "",
            output=f"The answer is {_words(rng, 12)}.",
        )
        for i in range(count)
    ]


def render_tasks(tasks: Sequence[GivenTask], *, continues: bool = False) -> str:
    """The tasks in the teacher's format; `continues` leaves out the first heading, which the prompt of a
    legacy completions request already ends with."""
    text = "\n###\n".join(
        f"{task.number}. Instruction: {task.instruction}\n"
        f"{task.number}. Input:\n{task.input or '<noinput>'}\n"
        f"{task.number}. Output:\n{task.output}"
        for task in tasks
    )
    if continues and tasks:
        text = text.removeprefix(f"{tasks[0].number}. Instruction:")
    return text


def next_number(prompt: str) -> tuple[int, bool]:
    """The number the answer to `prompt` starts with, and whether the prompt already wrote its heading."""
    if open_end := _OPEN_END.search(prompt):
        return int(open_end.group(1)), True
    return max((int(number) for number in _NUMBERED.findall(prompt)), default=0) + 1, False


def pieces(text: str, count: int) -> list[str]:
    """`text` in `count` pieces of nearly equal length (empty ones where it is shorter)."""
    return [text[len(text) * i // count : len(text) * (i + 1) // count] for i in range(count)]
