"""Defects of instruction data, each a rule with a name, a severity, an explanation and, where safe, a fix.

`lint_row` reads one row; rules about several rows go by keys (`lint_groups`); `lint_rows` does both for a
whole dataset. Knows only texts: no store, no file, no screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alpaca_tui.curation.lint.catalog import RULES, Rule, Severity
from alpaca_tui.curation.lint.checks import CHECKS
from alpaca_tui.curation.lint.exposure import leak_index, prompt_fingerprint
from alpaca_tui.curation.lint.groups import GROUP_RULES, lint_groups, prompt_key, whole_key
from alpaca_tui.curation.lint.language import dominant_language, language_of
from alpaca_tui.curation.lint.model import Context, FieldName, Finding, LeakIndex, Row
from alpaca_tui.curation.texts import Texts

LINT_VERSION = 1
"""To be raised whenever a rule changes: what was found by another version is stale."""

__all__ = [
    "GROUP_RULES",
    "LINT_VERSION",
    "RULES",
    "Context",
    "FieldName",
    "Finding",
    "LeakIndex",
    "Rule",
    "Severity",
    "dominant_language",
    "language_of",
    "leak_index",
    "lint_groups",
    "lint_numbered",
    "lint_row",
    "lint_rows",
    "prompt_fingerprint",
    "prompt_key",
    "whole_key",
]

_NOWHERE = Context()


def lint_row(instruction: str, input: str, output: str, context: Context = _NOWHERE) -> list[Finding]:
    """What the rules about one row find in it, in the rules' order."""
    row = Row(instruction, input, output)
    return [finding for check in CHECKS.values() for finding in check(row, context)]


def lint_rows(rows: Iterable[Texts], context: Context = _NOWHERE) -> Iterator[tuple[int, Finding]]:
    """(place, finding) of every defect of a dataset, in row order; places count from 0.

    Reads all rows before it gives the first finding, as a row's fellows may come last; of a row it keeps two
    numbers and what was found.
    """
    return lint_numbered(enumerate(rows), context)


def lint_numbered(
    rows: Iterable[tuple[int, Texts]], context: Context = _NOWHERE
) -> Iterator[tuple[int, Finding]]:
    """`lint_rows` of rows that have numbers of their own, each its own one."""
    found: dict[int, list[Finding]] = {}
    keys: list[tuple[int, int, int]] = []
    for number, row in rows:
        instruction, input, output = row.instruction, row.input, row.output
        found[number] = lint_row(instruction, input, output, context)
        keys.append((number, whole_key(instruction, input, output), prompt_key(instruction, input)))
    groups = lint_groups(keys)
    for number, findings in found.items():
        for finding in (*findings, *groups.get(number, ())):
            yield number, finding
