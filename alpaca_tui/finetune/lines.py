"""The lines of a file that another process adds to, as they come. Knows not what is in them."""

from __future__ import annotations

import os
from pathlib import Path

_CHUNK = 4 << 20


class Lines:
    """What has come since the last time. A file that was replaced or became shorter is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._inode = 0

    def poll(self) -> tuple[bool, list[bytes]]:
        """Whether it is read anew, so that what was read before no longer counts; and the new whole lines. One that
        is still being written comes when it is whole. A file that is not there has no lines."""
        try:
            with self._path.open("rb") as file:
                facts = os.fstat(file.fileno())
                anew = facts.st_ino != self._inode or facts.st_size < self._offset
                if anew:
                    self._inode, self._offset = facts.st_ino, 0
                file.seek(self._offset)
                lines: list[bytes] = []
                rest = b""
                while chunk := file.read(_CHUNK):
                    *whole, rest = (rest + chunk).split(b"\n")
                    lines += whole
        except OSError:
            return False, []
        self._offset += sum(map(len, lines)) + len(lines)
        return anew, lines
