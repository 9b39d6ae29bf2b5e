"""What a rule reads, what it may know beside the row, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from alpaca_tui.curation.lint.catalog import RULES, Severity

FieldName = Literal["instruction", "input", "output"]
FIELDS: tuple[FieldName, ...] = ("instruction", "input", "output")


class Row:
    """The three texts of a row, and the same in lower case with every character in its old place."""

    __slots__ = ("input", "instruction", "low_input", "low_instruction", "low_output", "output")

    def __init__(self, instruction: str, input: str, output: str) -> None:
        self.instruction = instruction
        self.input = input
        self.output = output
        self.low_instruction = lower(instruction)
        self.low_input = lower(input)
        self.low_output = lower(output)

    def fields(self) -> tuple[tuple[FieldName, str], ...]:
        """(name, text) of each field."""
        return (("instruction", self.instruction), ("input", self.input), ("output", self.output))


def lower(text: str) -> str:
    """`text` in lower case, as long as it was (a few capitals, such as İ, become two characters otherwise)."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect of one row.

    start, end: where in the field, in characters, for highlighting; None where it is the whole field.
    fixable: `fixes.fix` has a safe fix for this very finding. suggestion: the right text or value, where known.
    """

    rule: str
    field: FieldName
    message: str
    start: int | None = None
    end: int | None = None
    fixable: bool = False
    suggestion: str | None = None

    @property
    def severity(self) -> Severity:
        """The rule's."""
        return RULES[self.rule].severity


LeakIndex: TypeAlias = Mapping[str, str]
"""Fingerprint of a prompt (`exposure.prompt_fingerprint`) -> name of where it is from."""


@dataclass(frozen=True, slots=True)
class Context:
    """What rules may know beside the row.

    language: the dataset's, an ISO 639-1 code; None switches the rule off. max_tokens, count_tokens: the
    longest example the model takes, and the length of (instruction, input, output); None switches the rule
    off. leaks: prompts of seeds and evaluation suites (`leak_index`); None switches the rule off.
    """

    language: str | None = None
    max_tokens: int | None = None
    count_tokens: Callable[[str, str, str], int] | None = None
    leaks: LeakIndex | None = None


Check: TypeAlias = Callable[[Row, Context], Iterator[Finding]]
