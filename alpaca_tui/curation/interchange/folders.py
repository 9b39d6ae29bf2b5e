"""A folder that is either the old one or the new one: made beside its place, then exchanged in one step.

Knows nothing of what is in it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from alpaca_tui.atomic import cannot_write, temporary_beside
from alpaca_tui.errors import UserError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def atomic_folder(path: Path, replaceable: Callable[[Path], bool]) -> Generator[Path]:
    """An empty folder to write into; it takes the place of `path` when the block ends, or vanishes when
    the block raises. An existing folder is replaced only if `replaceable` says that it may be. Raises
    UserError."""
    try:
        target = path.resolve()
        if target.exists() and not (target.is_dir() and (not any(target.iterdir()) or replaceable(target))):
            raise UserError(
                f"{path} is not overwritten",
                "It exists and is no saved dataset.",
                "Choose another place, or remove it first.",
            )
        temporary = temporary_beside(target)
        temporary.mkdir()
        try:
            yield temporary
            if target.exists():
                _exchange(temporary, target)
            else:
                temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        explained = cannot_write(path, error)
        if explained is None:
            raise
        raise explained from error


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders: in one step where the system can (Linux), else in two renames."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None:
        done = rename(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE)
        if done == 0:
            return
        if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(old))
    aside = new.with_suffix(".old")
    old.rename(aside)
    new.rename(old)
    aside.rename(new)
