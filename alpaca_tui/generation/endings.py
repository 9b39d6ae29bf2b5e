"""How a run ended, in words and as an exit code: one table for the command line, the screens and the log."""

from __future__ import annotations

from alpaca_tui.generation.events import StopReason

_WORDS = {
    StopReason.GOAL: "Done: the goal is reached.",
    StopReason.BUDGET: "Stopped at the budget: the next request could have cost more than is left.",
    StopReason.TOKENS: "Stopped at the token limit: the next request could have used more than is left.",
    StopReason.SATURATED: "Stopped because nothing new comes any more.",
    StopReason.FAILING: "Stopped because most answers fail.",
    StopReason.FATAL: "Stopped: the teacher refuses, and asking again cannot help.",
    StopReason.USER: "Stopped by you. Everything finished is saved; continue any time.",
    StopReason.INTERRUPTED: "Interrupted. Everything finished is saved; run it again to continue.",
    StopReason.ERROR: "Stopped by a fault on this machine.",
}
_EXIT_CODES = {
    StopReason.GOAL: 0,
    StopReason.USER: 0,
    StopReason.BUDGET: 3,
    StopReason.TOKENS: 3,
    StopReason.INTERRUPTED: 130,
}


def ending(reason: StopReason | None, detail: str = "") -> str:
    """One or two sentences: what ended the run, and the detail where there is one."""
    words = (
        _WORDS[reason] if reason is not None else "The process ended before the run did; continue any time."
    )
    return f"{words} {detail}".strip()


def exit_code(reason: StopReason | None) -> int:
    """0 at the goal, 3 at a limit the user set, 130 when interrupted, 1 otherwise."""
    return 1 if reason is None else _EXIT_CODES.get(reason, 1)
