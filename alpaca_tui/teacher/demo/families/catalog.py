"""All task families in one place, drawn by weight, and the opening sentences some of them may carry."""

from __future__ import annotations

import random
import re
from collections.abc import Set
from dataclasses import replace
from functools import cache

from alpaca_tui.teacher.demo.families import (
    code,
    creative,
    letters,
    logic,
    mathematics,
    measures,
    money,
    records,
    sentences,
    texts,
)
from alpaca_tui.teacher.demo.families.recall import recall_families
from alpaca_tui.teacher.demo.grammar import say
from alpaca_tui.teacher.demo.knowledge import rows
from alpaca_tui.teacher.demo.task import DemoTask, Family

# Requests in the first person have a setting of their own.
_OWN_SETTING = re.compile(r"\b(?:I|me|my|we|our|us|you|your)\b", re.IGNORECASE)
_LEAST_WORDS = 5  # shorter instructions always get a setting: data filters take them for fragments
_SHORT = 25  # words an answer may have where the instruction asks for a short one
_MODULES = (money, mathematics, measures, letters, sentences, records, texts, code, logic, creative)


@cache
def families() -> tuple[Family, ...]:
    """Every family, in a fixed order."""
    computed = [family for module in _MODULES for family in module.REGISTER.families]
    return (*computed, *recall_families())


def draw_family(rng: random.Random, used: Set[str] = frozenset()) -> Family:
    """A family by weight, one not `used` yet as long as there is one."""
    fresh = [family for family in families() if family.name not in used] or list(families())
    return rng.choices(fresh, [family.weight for family in fresh])[0]


def make_task(rng: random.Random, family: Family) -> DemoTask:
    """A task of `family`, at times with an opening sentence that gives it a setting."""
    task = family.make(rng)
    bare = task.instruction.count(" ") + 1 < _LEAST_WORDS
    if not family.frame or (_OWN_SETTING.search(task.instruction) and not bare):
        return task
    rate = 1.0 if bare else _frame_rate(task.instruction)
    if rng.random() < rate:
        frame = "office" if family.frame == "desk" and not task.input else family.frame
        opening = say(rng, rng.choice(rows("frames", frame)))
        return replace(task, instruction=f"{opening} {task.instruction}")
    if rng.random() < rate / 2 and len(task.output.split()) <= _SHORT:
        closing = say(rng, rng.choice(rows("frames", "short")))
        return replace(task, instruction=f"{task.instruction} {closing}")
    return task


def _frame_rate(instruction: str) -> float:
    """Short requests soon repeat themselves word for word, so they get a setting more often."""
    words = instruction.count(" ") + 1
    return 0.7 if words < 10 else 0.5 if words < 16 else 0.35 if words < 24 else 0.2
