"""What one line of a teacher's answer can be: a label, a separator, a title, a fence, or plain text.

The vocabulary of the tolerant parser, generous in spelling (`4. Instruction:`, `**4) instruction:**`,
`### Instruction 4`, `Instruction:`), strict in place: a line is judged from its start, and a label with
a colon is recognised from the text up to that colon alone, so that a line still being written is judged
exactly as the whole line will be. Knows no task and no state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["instruction", "input", "output", "answer", "task"]
Form = Literal["number-first", "word-first", "plain", "plural", "task"]

LONGEST_LABEL = 160
"""No label is longer than this many characters (every repetition below is bounded)."""

_LEAD = r"(?P<lead>[ ]{0,3}(?:[#>*_`•\-][#>*_`•\- \t]{0,11})?)"
_LABEL = re.compile(
    rf"""{_LEAD}
    (?:
        (?P<titled>(?:task|example)[ \t]{{0,3}})?[\#(\[]?(?P<first>\d{{1,4}})[ \t]?
        (?(titled)[.)\]\-–—]{{0,2}}|[.):：、．\]\-–—]{{0,2}})[ \t*_]{{0,6}}(?:[\-–—][ \t*_]{{0,4}})?
        (?P<word>instructions?|input|output|response|answer|solution)
      |
        (?P<word_first>instructions?|input|output|response|answer|solution|task|example)
        (?:[ \t]{{0,3}}[\#(\[]?(?P<second>\d{{1,4}})[)\]]?)?
    )
    (?:[ \t]?\([^()\n:：]{{1,30}}\))?
    [ \t*_`]{{0,6}}
    (?:(?P<colon>[:：])|\Z)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TITLE = re.compile(
    rf"""{_LEAD}
    (?: (?:task|example)[ \t]{{0,3}}\#?(?P<named>\d{{1,4}})(?:[ \t]?[:.)\-–—][^\n]{{0,80}}|[*_ \t]{{0,6}})
      | \#?(?P<bare>\d{{1,4}})[.):*_ \t]{{0,6}}
    )\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_SEPARATOR = re.compile(
    r"[ \t]*(#{2,}|-{3,}|={3,}|\*{3,}|_{3,}|/{3,}|[—–─]{2,}|(?:\*[ \t]){2,8}\*|(?:-[ \t]){2,8}-)[ \t]*\Z"
)
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([^\n]*)\Z")
_FENCE_INFO = re.compile(r"[\w+#.\-]{1,24}[ \t]*\Z")
_FENCE_AT_END = re.compile(r"```[\w+#.\-]{0,24}[ \t]*\Z")
_MARKS_BEGUN = r"[#*_ \t]{0,8}(?:\d{1,4}[.)]?[ \t*_]{0,4})?"
_LABEL_BEGUN = re.compile(
    _MARKS_BEGUN
    + "(?:"
    + "|".join("Instruction"[:n] for n in range(11, -1, -1))
    + r")[ \t*_]{0,4}:?[ \t*_]{0,4}\Z",
    re.IGNORECASE,
)
_FIELD_BEGUN = re.compile(
    _MARKS_BEGUN
    + "(?:"
    + "|".join(word[:n] for word in ("Instruction", "Input", "Output") for n in range(len(word), -1, -1))
    + r")\Z",
    re.IGNORECASE,
)
_BOLD_AFTER_COLON = re.compile(r"[*_`]{1,3}")


@dataclass(frozen=True, slots=True)
class Label:
    """A label at the start of a line.

    form: `plural` is a bare "Instructions:", which heads tasks only in answers that always write it so
    (recipes have such a line too). end: where the field's text begins in that line. bold: bold type was
    opened before the label and is still open there (`**4. Instruction: text**`).
    """

    kind: Kind
    number: int | None
    form: Form
    colon: bool
    end: int
    bold: bool = False


def read_label(line: str) -> Label | None:
    """The label `line` starts with, or None.

    A label without a colon must fill the line and be set off by a number or by markup (`### Output`,
    `**4. Input**`): a line that merely says "Input" is text.
    """
    match = _LABEL.match(line)
    if match is None:
        return None
    first, second = match["first"], match["second"]
    word = (match["word"] or match["word_first"]).lower()
    number = int(first or second) if first or second else None
    colon = match["colon"] is not None
    lead = match["lead"].strip()
    if not colon and number is None and not lead:
        return None
    if word in ("task", "example"):
        if number is None:
            return None
        form: Form = "task"
    else:
        form = "number-first" if first else "word-first" if second else "plain"
    if form == "plain" and word == "instructions":
        form = "plural"
    end = match.end()
    opened = "**" in lead or "__" in lead
    closed = any(sign in line[match.end("lead") : end] for sign in ("**", "__"))
    if any(sign in lead for sign in "*_`") and not closed and (bold := _BOLD_AFTER_COLON.match(line, end)):
        end, closed = bold.end(), True
    return Label(_KINDS[word], number, form, colon, end, opened and not closed)


_KINDS: dict[str, Kind] = {
    "instruction": "instruction",
    "instructions": "instruction",
    "input": "input",
    "output": "output",
    "response": "answer",
    "answer": "answer",
    "solution": "answer",
    "task": "task",
    "example": "task",
}


def read_title(line: str) -> tuple[int, bool] | None:
    """(number, whether it stands alone) of a line that only announces a task: `Task 5`, `**5.**`."""
    match = _TITLE.match(line)
    if match is None:
        return None
    if match["named"]:
        return int(match["named"]), False
    return int(match["bare"]), True


def read_separator(line: str) -> str:
    """The sign (`#`, `-`, `=`, ...) of a line made of nothing else, or ""."""
    match = _SEPARATOR.match(line)
    return match[1][0] if match else ""


def begins_label(line: str) -> bool:
    """Whether `line` is the beginning of an instruction label that was cut off (`24. Instr`)."""
    return _LABEL_BEGUN.match(line) is not None and any(map(str.isalnum, line))


def may_become_label(line: str) -> bool:
    """Whether `line`, still being written, may yet turn out to be a label or a separator."""
    return _FIELD_BEGUN.match(line) is not None


class Fences:
    """Which code fences are open, line by line.

    CommonMark's rules plus two habits of language models: an opening fence with a language inside an
    open one nests, and a fence may stand at the end of a line of text. In an answer that is itself
    wrapped in a fence (`toggle`), every fence line simply opens or closes.
    """

    __slots__ = ("_open", "toggle")

    def __init__(self, *, toggle: bool = False) -> None:
        self._open: list[tuple[str, int]] = []
        self.toggle = toggle

    def __bool__(self) -> bool:
        return bool(self._open)

    def read(self, line: str, start: int = 0) -> bool:
        """Take in `line` from `start` on; True if it is a fence line."""
        if "```" not in line and "~~~" not in line:
            return False
        text = line[start:]
        match = _FENCE.match(text)
        if match is None:
            return self._read_end(text)
        run, info = match[1], match[2].strip()
        if run[0] == "`" and "`" in info:
            return self._read_end(text)
        if not self._open:
            self._open.append((run[0], len(run)))
            return True
        sign, length = self._open[-1]
        if run[0] != sign or len(run) < length:
            return False
        if not info or self.toggle:
            self._open.pop()
        elif _FENCE_INFO.match(info):
            self._open.append((run[0], len(run)))
        else:
            return False
        return True

    def _read_end(self, text: str) -> bool:
        if text.count("```") % 2 == 0:
            return False
        if self._open:
            if self._open[-1] == ("`", 3) and text.rstrip().endswith("```"):
                self._open.pop()
                return True
        elif _FENCE_AT_END.search(text):
            self._open.append(("`", 3))
            return True
        return False


def is_fence(line: str) -> bool:
    """Whether `line` is a fence by itself, opening or closing."""
    match = _FENCE.match(line)
    return match is not None and "`" not in match[2]
