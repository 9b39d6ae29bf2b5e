"""One task as a teacher wrote it: what the parsers give and the filters judge.

Plain values, apart from the parsers so that each of them may be read alone. Knows no other module.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """A candidate as parsed from a teacher's answer.

    number: as the teacher wrote it, None where it wrote none. input: "" where the task has none
    (`<noinput>` is already resolved). truncated: the answer ended inside this task; its last field is
    incomplete and later fields may be missing.
    """

    number: int | None
    instruction: str
    input: str
    output: str
    truncated: bool = False
