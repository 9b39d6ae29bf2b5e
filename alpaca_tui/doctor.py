"""What works on this machine and what does not, each finding with its cure.

Every check is local and quick (no request leaves the machine) and none imports torch: extras are looked
up by their metadata, the GPU through its driver's own tool. Knows no screen.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alpaca_tui.errors import UserError
from alpaca_tui.store.database import has_full_text_search
from alpaca_tui.workspace import Workspace

State = Literal["ok", "missing", "problem"]
MIN_FREE_BYTES = 200 * 1024 * 1024
EXTRAS = {
    "train": ("torch", "transformers", "accelerate", "peft", "bitsandbytes"),
    "data": ("datasets",),
    "gpu": ("liger_kernel",),
}
PURPOSE = {
    "train": "fine-tuning and local models",
    "data": "Parquet and the Hub",
    "gpu": "faster kernels on a GPU",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `missing` is an option not installed or not set, `problem` something that must be mended."""

    area: str
    name: str
    state: State
    detail: str
    next_step: str = ""


def examine(workspace_dir: Path | None, environ: Mapping[str, str]) -> list[Finding]:
    """All findings, in reading order."""
    return [
        *_program(),
        *_workspace(workspace_dir),
        *_terminal(environ),
        *_teachers(environ),
        *(_extra(name) for name in EXTRAS),
        _gpu(),
    ]


def extra_missing(name: str) -> UserError | None:
    """The error a command shows that needs the extra `name`, or None where it is installed."""
    finding = _extra(name)
    if finding.state == "ok":
        return None
    return UserError(f"This needs the `{name}` extra ({PURPOSE[name]})", finding.detail, finding.next_step)


def _program() -> list[Finding]:
    python = platform.python_version()
    findings = [
        Finding(
            "program",
            "alpaca-tui",
            "ok",
            f"{_version('alpaca-tui')} on Python {python}, {platform.platform()}",
        )
    ]
    search = has_full_text_search()
    findings.append(
        Finding(
            "program",
            "sqlite",
            "ok" if search else "problem",
            f"SQLite {sqlite3.sqlite_version}"
            + ("" if search else ", built without full-text search (FTS5), which the dataset needs"),
            "" if search else "Use another Python: those of python.org and of the distributions have it.",
        )
    )
    return findings


def _workspace(directory: Path | None) -> list[Finding]:
    try:
        workspace = Workspace.resolve(directory)
        exists = workspace.db_path.exists()
        if exists:
            store = workspace.open_store(readonly=True)
            kept = store.tally().kept
            store.close()
            detail = f"{workspace.root}: {kept:,} generated rows kept"
        else:
            detail = f"{workspace.root}: nothing here yet"
    except UserError as error:
        return [Finding("workspace", "open", "problem", f"{error.title}. {error.cause}", error.next_step)]
    findings = [Finding("workspace", "open", "ok", detail)]
    folder = workspace.root
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    low = free < MIN_FREE_BYTES
    findings.append(
        Finding(
            "workspace",
            "disk",
            "problem" if low else "ok",
            f"{free / 1e9:,.1f} GB free",
            "Free some space, or use another --workspace." if low else "",
        )
    )
    if not os.access(folder, os.W_OK):
        findings.append(
            Finding(
                "workspace", "write", "problem", f"{folder} is read-only for you.", "Use another --workspace."
            )
        )
    return findings


def _terminal(environ: Mapping[str, str]) -> list[Finding]:
    if not sys.stdout.isatty():
        return [
            Finding("terminal", "output", "ok", "not a terminal: commands work, the application needs one")
        ]
    columns, lines = shutil.get_terminal_size()
    small = columns < 80 or lines < 24
    colour = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    if "NO_COLOR" in environ:
        words = "colour off (NO_COLOR)"
    else:
        words = "true colour" if colour else f"{environ.get('TERM', 'unknown')}, no true colour announced"
    inside = ", inside tmux" if "TMUX" in environ else ""
    return [
        Finding(
            "terminal",
            "size",
            "missing" if small else "ok",
            f"{columns}×{lines}, {words}{inside}",
            "It is best at 80×24 or more." if small else "",
        )
    ]


def _teachers(environ: Mapping[str, str]) -> list[Finding]:
    key = bool(environ.get("OPENAI_API_KEY"))
    base = environ.get("OPENAI_BASE_URL")
    return [
        Finding("teacher", "demo", "ok", "always there: no key, no network, no GPU"),
        Finding(
            "teacher",
            "openai",
            "ok" if key else "missing",
            ("OPENAI_API_KEY is set" if key else "OPENAI_API_KEY is not set")
            + (", OPENAI_BASE_URL is set" if base else ""),
            "" if key else "export OPENAI_API_KEY=… to use it; any OpenAI-compatible URL works without.",
        ),
    ]


def _extra(name: str) -> Finding:
    absent = [package for package in EXTRAS[name] if importlib.util.find_spec(package) is None]
    if absent:
        return Finding(
            "extras",
            name,
            "missing",
            f"{', '.join(absent)} not installed ({PURPOSE[name]})",
            f"pip install 'alpaca-tui[{name}]'",
        )
    versions = ", ".join(f"{package} {_version(package.replace('_', '-'))}" for package in EXTRAS[name])
    return Finding("extras", name, "ok", versions)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(version unknown)"


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding(
            "gpu", "nvidia", "missing", "no NVIDIA driver found; the tiny student trains on the CPU"
        )
    try:
        listing = subprocess.run(
            [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (subprocess.SubprocessError, OSError) as error:
        return Finding(
            "gpu",
            "nvidia",
            "missing",
            f"the driver does not answer: {error}",
            "Run nvidia-smi to see what it says.",
        )
    return Finding("gpu", "nvidia", "ok", "; ".join(listing.splitlines()) or "driver present, no GPU visible")
