"""One directory is one project: which one is meant, what lies where in it, who may generate in it.

Knows the store only to open it. Resolving touches nothing: a folder is made when its store is opened.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import platformdirs

from alpaca_tui.atomic import cannot_write
from alpaca_tui.errors import UserError

if TYPE_CHECKING:
    from alpaca_tui.store.store import Store

ENVIRONMENT = "ALPACA_TUI_WORKSPACE"
_DATABASE = "alpaca.db"
_LOCK = "generation.lock"
_MEASURING_LOCK = "novelty.lock"
# A folder that holds nothing else still counts as empty: a log written before the first row must not
# send the next command to another workspace.
_OWN_NAMES = frozenset({"runs", "exports", "logs", "config.toml", _LOCK, _MEASURING_LOCK, ".DS_Store"})


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directory `root` (absolute; it need not exist yet)."""

    root: Path

    @classmethod
    def resolve(cls, cli_dir: Path | None = None) -> Workspace:
        """`cli_dir` (from `--workspace`), else `$ALPACA_TUI_WORKSPACE`, else the current directory if it
        holds `alpaca.db` or is empty (and may be written to), else `default` in the user's data
        directory. UserError if what was asked for is no directory."""
        asked = cli_dir
        if asked is None and (named := os.environ.get(ENVIRONMENT)):
            asked = Path(named)
        if asked is not None:
            try:
                root = asked.expanduser().absolute()
                unfit = _is_something_else(root)
            except (
                OSError,
                RuntimeError,
                ValueError,
            ) as error:  # no such user, no current folder, NUL in the name
                raise UserError(
                    f"The workspace {asked} cannot be used",
                    f"{error}.",
                    "Choose another folder with --workspace.",
                ) from error
            if unfit:
                raise UserError(
                    "The workspace must be a folder",
                    f"{root} is not one.",
                    "Give the folder that holds (or shall hold) alpaca.db.",
                )
            return cls(root)
        here = _current_directory()
        if here is not None:
            return cls(here)
        return cls(platformdirs.user_data_path("alpaca-tui") / "default")

    @property
    def db_path(self) -> Path:
        return self.root / _DATABASE

    @property
    def runs_dir(self) -> Path:
        """Training runs, one folder each."""
        return self.root / "runs"

    @property
    def exports_dir(self) -> Path:
        return self.root / "exports"

    @property
    def logs_dir(self) -> Path:
        return self.root / "logs"

    @property
    def config_path(self) -> Path:
        """Settings of this workspace alone; optional."""
        return self.root / "config.toml"

    @property
    def is_new(self) -> bool:
        """Whether nothing has been stored here yet."""
        return not self.db_path.exists()

    def open_store(self, *, readonly: bool = False, create: bool = True) -> Store:
        """The workspace's store; makes folder and file unless `readonly` or not `create`. UserError."""
        from alpaca_tui.store.store import Store

        if not readonly and create:
            self.make()
        return Store.open(self.db_path, create=create, readonly=readonly)

    def make(self) -> None:
        """Make the folder if it is missing. UserError where that cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            explained = cannot_write(self.root, error)
            if explained is None:
                raise
            raise UserError(
                f"The workspace {self.root} cannot be made",
                explained.cause,
                "Choose another folder with --workspace.",
            ) from error

    @contextmanager
    def generation_lock(self) -> Generator[None]:
        """Hold the right to generate here; the system takes it back when the process dies.

        A lock file left behind means nothing. UserError, naming the holder, while another run has it.
        """
        self.make()
        path = self.root / _LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            explained = cannot_write(path, error)
            if explained is None:
                raise
            raise UserError(
                f"Nothing can be generated in {self.root}",
                explained.cause,
                "Choose another folder with --workspace.",
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise _held(_holder(descriptor), self.root) from error
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
                    raise
                raise UserError(
                    "This file system cannot lock files",
                    f"Without a lock two generation runs could mix up {self.root}.",
                    "Choose a folder on a local disk with --workspace.",
                ) from error
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": time.time()}
            with suppress(
                OSError
            ):  # who holds it is a courtesy; the lock itself needs no byte on a full disk
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(holder).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def measuring_lock(self) -> Generator[bool]:
        """Try to be the one process that computes the nearest scores of imported rows; yields whether it
        is. Where files cannot be locked everyone is: two do the same work twice, and do no harm."""
        with (self.root / _MEASURING_LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            except OSError:
                pass
            yield True


def _is_something_else(path: Path) -> bool:
    """Whether `path` is there and no directory."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _current_directory() -> Path | None:
    """The current directory if it may serve as a workspace unasked."""
    try:
        here = Path.cwd()
        if (here / _DATABASE).is_file():
            return here
        names = {entry.name for entry in here.iterdir()}
    except OSError:  # removed under us, or unreadable
        return None
    return here if names <= _OWN_NAMES and os.access(here, os.W_OK | os.X_OK) else None


def _holder(descriptor: int) -> dict[str, Any]:
    try:
        data = json.loads(os.pread(descriptor, 4096, 0))
    except (OSError, ValueError):  # not written yet
        return {}
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def _held(holder: dict[str, Any], root: Path) -> UserError:
    who, end_it = "Another process", "Wait for it to end, or stop it"
    pid, host, started_at = holder.get("pid"), holder.get("host"), holder.get("started_at")
    if isinstance(pid, int) and isinstance(host, str):
        who = f"Process {pid} on {host}"
        if isinstance(started_at, int | float):
            who += f", started {datetime.fromtimestamp(started_at):%Y-%m-%d %H:%M:%S},"
        if host == socket.gethostname():
            end_it += f" (kill {pid})"
    return UserError(
        "Another run is generating in this workspace",
        f"{who} generates in {root}; two at once would mix up their rows.",
        f"{end_it}, or use another folder with --workspace.",
    )
