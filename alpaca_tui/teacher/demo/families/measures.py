"""Task families about units, clocks and calendars. Dates are worked out with the proleptic calendar."""

from __future__ import annotations

import calendar
import datetime
import random

from alpaca_tui.teacher.demo.families.money import person
from alpaca_tui.teacher.demo.grammar import trimmed
from alpaca_tui.teacher.demo.knowledge import rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


@REGISTER.family("unit-conversion", weight=1.9)
def unit_conversion(rng: random.Random) -> Slots:
    unit = rng.choice(table("units"))
    factor = int(unit["factor"])
    value = rng.choice((rng.randint(2, 60), rng.randint(2, 40) + 0.5 * (factor % 2 == 0)))
    return {
        "big": unit["big"],
        "small": unit["small"],
        "factor": f"{factor:,}",
        "factor_value": factor,
        "value": trimmed(value),
        "result": f"{int(value * factor):,}",
        "result_value": int(value * factor),
        "thing": unit["thing"],
        "name": person(rng),
    }


@REGISTER.family("temperature", weight=0.9)
def temperature(rng: random.Random) -> Slots:
    celsius = rng.randrange(-25, 105, 5)
    return {
        "celsius": celsius,
        "fahrenheit": celsius * 9 // 5 + 32,
        "middle": celsius * 9 // 5,
        **({"town": rng.choice(rows("common", "towns"))} if -20 <= celsius <= 40 else {}),
        "name": person(rng),
        "kelvin": trimmed(celsius + 273.15),
    }


@REGISTER.family("clock-add", weight=1.3)
def clock_add(rng: random.Random) -> Slots:
    start = rng.randrange(6 * 60, 20 * 60, 5)
    length = rng.randrange(25, 230, 5)
    event = rng.choice(table("events"))
    return {
        "name": person(rng),
        "event": event["event"],
        "place": event["place"],
        "start": _clock(start),
        "minutes": length,
        "length": _length(length),
        "end": _clock(start + length),
        "start_minute": start,
        "end_minute": start + length,
    }


@REGISTER.family("time-zones", weight=0.8)
def time_zones(rng: random.Random) -> Slots:
    home, away = rng.sample(rows("common", "towns"), 2)
    start, offset = rng.randrange(0, 24 * 60, 15), rng.choice((-9, -8, -6, -5, -3, 3, 4, 5, 7, 8, 9))
    there = start + offset * 60
    day = " on the day before" if there < 0 else " on the next day" if there >= 24 * 60 else ""
    return {
        "home": home,
        "away": away,
        "start": _clock(start),
        "hours": abs(offset),
        "direction": "ahead of" if offset > 0 else "behind",
        "there": _clock(there % (24 * 60)) + day,
        "offset": offset,
        "start_minute": start,
    }


@REGISTER.family("clock-format", weight=0.9)
def clock_format(rng: random.Random) -> Slots:
    minute = rng.randrange(0, 24 * 60)
    hour, rest = divmod(minute, 60)
    half = f"{(hour - 1) % 12 + 1}:{rest:02d} {'a.m.' if hour < 12 else 'p.m.'}"
    event = rng.choice(table("events"))
    return {"full": _clock(minute), "half": half, "event": event["event"], "minute": minute}


@REGISTER.family("weekday-after", weight=1.2)
def weekday_after(rng: random.Random) -> Slots:
    days = rows("common", "weekdays")
    start, count = rng.randrange(7), rng.randint(9, 120)
    return {
        "start": days[start],
        "count": count,
        "weeks": count // 7,
        "rest": f"{count % 7} day{'s' * (count % 7 != 1)}",
        "end": days[(start + count) % 7],
        "before": days[(start - count) % 7],
        "name": person(rng),
        "event": rng.choice(table("events"))["event"],
    }


