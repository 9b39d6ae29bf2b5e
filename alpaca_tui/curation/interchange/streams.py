"""A file as decoded text, piece by piece: opened safely, its encoding found, its bad bytes marked.

Bytes that are no text in the file's encoding do not stop the reading: each becomes a lone surrogate
(U+DC00 plus the byte), which no decoder else produces, so that a reader can refuse just the row it is in
and say where. Knows no format.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from alpaca_tui.errors import UserError

CHUNK = 1 << 20
_SNIFF_BYTES = 64 << 20
_MARK = "alpaca_tui.mark"
_BAD = re.compile("[\udc00-\udcff]")
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


_marks = 0  # made by all streams; one that sees the number move has met a bad byte, or must look


def _mark(error: UnicodeError) -> tuple[str, int]:
    global _marks
    if not isinstance(error, UnicodeDecodeError):
        raise error
    _marks += 1
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


codecs.register_error(_MARK, _mark)


@dataclass(frozen=True, slots=True)
class Encoding:
    """`codec` as Python names it, after `skip` bytes of byte-order mark; `note` for a person."""

    codec: str
    skip: int
    note: str


class TextStream:
    """The text of the file at `path`. Raises UserError if it is no readable regular file, or if no
    encoding can be found; `encoding` (a Python codec) overrides what would be found.

    total_bytes, bytes_read: size and position in the file. marred: whether any bad byte was met so far.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self.bytes_read = 0
        self.marred = False
        with open_regular(path) as file:
            self.total_bytes = os.fstat(file.fileno()).st_size
            self._encoding = _sniff(path, file) if encoding is None else _chosen(path, file, encoding)

    @property
    def encoding(self) -> str:
        return self._encoding.note

    @property
    def codec(self) -> str:
        return self._encoding.codec

    def chunks(self) -> Iterator[str]:
        """The text from its start, in pieces of about a million characters, newlines as they are."""
        self.bytes_read, self.marred = 0, False
        decoder = codecs.getincrementaldecoder(self.codec)(_MARK)
        with open_regular(self.path) as file:
            file.seek(self._encoding.skip)
            self.bytes_read = self._encoding.skip
            while data := _read(self.path, file, CHUNK):
                self.bytes_read += len(data)
                if text := self._decoded(decoder, data):
                    yield text
            if text := self._decoded(decoder, b"", final=True):
                yield text

    def bad_byte(self, text: str) -> tuple[int, int] | None:
        """Of the first bad byte in `text`: how many newlines precede it, and which byte of its line it
        is, from 1 (counted from where `text` begins if that is the same line). None if there is none."""
        if not self.marred or not (match := _BAD.search(text)):
            return None
        lines = text.count("\n", 0, match.start())
        head = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        return lines, len(head.encode(self.codec, "replace")) + 1

    def _decoded(self, decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> str:
        before = _marks
        text = decoder.decode(data, final)
        if _marks != before:
            self.marred = True
        return text


def open_regular(path: Path) -> BinaryIO:
    """The file at `path` for reading. Raises UserError in plain words if it is none or cannot be opened."""
    try:
        # Not blocking: a FIFO opened the ordinary way would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise cannot_read(path, error) from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb", buffering=0)
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise UserError(f"{path} is a folder", "It holds no saved dataset.", "Give the name of a file in it.")
    raise UserError(
        f"{path} is not a regular file",
        "Pipes and devices cannot be imported from.",
        "Save the data to a file first.",
    )


def cannot_read(path: Path, error: OSError | ValueError) -> UserError:
    """What a fault of the system while opening or reading `path` means to a user."""
    if isinstance(error, FileNotFoundError):
        return UserError(f"{path} does not exist", "", "Check the name and the folder.")
    if isinstance(error, OSError) and error.errno == 6:  # ENXIO: a socket
        return UserError(f"{path} is not a regular file", "It is a socket.", "Save the data to a file first.")
    reason = error.strerror if isinstance(error, OSError) else str(error)  # ValueError: a NUL in the name
    return UserError(f"{path} cannot be read", f"{reason}.", "Check its name and its permissions.")


def _read(path: Path, file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise cannot_read(path, error) from error


def _chosen(path: Path, file: BinaryIO, encoding: str) -> Encoding:
    try:
        codec = codecs.lookup(encoding).name
        codecs.getincrementaldecoder(codec)(_MARK).decode(b"")
    except LookupError as error:
        raise UserError(
            f"{path} cannot be read", f"No encoding is called {encoding!r}.", "Try utf-8 or latin-1."
        ) from error
    head = _read(path, file, 4)
    codec = {"utf-8-sig": "utf-8"}.get(codec, codec)
    for mark, of in _BOMS:
        if head.startswith(mark) and of.startswith(codec):
            return Encoding(of, len(mark), of)
    return Encoding(codec, 0, codec)


def _sniff(path: Path, file: BinaryIO) -> Encoding:
    """By its mark, by where its NULs are, else UTF-8 unless its first text beyond ASCII is clearly none."""
    data = _read(path, file, CHUNK)
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return Encoding(codec, len(mark), f"{codec} (with a byte-order mark)")
    if wide := _wide(data[:4096]):
        return Encoding(wide, 0, f"{wide} (without a byte-order mark)")
    read = 0
    while data and read < _SNIFF_BYTES:
        read += len(data)
        if not data.isascii():
            return _narrow(path, data)
        data = _read(path, file, CHUNK)
    return Encoding("utf-8", 0, "utf-8")


def _wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 of mostly ASCII text, known by the places of its zero bytes."""
    if len(head) < 4 or 0 not in head:
        return None
    zero = [head[place::4].count(0) / max(1, len(head[place::4])) for place in range(4)]
    full = [share > 0.7 for share in zero]
    rare = [share < 0.1 for share in zero]
    if full[1] and full[2] and full[3] and rare[0]:
        return "utf-32-le"
    if full[0] and full[1] and full[2] and rare[3]:
        return "utf-32-be"
    if full[1] and full[3] and rare[0] and rare[2]:
        return "utf-16-le"
    if full[0] and full[2] and rare[1] and rare[3]:
        return "utf-16-be"
    return None


def _narrow(path: Path, data: bytes) -> Encoding:
    """The encoding of the first piece that holds more than ASCII. Few bad bytes among good UTF-8 are
    damage of some rows; bad bytes alone are another encoding, taken for Western and said to be so."""
    utf8 = Encoding("utf-8", 0, "utf-8")
    if _is_utf8(data):
        return utf8
    good = _MULTIBYTE.findall(data)
    bad = len(_HIGH.findall(data)) - sum(map(len, good))
    if len(good) >= bad:
        return utf8
    if bad * 4 > len(data):
        raise UserError(
            f"The encoding of {path} cannot be told",
            "It is no UTF-8 and too full of other signs to be Western text.",
            "Save it as UTF-8, for example: iconv -f ENCODING -t utf-8 IN > OUT.",
        )
    if _NOT_CP1252.search(data):
        return Encoding("latin-1", 0, "latin-1 (guessed, for it is no UTF-8)")
    return Encoding("cp1252", 0, "windows-1252 (guessed, for it is no UTF-8)")


def _is_utf8(data: bytes) -> bool:
    """Whether it is UTF-8, a character cut at its end aside."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(slots=True)
class StreamReader:
    """What every reader of a text file tells of it. columns: the names that are known without a row."""

    stream: TextStream
    columns: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def encoding(self) -> str:
        return self.stream.encoding

    @property
    def total_bytes(self) -> int | None:
        return self.stream.total_bytes

    @property
    def bytes_read(self) -> int:
        return self.stream.bytes_read
