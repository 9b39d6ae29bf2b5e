"""Whether a process that was started earlier is still that process: a number alone may belong to another by now.

Identity is number and start time, as the kernel counts it (no clock that could be set), on one machine since its last
start. Knows nothing of what the processes do.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Identity:
    """A process. started: clock ticks since the machine started (a time in seconds where there is no /proc).
    machine: where, and since which start of it."""

    pid: int
    started: float
    machine: str


@lru_cache(maxsize=1)
def this_machine() -> str:
    """Host, its last start, and the namespace its process numbers are of (a container has its own)."""
    parts = [socket.gethostname()]
    for read in (_boot_id, _namespace):
        try:
            parts.append(read())
        except OSError:
            parts.append("")
    return ":".join(parts)


def identity_of(pid: int) -> Identity | None:
    """None where there is no such process, or it has ended and only waits for its parent to notice."""
    started = _started(pid)
    return None if started is None else Identity(pid, started, this_machine())


def lives(identity: Identity) -> bool:
    """Whether the process is there still. Only to be asked on its own machine."""
    return identity.machine == this_machine() and identity_of(identity.pid) == identity


def _started(pid: int) -> float | None:
    if pid <= 0:
        return None
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()  # the name before may hold anything
        return None if fields[0] in "ZX" else float(fields[19])
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _namespace() -> str:
    return str(Path("/proc/self/ns/pid").stat().st_ino)
