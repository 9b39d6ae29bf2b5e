"""The rule about leftovers of the task format: numbered labels, headings of the prompt, `<noinput>`, end tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alpaca_tui.curation.lint.model import Context, FieldName, Finding, Row

# Patterns are for texts in lower case.
_NUMBERED = re.compile(r"^[ \t#*]{0,6}\d{1,3}[.)][ \t]*instructions?[ \t]*:", re.MULTILINE)
_NUMBERED_PAIR = re.compile(
    r"^[ \t#*]{0,6}(\d{1,3})[.)][ \t]*input[ \t]*:.{0,4000}?^[ \t#*]{0,6}\1[.)][ \t]*output[ \t]*:",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^[ \t]{0,3}#{3}[ \t]*(?:instruction|input|response|output)[ \t]*:", re.MULTILINE)
_TRIPLE = re.compile(
    r"^[ \t]*instruction[ \t]*:.{1,2000}?^[ \t]*input[ \t]*:.{1,2000}?^[ \t]*output[ \t]*:",
    re.MULTILINE | re.DOTALL,
)
_END_TOKEN = re.compile(
    r"<\|(?:endoftext|im_start|im_end|eot_id|begin_of_text|end_of_text)\|>|\[/?inst\]|<</?sys>>|</s>\s*\Z"
)
_LAST_HASHES = re.compile(r"\n[ \t]*#{3}[ \t]*\Z|^[ \t]*#{3}[ \t]*\n\s{0,8}\d{1,3}[.)]", re.MULTILINE)
_NO_INPUT = re.compile(r"<[ \t]?no[ _-]?input[ \t]?>")
_LABELS: dict[FieldName, re.Pattern[str]] = {
    "instruction": re.compile(
        r"\s*[#*_ \t]{0,6}(?:\d{1,3}[.)][ \t]*)?instruction[ \t]*:[*_]{0,2}[ \t]*\n?(?=\s*\S)"
    ),
    "input": re.compile(r"\s*[#*_ \t]{0,6}(?:\d{1,3}[.)][ \t]*)?input[ \t]*:[*_]{0,2}[ \t]*\n?(?=\s*\S)"),
    "output": re.compile(
        r"\s*[#*_ \t]{0,6}(?:\d{1,3}[.)][ \t]*)?(?:output|response)[ \t]*:[*_]{0,2}[ \t]*\n?(?=\s*\S)"
    ),
}
_LABEL = re.compile(
    r"^[ \t#*_]*(?:(?:sample|expected|desired|example) )?(?:instructions?|inputs?|outputs?|response)[ \t]*\d*[ \t]*[:=]",
    re.MULTILINE,
)
# Tasks about tasks, formats and programs, where such labels are what was asked for.
_ABOUT_LABELS = re.compile(
    r"\b(?:inputs?|outputs?|instructions?|function|algorithm|program|codes?|script|method|query|test cases?|format|prompts?|"
    r"templates?|gpt|language model|machine learning|chatbot|class|python|java|javascript|sql|api|neural|pseudo ?code|recipe|html|respon[sd]\w*)\b"
)
_ABOUT_TASKS = re.compile(
    r"\b(?:instructions?|prompts?|tasks? (?:for|that)|templates?|gpt|training|fine-?tun\w*|tokens?|no ?input)\b"
)


def task_marker(row: Row, _context: Context) -> Iterator[Finding]:
    """A leftover of the format tasks are written in: another task run into the output, or a label.

    Checked by hand: all 53 hits in the Alpaca rows, 53 right; all 42 in the others, 41 right.
    """
    for (field, text), low in zip(
        row.fields(), (row.low_instruction, row.low_input, row.low_output), strict=True
    ):
        if ":" not in low and "<" not in low and "###" not in low and "[" not in low:
            continue
        span = leading_label(row, field)
        fixable = span is not None
        if span is None:
            span = _inside(row, field, low)
        if span is None and "<" in low:
            span = _no_input(row, field, low)
            fixable = span is not None and removable_no_input(text, span) is not None
        if span is not None:
            marker = " ".join(text[span[0] : span[1]].split())
            if len(marker) > 40:
                marker = marker[:40].rstrip() + "…"
            yield Finding(
                "task-marker",
                field,
                f"“{marker}” belongs to the format of tasks, not to the {field}",
                *span,
                fixable=fixable,
            )


def _inside(row: Row, field: FieldName, low: str) -> tuple[int, int] | None:
    """Where a marker stands that says: here is more than one task, or a prompt."""
    about_tasks = _ABOUT_TASKS.search(row.low_instruction) is not None
    if "instruction" in low:
        found = _NUMBERED.search(low)
        if found and (field != "input" or not about_tasks):
            return _trimmed(low, found.start(), found.end())
        found = None if about_tasks else _TRIPLE.search(low)
        if found:
            return _trimmed(low, found.start(), found.start() + 12)
    if "output" in low and not about_tasks and (found := _NUMBERED_PAIR.search(low)):
        return _trimmed(low, found.start(), low.index(":", found.start()) + 1)
    if "###" in low and not about_tasks:
        found = _HEADING.search(low) or (_LAST_HASHES.search(low) if field == "output" else None)
        if found and not (found.group().strip() == "###" and "```" in low):
            return _trimmed(low, found.start(), found.end())
    if ("<" in low or "[" in low) and not about_tasks and (found := _END_TOKEN.search(low)):
        return found.span()
    return None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without blanks at its ends."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def leading_label(row: Row, field: FieldName) -> tuple[int, int] | None:
    """Where a field begins with its own name ("Output: …"), which can be cut. None where the label may be
    asked for: the text has other labels, or the task is about programs or formats."""
    low = {"instruction": row.low_instruction, "input": row.low_input, "output": row.low_output}[field]
    found = _LABELS[field].match(low)
    if found is None:
        return None
    if field == "instruction":
        return found.span()
    if _LABEL.search(low, found.end()) or _ABOUT_LABELS.search(row.low_instruction):
        return None
    return found.span()


def _no_input(row: Row, field: FieldName, low: str) -> tuple[int, int] | None:
    """Where `<noinput>` stands in a text; an input of nothing else is another rule's."""
    found = _NO_INPUT.search(low)
    if found is None or (field == "input" and re.sub(r"[\W_]", "", low) == "noinput"):
        return None
    if _ABOUT_TASKS.search(row.low_instruction) and field != "output":
        return None
    return found.span()


def removable_no_input(text: str, span: tuple[int, int]) -> tuple[int, int] | None:
    """The span to cut so that `<noinput>` is gone with the line it stands on; None in the middle of a line,
    where it may stand for a gap, or where nothing would be left."""
    start = text.rfind("\n", 0, span[0]) + 1
    end = text.find("\n", span[1])
    end = len(text) if end < 0 else end
    if text[start : span[0]].strip() or text[span[1] : end].strip():
        return None
    before, after = text[:start].rstrip(), text[end:].lstrip("\n")
    if not before.strip() and not after.strip():
        return None
    if not before.strip():
        return 0, len(text) - len(after)
    return len(before), end if after.strip() else len(text)
