"""Whose turn it is on a device: one run trains on it, others wait in the order they came.

Turns are file locks, which the system takes back when a process dies however it dies. Knows devices by name alone; no
torch is needed to wait.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import platformdirs

from alpaca_tui.finetune.folder import Launch

_POLL_S = 0.3


class Turn:
    """The right to train on some devices; held until the process ends, over an exec too."""

    def __init__(self, run: str, names: list[str], folder: Path | None = None) -> None:
        self._run = run
        self._folder = (
            folder if folder is not None else platformdirs.user_state_path("alpaca-tui") / "devices"
        )
        self._names = sorted(names)
        self._held: list[IO[str]] = []

    def wait(self, go_on: Callable[[str], bool]) -> bool:
        """Whether the devices are ours. While others have them, `go_on` is told whose turn it is, again and again, and
        says whether to go on waiting. Raises OSError where locks cannot be kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        ticket_path = self._folder / f"{self._names[0]}.{time.time_ns():020}-{os.getpid()}.wait"
        with ticket_path.open("w") as ticket:
            fcntl.flock(ticket, fcntl.LOCK_EX)
            try:
                while True:
                    holder = self._before(ticket_path.name) or self._take()
                    if holder is None:
                        return True
                    if not go_on(holder):
                        return False
                    time.sleep(_POLL_S)
            finally:
                ticket_path.unlink(missing_ok=True)

    def _before(self, mine: str) -> str | None:
        """Who has waited for longer."""
        for path in sorted(self._folder.glob(f"{self._names[0]}.*.wait")):
            if path.name >= mine:
                break
            with suppress(OSError), path.open("r+") as other:
                try:
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return "another run that waits"
                path.unlink(missing_ok=True)  # whoever it was has died
        return None

    def _take(self) -> str | None:
        """Take all of the devices, or none; then who has the first that is taken."""
        taken: list[IO[str]] = []
        for name in self._names:
            lock = (self._folder / f"{name}.lock").open("a+")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another run"
                for one in (*taken, lock):
                    one.close()
                return holder
            taken.append(lock)
        for lock in taken:
            lock.truncate(0)
            lock.write(self._run)
            lock.flush()
            os.set_inheritable(lock.fileno(), True)  # torchrun takes this process's place
        self._held = taken
        return None


def device_names(launch: Launch) -> list[str]:
    """The devices a run will use on this machine, as turns know them."""
    host = socket.gethostname()
    if launch.device == "cpu" or (launch.device == "auto" and not _has_gpu()):
        return [f"{host}-cpu"]
    if launch.device == "mps":
        return [f"{host}-mps"]
    visible = [part for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    numbers = visible or [str(number) for number in range(launch.devices)]
    return [f"{host}-gpu-{number.strip().replace('/', '-')}" for number in numbers[: launch.devices]]


def _has_gpu() -> bool:
    return any(Path(place).exists() for place in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
