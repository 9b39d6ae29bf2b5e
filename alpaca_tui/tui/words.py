"""Numbers, times and states in the words the screens use. What is unknown is called unknown, never 0.

Knows no widget; verdicts and stop reasons are taken by their plain names.
"""

from __future__ import annotations

import math
import time

VERDICT_WORDS: dict[str, str] = {
    "kept": "kept",
    "duplicate": "duplicate",
    "filtered": "filtered",
    "truncated": "cut off",
    "surplus": "surplus",
}

STOP_WORDS: dict[str, str] = {
    "goal": "Goal reached",
    "budget": "Stopped at the budget",
    "tokens": "Stopped at the token limit",
    "saturated": "Stopped: nothing new came any more",
    "failing": "Stopped: too many requests failed",
    "fatal": "Stopped: the teacher refused",
    "user": "Stopped by you",
    "interrupted": "Interrupted",
    "error": "Stopped by an error",
}
"""Why a run ended, by `StopReason` value."""


def stop_words(reason: str | None) -> str:
    if reason is None:
        return "Ended without a word (the program was killed)"
    return STOP_WORDS.get(str(reason), f"Stopped ({reason})")


def count(number: int) -> str:
    return f"{number:,}"


def short(number: float) -> str:
    """`987`, `9.8k`, `123k`, `4.6M`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            value = number / limit
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    return f"{number:,.0f}"


def dollars(amount: float | None, unknown: str = "unknown") -> str:
    """`$0.0042`, `$0.130`, `$1.25`, `$1,200`: as many decimals as the amount needs; None is `unknown`."""
    if amount is None:
        return unknown
    size = abs(amount)
    if size == 0:
        return "$0"
    if size >= 1000:
        return f"${amount:,.0f}"
    if size >= 1:
        return f"${amount:.2f}"
    if size < 0.00001:
        return "<$0.00001"
    decimals = max(1 - math.floor(math.log10(size)), 3)
    return f"${amount:.{min(decimals, 6)}f}"


def percent(part: float, whole: float) -> str:
    if whole <= 0:
        return "–"
    share = 100 * part / whole
    return f"{share:.1f} %" if 0 < share < 10 else f"{share:.0f} %"


def duration(seconds: float | None, unknown: str = "unknown") -> str:
    """`8 s`, `1 m 20 s`, `2 h 05 m`, `3 d 4 h`."""
    if seconds is None:
        return unknown
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} m"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def now() -> float:
    """Seconds since the epoch; the one clock of the screens."""
    return time.time()


def ago(at: float) -> str:
    """How long ago a moment (seconds since the epoch) was."""
    gone = now() - at
    if gone < 45:
        return "just now"
    if gone < 3600:
        return f"{max(round(gone / 60), 1)} min ago"
    if gone < 36 * 3600:
        return f"{round(gone / 3600)} h ago"
    return f"{round(gone / 86400)} days ago"


def clock_time(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))
