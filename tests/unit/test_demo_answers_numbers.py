"""The demo teacher's sums are right: every numeric family is worked out a second way, from the task's text
where the text allows it."""

from __future__ import annotations

import calendar
import datetime
import math
import random
import re
import statistics
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise, permutations
from typing import Any

import pytest

from alpaca_tui.teacher.demo.families.catalog import families
from alpaca_tui.teacher.demo.task import DemoTask

TIMES = 60
DAYS = list(calendar.day_name)


def made(name: str, times: int = TIMES) -> list[DemoTask]:
    family = next(family for family in families() if family.name == name)
    return [family.make(random.Random(f"{name}{seed}")) for seed in range(times)]


def cents(text: str) -> list[int]:
    """Every dollar amount of `text`, in cents."""
    return [
        int(whole.replace(",", "")) * 100 + int((part or "0")[:2].ljust(2, "0"))
        for whole, part in re.findall(r"\$(\d[\d,]*)(?:\.(\d{1,2}))?", text)
    ]


def numbers(text: str) -> list[int]:
    return [int(figure.replace(",", "")) for figure in re.findall(r"-?\d[\d,]*", text) if figure != ","]


def last_dollars(text: str) -> int:
    return cents(text)[-1]


def percents(text: str) -> list[int]:
    return [int(figure) for figure in re.findall(r"(\d+)\s*(?:%|percent)", text)]


Check = Callable[[DemoTask, dict[str, Any]], None]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    def keep(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return keep


@check("discount")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    price = cents(task.instruction)[0]
    assert price == v["price_cents"]
    (percent,) = percents(task.instruction)
    assert last_dollars(task.output) == price * (100 - percent) // 100


@check("shopping-total")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    text = task.instruction + task.input
    prices = cents(text)
    assert sorted(prices) == sorted(v["cents"])
    assert f"{v['count1']} " in text
    assert f"{v['count2']} " in text or f"takes {v['count1']} of the former and {v['count2']}" in text
    assert last_dollars(task.output) == v["count1"] * v["cents"][0] + v["count2"] * v["cents"][1]


@check("change")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert sorted(cents(task.instruction)) == sorted([v["price_cents"], v["paid_cents"]])
    assert v["paid_cents"] - v["count"] * v["price_cents"] in cents(task.output)
    assert v["paid_cents"] > v["count"] * v["price_cents"]


@check("split-bill")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    bill = cents(task.instruction)[0]
    (percent,) = percents(task.instruction)
    share = Fraction(bill * (100 + percent), 100 * v["people"])
    assert share == last_dollars(task.output)


@check("unit-price")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    price1, price2 = cents(task.instruction)
    each1, each2 = Fraction(price1, v["pack1"]), Fraction(price2, v["pack2"])
    assert v["best"] == (v["pack1"] if each1 < each2 else v["pack2"])
    assert sorted(cents(task.output)) == sorted([int(each1), int(each2)])


@check("percent-change")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert v["old"] in task.instruction
    change = Fraction(v["new_value"] - v["old_value"], v["old_value"]) * 100
    assert abs(change) == percents(task.output)[-1]
    assert (change > 0) == (v["direction"] == "increase")


@check("simple-interest")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    principal = cents(task.instruction)[0]
    assert Fraction(principal * v["rate"] * v["years"], 100) in cents(task.output)


@check("saving-weeks")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    have, weeks = v["start"], 0
    while have < v["price"]:
        have, weeks = have + v["weekly"], weeks + 1
    assert have == v["price"]
    assert f"{weeks} weeks" in task.output


@check("wage")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    hours, extra = v["hours"], v["extra"]
    assert last_dollars(task.output) == 100 * sum([v["rate"]] * hours + [v["overtime_rate"]] * extra)


@check("ratio-share")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert v["share1"] + v["share2"] == v["total"]
    assert Fraction(v["share1"], v["share2"]) == Fraction(v["first"], v["second"])
    assert str(v["share1"]) in task.output
    assert str(v["total"]) in task.instruction


@check("exchange")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert numbers(task.output)[-1] == v["rate"] * v["amount"]


@check("tax")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    net = cents(task.instruction)[0]
    (percent,) = percents(task.instruction)
    assert last_dollars(task.output) == Fraction(net * (100 + percent), 100)


@check("profit")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    cost, price = v["cents"]
    assert last_dollars(task.output) == v["count"] * price - v["count"] * cost


@check("budget")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    if "largest" in task.instruction or "most of" in task.instruction:
        lines = dict(line.rsplit(": $", 1) for line in task.input.splitlines())
        assert int(lines[task.output]) == max(map(int, lines.values()))
    else:
        assert last_dollars(task.output) == 100 * (v["income_value"] - sum(v["costs"]))


@check("average")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    text = task.input or task.instruction
    assert set(v["list"]) <= set(numbers(text))
    assert statistics.mean(v["list"]) == int(numbers(task.output)[-1])


@check("median-range")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    given = numbers(task.input or task.instruction)
    assert sorted(given) == sorted(v["list"])
    results = numbers(task.output)
    if "range" in task.output:
        assert results[-1] == max(given) - min(given)
    elif "Minimum" in task.output:
        assert results == [min(given), statistics.median(given), max(given)]
    else:
        assert results[:-1] == sorted(given)
        assert results[-1] == statistics.median(given)


@check("gcd-lcm")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    a, b = v["first"], v["second"]
    if "divisor" in task.output:
        expected = max(n for n in range(1, min(a, b) + 1) if a % n == 0 and b % n == 0)
    else:
        expected = next(n for n in range(max(a, b), a * b + 1) if n % a == 0 and n % b == 0)
    assert numbers(task.output)[-1] == expected


def is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, number))


