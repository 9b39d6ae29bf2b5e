"""Files that are either the old ones or the new ones, never half of each: temp file, fsync, rename.

Knows nothing of what is written. Faults of the disk or the path become UserErrors.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from alpaca_tui.errors import UserError

_TEMPORARY = re.compile(r"([1-9][0-9]{0,9})\.[0-9a-f]{8}\.tmp")
_LEFT_AFTER_S = 3600.0
"""On a shared disk the number may be that of a program on another machine, which is still writing."""


@contextmanager
def atomic_writer(path: Path) -> Generator[BinaryIO]:
    """A binary file to write to; it takes the place of `path` when the block ends, or vanishes when the
    block raises. Permissions of an existing file are kept, a symbolic link stays one, a pipe or device
    (`/dev/stdout`) is written to directly. Raises UserError."""
    with _explained(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if path.exists() and not path.is_file():
            with path.open("wb") as direct:
                yield direct
            return
        target = path.resolve() if path.is_symlink() else path
        temporary = temporary_beside(target)
        try:
            with temporary.open("xb") as file:
                with suppress(FileNotFoundError):
                    temporary.chmod(target.stat().st_mode & 0o7777)
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)


@contextmanager
def atomic_text_writer(path: Path) -> Generator[TextIOWrapper]:
    """`atomic_writer` for UTF-8 text; newlines are written as they are."""
    with atomic_writer(path) as binary:
        text = TextIOWrapper(binary, encoding="utf-8", newline="", write_through=False)
        try:
            yield text
            text.flush()
        finally:
            with suppress(OSError, ValueError):  # a fault met above is the one to report
                text.detach()


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """`data` becomes the content of `path`, all or nothing. Raises UserError."""
    with atomic_writer(path) as file:
        file.write(data)


def atomic_write_text(path: Path, data: str) -> None:
    """`data` as UTF-8 becomes the content of `path`, all or nothing. Raises UserError."""
    atomic_write_bytes(path, data.encode())


def temporary_beside(target: Path) -> Path:
    """A name beside `target` for what is to take its place. What programs killed long ago left under such names is
    cleared away."""
    stem = f".{target.name[:100]}."
    with suppress(OSError):
        for entry in os.scandir(target.parent):
            made = (
                _TEMPORARY.fullmatch(entry.name.removeprefix(stem)) if entry.name.startswith(stem) else None
            )
            if made and not _lives(int(made[1])) and time.time() - entry.stat().st_mtime > _LEFT_AFTER_S:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink()
    return target.with_name(f"{stem}{os.getpid()}.{secrets.token_hex(4)}.tmp")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; some file systems cannot, which costs nothing but that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        explained = cannot_write(path, error)
        if explained is None:
            raise
        raise explained from error


def cannot_write(path: Path, error: OSError) -> UserError | None:
    """What an OSError while writing to `path` means to a user; None where it has nothing to do with it."""
    title = f"Cannot write {path}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return UserError(
                title, "The disk is full.", "Free some space or choose another place, then try again."
            )
        case errno.EACCES | errno.EPERM:
            return UserError(
                title, "You may not write there.", "Choose another place, or change its permissions."
            )
        case errno.EROFS:
            return UserError(title, "The disk is mounted read-only.", "Choose another place.")
        case errno.ENOENT:
            return UserError(
                title, f"The folder {path.parent} does not exist.", f"Make it: mkdir -p {path.parent}"
            )
        case errno.ENOTDIR | errno.EEXIST:
            return UserError(title, "A part of its path is a file, not a folder.", "Choose another place.")
        case errno.EISDIR:
            return UserError(title, "It is a folder.", "Give the name of a file.")
        case errno.ENAMETOOLONG:
            return UserError(title, "Its name is too long.", "Choose a shorter name.")
        case errno.EIO | errno.EFBIG | errno.ELOOP | errno.ESTALE | errno.ENODEV:
            return UserError(
                title, f"The system refused: {error.strerror}.", "Check the disk, or choose another place."
            )
        case _:
            return None
