"""Checkpoints of a run: complete or not there, and checked before one is offered to go on from.

A checkpoint is written under another name, listed in its own `manifest.json`, brought to the disk, and renamed. Knows
files, no tensors: that a file is what it was written as is seen by its size and by how its kind of file is built.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from alpaca_tui.atomic import atomic_write_text

PARTIAL = ".partial"
"""The folder beside the checkpoints in which one is written."""

_NAME = "checkpoint-"
_MANIFEST = "manifest.json"
_HEADER_LIMIT = 100 << 20  # safetensors' own


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder `checkpoint-STEP`."""

    path: Path
    step: int


def found(folder: Path) -> list[Checkpoint]:
    """The checkpoints in a folder, whole or not, oldest first."""
    checkpoints: list[Checkpoint] = []
    with suppress(OSError):
        for path in folder.iterdir():
            number = path.name.removeprefix(_NAME)
            if path.name.startswith(_NAME) and number.isdigit() and path.is_dir():
                checkpoints.append(Checkpoint(path, int(number)))
    return sorted(checkpoints, key=lambda checkpoint: checkpoint.step)


def newest_whole(folder: Path) -> Checkpoint | None:
    """The newest checkpoint with nothing wrong."""
    return next((one for one in reversed(found(folder)) if fault(one) is None), None)


def fault(checkpoint: Checkpoint) -> str | None:
    """What is wrong with a checkpoint, None for a whole one."""
    try:
        manifest: Any = json.loads((checkpoint.path / _MANIFEST).read_text("utf-8"))
        files = cast(dict[str, int], manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return "it was not written to its end"
    for name, size in files.items():
        path = checkpoint.path / name
        try:
            if path.stat().st_size != size:
                return f"{name} has another size than when it was written"
            if not _well_built(path):
                return f"{name} is damaged"
        except OSError:
            return f"{name} is missing"
    return None


def complete(partial: Path, target: Path, step: int) -> None:
    """Make the checkpoint of what was written to `partial`: from now on it is there. Raises OSError, UserError."""
    files = {
        str(path.relative_to(partial)): path.stat().st_size
        for path in sorted(partial.rglob("*"))
        if path.is_file()
    }
    for name in files:
        _sync(partial / name)
    for folder in (path for path in partial.rglob("*") if path.is_dir()):
        _sync(folder)
    atomic_write_text(partial / _MANIFEST, json.dumps({"step": step, "files": files}, indent=1) + "\n")
    if target.exists():
        shutil.rmtree(target)
    partial.rename(target)
    _sync(target.parent)


def prune(folder: Path, keep: int, also: Iterable[int]) -> None:
    """Delete all but the newest `keep` whole checkpoints and those of the steps `also`; no whole one is ever deleted for a
    damaged one."""
    whole = [one for one in found(folder) if fault(one) is None]
    kept = {one.step for one in whole[-keep:]} | set(also)
    for one in found(folder):
        if one.step not in kept:
            shutil.rmtree(one.path, ignore_errors=True)


def _well_built(path: Path) -> bool:
    if path.suffix == ".safetensors":
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= _HEADER_LIMIT:
                return False
            header: Any = json.loads(file.read(size))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            return 8 + size + max(ends, default=0) == path.stat().st_size
    if path.suffix in (".pt", ".pth", ".bin") and path.name != "training_args.bin":
        return zipfile.is_zipfile(path)
    return True


def _sync(path: Path) -> None:
    with suppress(OSError):  # some file systems cannot, of folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
