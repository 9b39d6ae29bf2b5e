"""The lines of one task while they gather, and their division into instruction, input and output.

Division happens when the task has ended, with every label of it known: a task whose labels carry its
number (`4. Input:`) keeps an unnumbered "Input:" line inside a field as text, a task without any
numbered label is divided at the unnumbered ones. Knows lines and labels, not where tasks end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from alpaca_tui.generation.parser_lines import Fences, Label, is_fence, read_label, read_separator, read_title

_NO_INPUT = re.compile(r"[\W_]*no[\s_\-]*inputs?[\W_]*\Z|n\s*/\s*a\.?\Z", re.IGNORECASE)
_NO_INPUT_IN_BRACKETS = re.compile(r"[<\[(](?:none|empty|blank|null|n/?a|nothing)[>\])]\Z", re.IGNORECASE)
_REACH = 60
"""How many lines back the start of a task whose header is missing is looked for."""


@dataclass(slots=True)
class Chained:
    """A header met inside an open code fence: where it stands, and whether its task had an output."""

    line: int
    number: int | None
    answered: bool = False


@dataclass(slots=True)
class Block:
    """One task being gathered.

    header: None for text before any header (the first instruction where the prompt ended in one, or
    chatter). written: some text has come. output_seen: an output label of this task, outside any fence;
    answered: and text after it. output_line: the last output label at all, -1 for none. preface: text
    before the first header. listed: the number of a header-like line taken as an item of a list.
    chain: headers inside the code fence now open; doubtful: those inside fences closed since.
    """

    number: int | None
    header: Label | None
    lines: list[str] = field(default_factory=list[str])
    labels: list[tuple[int, Label, bool]] = field(default_factory=list[tuple[int, Label, bool]])
    written: bool = False
    output_seen: bool = False
    output_line: int = -1
    answered: bool = False
    preface: str = ""
    listed: int | None = None
    chain: list[Chained] = field(default_factory=list[Chained])
    doubtful: list[Chained] = field(default_factory=list[Chained])

    @property
    def unlabelled(self) -> bool:
        """Neither a header nor an input or output label has been seen."""
        return self.header is None and not self.labels

    @property
    def only_heading(self) -> bool:
        """There is a header and no field after it: it may belong to the chatter."""
        return self.header is not None and not self.labels

    def begin(self, line: str, fences: Fences) -> None:
        """Take the header's own line, whole now; what follows the label is already text."""
        self.lines = [line]
        if self.header is not None:
            self.written = bool(line[self.header.end :].strip())
            fences.read(line, self.header.end)

    def add(self, line: str, label: Label | None, fences: Fences) -> bool:
        """Take one line that belongs to this task; True if it opened or closed a code fence."""
        text = line
        if label is not None and label.kind != "task":
            self.labels.append((len(self.lines), label, bool(fences)))
            text = line[label.end :]
            is_output = label.kind in ("output", "answer")
            if is_output and not fences and (label.number is None or self.number in (None, label.number)):
                self.output_seen = True
            if is_output:
                self.output_line = len(self.lines)
                if self.chain:
                    self.chain[-1].answered = True
        self.lines.append(line)
        if text and not text.isspace():
            self.written = True
            self.answered = self.answered or self.output_seen
        return fences.read(line, len(line) - len(text))


def no_input(text: str) -> bool:
    """Whether `text` (stripped) only says that there is no input.

    `<noinput>` in any case, with or without brackets, blanks, hyphens or quotes ("No input", "[no-input]"),
    "N/A", and a bracketed none (`<none>`, "(empty)"). A bare "None" may be real input and stays.
    """
    return len(text) <= 40 and bool(_NO_INPUT.match(text) or _NO_INPUT_IN_BRACKETS.match(text))


def field_texts(block: Block, lines: list[str]) -> tuple[str, str, str]:
    """(instruction, input, output) of `lines`, the block's own lines up to its end, stripped."""
    labels = [entry for entry in block.labels if entry[0] < len(lines)]
    given, output = _choose(block, labels)
    if output is None and block.number is not None:
        inline = _inline_fields(block, lines)
        if inline is not None:
            return inline
    start = (0, block.header.end if block.header else 0)
    stops = sorted(entry[0] for entry in (given, output) if entry is not None)
    instruction_end = stops[0] if stops else len(lines)
    for index, label, fenced in labels:
        if index >= instruction_end or label.kind != "instruction" or fenced:
            continue
        titled = block.header is not None and block.header.kind == "task"
        if titled or not _text(lines, start, index):
            start = (index, label.end)
        break
    instruction = _text(lines, start, instruction_end)
    if block.header is not None and block.header.bold:
        instruction = _without_bold_end(instruction)
    if block.header is not None and block.header.kind == "task":
        again = read_label(instruction)
        if again is not None and again.kind == "instruction":
            instruction = instruction[again.end :].strip()
    texts: list[str] = []
    for entry in (given, output):
        if entry is None:
            texts.append("")
            continue
        end = next((stop for stop in stops if stop > entry[0]), len(lines))
        text = _text(lines, (entry[0], entry[1].end), end)
        texts.append(_without_bold_end(text) if entry[1].bold else text)
    if block.preface and given is None and no_input(instruction):
        # The answer began with the instruction itself and named its input "Instruction".
        return block.preface, "", texts[1]
    return instruction, "" if no_input(texts[0]) else texts[0], texts[1]


