"""Task families that need no code: facts from `data/demo/recall`, each file a set of families.

A family there has `rows` (the name of a table, or a block of its own with `columns`), `forms` (as in the
phrase files) and perhaps `weight`, `frame`, `draw` and `take`.

`draw = [least, most]`: several rows go into one task; `{names}` is then the listing of their first fields
(or of the field `name`), `{lines}` the lines made by the template `line`, and forms are marked
`form = "one"` or `"many"`.
`take = { tips = [2, 4] }`: of the list field `tips` some items are taken; `{tips_count}` is their number in
words, `{tips_numbered}`, `{tips_bullets}` and `{tips_inline}` are the items, and `{tips_rest}` is an item
left out (if any). Fields of another row are there as `{other_<field>}`. Rows that lack a field serve the
forms that do without it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from alpaca_tui.teacher.demo.grammar import bullets, listing, lower_first, numbered, say, slot_names, spelled
from alpaca_tui.teacher.demo.knowledge import Row, load_all, parse_rows, table
from alpaca_tui.teacher.demo.task import DemoTask, Family, Slots, template_slots, word_task


def recall_families() -> list[Family]:
    """Every family of the recall folder, by file and place."""
    return [_family(name, content) for name, content in load_all("recall").items()]


def _family(name: str, content: dict[str, Any]) -> Family:
    known = (
        parse_rows(content["columns"], content["rows"]) if "columns" in content else table(content["rows"])
    )
    usable = [row for row in known if _serves(row, content, {field for row in known for field in row})]
    make: Callable[[random.Random], DemoTask] = partial(_make, name, content, usable)
    return Family(name, make, float(content.get("weight", 1.0)), str(content.get("frame", "plain")))


def _serves(row: Row, content: dict[str, Any], columns: set[str]) -> bool:
    """Whether `row` has the fields of at least one form, and of the template `line`."""
    if not slot_names(content.get("line", "")) <= row.keys():
        return False
    return any(columns & template_slots(form) <= row.keys() for form in content["forms"])


def _make(name: str, content: dict[str, Any], known: list[Row], rng: random.Random) -> DemoTask:
    least, most = content.get("draw", (1, 1))
    count = rng.randint(least, most)
    chosen = rng.sample(known, min(len(known), count + 1))
    slots: Slots = dict(chosen[0])
    slots |= {f"other_{field}": value for field, value in chosen[-1].items()}
    if most > 1:
        chosen = chosen[:count]
        slots["form"] = "one" if count == 1 else "many"
        slots["names"] = listing(row[content.get("name", next(iter(row)))] for row in chosen)
        slots["lines"] = "\n".join(say(rng, content["line"], **row) for row in chosen)
    for field, span in content.get("take", {}).items():
        slots |= take(rng, field, chosen[0].get(field, []), span)
    return word_task(rng, name, content["forms"], slots)


def take(rng: random.Random, field: str, items: list[str], span: tuple[int, int]) -> Slots:
    """Slots for some of `items`, in their own order; none when there are too few."""
    if len(items) < span[0]:
        return {}
    order = rng.sample(range(len(items)), min(len(items), rng.randint(*span)))
    taken = [items[index] for index in sorted(order)]
    slots: Slots = {
        f"{field}_taken": taken,
        f"{field}_count": spelled(len(taken)),
        f"{field}_numbered": numbered(taken),
        f"{field}_bullets": bullets(taken),
        f"{field}_inline": listing([lower_first(item) for item in taken]),
    }
    left = [item for item in items if item not in taken]
    if left:
        slots[f"{field}_rest"] = rng.choice(left)
    return slots
