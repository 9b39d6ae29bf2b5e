"""What the figures were measured on, for the head of each table."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """Processor, cores and Python, with the versions of `packages`."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    versions = [f"{package} {version(package)}" for package in packages]
    return ", ".join([name, f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])
