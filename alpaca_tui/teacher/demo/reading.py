"""Reads a prompt the way a model would: which tasks it shows, and which numbers it asks for.

Understands any prompt in the `N. Instruction:` format, ours or a user's own; knows no template file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_COUNT = 20
MOST_TASKS = 200

_SHOWN = re.compile(r"^[ \t]*#{0,4}[ \t]*(\d{1,5})[ \t]*\.[ \t]*Instruction:[ \t]*(.*)$", re.MULTILINE)
_RANGE = re.compile(r"\b(\d{1,5})\s*(?:to|through|until|up to|-|–|—|\.\.\.?|…)\s*(\d{1,5})\b")
_COUNT = re.compile(
    r"\b(\d{1,4})\s+(?:\w+,?\s+){0,4}?(?:tasks?|instructions?|examples?|items?)\b"
    r"|\b(?:set|list|total)\s+of\s+(\d{1,4})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a prompt asks for: `count` tasks from number `first`. `shown` are the instructions it shows.
    `continues`: the prompt ends in an open `first. Instruction:` and the answer goes on right there."""

    first: int
    count: int
    shown: tuple[str, ...]
    continues: bool


def read_prompt(text: str, *, completion: bool) -> Wanted | None:
    """What `text` asks for, or None when it does not ask for tasks in the `N. Instruction:` format.

    `completion`: the prompt came through the legacy endpoint, where it may end in an open task.
    """
    found = list(_SHOWN.finditer(text))
    shown = [(int(match.group(1)), match.group(2).strip()) for match in found]
    continues = bool(completion and shown and not shown[-1][1] and not text[found[-1].end() :].strip())
    opened = shown.pop()[0] if continues else None
    numbers = [number for number, instruction in shown if instruction]
    # The numbers asked for stand outside the examples, whose own texts hold numbers of their own.
    request = text[: found[0].start()] if found else text
    if found:
        request += "\n" + _after_last_task(text[found[-1].end() :])
    if not found and "instruction:" not in text.lower():
        return None
    highest = max(numbers, default=0)
    first = opened if opened is not None else highest + 1
    count = _count(request, first)
    return Wanted(first, max(1, min(count, MOST_TASKS)), tuple(i for _, i in shown if i), continues)


def _after_last_task(tail: str) -> str:
    """What may be a request after the last example: the text after a `###` line, else the last paragraph."""
    _, mark, rest = tail.rpartition("\n###")
    return rest if mark else tail.rpartition("\n\n")[2]


def _count(request: str, first: int) -> int:
    ranges = [(int(match.group(1)), int(match.group(2))) for match in _RANGE.finditer(request)]
    ends = [end for start, end in ranges if start == first and end >= start]
    if ends:  # the widest: a prompt without examples may also say "1 to 2 sentences"
        return max(ends) - first + 1
    counts = [int(match.group(1) or match.group(2)) for match in _COUNT.finditer(request)]
    plausible = [count for count in counts if 1 <= count <= MOST_TASKS]
    return plausible[0] if plausible else DEFAULT_COUNT
