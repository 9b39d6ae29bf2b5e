"""JSON read row by row: a list, JSON lines, or objects one after the other, never the whole file at once.

An own scanner over `json.JSONDecoder.raw_decode`: the decoder of the standard library does the work, this
module keeps just as much text as the row at hand needs. Damage costs the rows it is in: reading goes on at
the next row that can be made out, and every loss is told with its line. Knows nothing of fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from alpaca_tui.curation.interchange.model import Raw, Refused
from alpaca_tui.curation.interchange.streams import StreamReader, TextStream
from alpaca_tui.errors import UserError

SHAPE = 'Alpaca data is a JSON list of {"instruction": "…", "input": "…", "output": "…"}.'
_BLANKS = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n,]*")  # a comma too many or too few costs nobody a row
_NEXT_ROW = re.compile(r"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_OVERLAP = 4096  # how much blank space between two rows is looked through when recovering
_UNSURE = 32  # an error this near to the end of what was read may only be an unfinished word or escape
_LONGEST_OBJECT = 128 << 20  # characters; one object as a whole file is no list of rows
_HEAD_LINES = 20  # so many first lines that are no JSON mean that the file is none
_LOOK_BACK = 64  # a row that lost its last quote is noticed a little after the next one began
_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    bool: "true or false",
    type(None): "null",
    str: "text",
}
_CUT = "The file seems to have been cut off"


class Decoder:
    """Decodes single values. Control characters inside strings are let through (a lint rule finds them);
    `doubled` names the keys that the last value held twice with different values."""

    def __init__(self) -> None:
        self.doubled: list[str] = []
        # Not strict: raw tabs, newlines and NULs in strings are common and nothing is unclear about them.
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, strict=False)

    def decode(self, text: str, pos: int) -> tuple[object, int]:
        """The value at `pos` and where it ends. Raises JSONDecodeError, ValueError, RecursionError."""
        self.doubled.clear()
        return self._decoder.raw_decode(text, pos)

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        value = dict(pairs)
        if len(value) != len(pairs):
            for name, entry in pairs:
                if value[name] is not entry and value[name] != entry and name not in self.doubled:
                    self.doubled.append(name)
        return value


class _BrokenError(Exception):
    """`at`: the place in the scanner's text; `cut`: the text ends where more was needed."""

    def __init__(self, at: int, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.cut = cut


@dataclass(slots=True)
class JsonReader(StreamReader):
    """The rows of a JSON file of any of the three shapes. `rows` raises UserError if nothing can be read:
    the file is empty, is no JSON, or holds something else than rows."""

    def rows(self) -> Iterator[Raw | Refused]:
        scanner = Scanner(self.stream)
        first = scanner.peek()
        if first == "\ufeff":  # a second mark: two programs each wrote theirs
            scanner.pos += 1
            first = scanner.peek()
        if not first:
            raise UserError(f"{self.stream.path} is empty", SHAPE, "Check that it was written completely.")
        if first == "[":
            return _list(scanner)
        if first == "{":
            return _lines(self.stream) if _is_lines(scanner) else _objects(scanner)
        raise _no_rows(scanner)


class Scanner:
    """Text that grows at its end as it is read and is forgotten at its start once it has been.

    pos: where reading goes on, in `text`. ended: nothing more will come. first_key: of the rows so far."""

    def __init__(self, stream: TextStream) -> None:
        self.stream = stream
        self.decoder = Decoder()
        self.text = ""
        self.pos = 0
        self.ended = False
        self.first_key: str | None = None
        self._chunks = stream.chunks()
        self._mark = 0  # where in `text` the line and column below are true
        self._line = 1
        self._column = 1

    @property
    def path(self) -> Path:
        return self.stream.path

    @property
    def pending(self) -> int:
        return len(self.text) - self.pos

    def more(self) -> None:
        """Read at least as much again as is pending, so that a long row costs no quadratic time."""
        self.here()
        parts = [self.text[self.pos :]]
        wanted, got = max(1, len(parts[0])), 0
        while got < wanted:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
                break
            parts.append(chunk)
            got += len(chunk)
        self.text = "".join(parts)
        self._mark = self.pos = 0

    def where(self, pos: int) -> tuple[int, int]:
        """Line and column of `pos`, from 1; it lies at or after `pos` as it last was at `here`."""
        newlines = self.text.count("\n", self._mark, pos)
        if newlines:
            return self._line + newlines, pos - self.text.rfind("\n", self._mark, pos)
        return self._line, self._column + pos - self._mark

    def here(self) -> tuple[int, int]:
        """Line and column of `pos`."""
        self._line, self._column = self.where(self.pos)
        self._mark = self.pos
        return self._line, self._column

    def peek(self, skip: re.Pattern[str] = _BLANKS) -> str:
        """The next character that is not blank, "" at the end; `pos` is at it."""
        while True:
            blanks = skip.match(self.text, self.pos)
            self.pos = blanks.end() if blanks else self.pos
            if self.pos < len(self.text):
                return self.text[self.pos]
            if self.ended:
                return ""
            self.more()

    def value(self, longest: int | None = None) -> tuple[object, int]:
        """The value at `pos` and its end; `pos` stays. Raises _BrokenError, also if more than `longest`
        characters did not hold it."""
        while True:
            try:
                value, end = self.decoder.decode(self.text, self.pos)
            except json.JSONDecodeError as error:
                unfinished = error.pos >= len(self.text) - _UNSURE or error.msg.startswith("Unterminated")
                if not unfinished or self.ended:
                    raise _BrokenError(error.pos, error.msg, cut=self.ended and _is_cut(error)) from error
            except RecursionError as error:
                raise _BrokenError(self.pos, "nested too deeply") from error
            except ValueError as error:  # a number of ten thousand digits
                raise _BrokenError(self.pos, first_line(error)) from error
            else:
                if self.ended or end < len(self.text) or isinstance(value, dict | list | str):
                    return cast(object, value), end
            if longest is not None and self.pending > longest:
                raise _BrokenError(self.pos, "an object without end")
            self.more()

    def recover(self, start: int) -> bool:
        """Go to the next place from `start` where a row of a list seems to begin; False: there is none.

        Rows begin with the same key, as a rule; knowing it, no object inside a row is taken for one."""
        next_row = _NEXT_ROW
        if self.first_key is not None:
            key = re.escape(json.dumps(self.first_key, ensure_ascii=False))
            next_row = re.compile(rf"{_NEXT_ROW.pattern}(?=\{{[ \t\r\n]*{key}[ \t\r\n]*:)")
        self.pos = start
        while True:
            match = next_row.search(self.text, self.pos)
            if match:
                self.pos = match.end()
                return True
            if self.ended:
                return False
            self.pos = max(self.pos, len(self.text) - _OVERLAP)
            self.more()


def _list(scanner: Scanner) -> Iterator[Raw | Refused]:
    scanner.pos += 1
    row = 0
    told = (0, 0)
    while True:
        fault: _BrokenError
        sign = scanner.peek(_BETWEEN)
        if sign == "]":
            scanner.pos += 1
            rest = scanner.peek()
            if not rest:
                return
            if rest == "[":  # a list appended to a list
                scanner.pos += 1
                continue
            fault = _BrokenError(scanner.pos, "something follows the end of the list")
        elif not sign:
            fault = _BrokenError(scanner.pos, "the list has no end", cut=True)
        else:
            try:
                value, end = scanner.value()
            except _BrokenError as broken:
                fault = broken
            else:
                if scanner.first_key is None and isinstance(value, dict) and value:
                    scanner.first_key = next(iter(cast(dict[str, object], value)))
                yield _judged(scanner, row, cast(object, value), end)
                row += 1
                scanner.pos = end
                continue
        scanner.here()
        line, column = scanner.where(fault.at)
        recovered = not fault.cut and scanner.recover(max(scanner.pos, fault.at - _LOOK_BACK))
        if not recovered and row == 0:
            raise _not_json(scanner.path, line, column, fault)
        if (line, column) != told or not recovered:
            yield Refused(row, _told(line, column, fault, scanner.here()[0] if recovered else None), line)
            row += 1
        if not recovered:
            return
        told = (line, column)


def _objects(scanner: Scanner) -> Iterator[Raw | Refused]:
    row = 0
    while scanner.peek(_BETWEEN):
        try:
            value, end = scanner.value(_LONGEST_OBJECT)
        except _BrokenError as fault:
            scanner.here()
            line, column = scanner.where(fault.at)
            if row == 0:
                raise _not_json(scanner.path, line, column, fault) from fault
            yield Refused(row, _told(line, column, fault, None), line)
            return
        yield _judged(scanner, row, value, end)
        row += 1
        scanner.pos = end


def _judged(scanner: Scanner, row: int, value: object, end: int) -> Raw | Refused:
    line, column = scanner.here()
    if scanner.stream.marred and (bad := scanner.stream.bad_byte(scanner.text[scanner.pos : end])):
        newlines, byte = bad
        at = byte if newlines else byte + column - 1
        return Refused(row, not_text(scanner.stream, line + newlines, at), line + newlines)
    if scanner.decoder.doubled:
        return Refused(row, _doubled(scanner.decoder), line)
    return Raw(row, line, value)


def _is_lines(scanner: Scanner) -> bool:
    """Whether the file holds one object a line: its first line is one, or its second begins as one."""
    while True:
        end = scanner.text.find("\n", scanner.pos)
        second = _BLANKS.match(scanner.text, end) if end >= 0 else None
        if scanner.ended or (second and second.end() < len(scanner.text)):
            break
        if scanner.pending > _LONGEST_OBJECT:
            raise _no_rows(scanner)
        scanner.more()
    line = scanner.text[scanner.pos : end if end >= 0 else len(scanner.text)]
    try:
        _, stop = scanner.decoder.decode(line, 0)
    except (ValueError, RecursionError):
        following = scanner.text[end:].lstrip("\r\n") if end >= 0 else ""
        return following.startswith("{")
    return not line[stop:].strip()


def _lines(stream: TextStream) -> Iterator[Raw | Refused]:
    """One object a line. Only newlines end a line: texts may hold U+2028."""
    decoder = Decoder()
    held: list[Refused] | None = []  # until a line is JSON, for then the file is JSON lines
    row = 0
    for number, line in split_lines(stream.chunks()):
        source = line.strip(" \t\r\n\ufeff")
        if not source:
            continue
        judged = _line(stream, decoder, Raw(row, number, source), whole=line.endswith("\n"))
        row += 1
        if held is not None:
            if isinstance(judged, Refused):
                held.append(judged)
                if len(held) == _HEAD_LINES:
                    break
                continue
            yield from held
            held = None
        yield judged
    if held:
        raise UserError(f"{stream.path} is not valid JSON", f"Line {held[0].line}: {held[0].reason}.", SHAPE)


def _line(stream: TextStream, decoder: Decoder, raw: Raw, *, whole: bool) -> Raw | Refused:
    """The value in the line whose text is `raw.value`. `whole`: a newline ends it."""
    source = cast(str, raw.value)
    if bad := stream.bad_byte(source):
        return Refused(raw.row, not_text(stream, raw.line or 0, bad[1]), raw.line)
    try:
        value, end = decoder.decode(source, 0)
        if end < len(source):
            raise json.JSONDecodeError("Extra data", source, end)
    except RecursionError:
        return Refused(raw.row, "not valid JSON (nested too deeply)", raw.line)
    except ValueError as error:
        cut = "" if whole else f". {_CUT} here"
        return Refused(raw.row, f"not valid JSON ({first_line(error)}){cut}", raw.line)
    if decoder.doubled:
        return Refused(raw.row, _doubled(decoder), raw.line)
    return Raw(raw.row, raw.line, value)


def split_lines(chunks: Iterator[str], end: str = "\n") -> Iterator[tuple[int, str]]:
    """Lines with the sign that ends them, numbered from 1; linear time for a line over many chunks."""
    number = 1
    pending: list[str] = []
    for chunk in chunks:
        pieces = chunk.split(end)
        last = pieces.pop()
        for piece in pieces:
            pending.append(piece)
            pending.append(end)
            yield number, "".join(pending)
            pending.clear()
            number += 1
        if last:
            pending.append(last)
    if pending:
        yield number, "".join(pending)


def not_text(stream: TextStream, line: int, byte: int) -> str:
    """The reason of a row with a byte that is no text."""
    return f"line {line}, byte {byte} is no {stream.codec.upper()}"


def name_of(value: object) -> str:
    """What `value` is, in words."""
    if isinstance(value, float) and value != value:
        return "NaN"
    return _NAMES.get(type(value), "a number")


def first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Whether the text ends where the decoder wanted more: in a string, a word or an escape, or after one."""
    rest = error.doc[error.pos :].rstrip()
    return (
        not rest
        or error.msg.startswith("Unterminated")
        or (len(rest) < 6 and "\\u" in error.msg)
        or any(word.startswith(rest) for word in ("true", "false", "null", "NaN", "-Infinity", "Infinity"))
    )


def _doubled(decoder: Decoder) -> str:
    names = ", ".join(name[:40] for name in decoder.doubled[:3])
    return f"{names} occurs twice, with different values"


def _told(line: int, column: int, fault: _BrokenError, goes_on: int | None) -> str:
    reason = f"not valid JSON: line {line}, column {column}: {fault.message}"
    if goes_on is not None:
        return f"{reason}; reading went on at line {goes_on}"
    return f"{reason}. {_CUT} here" if fault.cut else f"{reason}; nothing after it could be read"


def _not_json(path: Path, line: int, column: int, fault: _BrokenError) -> UserError:
    return UserError(
        f"{path} is not valid JSON",
        f"Line {line}, column {column}: {fault.message}." + (f" {_CUT}." if fault.cut else ""),
        "Get the whole file again." if fault.cut else SHAPE,
    )


def _no_rows(scanner: Scanner) -> UserError:
    try:
        value, _ = scanner.value(_LONGEST_OBJECT)
    except _BrokenError as fault:
        scanner.here()
        return _not_json(scanner.path, *scanner.where(fault.at), fault)
    return UserError(f"{scanner.path} is no list of rows", f"It holds {name_of(value)}, not a list.", SHAPE)
