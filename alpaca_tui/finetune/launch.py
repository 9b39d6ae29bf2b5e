"""How a run is made and started: its folder, the exact command, and a process of its own that outlives whoever starts it.

The process has its own session and no terminal: it survives the screen, ssh and tmux. Knows the run's folder, not what
is in the worker.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from importlib import metadata
from pathlib import Path

from alpaca_tui import __version__, template
from alpaca_tui.atomic import cannot_write
from alpaca_tui.children import module_command, module_environment
from alpaca_tui.errors import UserError
from alpaca_tui.finetune.batching import divide
from alpaca_tui.finetune.dataset import Row, hold_out, write_rows
from alpaca_tui.finetune.folder import Launch, ModelRef, RunFolder, RunSpec, Status
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.symptoms import STARTED
from alpaca_tui.processes import identity_of

WORKER = "alpaca_tui.finetune.worker"
TURN_TAKEN = "ALPACA_TUI_TURN_TAKEN"
"""In the environment of a worker that has started itself anew: the devices are still its own."""
_PACKAGES = ("torch", "transformers", "accelerate", "peft", "bitsandbytes", "tokenizers", "safetensors")
_NEEDED = ("torch", "transformers", "accelerate", "safetensors")


def make_run(
    runs: Path,
    model: ModelRef,
    preset: str,
    recipe: Recipe,
    rows: Sequence[Row],
    launch: Launch,
    *,
    source: str,
    where: str = "",
    parent: str = "",
    start_from: str = "",
    student: dict[str, int] | None = None,
) -> RunFolder:
    """A new run's folder in `runs`, whole or not at all. rows: of the dataset as it is now; source: what to call it.

    Raises UserError: nothing to train on, an answer is missing everywhere, too many devices, the disk.
    """
    division = divide(recipe.batch, recipe.micro_batch, launch.devices)
    _check(rows, source)
    now = datetime.now().astimezone()
    partial = runs / f".new-{secrets.token_hex(6)}"
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise cannot_write(runs, error) or error from error
    try:
        folder = RunFolder(partial)
        data = write_rows(folder.data_file, hold_out(rows, recipe.eval_share, recipe.seed), source, where)
        stem = f"{now:%Y%m%d-%H%M%S}-{_slug(model.name)}-{recipe.method}"
        target = runs / stem
        number = 2
        while target.exists():
            target, number = runs / f"{stem}-{number}", number + 1
        folder.write_spec(
            RunSpec(
                id=target.name,
                created=now.isoformat(timespec="seconds"),
                model=model,
                preset=preset,
                values=recipe.values(),
                data=data,
                launch=launch,
                prompt=template.prompt_hash(),
                command=tuple(command(RunFolder(target))),
                versions=versions(),
                parent=parent,
                start_from=start_from,
                student=student or {},
            )
        )
        folder.write_status(Status(micro_batch=division.micro_batch, accumulation=division.accumulation))
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return RunFolder(target)


def command(folder: RunFolder) -> list[str]:
    """What starts the run, or goes on with it: here, or by hand elsewhere. Of several devices it becomes torchrun."""
    return module_command(WORKER, str(folder.path))


def start(folder: RunFolder) -> None:
    """Start the run, or go on with it, in a process of its own. Raises UserError where that cannot be."""
    needed()
    folder.read_spec()
    before = folder.read_status() or Status()
    with suppress(OSError):
        folder.stop_file.unlink()
    try:
        with folder.log_file.open("ab") as log:
            log.write(f"{STARTED} {datetime.now().astimezone().isoformat(timespec='seconds')}\n".encode())
            log.flush()
            process = subprocess.Popen(
                command(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=module_environment(),
                cwd=folder.path,
                start_new_session=True,
            )
    except OSError as error:
        raise cannot_write(folder.log_file, error) or error from error
    # Until the worker speaks for itself, a process that dies at once must not look like one that never began.
    identity = identity_of(process.pid)
    now = folder.read_status()
    if now is None or now.leader == before.leader:
        folder.write_status(
            before.changed(phase="starting", leader=identity, time=time.time(), ended=None, eta=None, told="")
        )


def needed() -> None:
    """Raises UserError where the training packages are not installed."""
    for package in _NEEDED:
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError as error:
            raise UserError(
                "Models cannot be trained yet",
                f"Training needs the package {package}, which is not installed.",
                "Install it: pip install 'alpaca-tui[train]'",
            ) from error


def versions() -> dict[str, str]:
    """Of what a run's result may depend on."""
    found = {"alpaca-tui": __version__, "python": sys.version.split()[0]}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def ask_to_stop(folder: RunFolder, status: Status) -> None:
    """Have the run write a checkpoint after its current step and end; it is not waited for. Raises UserError."""
    try:
        folder.stop_file.touch()
    except OSError as error:
        raise cannot_write(folder.stop_file, error) or error from error
    # torchrun kills its workers soon after a signal, checkpoint or not: those see the file.
    if status.leader is not None and folder.read_spec().launch.devices == 1:
        with suppress(OSError):
            os.kill(status.leader.pid, signal.SIGTERM)


def _check(rows: Sequence[Row], source: str) -> None:
    if rows and not any(row.output.strip() for row in rows):
        raise UserError(
            "There is nothing to learn",
            f"Every output in {source} is empty.",
            "Fill them in first, or choose other rows with --where or --data.",
        )


def _slug(name: str) -> str:
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower()
    return re.sub(r"[^a-z0-9.]+", "-", last).strip("-.")[:40] or "model"
