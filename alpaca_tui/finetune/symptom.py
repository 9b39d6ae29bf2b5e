"""One known way for a run to die: how to know it, and what is said of it. Knows no log and no table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from alpaca_tui.errors import UserError
from alpaca_tui.text import preview

_VALUE_WIDTH = 100
_NEAR = 2_000  # characters: parts of one message
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]")
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Symptom:
    """pattern: a regular expression (`^` and `$` are at lines) over what is printed then; its named groups are the
    values that stand as {name} in title, cause and cure, a number after the name sets alternatives apart. What is in
    [[ ]] is left out where its value is not known. codes: exit codes that mean it, where the log says nothing better;
    negative ones are signals. weight: 2 a cause, 1 what may come of another fault, 0 hardly more than that it ended."""

    id: str
    pattern: str
    title: str
    cause: str
    cure: str
    codes: tuple[int, ...] = ()
    weight: int = 2

    def met(self, text: str) -> tuple[int, re.Match[str]] | None:
        """Where it is met for the last time, the end of it; and the match that tells most of it: a message often comes
        in several parts, of which not the last has the values."""
        matches = list(_compiled(self.pattern).finditer(text))
        if not matches:
            return None
        last = matches[-1]
        telling = (one for one in reversed(matches) if any(one.groups()) and last.start() - one.end() < _NEAR)
        return last.end(), next(telling, last)

    def told(self, match: re.Match[str] | None = None) -> UserError:
        """It with the values that were found."""
        groups = match.groupdict() if match else {}
        values = {
            name.rstrip("0123456789"): preview(value, _VALUE_WIDTH) for name, value in groups.items() if value
        }
        return UserError(*(_filled(text, values) for text in (self.title, self.cause, self.cure)))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


def _filled(text: str, values: Mapping[str, str]) -> str:
    def part(match: re.Match[str]) -> str:
        return match[1] if all(name in values for name in _PLACE.findall(match[1])) else ""

    return _PLACE.sub(lambda match: values.get(match[1], "…"), _OPTIONAL.sub(part, text))
