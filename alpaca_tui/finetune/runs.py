"""The runs of a workspace: which there are, how each stands, and what can be done with one.

How a run stands is told by its own files and by whether its process lives; nothing is remembered elsewhere, so any
number of programs may look. Knows no screen and no torch.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from alpaca_tui.errors import UserError
from alpaca_tui.finetune import checkpoints, launch, parity, symptoms
from alpaca_tui.finetune.folder import RunFolder, RunSpec, State, Status
from alpaca_tui.finetune.metrics import Metrics
from alpaca_tui.processes import lives, this_machine

SILENT_S = 90.0
"""A run on another machine whose last word is older is taken for dead."""

_POLL_S = 0.1
_SILENT = UserError(
    "It ended without a word",
    "Its process is gone: it was killed, or the machine went down.",
    "Look at its log; resume it to go on from the last checkpoint.",
)


@dataclass(frozen=True)
class Run:
    """A run as it stood when it was looked at. spec: None where `run.json` cannot be read, then `fault` says why."""

    folder: RunFolder
    spec: RunSpec | None
    fault: UserError | None
    status: Status
    state: State

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def active(self) -> bool:
        return self.state in ("queued", "running")

    @cached_property
    def model_dir(self) -> Path | None:
        """The trained model, once it is there."""
        return self.folder.model_dir if self.folder.model_dir.is_dir() else None

    def summary(self) -> dict[str, Any]:
        """What `runs show --json` says."""
        status, spec = self.status, self.spec
        return {
            "run": self.id,
            "state": self.state,
            "phase": status.phase,
            "step": status.step,
            "total_steps": status.total_steps,
            "epoch": round(status.epoch, 4),
            "loss": status.loss,
            "eval_loss": status.eval_loss,
            "tokens_per_s": status.tokens_per_s,
            "eta": status.eta if self.active else None,
            "device": status.device,
            "precision": status.precision,
            "micro_batch": status.micro_batch,
            "accumulation": status.accumulation,
            "checkpoint": status.checkpoint,
            "metrics_file": str(self.folder.metrics_file),
            "log_file": str(self.folder.log_file),
            "model_dir": str(self.model_dir) if self.model_dir else None,
            "model": spec.model.name if spec else None,
            "method": spec.recipe.method if spec else None,
            "preset": spec.preset if spec else None,
            "recipe": dict(spec.values) if spec else None,
            "data": {"train": spec.data.train, "held_out": spec.data.held_out, "sha256": spec.data.sha256,
                     "source": spec.data.source} if spec else None,
            "command": list(spec.command) if spec else None,
            "parity": [list(line) for line in parity.card(spec, self.status.precision)] if spec else None,
            "why": self.why(),
        }  # fmt: skip

    def why(self) -> dict[str, str] | None:
        """Why it is not running: title, cause and next step; None where there is nothing to explain."""
        if self.fault is not None:
            return _told(self.fault)
        ended = self.status.ended
        if ended is not None and ended.title:
            return {"title": ended.title, "cause": ended.cause, "next_step": ended.next_step}
        if self.state == "crashed":
            explained = symptoms.explain(symptoms.tail(self.folder.log_file))
            return _told(explained or _SILENT)
        return None


def look(folder: RunFolder, now: float | None = None) -> Run:
    """The run in a folder as it stands."""
    spec: RunSpec | None = None
    fault: UserError | None = None
    try:
        spec = folder.read_spec()
    except UserError as error:
        fault = error
    status = folder.read_status() or Status()
    return Run(folder, spec, fault, status, state_of(status, time.time() if now is None else now))


def state_of(status: Status, now: float) -> State:
    """How a run stands whose status is this. now: seconds since 1970, which matters for other machines' runs alone."""
    if status.ended is not None:
        return status.ended.state
    if status.leader is None:
        return "queued"
    if status.leader.machine == this_machine():
        alive = lives(status.leader)
    elif status.leader.machine.split(":")[0] == this_machine().split(":")[0]:
        alive = False  # this host has been started anew since
    else:
        alive = abs(now - status.time) < SILENT_S
    if not alive:
        return "crashed"
    return "queued" if status.phase == "waiting" else "running"


