"""Task families of school mathematics: statistics, divisibility, equations, sequences, shapes, chance."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from alpaca_tui.teacher.demo.families.money import person
from alpaca_tui.teacher.demo.grammar import listing, trimmed
from alpaca_tui.teacher.demo.knowledge import rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()
_PRIMES = [n for n in range(2, 100) if all(n % d for d in range(2, n))]


@REGISTER.family("average")
def average(rng: random.Random) -> Slots:
    count, mean = rng.randint(4, 6), rng.randint(15, 90)
    numbers = [mean + rng.randint(-14, 6) for _ in range(count - 1)]
    numbers.append(mean * count - sum(numbers))
    thing = rng.choice(table("counted"))
    return {
        "list": numbers,
        "numbers": listing(numbers),
        "commas": ", ".join(map(str, numbers)),
        "subject": thing["subject"],
        "place": thing["place"],
        "mean": mean,
        "total": sum(numbers),
        "count": count,
    }


@REGISTER.family("median-range", weight=1.2)
def median_range(rng: random.Random) -> Slots:
    numbers = rng.sample(range(3, 80), rng.choice((5, 7)))
    order = sorted(numbers)
    return {
        "list": numbers,
        "numbers": listing(numbers),
        "commas": ", ".join(map(str, numbers)),
        "order": ", ".join(map(str, order)),
        "median": order[len(order) // 2],
        "low": order[0],
        "high": order[-1],
        "range": order[-1] - order[0],
    }


@REGISTER.family("gcd-lcm", weight=0.8)
def gcd_lcm(rng: random.Random) -> Slots:
    common = rng.randint(2, 12)
    first, second = (common * factor for factor in rng.sample(range(2, 13), 2))
    return {
        "first": first,
        "second": second,
        "gcd": math.gcd(first, second),
        "lcm": math.lcm(first, second),
        "name": person(rng),
    }


@REGISTER.family("prime", weight=0.7)
def prime(rng: random.Random) -> Slots:
    number = rng.randrange(21, 200, 2)
    divisor = next((d for d in _PRIMES if number % d == 0 and d < number), None)
    if divisor is None:
        verdict = f"Yes, {number} is a prime number: it is divisible only by 1 and itself"
    else:
        verdict = f"No, {number} is not prime: {number} = {divisor} × {number // divisor}"
    low = rng.randint(10, 80)
    between = [n for n in _PRIMES if low < n < low + 20]
    return {
        "number": number,
        "verdict": verdict,
        "low": low,
        "high": low + 20,
        "primes": ", ".join(map(str, between)),
    }


@REGISTER.family("factorise", weight=0.8)
def factorise(rng: random.Random) -> Slots:
    factors = sorted(rng.choices((2, 2, 2, 3, 3, 5, 7, 11), k=rng.randint(3, 5)))
    number = math.prod(factors)
    return {"number": number, "factors": factors, "product": " × ".join(map(str, factors))}


@REGISTER.family("packing", weight=0.9)
def packing(rng: random.Random) -> Slots:
    size, boxes = rng.randint(4, 24), rng.randint(5, 30)
    rest = rng.randint(1, size - 1)
    job = rng.choice(table("jobs"))
    return {
        "name": person(rng),
        "job": job["job"],
        "things": job["product"],
        "number": size * boxes + rest,
        "size": size,
        "boxes": boxes,
        "rest": rest,
        "container": rng.choice(("box", "crate", "tray", "basket", "carton")),
        "boxes_needed": boxes + 1,
    }


@REGISTER.family("fraction-simplify", weight=0.9)
def fraction_simplify(rng: random.Random) -> Slots:
    denominator = rng.randint(3, 15)
    numerator = rng.choice([n for n in range(1, denominator) if math.gcd(n, denominator) == 1])
    factor = rng.randint(2, 12)
    return {
        "big": f"{numerator * factor}/{denominator * factor}",
        "simple": f"{numerator}/{denominator}",
        "factor": factor,
    }


@REGISTER.family("fraction-sum")
def fraction_sum(rng: random.Random) -> Slots:
    first = Fraction(rng.randint(1, 7), rng.choice((2, 3, 4, 5, 6, 8, 10)))
    second = Fraction(rng.randint(1, 5), rng.choice((3, 4, 5, 6, 7, 9, 12)))
    if 1 in (first.denominator, second.denominator):
        return fraction_sum(rng)
    common = math.lcm(first.denominator, second.denominator)
    return {
        "first": str(first),
        "second": str(second),
        "common": common,
        "sum": str(first + second),
        "step1": f"{first.numerator * common // first.denominator}/{common}",
        "step2": f"{second.numerator * common // second.denominator}/{common}",
    }


@REGISTER.family("percent-of", weight=1.3)
def percent_of(rng: random.Random) -> Slots:
    percent, base = rng.choice((5, 10, 15, 20, 25, 30, 40, 45, 60, 75, 80)), rng.randrange(40, 900, 20)
    group = rng.choice(table("groups"))
    return {
        "percent": percent,
        "base": base,
        "part": base * percent // 100,
        "rest": base - base * percent // 100,
        "group": group["group"],
        "members": group["member"],
        "share": Fraction(percent, 100),
    }


@REGISTER.family("arithmetic-expression")
def arithmetic_expression(rng: random.Random) -> Slots:
    a, b, c, d = (rng.randint(2, 15) for _ in range(4))
    forms = (
        (f"{a} + {b} × {c}", a + b * c, f"first {b} × {c} = {b * c}, then {a} + {b * c} = {a + b * c}"),
        (f"({a} + {b}) × {c}", (a + b) * c, f"first {a} + {b} = {a + b}, then {a + b} × {c} = {(a + b) * c}"),
        (f"{a} × {b} − {c}", a * b - c, f"first {a} × {b} = {a * b}, then {a * b} − {c} = {a * b - c}"),
        (
            f"{a} × {b} + {c} × {d}",
            a * b + c * d,
            f"{a} × {b} = {a * b} and {c} × {d} = {c * d}, together {a * b + c * d}",
        ),
        (f"{a * b} ÷ {b} + {c}", a + c, f"first {a * b} ÷ {b} = {a}, then {a} + {c} = {a + c}"),
    )
    expression, value, steps = rng.choice(forms)
    return {"expression": expression, "value": value, "steps": steps}


@REGISTER.family("linear-equation")
def linear_equation(rng: random.Random) -> Slots:
    factor, solution, shift = rng.randint(2, 12), rng.randint(2, 20), rng.randint(1, 40)
    plus = rng.random() < 0.5
    right = factor * solution + (shift if plus else -shift)
    return {
        "letter": rng.choice("xynkt"),
        "factor": factor,
        "shift": shift,
        "sign": "+" if plus else "−",
        "undo": "subtract" if plus else "add",
        "more": "more" if plus else "less",
        "right": right,
        "middle": factor * solution,
        "solution": solution,
        "name": person(rng),
    }


@REGISTER.family("sequence", weight=1.3)
def sequence(rng: random.Random) -> Slots:
    kind = rng.choice(("add", "subtract", "multiply", "growing"))
    if kind == "multiply":
        start, factor = rng.randint(1, 7), rng.choice((2, 3, 4))
        terms = [start * factor**place for place in range(6)]
        rule = f"each number is {factor} times the one before"
    elif kind == "growing":
        start = rng.randint(1, 15)
        terms = [start + place * (place + 1) // 2 for place in range(6)]
        rule = "the step grows by one each time"
    else:
        step = rng.randint(3, 14)
        start = rng.randint(1, 40) if kind == "add" else rng.randint(90, 160)
        terms = [start + place * (step if kind == "add" else -step) for place in range(6)]
        rule = f"{kind} {step} each time"
    return {
        "shown": ", ".join(map(str, terms[:5])),
        "listed": listing(terms[:5]),
        "terms": terms,
        "next": terms[5],
        "rule": rule,
    }


@REGISTER.family("rectangle")
def rectangle(rng: random.Random) -> Slots:
    long, wide = rng.randint(5, 40), rng.randint(3, 25)
    return {
        "long": max(long, wide),
        "wide": min(long, wide),
        "area": long * wide,
        "around": 2 * (long + wide),
        "what": rng.choice(rows("common", "grounds")),
        "name": person(rng),
        "price": (price := rng.randint(3, 30)),
        "cost": f"{2 * (long + wide) * price:,}",
    }


@REGISTER.family("box-volume", weight=0.9)
def box_volume(rng: random.Random) -> Slots:
    sides = [rng.randint(2, 20) for _ in range(3)]
    return {
        "a": sides[0],
        "b": sides[1],
        "c": sides[2],
        "volume": math.prod(sides),
        "base": sides[0] * sides[1],
        "what": rng.choice(
            ("aquarium", "wooden chest", "shipping box", "sandpit", "planter", "storage cube")
        ),
    }


@REGISTER.family("triangle", weight=0.6)
def triangle(rng: random.Random) -> Slots:
    base, height = rng.randrange(4, 40, 2), rng.randint(3, 30)
    first, second = rng.randint(25, 80), rng.randint(25, 80)
    return {
        "base": base,
        "height": height,
        "area": base * height // 2,
        "first": first,
        "second": second,
        "third": 180 - first - second,
    }


@REGISTER.family("probability", weight=0.9)
def probability(rng: random.Random) -> Slots:
    first, second = rng.sample(rows("common", "colours"), 2)
    count1, count2 = rng.randint(2, 14), rng.randint(2, 14)
    chance = Fraction(count1, count1 + count2)
    return {
        "thing": rng.choice(("marbles", "beads", "counters", "buttons", "wool socks", "wooden cubes")),
        "holder": rng.choice(("bag", "jar", "box", "hat", "drawer")),
        "first": first,
        "second": second,
        "count1": count1,
        "count2": count2,
        "total": count1 + count2,
        "chance": str(chance),
    }


@REGISTER.family("combinations")
def combinations(rng: random.Random) -> Slots:
    (one, many1), (two, many2), (three, many3) = rng.sample(rows("common", "choices"), 3)
    count1, count2, count3 = rng.randint(2, 7), rng.randint(2, 6), rng.randint(2, 5)
    return {
        "name": person(rng),
        "one": one,
        "two": two,
        "three": three,
        "many1": many1,
        "many2": many2,
        "many3": many3,
        "count1": count1,
        "count2": count2,
        "count3": count3,
        "total": count1 * count2 * count3,
    }


@REGISTER.family("ages")
def ages(rng: random.Random) -> Slots:
    young, factor, years = rng.randint(4, 14), rng.randint(2, 4), rng.randint(2, 12)
    name1, name2 = rng.sample(rows("common", "names"), 2)
    old = young * factor
    return {
        "young": name1,
        "old": name2,
        "factor": {2: "twice", 3: "three times", 4: "four times"}[factor],
        "young_age": young,
        "old_age": old,
        "factor_value": factor,
        "sum": young + old,
        "years": years,
        "later": young + old + 2 * years,
        "gap": old - young,
    }


@REGISTER.family("heads-and-legs", weight=0.5)
def heads_and_legs(rng: random.Random) -> Slots:
    two, four = rng.randint(3, 20), rng.randint(3, 20)
    birds, beasts = rng.choice(
        (("hens", "rabbits"), ("ducks", "goats"), ("geese", "sheep"), ("parrots", "cats"))
    )
    return {
        "birds": birds,
        "beasts": beasts,
        "heads": two + four,
        "legs": 2 * two + 4 * four,
        "all_two": 2 * (two + four),
        "extra": 2 * four,
        "bird_count": two,
        "beast_count": four,
        "place": rng.choice(("farm", "zoo corner", "barn", "yard", "petting zoo")),
    }


@REGISTER.family("work-rate", weight=1.1)
def work_rate(rng: random.Random) -> Slots:
    job = rng.choice(table("jobs"))
    workers, hours, rate = rng.randint(2, 6), rng.randint(3, 9), rng.randint(2, 12)
    return {
        "workers": workers,
        "job": job["job"],
        "work": job["work"],
        "things": job["product"],
        "hours": hours,
        "rate": rate,
        "hourly": workers * rate,
        "total": workers * hours * rate,
        "name": person(rng),
        "own": hours * rate,
    }


@REGISTER.family("round-number", weight=0.9)
def round_number(rng: random.Random) -> Slots:
    number = rng.randint(1100, 98999)
    unit, word = rng.choice(((10, "ten"), (100, "hundred"), (1000, "thousand")))
    if number % unit == unit // 2:
        number += 1
    rounded = (number + unit // 2) // unit * unit
    decimal = rng.randint(1001, 9899)
    if decimal % 10 == 5:
        decimal += 1
    return {
        "number": f"{number:,}",
        "value": number,
        "unit": word,
        "rounded": f"{rounded:,}",
        "decimal": f"{decimal / 100:.2f}",
        "tenth": f"{round(decimal / 10) / 10:.1f}",
    }


@REGISTER.family("power", weight=0.8)
def power(rng: random.Random) -> Slots:
    root, exponent = rng.randint(2, 15), rng.choice((2, 3))
    return {
        "root": root,
        "square": root * root,
        "exponent": "squared" if exponent == 2 else "cubed",
        "power": root**exponent,
        "steps": " × ".join([str(root)] * exponent),
    }


@REGISTER.family("speed", weight=1.1)
def speed(rng: random.Random) -> Slots:
    rate, hours = rng.randrange(30, 130, 10), rng.choice((0.5, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6))
    start, end = rng.sample(rows("common", "towns"), 2)
    return {
        "vehicle": rng.choice(
            ("train", "coach", "lorry", "car", "motorbike", "delivery van", "tractor", "ferry")
        ),
        "name": person(rng),
        "rate": rate,
        "distance": trimmed(rate * hours),
        "hours": trimmed(hours),
        "hour_word": "hour" if hours == 1 else "hours",
        "start": start,
        "end": end,
    }
