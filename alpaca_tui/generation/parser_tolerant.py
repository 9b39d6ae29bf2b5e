"""A teacher's answer read as tasks while it streams, forgiving of form and strict about what is lost.

The answer is read line by line. A task ends where the next one's header stands at the start of a line;
a `###` alone proves nothing, so markdown headings, `##`, numbered lists ("20.") and rules inside an
output stay text. How the answer itself writes headers (numbered or not, with separators or without) is
learned from its first tasks and decides doubtful lines. Inside a code fence a header is text, unless the
fence turns out never to have been closed. Where a task ends depends on whole lines and on labels up to
their colon, never on how the text was cut into chunks. Knows no teacher, no filter and no store.
"""

from __future__ import annotations

import re

from alpaca_tui.generation.parser_block import (
    Block,
    Chained,
    drop_blanks,
    drop_gap,
    drop_wrapper,
    field_texts,
    find_missing_header,
    is_gap_title,
)
from alpaca_tui.generation.parser_ending import drop_cut_ending, drop_ending
from alpaca_tui.generation.parser_lines import (
    LONGEST_LABEL,
    Fences,
    Form,
    Label,
    may_become_label,
    read_label,
    read_separator,
    read_title,
)
from alpaca_tui.generation.task import Task

_CUT = frozenset({"length", "max_tokens", "content_filter", "cancelled", "error"})
_WHOLE = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
_THINKING = re.compile(r"\s*<(?:think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_FENCE_PATIENCE = 3
"""After so many headers in sequence inside one open code fence, the fence is taken as never closed."""
_LONGEST_FIRST_INSTRUCTION = 4000
"""Text without any label counts as a first instruction that was cut off up to this many characters."""


class TolerantParser:
    """Tasks of one streamed answer to a prompt that showed `k` examples.

    The text may start right with the instruction of task k+1 (a legacy endpoint continues
    `k+1. Instruction:`), with that header, or with chatter before it. `feed` gives every task whose end
    it saw; `close` the rest. Fields are stripped and `\\r\\n` becomes `\\n`. Never raises on any text and
    takes time linear in it.
    """

    def __init__(self, k: int) -> None:
        self._first = k + 1
        self._block = Block(self._first, None)
        self._fences = Fences()
        self._closed = False
        self._started = False
        self._begins_with_blank = False
        self._thinking = False
        # The line being written: its pieces, its beginning (where a label would stand), and whether that
        # was a header already acted on.
        self._pieces: list[str] = []
        self._head: str = ""
        self._taken = False
        # What stands between the last line of text and here.
        self._separator = ""
        self._title: int | None = None
        self._blank = False
        self._colon_before = False
        # How this answer writes tasks, learned from the headers accepted so far.
        self._form: Form = "number-first"
        self._separators: set[str] = set()
        self._bare = False
        self._wrapped = False

    def feed(self, text: str) -> list[Task]:
        """Take in the next piece of the answer; the tasks whose end is now seen."""
        done: list[Task] = []
        if self._closed or not text:
            return done
        if not self._started:
            self._started = True
            self._begins_with_blank = text[0] in " \t"
        *lines, rest = text.split("\n")
        for line in lines:
            if self._pieces:
                self._pieces.append(line)
                line = "".join(self._pieces)
                self._pieces.clear()
                self._head = ""
            self._read(line.removesuffix("\r"), done)
        if rest:
            self._write(rest, done)
        return done

    def close(self, finish_reason: str) -> list[Task]:
        """The answer has ended: the tasks not given yet. One that was cut off is `truncated`.

        finish_reason: the server's word, or `cancelled`, `error`, `unknown`. After "stop" the last task
        is whole if it has an output; after a cut only if a separator closed it.
        """
        done: list[Task] = []
        if self._closed:
            return done
        tail = "".join(self._pieces).removesuffix("\r")
        self._pieces.clear()
        if tail:
            self._read(tail, done)
        self._closed = True
        cut = finish_reason in _CUT
        if self._fences:
            # A fence open at the end: headers inside it were real. Those inside an earlier, closed one
            # only if the answer was not cut: then a fence is missing somewhere before.
            self._commit(self._block.chain or ([] if cut else self._block.doubtful), done)
        block = self._block
        if cut:
            ended = drop_cut_ending(block.lines, self._separators, whole_line=not tail)
        else:
            ended = drop_ending(block, self._separators, wrapped=self._wrapped)
        if block.unlabelled:
            written = "\n".join(block.lines).strip()
            if cut and written and len(written) <= _LONGEST_FIRST_INSTRUCTION:
                done.append(Task(block.number, written, "", "", truncated=True))
            return done
        unsure = finish_reason not in _WHOLE and bool(self._fences) and not self._wrapped
        instruction, given, output = field_texts(block, block.lines)
        truncated = not ended and (cut or unsure or not output)
        if instruction or given or output:
            done.append(Task(block.number, instruction, given, output, truncated))
        return done

    @property
    def partial(self) -> Task | None:
        """The task being written right now, fields as far as seen (always `truncated`); None before one."""
        block = self._block
        if self._closed or (block.unlabelled and not self._begins_with_blank):
            return None
        tail = "".join(self._pieces)
        lines = block.lines
        if self._taken:
            lines = [tail]
        elif tail and not may_become_label(tail):
            lines = [*lines, tail]
        instruction, given, output = field_texts(block, lines)
        if not (instruction or given or output):
            return None
        return Task(block.number, instruction, given, output, truncated=True)

    # --- lines

    def _write(self, text: str, done: list[Task]) -> None:
        """Part of a line: kept until it is whole, but a header is acted on at its colon."""
        self._pieces.append(text)
        if self._taken or self._thinking or len(self._head) >= LONGEST_LABEL:
            return
        text = text[: LONGEST_LABEL - len(self._head)]
        self._head += text
        if ":" not in text and "：" not in text:
            return
        label = read_label(self._head)
        if label is not None and label.colon and self._starts_task(label):
            self._open(label, done)
            self._taken = True

    def _read(self, line: str, done: list[Task]) -> None:
        """One whole line."""
        if self._taken:
            self._taken = False
            self._block.header = read_label(line)  # markup may have followed its colon
            self._block.begin(line, self._fences)
            return
        if not line or line.isspace():
            self._block.lines.append(line)
            self._blank = True
            return
        if self._block.unlabelled and self._skip_thinking(line, done):
            return
        label = read_label(line)
        if label is not None:
            if self._starts_task(label):
                self._open(label, done)
                self._block.begin(line, self._fences)
                return
            self._note(label, done)
        block = self._block
        fence = block.add(line, label, self._fences)
        if block.chain:
            if not self._fences:
                block.doubtful += block.chain
                block.chain = []
            elif len(block.chain) >= _FENCE_PATIENCE:
                self._commit(block.chain, done)
        self._note_gap(line, fence)

    def _skip_thinking(self, line: str, done: list[Task]) -> bool:
        """Pass over the reasoning some models write first (`<think>` … `</think>`): its drafts are no tasks."""
        if not self._thinking and not self._block.written:
            self._thinking = _THINKING.match(line) is not None
        if not self._thinking:
            return False
        end = _THOUGHT.search(line)
        if end is not None:
            self._thinking = False
            self._read(line[end.end() :], done)
        return True

    def _note_gap(self, line: str, fence: bool) -> None:
        self._blank = False
        self._colon_before = line.rstrip().endswith((":", "："))
        if separator := read_separator(line):
            self._separator, self._title = separator, None
        elif title := read_title(line):
            self._title = title[0]
        elif not (self._wrapped and fence):
            self._separator, self._title = "", None

    def _note(self, label: Label, done: list[Task]) -> None:
        """A label that starts no task here: it may be a field, an item of a list, or mark what was missed."""
        block = self._block
        if label.kind in ("instruction", "task"):
            if self._fences:
                self._chain(label)
            elif label.number is not None:
                block.listed = label.number
        elif block.number is not None and not self._fences:
            following = block.number + 1
            if label.number == following and block.answered:
                self._recover_header(following, done)
            elif label.number == block.number:
                block.listed = None

    # --- where tasks end

    def _starts_task(self, label: Label) -> bool:
        """Whether the line that begins with `label` is a task's header, given all lines before it."""
        block = self._block
        if label.kind not in ("instruction", "task"):
            return False
        if block.unlabelled:
            return self._starts_first(label)
        if self._fences:
            return False
        if self._reheads(label):
            return True
        strong = self._separator == "#" or self._separator in self._separators
        if label.kind == "task" and self._form != "task":
            return False
        if label.number is None:
            if label.form == "plural" or self._form == "plural":
                return label.form == self._form and block.answered
            if not block.answered:
                set_apart = self._blank if block.output_seen else strong
                return self._form == "plain" and set_apart
            if self._form == "plain" or strong or self._announced():
                return True
            return self._bare and self._blank
        if strong:
            return True
        expected = {block.number + 1} if block.number is not None else {label.number}
        if block.doubtful and (last := block.doubtful[-1].number) is not None:
            expected.add(last + 1)
        if block.listed == label.number - 1 or (label.form != self._form and not self._unnumbered):
            return False
        if label.number in expected:
            return block.number is not None or block.answered
        # Out of sequence and not set apart: a header only where this answer sets none apart.
        return block.answered and not self._separators and (self._bare or label.number != 1)

    def _reheads(self, label: Label) -> bool:
        """Whether `label` heads the first task after all, the header before it being part of the chatter
        ("### Instructions", or the format explained)."""
        earlier = self._block.number
        return (
            self._block.only_heading and label.number == self._first != earlier and earlier != self._first - 1
        )

    @property
    def _unnumbered(self) -> bool:
        return self._form in ("plain", "plural")

    def _announced(self) -> bool:
        """Whether a title just before this line announces a task (`Task 5`, or `5.` set apart)."""
        if self._title is None:
            return False
        tail = self._block.lines[-12:]
        drop_blanks(tail)
        return len(tail) > 1 and is_gap_title(tail, self._block.number, None)

    def _starts_first(self, label: Label) -> bool:
        """The same while no label has been seen: what came before is chatter, or the first instruction."""
        if not self._block.written:
            return True
        if self._fences and self._begins_with_blank:
            return False
        if label.number == self._first:
            return True
        if label.kind == "task":
            return False
        if self._separator or self._title is not None:
            return True
        if label.number is None and self._begins_with_blank:
            return False
        return self._blank or self._colon_before or bool(self._fences)

    def _open(self, label: Label, done: list[Task]) -> None:
        """End the task being gathered and begin the one `label` heads."""
        block = self._block
        number = label.number
        title = self._title if block.unlabelled or self._announced() else None
        preface = ""
        if block.unlabelled or self._reheads(label):
            self._form = label.form
            if number == self._first + 1 and self._separator and block.written:
                drop_gap(block, number)
                self._emit(block, done)
            else:
                preface = "\n".join(block.lines).strip() if number == self._first else ""
                self._wrapped = bool(self._fences)
        else:
            if block.doubtful and number is not None and number != (block.number or 0) + 1:
                last = block.doubtful[-1].number
                if last is not None and number == last + 1:
                    self._commit(block.doubtful, done)
                    block = self._block
            separator = self._end(block, number, done)
            if separator:
                self._separators.add(separator)
            else:
                self._bare = True
        self._block = Block(title if number is None else number, label, preface=preface)
        self._fences = Fences(toggle=self._wrapped)
        self._separator, self._title, self._blank = "", None, False

    def _end(self, block: Block, next_number: int | None, done: list[Task]) -> str:
        separator = drop_gap(block, next_number)
        if self._wrapped:
            drop_wrapper(block.lines, at_end=False)
        self._emit(block, done)
        return separator

    def _emit(self, block: Block, done: list[Task]) -> None:
        instruction, given, output = field_texts(block, block.lines)
        if instruction or given or output:
            done.append(Task(block.number, instruction, given, output))

    def _chain(self, label: Label) -> None:
        """A header inside an open fence: remember it, in case the fence is never closed."""
        block = self._block
        if (label.kind == "task") != (self._form == "task"):
            return
        here = Chained(len(block.lines), label.number)
        doubted = block.doubtful[-1].number if block.doubtful and not block.chain else None
        if doubted is not None and label.number == doubted + 1:
            # It goes on from headers inside a fence closed since: that fence's end was another's start.
            block.chain, block.doubtful = [*block.doubtful, here], []
            return
        number, answered = block.number, block.output_line >= 0
        if block.chain:
            number, answered = block.chain[-1].number, block.chain[-1].answered
        if label.number is None:
            follows = self._form == label.form and bool(self._separator)
        else:
            follows = number is None or label.number == number + 1
        if follows and answered:
            block.chain.append(here)

    def _commit(self, chain: list[Chained], done: list[Task]) -> None:
        """The headers of `chain` were real: end the tasks before them, go on with the last one."""
        if not chain:
            return
        block = self._block
        lines = block.lines
        starts = [entry.line for entry in chain]
        block.lines = lines[: starts[0]]
        for start, end, entry in zip(starts, [*starts[1:], len(lines)], chain, strict=True):
            self._end(block, entry.number, done)
            block = Block(entry.number, read_label(lines[start]))
            fences = Fences(toggle=self._wrapped)
            block.begin(lines[start], fences)
            for line in lines[start + 1 : end]:
                block.add(line, read_label(line), fences)
            self._block, self._fences = block, fences

    def _recover_header(self, number: int, done: list[Task]) -> None:
        """A field of task `number` has begun inside the task before it: its header is missing."""
        block = self._block
        found = find_missing_header(block, number)
        if found is None:
            return
        start, column = found
        rest = block.lines[start:]
        del block.lines[start:]
        if separator := self._end(block, number, done):
            self._separators.add(separator)
        self._block = Block(number, Label("instruction", number, "number-first", False, column))
        self._fences = Fences(toggle=self._wrapped)
        self._block.begin(rest[0], self._fences)
        for line in rest[1:]:
            self._block.add(line, None, self._fences)
