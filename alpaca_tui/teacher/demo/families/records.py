"""Task families about small tables: looking up, comparing, filtering, converting between formats."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import NamedTuple

from alpaca_tui.teacher.demo.families.letters import shuffled_apart
from alpaca_tui.teacher.demo.grammar import listing, trimmed
from alpaca_tui.teacher.demo.knowledge import Row, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


class Record(NamedTuple):
    name: str
    first: int
    second: int

    def value(self, column: int) -> int:
        """The number in `column`, 1 or 2."""
        return self.first if column == 1 else self.second


@dataclass(frozen=True)
class Records:
    """A small table. No number repeats in a column, so that "the highest" and every order are unique."""

    kind: Row
    rows: list[Record]

    @property
    def keys(self) -> tuple[str, str, str]:
        return (self.kind["entity"], self.kind["first"], self.kind["second"])

    def csv(self, rows: list[Record] | None = None) -> str:
        lines = [",".join(key.replace(" ", "_") for key in self.keys)]
        return "\n".join([*lines, *(",".join(map(str, row)) for row in rows or self.rows)])

    def markdown(self) -> str:
        lines = [f"| {' | '.join(self.keys)} |", "|---|---|---|"]
        return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in self.rows)])

    def json(self, rows: list[Record] | None = None) -> str:
        keys = [key.replace(" ", "_") for key in self.keys]
        return json.dumps([dict(zip(keys, row, strict=True)) for row in rows or self.rows])

    def plain(self) -> str:
        first, second = self.kind["first"], self.kind["second"]
        return "\n".join(f"{name}: {first} {a}, {second} {b}" for name, a, b in self.rows)


def draw(rng: random.Random, least: int = 3, most: int = 5) -> Records:
    kind = rng.choice(table("record-kinds"))
    count = rng.randint(least, most)
    names = rng.sample(kind["names"], count)
    first = _distinct(rng, int(kind["low1"]), int(kind["high1"]), count)
    second = _distinct(rng, int(kind["low2"]), int(kind["high2"]), count)
    return Records(kind, [Record(*row) for row in zip(names, first, second, strict=True)])


def _distinct(rng: random.Random, low: int, high: int, count: int) -> list[int]:
    return rng.sample(range(low, high + 1), count)


def unit(value: float, name: str) -> str:
    text = trimmed(value)
    if text == "1" and name.endswith("s"):
        name = name.removesuffix("es") if name.endswith("oes") else name.removesuffix("s")
    return f"${text}" if name == "$" else f"{text} {name}"


def measure(kind: Row, key: str) -> str:
    """What a column measures, in words: `price`, `number of stops`, `number of pieces sold`."""
    column, of = kind[key], kind[f"{key}_unit"]
    if of == column:
        return f"number of {column}"
    return f"number of pieces {column}" if of == "pieces" else column


def _figure(kind: Row, key: str, value: int) -> str:
    return str(value) if measure(kind, key).startswith("number of") else unit(value, kind[f"{key}_unit"])


def _base(rng: random.Random, records: Records, column: int) -> Slots:
    """The slots all families share. `column` 1 or 2 is the number column in question."""
    kind = records.kind
    key, other = ("first", "second") if column == 1 else ("second", "first")
    data = rng.choice((records.csv(), records.csv(), records.plain(), records.markdown()))
    return {
        "about": kind["about"],
        "entity": kind["entity"],
        "column": kind[key],
        "measure": measure(kind, key),
        "other_measure": measure(kind, other),
        "unit": kind[f"{key}_unit"],
        "other_column": kind[other],
        "data": data,
        "rows": records.rows,
        "which": column,
        "names": listing(row.name for row in records.rows),
    }


@REGISTER.family("table-extreme", weight=2.0, frame="desk")
def table_extreme(rng: random.Random) -> Slots:
    records, column = draw(rng), rng.choice((1, 2))
    most = rng.random() < 0.6
    best = (max if most else min)(records.rows, key=lambda row: row.value(column))
    slots = _base(rng, records, column)
    return slots | {
        "highest": "highest" if most else "lowest",
        "most": "largest" if most else "smallest",
        "name": best.name,
        "value": unit(best.value(column), slots["unit"]),
    }


@REGISTER.family("table-total", weight=2.0, frame="desk")
def table_total(rng: random.Random) -> Slots:
    records, column = draw(rng, 3, 4), rng.choice((1, 2))
    values = [row.value(column) for row in records.rows]
    slots = _base(rng, records, column)
    return slots | {
        "sum": unit(sum(values), slots["unit"]),
        "steps": " + ".join(map(str, values)),
        "total": sum(values),
        "gap": unit(max(values) - min(values), slots["unit"]),
        "high": max(values),
        "low": min(values),
    }


@REGISTER.family("table-filter", weight=2.1, frame="desk")
def table_filter(rng: random.Random) -> Slots:
    records, column = draw(rng, 4, 5), rng.choice((1, 2))
    values = sorted(row.value(column) for row in records.rows)
    place = rng.randrange(1, len(values) - 1)
    # A limit between two values: "more than" is never a matter of equality.
    limit = values[place]
    above = rng.random() < 0.5
    kept = [
        row for row in records.rows if (row.value(column) > limit if above else row.value(column) < limit)
    ]
    slots = _base(rng, records, column)
    return slots | {
        "limit": _figure(records.kind, ("first", "second")[column - 1], limit),
        "limit_value": limit,
        "relation": "more than" if above else "less than",
        "above": above,
        "kept": ", ".join(row.name for row in kept),
        "count": len(kept),
        "kept_csv": records.csv(kept),
        "data": records.csv(),
    }


@REGISTER.family("table-sort", weight=1.5, frame="desk")
def table_sort(rng: random.Random) -> Slots:
    records, column = draw(rng), rng.choice((1, 2))
    falling = rng.random() < 0.6
    order = sorted(records.rows, key=lambda row: row.value(column), reverse=falling)
    records = Records(records.kind, shuffled_apart(rng, records.rows, order))
    return _base(rng, records, column) | {
        "data": records.csv(),
        "direction": "from highest to lowest" if falling else "from lowest to highest",
        "short": "descending" if falling else "ascending",
        "falling": falling,
        "sorted": records.csv(order),
        "order": ", ".join(row.name for row in order),
    }


@REGISTER.family("table-lookup", weight=1.8, frame="desk")
def table_lookup(rng: random.Random) -> Slots:
    records, column = draw(rng, 3, 5), rng.choice((1, 2))
    row = rng.choice(records.rows)
    slots = _base(rng, records, column)
    return slots | {
        "name": row.name,
        "value": unit(row.value(column), slots["unit"]),
        "number": row.value(column),
    }


@REGISTER.family("table-convert", weight=2.0, frame="desk")
def table_convert(rng: random.Random) -> Slots:
    records = draw(rng, 2, 4)
    return _base(rng, records, 1) | {
        "csv": records.csv(),
        "json": records.json(),
        "markdown": records.markdown(),
        "plain": records.plain(),
        "keys": listing(key.replace(" ", "_") for key in records.keys),
    }


@REGISTER.family("table-sentence", weight=1.1, frame="desk")
def table_sentence(rng: random.Random) -> Slots:
    records = draw(rng, 2, 3)
    kind = records.kind
    lines = [
        f"For {row.name}, the {measure(kind, 'first')} is {_figure(kind, 'first', row.first)} and "
        f"the {measure(kind, 'second')} is {_figure(kind, 'second', row.second)}."
        for row in records.rows
    ]
    return _base(rng, records, 1) | {"csv": records.csv(), "sentences": " ".join(lines)}


@REGISTER.family("table-compare", weight=1.3, frame="desk")
def table_compare(rng: random.Random) -> Slots:
    records, column = draw(rng, 3, 5), rng.choice((1, 2))
    left, right = rng.sample(records.rows, 2)
    slots = _base(rng, records, column)
    high, low = (left, right) if left.value(column) > right.value(column) else (right, left)
    return slots | {
        "left": left.name,
        "right": right.name,
        "winner": high.name,
        "difference": unit(high.value(column) - low.value(column), slots["unit"]),
        "high": high.value(column),
        "low": low.value(column),
    }