def _text(lines: list[str], start: tuple[int, int], end: int) -> str:
    line, column = start
    if line >= end:
        return ""
    return "\n".join([lines[line][column:], *lines[line + 1 : end]]).strip()


def _without_bold_end(text: str) -> str:
    """`text` without the signs that close the bold type opened before its label, if its first line ends so."""
    first, newline, rest = text.partition("\n")
    if first.endswith(("**", "__")) and first.count(first[-2:]) % 2:
        return (first[:-2].rstrip() + newline + rest).strip()
    return text


_Entry = tuple[int, Label, bool]


def _choose(block: Block, labels: list[_Entry]) -> tuple[_Entry | None, _Entry | None]:
    """The labels that open the input and the output."""

    def rank(entry: _Entry) -> int:
        _, label, fenced = entry
        if label.number is None:
            worth = 2 if block.number is not None else 0
        else:
            worth = 0 if label.number == block.number else 1
        return worth + 3 * fenced

    own = [entry for entry in labels if entry[1].number == block.number and not entry[2]]
    if block.number is not None and len(own) == 2:
        kinds = {entry[1].kind for entry in own}
        if "input" not in kinds or not kinds & {"output", "answer"}:
            # Three numbered pieces, a label misnamed: their order says what they are.
            return own[0], own[1]
    outputs = [entry for entry in labels if entry[1].kind == "output"]
    answers = [entry for entry in labels if entry[1].kind == "answer" and not entry[2]]
    if answers and all(entry[2] for entry in outputs):
        outputs = answers
    output = min(outputs, key=rank, default=None)
    inputs = [entry for entry in labels if entry[1].kind == "input"]
    if output is None:
        return min((entry for entry in inputs if not entry[2]), key=rank, default=None), None
    before = [e for e in inputs if e[0] < output[0] and (not e[2] or output[2])]
    if before:
        return min(before, key=rank), output
    if block.number is not None and rank(output) == 0:
        swapped = next((entry for entry in inputs if entry[0] > output[0] and rank(entry) == 0), None)
        return swapped, output
    return None, output


def _inline_fields(block: Block, lines: list[str]) -> tuple[str, str, str] | None:
    """The fields of a task written on one line (`4. Instruction: … 4. Input: … 4. Output: …`), where its
    own number stands exactly once before each label; else None."""
    text = "\n".join(lines)[block.header.end if block.header else 0 :]
    parts = re.split(rf"(?<!\d){block.number}\.[ \t]*(Input|Output):", text)
    if len(parts) != 5 or parts[1] != "Input" or parts[3] != "Output":
        return None
    given = parts[2].strip()
    return parts[0].strip(), "" if no_input(given) else given, parts[4].strip()


def drop_blanks(lines: list[str]) -> None:
    """Remove blank lines from the end."""
    while lines and not lines[-1].strip():
        lines.pop()


def drop_gap(block: Block, number: int | None) -> str:
    """Remove what stands between this task's text and the next header, numbered `number`: blank lines,
    one announcing title, one separator (press releases end in a `###` of their own). Its sign, or ""."""
    lines = block.lines
    drop_blanks(lines)
    if len(lines) > 1 and is_gap_title(lines, block.number, number):
        lines.pop()
        drop_blanks(lines)
    sign = read_separator(lines[-1]) if len(lines) > 1 else ""
    if sign:
        lines.pop()
        return sign
    if lines and lines[-1].rstrip().endswith("###") and not lines[-1].lstrip().startswith("#"):
        lines[-1] = lines[-1].rstrip().rstrip("#")
        return "#"
    return ""


def is_gap_title(lines: list[str], ended: int | None, number: int | None) -> bool:
    """Whether the last line announces the next task (`Task 5`, or `5.` set apart by a blank line or a
    separator), given the number of the ended task and the one its header carries (None: none)."""
    title = read_title(lines[-1])
    if title is None:
        return False
    said, alone = title
    if not alone:
        return number in (None, said)
    apart = not lines[-2].strip() or bool(read_separator(lines[-2]))
    return number is None and apart and (ended is None or said == ended + 1)


def drop_wrapper(lines: list[str], *, at_end: bool) -> None:
    """Remove the fences that wrap an answer or each of its tasks, not those of its code: before the next
    header a closing and an opening one in a row, `at_end` of the answer a closing one without its pair."""
    tail: list[int] = []
    for index in range(len(lines) - 1, 0, -1):
        if is_fence(lines[index]):
            tail.append(index)
        elif lines[index].strip() and not read_separator(lines[index]):
            break
        if len(tail) == 2:
            break
    if at_end and tail and sum(map(is_fence, lines)) % 2:
        del lines[tail[0] :]
    elif not at_end and len(tail) == 2:
        del lines[tail[1] :]
    drop_blanks(lines)


def find_missing_header(block: Block, number: int) -> tuple[int, int] | None:
    """Where in `block` the instruction of the next task, `number`, began although its label is missing:
    (line, column) after the last separator, or at the last line that starts with its number."""
    numbered = re.compile(rf"[ ]{{0,3}}[#*_]{{0,4}}[ \t]?{number}[.)][ \t*_]*(?=\S)")
    start: int | None = None
    for index in range(len(block.lines) - 1, max(block.output_line, len(block.lines) - _REACH), -1):
        line = block.lines[index]
        if match := numbered.match(line):
            return index, match.end()
        if start is not None and read_separator(line) == "#":
            return start, 0
        if line.strip():
            start = index
    return None
