"""Writes an answer: draws tasks, puts them into the `###` format, adds the flaws of a real teacher.

The same (seed, prompt, turn) gives the same answer. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass

from alpaca_tui.teacher.demo.checking import check, read_question
from alpaca_tui.teacher.demo.families.catalog import draw_family, make_task
from alpaca_tui.teacher.demo.flaws import plain, spoil
from alpaca_tui.teacher.demo.reading import Wanted, read_prompt
from alpaca_tui.teacher.demo.task import DemoTask

DEFAULT_FLAWS = 0.18
CHAT_REPLY = (
    "I am the offline demo teacher of alpaca-tui: I only invent tasks with their answers. Ask me for tasks "
    "in the 'N. Instruction: / N. Input: / N. Output:' format, separated by lines of '###'."
)
_PREFACES = (
    "Sure! Here are {count} new tasks:",
    "Here are tasks {first} to {last}:",
    "Certainly. I made sure that the tasks are diverse.",
    "Of course! Below you find the tasks you asked for.",
)
# Whole-answer flaws happen at these multiples of the per-task rate.
_PREFACE_RATE = 0.4
_CUT_RATE = 0.35
_WORDS = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Written:
    """An answer before the request's own limits: its text and whether the model broke it off itself."""

    text: str
    cut_off: bool = False


def seeded(*parts: object) -> random.Random:
    """A generator that depends on `parts` alone, the same in every process."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))


def answer(prompt: str, *, completion: bool, rng: random.Random, flaws: float = DEFAULT_FLAWS) -> Written:
    """The answer to `prompt`: the tasks it asks for, what it thinks of an answer it is to check, else a
    sentence saying what this teacher does."""
    question = read_question(prompt)
    if question is not None:
        return Written(check(question))
    wanted = read_prompt(prompt, completion=completion)
    if wanted is None:
        return Written(("\n" if completion else "") + CHAT_REPLY)
    return write_tasks(wanted, rng, flaws)


def draw_tasks(rng: random.Random, count: int, shown: tuple[str, ...] = ()) -> list[DemoTask]:
    """`count` tasks of different kinds (as far as there are kinds), none much like those `shown`."""
    avoid = [_words(instruction) for instruction in shown]
    used: set[str] = set()
    tasks: list[DemoTask] = []
    while len(tasks) < count:
        family = draw_family(rng, used)
        used.add(family.name)
        for _attempt in range(8):
            task = make_task(rng, family)
            words = _words(task.instruction)
            if not any(_alike(words, other) for other in avoid):
                tasks.append(task)
                avoid.append(words)
                break
    return tasks


def write_tasks(wanted: Wanted, rng: random.Random, flaws: float) -> Written:
    """The tasks `wanted`, as text; about a share `flaws` of them spoilt."""
    written: list[DemoTask] = []
    text = ""
    for offset, task in enumerate(draw_tasks(rng, wanted.count, wanted.shown)):
        number = wanted.first + offset
        spoilt = rng.random() < flaws
        block = spoil(rng, number, task, written) if spoilt else plain(number, task)
        written.append(task)
        continuing = offset == 0 and wanted.continues
        if offset:
            text += f"\n{block.separator}\n"
        text += block.render(opening=not continuing)
    if not wanted.continues and rng.random() < flaws * _PREFACE_RATE:
        last = wanted.first + wanted.count - 1
        text = rng.choice(_PREFACES).format(count=wanted.count, first=wanted.first, last=last) + "\n\n" + text
    if rng.random() < flaws * _CUT_RATE:
        return Written(text[: rng.randrange(len(text) // 2, len(text))], cut_off=True)
    if rng.random() < 0.5:
        text += "\n###"
    return Written(text + "\n" if wanted.continues else text)


def _words(instruction: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(instruction.lower()))


def _alike(words: frozenset[str], other: frozenset[str]) -> bool:
    return bool(words) and len(words & other) > 0.65 * max(len(words), len(other))