@check("prime")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    if task.output[0] in "YN":
        assert task.output.startswith("Yes") == is_prime(v["number"])
    else:
        low, high = v["low"], v["high"]
        assert numbers(task.output) == [n for n in range(low + 1, high) if is_prime(n)]


@check("factorise")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    total, *factors = numbers(task.output)
    assert total == v["number"] == math.prod(factors)
    assert all(map(is_prime, factors))


@check("packing")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    if "are needed" in task.output:
        assert numbers(task.output)[-1] == math.ceil(v["number"] / v["size"])
    else:
        assert f"{v['number'] // v['size']} remainder {v['number'] % v['size']}" in task.output


@check("fraction-simplify")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    given = re.search(r"\d+/\d+", task.instruction)
    results = re.findall(r"\d+/\d+", task.output)
    assert given
    assert results[-1] == str(Fraction(given.group()))


@check("fraction-sum")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert Fraction(v["first"]) + Fraction(v["second"]) == Fraction(task.output.split("= ")[1].rstrip("."))
    assert Fraction(v["step1"]) == Fraction(v["first"])
    assert Fraction(v["step2"]) == Fraction(v["second"])


@check("percent-of")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    part = Fraction(v["base"] * v["percent"], 100)
    rest = "remains" in task.instruction or "stay" in task.instruction
    assert numbers(task.output)[-1] == (v["base"] - part if rest else part)


@check("arithmetic-expression")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    code = v["expression"].replace("×", "*").replace("÷", "/").replace("−", "-")
    assert eval(code) == v["value"]
    assert str(v["value"]) in task.output
    assert v["expression"] in task.instruction


@check("linear-equation")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    solution = numbers(task.output)[-1]
    if "=" in task.instruction or "equal" in task.instruction:
        sign = 1 if v["sign"] == "+" else -1
        assert v["factor"] * solution + sign * v["shift"] == v["right"]
    else:
        assert v["factor"] * solution == v["middle"]


@check("sequence")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    terms = v["terms"]
    steps = [b - a for a, b in pairwise(terms)]
    even = len(set(steps)) == 1
    growing = {b - a for a, b in pairwise(steps)} == {1}
    factor = len({Fraction(b, a) for a, b in pairwise(terms)}) == 1
    assert even or growing or factor
    assert str(terms[5]) in task.output
    assert all(str(term) in task.instruction for term in terms[:5])


@check("rectangle")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    a, b = v["long"], v["wide"]
    result = numbers(task.output)[-1]
    expected = {"square": a * b, "$": (a + a + b + b) * v["price"]}
    kind = next((kind for kind in expected if kind in task.output), None)
    assert result == (expected[kind] if kind else a + a + b + b)


@check("box-volume")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert numbers(task.output)[-1] == sum(v["a"] * v["b"] for _ in range(v["c"]))


@check("triangle")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    if "degrees" in task.output:
        assert v["first"] + v["second"] + numbers(task.output)[-1] == 180
    else:
        assert 2 * numbers(task.output)[-1] == v["base"] * v["height"]


