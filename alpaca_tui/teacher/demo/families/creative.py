"""Task families that plan or invent: how-to steps, budgets, verse, story openings, adverts.

Verse is put together from lines whose syllables and initials are known.
"""

from __future__ import annotations

import random

from alpaca_tui.teacher.demo.families.letters import category_members
from alpaca_tui.teacher.demo.families.money import person
from alpaca_tui.teacher.demo.grammar import listing, numbered, say, spelled, upper_first
from alpaca_tui.teacher.demo.knowledge import load_all, rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


@REGISTER.family("steps-order", weight=2.2)
def steps_order(rng: random.Random) -> Slots:
    row = rng.choice(table("how-to"))
    steps: list[str] = row["steps"]
    mixed = steps
    while mixed == steps:
        mixed = rng.sample(steps, len(steps))
    place = rng.randrange(1, len(steps) - 1)
    return {
        "goal": row["goal"],
        "mixed": "\n".join(f"- {step}" for step in mixed),
        "ordered": numbered(steps),
        "count": spelled(len(steps)),
        "first": steps[0],
        "last": steps[-1],
        "before": steps[place - 1],
        "step": steps[place],
        "after": steps[place + 1],
        "paragraph": _paragraph(steps),
        "checklist": "\n".join(f"[ ] {step}" for step in steps),
        "list": steps,
    }


def _paragraph(steps: list[str]) -> str:
    openers = ("First,", "Then", "Next,", "After that,", "Afterwards,")
    parts = [
        f"{'Finally,' if place == len(steps) - 1 else openers[place]} {step[0].lower()}{step[1:]}."
        for place, step in enumerate(steps)
    ]
    return " ".join(parts)


@REGISTER.family("acrostic", weight=1.2)
def acrostic(rng: random.Random) -> Slots:
    lines: dict[str, list[str]] = load_all("patterns")["acrostic"]
    category, one, members = category_members(rng)
    word = next(
        (member for member in members if 3 <= len(member) <= 6 and all(letter in lines for letter in member)),
        "sea",
    )
    used: list[str] = []
    for letter in word:
        used.append(rng.choice([line for line in lines[letter] if line not in used] or lines[letter]))
    return {"word": word, "category": category, "one": one, "poem": "\n".join(used), "upper": word.upper()}


@REGISTER.family("haiku", weight=1.3)
def haiku(rng: random.Random) -> Slots:
    theme = rng.choice(sorted(load_all("patterns")["haiku"]))
    verses = load_all("patterns")["haiku"][theme]
    first, last = rng.sample(verses["five"], 2)
    return {"theme": theme, "poem": f"{first},\n{rng.choice(verses['seven'])},\n{last}."}


@REGISTER.family("story-opening", weight=1.8)
def story_opening(rng: random.Random) -> Slots:
    hero, place, find = (rng.choice(table(name)) for name in ("heroes", "settings", "finds"))
    fill = {"name": person(rng), "hero": hero["hero"], "place": place["place"], "find": find["find"]}
    fill |= {
        f"the_{key}": f"the {fill[key].removeprefix('a ').removeprefix('an ')}" for key in ("place", "find")
    }
    fill["the_place"] = fill["the_place"].replace("the the ", "the ")
    return fill | {
        "opening": say(rng, rng.choice(load_all("patterns")["story"]["opening"]), **fill),
        "title": upper_first(say(rng, rng.choice(load_all("patterns")["story"]["title"]), **fill)),
    }


@REGISTER.family("slogan", weight=1.9)
def slogan(rng: random.Random) -> Slots:
    shop = rng.choice(table("ventures"))
    town = rng.choice(rows("common", "towns"))
    fill = {
        "venture": shop["venture"],
        "venture_start": upper_first(shop["venture"]),
        "good": shop["good"],
        "promise": shop["promise"],
        "town": town,
    }
    patterns = load_all("patterns")["advert"]
    return fill | {
        "name": person(rng),
        "slogan": say(rng, rng.choice(patterns["slogan"]), **fill),
        "text": say(rng, rng.choice(patterns["text"]), **fill),
        "tweet": say(rng, rng.choice(patterns["post"]), **fill),
    }


@REGISTER.family("budget", weight=1.6)
def budget(rng: random.Random) -> Slots:
    labels = rng.sample(rows("common", "expenses"), rng.randint(3, 4))
    costs = [rng.randrange(20, 400, 10) for _ in labels]
    income = sum(costs) + rng.randrange(50, 600, 10)
    return {
        "name": person(rng),
        "income": f"${income:,}",
        "lines": "\n".join(f"{label}: ${cost}" for label, cost in zip(labels, costs, strict=True)),
        "inline": listing([f"${cost} for {label}" for label, cost in zip(labels, costs, strict=True)]),
        "spent": f"${sum(costs):,}",
        "left": f"${income - sum(costs):,}",
        "highest": labels[costs.index(max(costs))],
        "costs": costs,
        "income_value": income,
    }