@REGISTER.family("date-difference", weight=1.4)
def date_difference(rng: random.Random) -> Slots:
    first = datetime.date(rng.randint(2023, 2031), rng.randint(1, 12), rng.randint(1, 28))
    second = first + datetime.timedelta(days=rng.randint(12, 200))
    event = rng.choice(table("events"))
    return {
        "first": _date(first),
        "second": _date(second),
        "iso": (first.isoformat(), second.isoformat()),
        "days": (second - first).days,
        "event": event["event"],
        "name": person(rng),
    }


@REGISTER.family("weekday-of-date")
def weekday_of_date(rng: random.Random) -> Slots:
    date = datetime.date(rng.randint(1950, 2040), rng.randint(1, 12), rng.randint(1, 28))
    return {
        "date": _date(date),
        "iso": date.isoformat(),
        "weekday": rows("common", "weekdays")[date.weekday()],
        "place": date.timetuple().tm_yday,
    }


@REGISTER.family("leap-year", weight=0.7)
def leap_year(rng: random.Random) -> Slots:
    year = rng.choice((rng.randint(1600, 2400), rng.randrange(1600, 2401, 100), rng.randrange(1604, 2400, 4)))
    leap = calendar.isleap(year)
    if year % 100 == 0:
        reason = f"{year} is divisible by 100, and it is {'also' if leap else 'not'} divisible by 400"
    else:
        reason = f"{year} is {'' if leap else 'not '}divisible by 4"
        reason += " and not by 100" if leap else ""
    return {
        "year": year,
        "answer": "Yes" if leap else "No",
        "reason": reason,
        "verdict": "a leap year" if leap else "not a leap year",
        "days": 366 if leap else 365,
        "february": 29 if leap else 28,
    }


@REGISTER.family("date-format", weight=1.1)
def date_format(rng: random.Random) -> Slots:
    date = datetime.date(rng.randint(1980, 2040), rng.randint(1, 12), rng.randint(1, 28))
    return {
        "long": _date(date),
        "iso": date.isoformat(),
        "european": f"{date.day:02d}.{date.month:02d}.{date.year}",
        "event": rng.choice(table("events"))["event"],
    }


@REGISTER.family("fuel-use", weight=0.6)
def fuel_use(rng: random.Random) -> Slots:
    use, distance = rng.randint(4, 14), rng.randrange(150, 950, 50)
    price = rng.choice((1.5, 1.6, 1.8, 2.0))
    litres = use * distance / 100
    return {
        "vehicle": rng.choice(("van", "car", "small lorry", "camper", "taxi", "minibus")),
        "name": person(rng),
        "use": use,
        "distance": distance,
        "litres": trimmed(litres),
        "price": f"{price:.2f}",
        "cost": f"{litres * price:.2f}",
    }


@REGISTER.family("recipe-scaling", weight=1.3)
def recipe_scaling(rng: random.Random) -> Slots:
    recipe = rng.choice(table("recipes"))
    served, factor = rng.choice((2, 4, 6)), rng.choice((2, 3, 4, 0.5))
    amounts: list[tuple[int, str]] = []
    for entry in recipe["ingredients"]:
        amount, what = entry.split(" ", 1)
        amounts.append((int(amount), what))
    scaled = [(trimmed(amount * factor), what) for amount, what in amounts]
    amount, what = amounts[rng.randrange(len(amounts))]
    return {
        "dish": recipe["dish"],
        "name": person(rng),
        "served": served,
        "wanted": trimmed(served * factor),
        "factor": trimmed(factor),
        "ingredients": ", ".join(f"{amount} {what}" for amount, what in amounts),
        "scaled": ", ".join(f"{amount} {what}" for amount, what in scaled),
        "lines": "\n".join(f"{amount} {what}" for amount, what in amounts),
        "scaled_lines": "\n".join(f"{amount} {what}" for amount, what in scaled),
        "one": f"{amount} {what}",
        "one_scaled": f"{trimmed(amount * factor)} {what}",
    }


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} hour{'s' * (hours > 1)}"] if hours else []
    parts += [f"{rest} minutes"] if rest else []
    return " and ".join(parts)


def _date(date: datetime.date) -> str:
    return f"{date.day} {rows('common', 'months')[date.month - 1]} {date.year}"
