"""Task families that need no code: facts from `data/demo/recall`, each file a set of families.

A family there has `rows` (a list of tables of strings), `forms` (as in the phrase files) and perhaps
`weight`, `frame` and `draw`. With `draw = [least, most]` several rows go into one task: `{names}` is then
the listing of their first fields and `{lines}` the lines made by the family's template `line`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from alpaca_tui.teacher.demo.grammar import listing, say
from alpaca_tui.teacher.demo.knowledge import load_all
from alpaca_tui.teacher.demo.task import DemoTask, Family, Slots, word_task


def recall_families() -> list[Family]:
    """Every family of the recall folder, by file and place."""
    return [_family(name, table) for name, table in load_all("recall").items()]


def _family(name: str, table: dict[str, Any]) -> Family:
    make: Callable[[random.Random], DemoTask] = partial(_make, name, table)
    return Family(name, make, float(table.get("weight", 1.0)), str(table.get("frame", "")))


def _make(name: str, table: dict[str, Any], rng: random.Random) -> DemoTask:
    least, most = table.get("draw", (1, 1))
    chosen: list[dict[str, str]] = rng.sample(table["rows"], rng.randint(least, most))
    slots: Slots = dict(chosen[0])
    if most > 1:
        slots["form"] = "one" if len(chosen) == 1 else "many"
        slots["names"] = listing(next(iter(row.values())) for row in chosen)
        slots["lines"] = "\n".join(say(rng, table["line"], **row) for row in chosen)
    return word_task(rng, name, table["forms"], slots)
