"""Readings of the machine itself, with real processes; and of the memory a container or a job may use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpaca_tui.finetune import host
from alpaca_tui.finetune.host import Host


def test_the_host_and_a_family_of_processes() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "x = bytes(range(256)) * 200_000; print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout
        child.stdout.readline()
        ours, alone = Host(os.getpid()), Host(child.pid)
        family, one = ours.rss(), alone.rss()
        assert family is not None
        assert one is not None
        assert one > 50_000_000
        assert family > one
        assert ours.cpu() is None, "there is no moment to measure yet"
        time.sleep(0.25)
        cpu = ours.cpu()
        assert cpu is not None
        assert 0 <= cpu <= 100
    finally:
        child.communicate(b"\n")
    assert alone.rss() is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_limited_group_has_less_memory_than_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """Slurm and containers limit memory so; pages of files that were read do not count."""
    root = tmp_path / "cgroup"
    folder = root / ("memory" if version == 1 else "") / "slurm" / "job"
    folder.mkdir(parents=True)
    limit, usage, cached = (
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        if version == 1
        else ("memory.max", "memory.current", "inactive_file")
    )
    (folder / limit).write_text(f"{9223372036854771712 if version == 1 else 'max'}\n")
    (folder.parent / limit).write_text("1000000\n")
    (folder.parent / usage).write_text("700000\n")
    (folder.parent / "memory.stat").write_text(f"anon 1\n{cached} 200000\n")
    membership = tmp_path / "self"
    membership.write_text(f"3:cpu:/\n{'4:memory' if version == 1 else '0:'}:/slurm/job\n")
    monkeypatch.setattr(host, "_CGROUPS", root)
    monkeypatch.setattr(host, "_MEMBERSHIP", membership)
    reading = Host()
    assert reading.memory() == (500_000, 1_000_000)
    (folder.parent / usage).unlink()
    assert reading.memory()[1] > 1_000_000, "it is gone: the machine counts"
