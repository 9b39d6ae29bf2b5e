"""The machine itself: its processors, its memory, and what one family of processes takes of it.

Memory is what this process may use: in a container or a Slurm job that is less than the machine has, and going over it
is what gets a run killed. Knows neither GPUs nor files.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_CPUINFO = Path("/proc/cpuinfo")
_MOMENT_S = 0.2
_FAMILY_SHARE = 0.002  # of one core, for finding the family: every process there is must be looked at


@dataclass(frozen=True, slots=True)
class _Group:
    """A control group with a limit. cached: what `memory.stat` calls file pages that can be dropped."""

    folder: Path
    limit: int
    usage: str
    cached: str

    def used(self) -> int:
        """Raises OSError, ValueError."""
        usage = int((self.folder / self.usage).read_text(encoding="ascii"))
        for line in (self.folder / "memory.stat").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == self.cached:
                return usage - int(value)
        return usage


class Host:
    """Readings of this machine and of the process `pid` with its children. To be used by one thread."""

    def __init__(self, pid: int | None = None) -> None:
        """Raises ImportError."""
        import psutil

        self._psutil = psutil
        self._group = min(_groups(psutil.virtual_memory().total), key=lambda group: group.limit, default=None)
        self._family: list[psutil.Process] = []
        self._family_due = 0.0
        self._pid = pid
        psutil.cpu_percent()  # the first tells nothing: it has no moment to start from
        self._cpu_asked = time.monotonic()

    def cpu(self) -> float | None:
        """% of all processors since the last time it was asked; None where that was just now."""
        now = time.monotonic()
        if now - self._cpu_asked < _MOMENT_S:
            return None
        self._cpu_asked = now
        return self._psutil.cpu_percent()

    def memory(self) -> tuple[int, int]:
        """Bytes used and bytes there are."""
        if self._group:
            try:
                return self._group.used(), self._group.limit
            except (OSError, ValueError):
                self._group = None
        memory = self._psutil.virtual_memory()
        return memory.total - memory.available, memory.total

    def rss(self) -> int | None:
        """Resident bytes of the family together; what several of them share counts once for each. None where it is
        gone."""
        now = time.monotonic()
        if now >= self._family_due:
            began = time.thread_time()
            self._family = self._relatives()
            self._family_due = now + (time.thread_time() - began) / _FAMILY_SHARE
        found: list[int] = []
        for process in self._family:
            try:
                found.append(process.memory_info().rss)
            except self._psutil.Error:
                continue
        return sum(found) if found else None

    def _relatives(self) -> list[psutil.Process]:
        try:
            first = self._psutil.Process(self._pid)
            return [first, *first.children(recursive=True)]
        except self._psutil.Error:
            return []


def processor() -> str:
    """The processor's name and how many cores of it this process may use."""
    name = platform.processor() or platform.machine()
    try:
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass  # no Linux
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{name}, {cores} core{'' if cores == 1 else 's'}"


def _groups(total: int) -> Iterator[_Group]:
    """The control groups this process is in that have less memory than the machine. A container may not see the
    folder it is in, only those above."""
    try:
        lines = _MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, limit, usage, cached = _CGROUPS, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit = _CGROUPS / "memory", "memory.limit_in_bytes"
            usage, cached = "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        folder = root / path.lstrip("/")
        for place in (folder, *folder.parents):
            if not place.is_relative_to(root):
                break
            try:
                most = int((place / limit).read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue  # not there, or "max"
            if most < total:
                yield _Group(place, most, usage, cached)
