"""Numbers and dates as they are written in filters."""

from __future__ import annotations

import datetime
import math
import re
import time

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_AGO = re.compile(r"(\d{1,5})([hdwmy])")
_SECONDS = {"h": 3_600.0, "d": 86_400.0, "w": 7 * 86_400.0, "m": 30 * 86_400.0, "y": 365 * 86_400.0}


def number(text: str) -> float:
    """A number; `512`, `0.7`, `1e3`, `2k`."""
    factor = 1.0
    if text[-1:].lower() == "k":
        text, factor = text[:-1], 1_000.0
    value = float(text) * factor
    if not math.isfinite(value) or "_" in text:
        raise ValueError(text)
    return value


def check_number(text: str, *, empty: bool = False) -> bool:
    """Whether `number` takes it; `empty`: an open end of a range."""
    if not text:
        return empty
    try:
        number(text)
    except ValueError:
        return False
    return True


def period(text: str) -> tuple[float, float]:
    """A day, a month, a year or the time since so many days ago, as [begin, end) in seconds since the epoch,
    in the local time zone. ValueError for anything else."""
    now = time.time()
    if text == "today":
        day = datetime.date.fromtimestamp(now)
        return _begin(day.year, day.month, day.day), now + 1
    if text == "yesterday":
        day = datetime.date.fromtimestamp(now)
        before = day - datetime.timedelta(days=1)
        return _begin(before.year, before.month, before.day), _begin(day.year, day.month, day.day)
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _SECONDS[ago[2]], now + 1
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day_of = int(found[1]), found[2], found[3]
    if day_of:
        date = datetime.date(year, int(month), int(day_of))
        after = date + datetime.timedelta(days=1)
        return _begin(year, date.month, date.day), _begin(after.year, after.month, after.day)
    if month:
        begin = datetime.date(year, int(month), 1)
        after = datetime.date(year + (begin.month == 12), begin.month % 12 + 1, 1)
        return _begin(year, begin.month, 1), _begin(after.year, after.month, 1)
    return _begin(year, 1, 1), _begin(year + 1, 1, 1)


def check_date(text: str, *, empty: bool = False) -> bool:
    """Whether `period` takes it; `empty`: an open end of a range."""
    if not text:
        return empty
    try:
        period(text)
    except (ValueError, OverflowError, OSError):
        return False
    return True


def _begin(year: int, month: int, day: int) -> float:
    return datetime.datetime(year, month, day).astimezone().timestamp()