@check("probability")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    urn = [True] * v["count1"] + [False] * v["count2"]
    assert task.output.endswith(f"{Fraction(sum(urn), len(urn))}.")


@check("combinations")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    ways = [(a, b, c) for a in range(v["count1"]) for b in range(v["count2"]) for c in range(v["count3"])]
    assert numbers(task.output)[-1] == len(ways)


@check("ages")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    if "Both get" in task.output:
        assert numbers(task.output)[-1] == v["young_age"] + v["years"] + v["old_age"] + v["years"]
    else:
        pairs = [(a, v["sum"] - a) for a in range(1, v["sum"]) if v["sum"] - a == a * v["factor_value"]]
        assert pairs == [(v["young_age"], v["old_age"])]


@check("heads-and-legs")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    fits = [
        (birds, v["heads"] - birds)
        for birds in range(v["heads"] + 1)
        if 2 * birds + 4 * (v["heads"] - birds) == v["legs"]
    ]
    assert fits == [(v["bird_count"], v["beast_count"])]
    assert f"{v['bird_count']} {v['birds']}" in task.output


@check("work-rate")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    workers = v["workers"] if "×" in task.output else 1
    assert str(sum(v["rate"] for _ in range(workers * v["hours"]))) in task.output


@check("round-number")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    if v["decimal"] in task.instruction:
        assert Decimal(task.output) == Decimal(v["decimal"]).quantize(Decimal("0.1"), ROUND_HALF_UP)
    else:
        unit = {"ten": 10, "hundred": 100, "thousand": 1000}[v["unit"]]
        result = numbers(task.output)[-1]
        assert result % unit == 0
        assert abs(result - v["value"]) < Fraction(unit, 2)


@check("power")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    if "squared" in task.instruction or "cubed" in task.instruction:
        exponent = 2 if "squared" in task.instruction else 3
        assert numbers(task.output)[-1] == pow(v["root"], exponent)
    else:
        assert numbers(task.output)[0] ** 2 == v["square"]


@check("speed")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    rate, distance, hours = Fraction(v["rate"]), Fraction(v["distance"]), Fraction(v["hours"])
    assert rate * hours == distance


@check("unit-conversion")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert Fraction(v["value"]) * v["factor_value"] == v["result_value"]
    assert v["value"] in task.instruction or v["result"] in task.instruction
    assert v["result"] in task.output or v["value"] in task.output


@check("temperature")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert Fraction(v["fahrenheit"] - 32) * 5 / 9 == v["celsius"]
    assert Fraction(v["kelvin"]) - Fraction("273.15") == v["celsius"]


def minute(clock: str) -> int:
    hour, rest = clock.split(":")
    return int(hour) * 60 + int(rest)


@check("clock-add")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    start = datetime.datetime(2024, 5, 6, *map(int, v["start"].split(":")))
    end = start + datetime.timedelta(minutes=v["minutes"])
    assert end.strftime("%H:%M") == v["end"]
    hours, rest = divmod(v["minutes"], 60)
    assert (f"{hours} hour" in v["length"]) == bool(hours)
    assert (f"{rest} minutes" in v["length"]) == bool(rest)


@check("time-zones")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    start = datetime.datetime(2024, 5, 6, *map(int, v["start"].split(":")))
    there = start + datetime.timedelta(hours=v["offset"])
    assert there.strftime("%H:%M") in task.output
    day = {5: "day before", 6: "", 7: "next day"}[there.day]
    assert day in task.output
    assert ("day" in task.output) == bool(day)


@check("clock-format")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    half = v["half"].replace("a.m.", "AM").replace("p.m.", "PM")
    assert datetime.datetime.strptime(half, "%I:%M %p").strftime("%H:%M") == v["full"]


@check("weekday-after")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    start = datetime.date(2024, 1, 1) + datetime.timedelta(days=DAYS.index(v["start"]))
    step = -v["count"] if "before" in task.instruction or "ago" in task.instruction else v["count"]
    assert f"{(start + datetime.timedelta(days=step)).strftime('%A')}." in task.output


@check("date-difference")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    first, second = (datetime.date.fromisoformat(text) for text in v["iso"])
    assert (second - first).days == v["days"]
    for date, shown in ((first, v["first"]), (second, v["second"])):
        assert shown == f"{date.day} {calendar.month_name[date.month]} {date.year}"


