"""Fixes of defects: each takes a row and gives it back without the defect, or None where that is not safe.

A fix touches only what its rule flagged, changes nothing when done again, and leaves nothing that its rule
would flag as fixable. Nothing here is applied by itself: a person looks at the difference first, and can undo
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from alpaca_tui.curation.lint import RULES
from alpaca_tui.curation.lint.arithmetic import corrected, recheck
from alpaca_tui.curation.lint.characters import escape_spans, invisible_spans, mojibake_spans, unescaped
from alpaca_tui.curation.lint.checks import CHECKS
from alpaca_tui.curation.lint.endings import unclosed_fence
from alpaca_tui.curation.lint.markers import leading_label, removable_no_input
from alpaca_tui.curation.lint.model import Context, FieldName, Row

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029\x0b\x0c\x85]")
_NEWLINES = frozenset("\r\u2028\u2029\x0b\x0c\x85")
_MOST_CLAIMS = 20
_MOST_MARKERS = 10
_NOWHERE = Context()


class Fixed(NamedTuple):
    """The three texts of a row after a fix."""

    instruction: str
    input: str
    output: str


Fix = Callable[[Fixed], Fixed]


def fix(rule: str, instruction: str, input: str, output: str) -> Fixed | None:
    """The row without the defect `rule` names; None where there is no safe fix, or nothing to fix."""
    change = _FIXES.get(rule)
    row = Fixed(instruction, input, output)
    if change is None or not _fixable(rule, row):
        return None
    fixed = change(row)
    if fixed == row or _fixable(rule, fixed) or not fixed.instruction.strip():
        return None
    return fixed


def fix_all(
    instruction: str, input: str, output: str, rules: Sequence[str] = tuple(RULES)
) -> tuple[Fixed, list[str]]:
    """The row after every safe fix of `rules`, in their order, and which were made."""
    row, made = Fixed(instruction, input, output), list[str]()
    for rule in rules:
        fixed = fix(rule, *row)
        if fixed is not None:
            row = fixed
            made.append(rule)
    return row, made


def _fixable(rule: str, row: Fixed) -> bool:
    return any(finding.fixable for finding in CHECKS[rule](Row(*row), _NOWHERE))


def _each(change: Callable[[str], str]) -> Fix:
    return lambda row: Fixed(*(change(text) for text in row))


def _put(row: Fixed, field: FieldName, text: str) -> Fixed:
    match field:
        case "instruction":
            return row._replace(instruction=text)
        case "input":
            return row._replace(input=text)
        case "output":
            return row._replace(output=text)


def _without_controls(text: str) -> str:
    """Line ends of other systems become newlines; what cannot be seen and belongs to nothing goes."""
    spans = {start for start, _ in invisible_spans(text)}
    if not spans:
        return text
    kept = [sign if place not in spans or sign in _NEWLINES else "" for place, sign in enumerate(text)]
    return _LINE_ENDS.sub("\n", "".join(kept))


def _unescaped(text: str) -> str:
    for start, end in reversed(escape_spans(text)):
        text = text[:start] + (unescaped(text[start:end]) or "") + text[end:]
    return text


def _reread(text: str) -> str:
    for start, end, right in reversed(list(mojibake_spans(text))):
        text = text[:start] + right + text[end:]
    return text


def _empty_input(row: Fixed) -> Fixed:
    return row._replace(input="")


def _closed_fence(row: Fixed) -> Fixed:
    """The fence that was to close it is moved to the line's start; where there is none, one is added."""
    opened = unclosed_fence(row.output)
    if opened is None:
        return row
    before, _, last = row.output.rstrip().rpartition("\n")
    if last.strip() == opened[0]:
        return row._replace(output=f"{before}\n{opened[0]}")
    return row._replace(output=f"{row.output.rstrip()}\n{opened[0]}")


def _unmarked(row: Fixed) -> Fixed:
    """A field's own name at its beginning is cut, and a `<noinput>` that has a line to itself. Tasks that were
    run together are for a person to split."""
    for _ in range(_MOST_MARKERS):
        finding = next((found for found in CHECKS["task-marker"](Row(*row), _NOWHERE) if found.fixable), None)
        if finding is None or finding.start is None or finding.end is None:
            break
        text: str = getattr(row, finding.field)
        if leading_label(Row(*row), finding.field) is not None:
            row = _put(row, finding.field, text[finding.end :].strip())
        elif (cut := removable_no_input(text, (finding.start, finding.end))) is not None:
            row = _put(row, finding.field, text[: cut[0]] + text[cut[1] :])
    return row


def _recalculated(row: Fixed) -> Fixed:
    output = row.output
    for _ in range(_MOST_CLAIMS):
        claims = recheck(row.instruction, row.input, output)
        if not claims:
            break
        output = corrected(output, claims[0])
    return row._replace(output=output)


_FIXES: Mapping[str, Fix] = {
    "task-marker": _unmarked,
    "control-char": _each(_without_controls),
    "literal-escape": _each(_unescaped),
    "mojibake": _each(_reread),
    "noinput-text": _empty_input,
    "open-fence": _closed_fence,
    # The instruction says everything with the input inside.
    "repeats-input": _empty_input,
    "arithmetic": _recalculated,
}
