"""Server-sent events, as far as streamed answers need them: bytes in, the text of each `data:` field out.

Follows the WHATWG event stream rules (any line ending, several data lines per event, comments, a byte
order mark) and forgives what servers are known to do: no blank line before the stream ends, a JSON
object or `error: {...}` on a line of its own. Knows nothing of what the data means.
"""

from __future__ import annotations

MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class EventTooLongError(ValueError):
    """The server sent more than `limit` bytes without ending an event: this is no event stream."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event of more than {limit} bytes")
        self.limit = limit


class EventDecoder:
    """Incremental decoder; the events do not depend on how the bytes are cut.

    Text is decoded as UTF-8 once an event is whole, so a character may be split between chunks; bytes
    that are no UTF-8 become U+FFFD. Raises `EventTooLongError` above `limit` bytes per event.
    """

    __slots__ = ("_after_cr", "_data", "_data_size", "_fresh", "_tail", "_tail_size", "limit")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self.limit = limit
        self._tail: list[bytes] = []  # the unfinished line, in pieces
        self._data: list[bytes] = []  # the data lines of the unfinished event
        self._tail_size = 0
        self._data_size = 0
        self._after_cr = False
        self._fresh = True

    def feed(self, chunk: bytes) -> list[str]:
        """The data of every event that `chunk` completes."""
        if not chunk:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        tail = lines.pop()
        events: list[str] = []
        if lines:
            if self._tail:
                lines[0] = b"".join(self._tail) + lines[0]
                self._tail.clear()
                self._tail_size = 0
            for line in lines:
                self._take(line, events)
        if tail:
            self._tail.append(tail)
            self._tail_size += len(tail)
        if self._tail_size + self._data_size > self.limit:
            raise EventTooLongError(self.limit)
        return events

    def close(self) -> list[str]:
        """What is left when the stream ends without a blank line."""
        events: list[str] = []
        if self._tail:
            line = b"".join(self._tail)
            self._tail.clear()
            self._take(line, events)
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[str]) -> None:
        if self._fresh:
            line = line.removeprefix(_BOM)
            self._fresh = False
        if not line:
            if self._data:
                events.append(b"\n".join(self._data).decode("utf-8", "replace"))
                self._data.clear()
                self._data_size = 0
        elif line.startswith(b"data:"):
            value = line[6:] if line.startswith(b"data: ") else line[5:]
            self._data.append(value)
            self._data_size += len(value) + 1
        elif line.startswith(b"{"):
            events.append(line.decode("utf-8", "replace"))
        elif line.startswith(b"error:") and line[6:].lstrip().startswith(b"{"):
            events.append('{"error":' + line[6:].decode("utf-8", "replace") + "}")
