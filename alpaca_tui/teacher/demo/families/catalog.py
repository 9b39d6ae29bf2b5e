"""All task families in one place, drawn by weight, and the opening sentences some of them may carry."""

from __future__ import annotations

import random
from collections.abc import Set
from dataclasses import replace
from functools import cache

from alpaca_tui.teacher.demo.families import numbers, words
from alpaca_tui.teacher.demo.families.recall import recall_families
from alpaca_tui.teacher.demo.grammar import say
from alpaca_tui.teacher.demo.knowledge import rows
from alpaca_tui.teacher.demo.task import DemoTask, Family

_MODULES = (numbers, words)
_FRAME_RATE = 0.4


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
    if not family.frame or rng.random() >= _FRAME_RATE:
        return task
    opening = say(rng, rng.choice(rows("frames", family.frame)))
    return replace(task, instruction=f"{opening} {task.instruction}")
