"""A run's folder: where everything lies in it, and the two files that say what the run is and how it stands.

`run.json` is the whole truth of a run, written before it starts and never changed: who has it can start the run
anywhere. `status.json` is replaced by the worker every few seconds. Knows the recipe; starts and watches nothing.

    run.json  status.json  data.jsonl  metrics.jsonl  telemetry.jsonl  train.log  notes.md
    base/ (the built-in student before training)  checkpoints/checkpoint-N/  model/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from alpaca_tui.atomic import atomic_write_text
from alpaca_tui.errors import UserError
from alpaca_tui.finetune.recipe import Recipe, Value, read_recipe
from alpaca_tui.processes import Identity

TINY = "tiny"
"""The name of the built-in student."""

State = Literal["queued", "running", "stopped", "finished", "failed", "crashed"]
Ending = Literal["stopped", "finished", "failed"]
Phase = Literal[
    "waiting", "starting", "encoding", "loading", "training", "evaluating", "saving", "finishing", "ended"
]
Device = Literal["auto", "cpu", "cuda", "mps"]
Sharding = Literal["ddp", "fsdp"]


@dataclass(frozen=True, slots=True)
class ModelRef:
    """What is trained. name: a folder, a Hub id, or `tiny`. revision: of a Hub id, "" for the newest."""

    name: str
    revision: str = ""

    @property
    def tiny(self) -> bool:
        return self.name == TINY


@dataclass(frozen=True, slots=True)
class DataRef:
    """The snapshot in `data.jsonl`. sha256: of that file. train, held_out: rows of each. source: where they are from,
    as told to a person; where: the filter that chose them."""

    sha256: str
    train: int
    held_out: int
    source: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """On what it runs. devices: processes, one a device. sharding: how several share the weights. oom_retry: after
    running out of memory it may start again with half the micro-batch. checkpointing: recompute activations instead
    of keeping them. price: dollars an hour, None where not known. report_to: trackers besides our own files."""

    device: Device = "auto"
    devices: int = 1
    sharding: Sharding = "ddp"
    slurm: bool = False
    oom_retry: bool = True
    checkpointing: bool = False
    price: float | None = None
    report_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSpec:
    """`run.json`. values: of the recipe. prompt: sha256 of the Alpaca template. parent: the run it goes on from, or was
    cloned from; start_from: the checkpoint it begins with, "" for the model itself. student: the size of `tiny`, see
    `training/student.py`."""

    id: str
    created: str
    model: ModelRef
    preset: str
    values: Mapping[str, Value]
    data: DataRef
    launch: Launch
    prompt: str
    command: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    parent: str = ""
    start_from: str = ""
    student: Mapping[str, int] = field(default_factory=dict[str, int])
    format: int = 1

    @property
    def recipe(self) -> Recipe:
        return read_recipe(self.values)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. time: seconds since 1970. The rest is a UserError's, where there was one."""

    state: Ending
    time: float
    title: str = ""
    cause: str = ""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """`status.json`. leader: the process that stands for the run (of several devices, the one that holds them all).
    beat: one more each time. time: seconds since 1970. eta: seconds. checkpoint: the newest whole one."""

    phase: Phase = "starting"
    leader: Identity | None = None
    beat: int = 0
    time: float = 0.0
    step: int = 0
    total_steps: int = 0
    epoch: float = 0.0
    loss: float | None = None
    eval_loss: float | None = None
    tokens_per_s: float | None = None
    eta: float | None = None
    device: str = ""
    precision: str = ""
    micro_batch: int = 0
    accumulation: int = 0
    checkpoint: int = 0
    told: str = ""
    ended: Ended | None = None

    def changed(self, **values: Any) -> Status:
        return replace(self, **values)


_SPEC = TypeAdapter(RunSpec)
_STATUS = TypeAdapter(Status)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def spec_file(self) -> Path:
        return self.path / "run.json"

    @property
    def status_file(self) -> Path:
        return self.path / "status.json"

    @property
    def data_file(self) -> Path:
        return self.path / "data.jsonl"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def telemetry_file(self) -> Path:
        return self.path / "telemetry.jsonl"

    @property
    def log_file(self) -> Path:
        return self.path / "train.log"

    @property
    def stop_file(self) -> Path:
        """There as soon as the run is asked to stop: for workers that no signal reaches."""
        return self.path / "stop"

    @property
    def notes_file(self) -> Path:
        return self.path / "notes.md"

    @property
    def base_dir(self) -> Path:
        return self.path / "base"

    @property
    def checkpoints_dir(self) -> Path:
        return self.path / "checkpoints"

    @property
    def model_dir(self) -> Path:
        return self.path / "model"

    def read_spec(self) -> RunSpec:
        """Raises UserError where there is none, or not one of ours."""
        try:
            spec = _SPEC.validate_json(self.spec_file.read_bytes())
        except OSError as error:
            raise UserError(
                f"There is no run {self.id}",
                f"{self.spec_file}: {error.strerror}.",
                "alpaca-tui runs list names them all.",
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError(
                f"The run {self.id} cannot be read",
                f"{self.spec_file}, {'.'.join(map(str, first['loc']))}: {first['msg']}.",
                "Put its run.json back as it was; it may be of a newer version.",
            ) from error
        return spec

    def write_spec(self, spec: RunSpec) -> None:
        """Raises UserError."""
        atomic_write_text(self.spec_file, _json(asdict(spec)))

    def read_status(self) -> Status | None:
        """None where it has not begun, or cannot be read (it is replaced in one step: then it is not ours)."""
        try:
            return _STATUS.validate_json(self.status_file.read_bytes())
        except (OSError, ValidationError):
            return None

    def write_status(self, status: Status) -> None:
        """Raises UserError."""
        atomic_write_text(self.status_file, _json(asdict(status)))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