def all_runs(runs: Path) -> list[Run]:
    """Every run, newest first."""
    try:
        folders = [path for path in runs.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []
    return [look(RunFolder(path)) for path in sorted(folders, key=lambda path: path.name, reverse=True)]


def find(runs: Path, name: str) -> Run:
    """The run of an id, or of the beginning of one; `last` is the newest. Raises UserError."""
    known = sorted((run.id for run in all_runs(runs)), reverse=True)
    if name == "last" and known:
        return look(RunFolder(runs / known[0]))
    chosen = [id for id in known if id == name] or [id for id in known if id.startswith(name) and name]
    if len(chosen) == 1:
        return look(RunFolder(runs / chosen[0]))
    if chosen:
        raise UserError(
            f"{name} is the beginning of {len(chosen)} runs", f"{', '.join(chosen[:5])}.", "Write more of it.",
            exit_code=2,
        )  # fmt: skip
    raise UserError(
        f"There is no run {name}",
        f"There are {', '.join(known[:5])}." if known else "There are none yet.",
        "alpaca-tui runs list names them all.",
    )


def stop(run: Run, wait_s: float = 0.0) -> Run:
    """Have a run write a checkpoint and end; wait so long for it. Raises UserError where it does not run."""
    if not run.active:
        raise UserError(f"The run {run.id} is not running", f"It is {run.state}.", "")
    launch.ask_to_stop(run.folder, run.status)
    return wait(run, wait_s)


def wait(run: Run, seconds: float) -> Run:
    """The run as it stands when it has ended, or when the time is over."""
    end = time.monotonic() + seconds
    while run.active and time.monotonic() < end:
        time.sleep(_POLL_S)
        run = look(run.folder)
    return run


def resume(run: Run) -> None:
    """Go on from the newest whole checkpoint, or from the beginning where there is none. Raises UserError."""
    if run.fault is not None:
        raise run.fault
    if run.active:
        raise UserError(f"The run {run.id} is running", "It needs no resuming.", "")
    if run.state == "finished":
        raise UserError(
            f"The run {run.id} is finished",
            "There is nothing left to train.",
            "Start a new one with more epochs.",
        )
    launch.start(run.folder)


def delete(run: Run) -> None:
    """Remove a run with its checkpoints and its model; that cannot be undone. Raises UserError where it runs."""
    if run.active:
        raise UserError(f"The run {run.id} is running", "", "Stop it first.")
    gone = run.folder.path.with_name(f".deleted-{run.id}")
    run.folder.path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def newest_checkpoint(run: Run) -> checkpoints.Checkpoint | None:
    """The one a resume begins with."""
    return checkpoints.newest_whole(run.folder.checkpoints_dir)


def compare(some: list[Run]) -> list[dict[str, Any]]:
    """Several runs side by side: what differs in their recipes, and how far each came."""
    recipes = [dict(run.spec.values) if run.spec else {} for run in some]
    differing = [
        name
        for name in (recipes[0] if recipes else {})
        if len({str(recipe.get(name)) for recipe in recipes}) > 1
    ]
    rows: list[dict[str, Any]] = []
    for run, recipe in zip(some, recipes, strict=True):
        metrics = Metrics(run.folder.metrics_file)
        metrics.poll()
        losses, evals = metrics.series.get("loss"), metrics.series.get("eval_loss")
        rows.append(
            {
                "run": run.id,
                "state": run.state,
                "model": run.spec.model.name if run.spec else None,
                "preset": run.spec.preset if run.spec else None,
                "step": run.status.step,
                "total_steps": run.status.total_steps,
                "loss": losses.values[-1] if losses else None,
                "eval_loss": evals.values[-1] if evals else None,
                "best_eval_loss": min(evals.values) if evals else None,
                "tokens_per_s": run.status.tokens_per_s,
                "differs": {name: recipe.get(name) for name in differing},
            }
        )
    return rows


def _told(error: UserError) -> dict[str, str]:
    return {"title": error.title, "cause": error.cause, "next_step": error.next_step}
