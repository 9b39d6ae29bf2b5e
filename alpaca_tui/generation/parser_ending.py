"""What to remove from the end of an answer that is no part of its last task.

Separators, the fence that wraps the answer, a header just begun, end tokens, a closing remark
("Let me know if you want more tasks"). After a cut nothing is guessed: only a separator, or one with
the beginning of a header after it, shows that the last task is whole. Knows one block, not the answer.
"""

from __future__ import annotations

import re

from alpaca_tui.generation.parser_block import Block, drop_blanks, drop_wrapper
from alpaca_tui.generation.parser_lines import begins_label, is_fence, read_separator

_END_TOKENS = re.compile(r"(?:<\|(?:endoftext|im_end|eot_id|end)\|>|</s>|<eos>|<end_of_turn>)[ \t]*\Z")
_OFFER = re.compile(
    r"(?:please )?(?:let me know|i hope|hope (?:this|these)|feel free|would you like|do you want|"
    r"if you(?:'d| would)? (?:need|like|want))\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"(?:these|those|that|this|here) (?:are|is|were|completes?|concludes?)\b", re.IGNORECASE
)
_ABOUT_TASKS = re.compile(r"\b(?:tasks|instructions|examples)\b", re.IGNORECASE)
_LONGEST_REMARK = 400
_PASSES = 8
"""Endings stack (`###`, a fence, a remark); more layers than this are text."""


def drop_cut_ending(lines: list[str], separators: set[str], *, whole_line: bool) -> bool:
    """After a cut: remove a separator at the end, with the beginning of a header after it; whether there
    was one (then the task before it is whole).

    separators: signs this answer separates tasks with. whole_line: the last line ended in a newline.
    """
    kept = list(lines)
    drop_blanks(kept)
    if not whole_line and len(kept) > 1 and begins_label(kept[-1]):
        kept.pop()
        drop_blanks(kept)
        whole_line = True
    separator = kept[-1].strip() if len(kept) > 1 else ""
    sign = read_separator(separator)
    if sign not in separators and not separator.startswith("###"):
        return False
    if not sign or not (whole_line or separator == "###"):
        return False
    kept.pop()
    lines[:] = kept
    return True


def drop_ending(block: Block, separators: set[str], *, wrapped: bool) -> bool:
    """After an answer that ended by itself: remove what is no part of the task; whether a separator was
    among it. wrapped: the answer stands in a code fence."""
    lines = block.lines
    signs = {"#"} | separators
    ended = False
    for _ in range(_PASSES):
        before = (len(lines), lines[-1] if lines else "")
        drop_blanks(lines)
        if len(lines) > 1:
            lines[-1] = _END_TOKENS.sub("", lines[-1])
        if len(lines) > 2 and begins_label(lines[-1]) and read_separator(lines[-2]) == "#":
            lines.pop()
        if not ended and len(lines) > 1 and read_separator(lines[-1]) in signs:
            lines.pop()
            ended = True
        if wrapped:
            drop_wrapper(lines, at_end=True)
        _drop_remark(block, wrapped=wrapped)
        if before == (len(lines), lines[-1] if lines else ""):
            break
    return ended


def _drop_remark(block: Block, *, wrapped: bool) -> None:
    """Remove a last paragraph in which the teacher speaks about its tasks."""
    lines = block.lines
    first = block.output_line + 2
    start = len(lines)
    while start >= first and lines[start - 1].strip() and not read_separator(lines[start - 1]):
        if wrapped and is_fence(lines[start - 1]):
            break
        start -= 1
    remark = "\n".join(lines[start:]).strip()
    above = start - 1
    while above >= first and not lines[above].strip():
        above -= 1
    if not block.answered or start < first or len(remark) > _LONGEST_REMARK:
        return
    apart = read_separator(lines[above]) == "#" or (wrapped and is_fence(lines[above]))
    offers = _OFFER.match(remark)
    if (offers and apart) or ((offers or _SUMMARY.match(remark)) and _ABOUT_TASKS.search(remark)):
        del lines[start:]
