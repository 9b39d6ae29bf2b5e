"""Task families about plain arithmetic: prices, discounts, averages, units and speeds."""

from __future__ import annotations

import random

from alpaca_tui.teacher.demo.grammar import listing, money, trimmed
from alpaca_tui.teacher.demo.knowledge import rows
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


@REGISTER.family("discount")
def discount(rng: random.Random) -> Slots:
    price, percent = rng.randrange(20, 400, 4) * 100, rng.choice((5, 10, 15, 20, 25, 30, 40, 60))
    off = price * percent // 100
    item = rng.choice(
        ("winter coat", "desk lamp", "bicycle helmet", "tent", "blender", "backpack", "armchair")
    )
    return {
        "item": item,
        "price": money(price),
        "percent": percent,
        "off": money(off),
        "final": money(price - off),
    }


@REGISTER.family("average", frame="plain")
def average(rng: random.Random) -> Slots:
    count, mean = rng.randint(4, 6), rng.randint(12, 60)
    numbers = [mean + rng.randint(-10, 5) for _ in range(count - 1)]
    numbers.append(mean * count - sum(numbers))
    return {"numbers": listing(numbers), "mean": mean, "total": sum(numbers), "count": count}


@REGISTER.family("shopping-total")
def shopping_total(rng: random.Random) -> Slots:
    goods = (
        ("notebooks", 240),
        ("apples", 60),
        ("candles", 315),
        ("mugs", 750),
        ("pens", 125),
        ("bulbs", 480),
    )
    (first, price1), (second, price2) = rng.sample(goods, 2)
    count1, count2 = rng.randint(2, 9), rng.randint(2, 9)
    return {
        "name": rng.choice(rows("common", "names")),
        "count1": count1,
        "first": first,
        "price1": money(price1),
        "sum1": money(count1 * price1),
        "count2": count2,
        "second": second,
        "price2": money(price2),
        "sum2": money(count2 * price2),
        "total": money(count1 * price1 + count2 * price2),
    }


@REGISTER.family("travel-time")
def travel_time(rng: random.Random) -> Slots:
    speed, hours = (
        rng.choice((40, 50, 60, 70, 80, 90, 100, 120)),
        rng.choice((0.5, 1.5, 2, 2.5, 3, 3.5, 4, 5)),
    )
    return {
        "vehicle": rng.choice(("train", "bus", "lorry", "car", "motorbike", "delivery van")),
        "speed": speed,
        "distance": trimmed(speed * hours),
        "hours": trimmed(hours),
        "s": "" if hours == 1 else "s",
    }
