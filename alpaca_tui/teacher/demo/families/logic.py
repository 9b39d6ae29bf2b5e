"""Task families of small puzzles: orders, directions, families, truth, days, coins."""

from __future__ import annotations

import random
from itertools import pairwise

from alpaca_tui.teacher.demo.families.money import person
from alpaca_tui.teacher.demo.grammar import article, listing, money, say, spelled, upper_first
from alpaca_tui.teacher.demo.knowledge import rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()
_COMPASS = ("north", "east", "south", "west")


@REGISTER.family("ordering-puzzle", weight=2.6)
def ordering_puzzle(rng: random.Random) -> Slots:
    names = rng.sample(rows("common", "names"), rng.randint(3, 4))
    relation = rng.choice(table("orders"))
    clues = [f"{a} {relation['clue']} {b}" for a, b in pairwise(names)]
    mixed = rng.sample(clues, len(clues))
    first = rng.random() < 0.5
    return {
        "clues": ". ".join(mixed) + ".",
        "names": listing(sorted(names)),
        "question": relation["most"] if first else relation["least"],
        "who": names[0] if first else names[-1],
        "order": ", ".join(names),
        "ranking": relation["ranking"],
        "list": names,
        "given": mixed,
    }


@REGISTER.family("direction-walk")
def direction_walk(rng: random.Random) -> Slots:
    heading = rng.randrange(4)
    turns = rng.sample(("left", "right", "around", rng.choice(("left", "right"))), rng.randint(2, 3))
    final = heading
    for turn in turns:
        final += {"left": -1, "right": 1, "around": 2}[turn]
    return {
        "name": person(rng),
        "start": _COMPASS[heading],
        "turns": listing([f"turns {turn}" for turn in turns]),
        "list": turns,
        "end": _COMPASS[final % 4],
    }


@REGISTER.family("grid-walk", weight=0.8)
def grid_walk(rng: random.Random) -> Slots:
    first, second = rng.choice(((3, 4), (6, 8), (5, 12), (9, 12), (8, 15), (12, 16)))
    far = int((first**2 + second**2) ** 0.5)
    return {
        "name": person(rng),
        "first": first,
        "second": second,
        "a": rng.choice(("north", "south")),
        "b": rng.choice(("east", "west")),
        "far": far,
        "squares": f"{first}² + {second}² = {first**2 + second**2} = {far}²",
        "vehicle": rng.choice(("boat", "drone", "runner", "cyclist", "rover", "hiker")),
    }


@REGISTER.family("syllogism", weight=1.9)
def syllogism(rng: random.Random) -> Slots:
    row = rng.choice(table("kinds"))
    name = person(rng)
    valid = rng.random() < 0.6
    if valid:
        premises = f"All {row['many']} are {row['above']}. {name} is {article(row['one'])}."
        claim = f"{name} is {article(row['above_one'])}"
        verdict = f"Yes: {name} is {article(row['one'])}, and all {row['many']} are {row['above']}"
    else:
        premises = f"All {row['many']} are {row['above']}. {name} is {article(row['above_one'])}."
        claim = f"{name} is {article(row['one'])}"
        verdict = f"No: not all {row['above']} need to be {row['many']}, so {name} may be another of the {row['above']}"
    return {"premises": premises, "claim": claim, "verdict": verdict, "valid": valid, "name": name}


@REGISTER.family("family-relations", weight=1.7)
def family_relations(rng: random.Random) -> Slots:
    row = rng.choice(table("relations-puzzle"))
    women, men = (rng.sample(rows("common", kind), 3) for kind in ("women", "men"))
    kinds = [rng.choice("fm") if kind == "x" else kind for kind in row["genders"].split()]
    a, b, c = ((women if kind == "f" else men)[place] for place, kind in enumerate(kinds))
    fill = {"a": a, "b": b, "c": c}
    return {
        "story": say(rng, row["story"], **fill),
        "question": say(rng, row["question"], **fill),
        "answer": upper_first(row["relation"]),
        "a": a,
        "b": b,
        "c": c,
    }


@REGISTER.family("coins", weight=1.2)
def coins(rng: random.Random) -> Slots:
    kinds = ((25, "quarter"), (10, "dime"), (5, "nickel"), (1, "penny"))
    counts = [rng.randint(1, 6) for _ in range(3)]
    chosen = rng.sample(kinds, 3)
    total = sum(value * count for (value, _), count in zip(chosen, counts, strict=True))
    words = [
        f"{spelled(count)} {name if count == 1 else 'pennies' if name == 'penny' else name + 's'}"
        for (_, name), count in zip(chosen, counts, strict=True)
    ]
    left, fewest = total, 0
    for value, _ in kinds:
        fewest += left // value
        left %= value
    return {
        "name": person(rng),
        "coins": listing(words),
        "cents": total,
        "dollars": money(total),
        "pairs": [(value, count) for (value, _), count in zip(chosen, counts, strict=True)],
        "fewest": fewest,
    }


@REGISTER.family("day-puzzle", weight=0.9)
def day_puzzle(rng: random.Random) -> Slots:
    days = rows("common", "weekdays")
    start = rng.randrange(7)
    phrase, shift = rng.choice(
        (
            ("the day after tomorrow", 2),
            ("the day before yesterday", -2),
            ("three days from now", 3),
            ("five days ago", -5),
            ("four days ago", -4),
            ("six days from now", 6),
        )
    )
    return {
        "today": days[start],
        "phrase": phrase,
        "day": days[(start + shift) % 7],
        "shift": shift,
        "name": person(rng),
        "event": rng.choice(table("events"))["event"],
        "verb": "was" if shift < 0 else "will be",
    }


@REGISTER.family("free-slot", weight=1.2)
def free_slot(rng: random.Random) -> Slots:
    hours = list(range(9, 17))
    free = rng.choice(hours)
    name1, name2 = rng.sample(rows("common", "names"), 2)
    busy1: list[int] = []
    busy2: list[int] = []
    for hour in hours:
        if hour == free:
            continue
        (busy1 if rng.random() < 0.5 else busy2).append(hour)
        if rng.random() < 0.3:
            busy1.append(hour)
    busy2 += [hour for hour in hours if hour != free and hour not in busy1 and hour not in busy2]

    def shown(busy: list[int]) -> str:
        return ", ".join(f"{hour}:00" for hour in sorted(set(busy)))

    return {
        "name1": name1,
        "name2": name2,
        "busy1": shown(busy1),
        "busy2": shown(busy2),
        "slot": f"{free}:00",
        "lists": (sorted(set(busy1)), sorted(set(busy2))),
        "free": free,
    }