def weekday_by_zeller(year: int, month: int, day: int) -> str:
    if month < 3:
        year, month = year - 1, month + 12
    century, rest = divmod(year, 100)
    number = (day + 13 * (month + 1) // 5 + rest + rest // 4 + century // 4 + 5 * century) % 7
    return DAYS[(number + 5) % 7]


@check("weekday-of-date")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    year, month, day = map(int, v["iso"].split("-"))
    if "of the year" in task.output:
        lengths = [31, 29 if calendar.isleap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        assert numbers(task.output)[0] == sum(lengths[: month - 1]) + day
    else:
        assert weekday_by_zeller(year, month, day) in task.output


@check("leap-year")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    days = (datetime.date(v["year"], 3, 1) - datetime.date(v["year"], 2, 1)).days
    if "February" in task.output:
        assert f"{days} days" in task.output
    else:
        assert task.output.startswith("Yes" if days == 29 else "No")


@check("date-format")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    date = datetime.date.fromisoformat(v["iso"])
    assert v["long"] == f"{date.day} {calendar.month_name[date.month]} {date.year}"
    assert v["european"] == date.strftime("%d.%m.%Y")


@check("fuel-use")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    litres = Fraction(v["use"] * v["distance"], 100)
    assert Fraction(v["litres"]) == litres
    assert Fraction(v["cost"]) == litres * Fraction(v["price"])


@check("recipe-scaling")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    factor = Fraction(v["wanted"]) / v["served"]
    before = [line.split(" ", 1) for line in v["lines"].splitlines()]
    after = [line.split(" ", 1) for line in v["scaled_lines"].splitlines()]
    assert [what for _, what in before] == [what for _, what in after]
    for (amount, _), (scaled, _) in zip(before, after, strict=True):
        assert Fraction(scaled) == Fraction(amount) * factor


@check("coins")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    total = sum(value * count for value, count in v["pairs"])
    if "fewest" in task.instruction or "smallest" in task.instruction or "few" in task.instruction:
        best = [0] + [10**6] * total
        for amount in range(1, total + 1):
            best[amount] = 1 + min(best[amount - coin] for coin in (25, 10, 5, 1) if coin <= amount)
        assert numbers(task.output)[0] == best[total]
    else:
        assert numbers(task.output)[0] == total


@check("grid-walk")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    assert numbers(task.output)[-1] == math.hypot(v["first"], v["second"])


@check("direction-walk")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    heading = complex(*{"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}[v["start"]])
    for turn in v["list"]:
        heading *= {"left": 1j, "right": -1j, "around": -1}[turn]
    names = {(0, 1): "north", (1, 0): "east", (0, -1): "south", (-1, 0): "west"}
    assert names[round(heading.real), round(heading.imag)] in task.output.lower()


@check("day-puzzle")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    shift = {"tomorrow": 2, "yesterday": -2, "three": 3, "five": -5, "four": -4, "six": 6}
    step = next(value for word, value in shift.items() if word in v["phrase"])
    assert task.output == f"{DAYS[(DAYS.index(v['today']) + step) % 7]}."


@check("ordering-puzzle")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    names = sorted(v["list"])
    pairs = []
    for clue in v["given"]:
        first, last = clue.split()[0], clue.split()[-1]
        pairs.append((first, last))
    orders = [
        order for order in permutations(names) if all(order.index(a) < order.index(b) for a, b in pairs)
    ]
    assert len(orders) == 1
    assert orders[0] == tuple(v["list"])
    assert v["who"] in orders[0]
    who = task.output.split(".")[0]
    assert ", ".join(orders[0]) in task.output or who in (orders[0][0], orders[0][-1])


@check("free-slot")
def _(task: DemoTask, v: dict[str, Any]) -> None:
    busy = set(numbers(v["busy1"].replace(":00", ""))) | set(numbers(v["busy2"].replace(":00", "")))
    free = [hour for hour in range(9, 17) if hour not in busy]
    assert free == [v["free"]]
    assert f"{free[0]}:00" in task.output


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_answers_are_right(name: str) -> None:
    for task in made(name):
        try:
            CHECKS[name](task, dict(task.values))
        except AssertionError as error:
            raise AssertionError(f"{task}") from error


def test_every_numeric_family_is_checked() -> None:
    from alpaca_tui.teacher.demo.families import logic, mathematics, measures, money

    computed = {
        family.name for module in (money, mathematics, measures, logic) for family in module.REGISTER.families
    }
    assert computed - set(CHECKS) <= {"syllogism", "family-relations"}  # checked with the words
