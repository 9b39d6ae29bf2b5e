"""`metrics.jsonl`: what a run says of itself, one JSON object a line, only ever added to.

A line has a `kind`: `step` (loss, lr, grad_norm, seconds, tokens, …), `eval`, `sample`, `event`. What was logged after
the checkpoint a run went on from is superseded: an `event` named `resume` says from which step. A line that was torn
when the machine died is closed by the next start, and left out by readers. Knows no run and no screen.
"""

from __future__ import annotations

import json
import math
import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic_core import from_json

Kind = Literal["step", "eval", "sample", "event"]

_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_CHUNK = 4 << 20


class MetricsWriter:
    """Adds lines; each is in the file when the call returns, and on the disk after `sync`."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._file = path.open("ab+", buffering=0)
        if self._file.tell() and not _ends_whole(self._file):
            self._file.write(b"\n")

    def write(self, kind: Kind, **values: Any) -> None:
        """Raises OSError. Numbers that are none (nan, inf) are kept as words: JSON has none."""
        line = json.dumps({"kind": kind, **{name: _plain(value) for name, value in values.items()}})
        self._file.write(line.encode() + b"\n")

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _ends_whole(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(slots=True)
class Series:
    """Values of one measure over steps, in the order of steps."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, step: int, value: float) -> None:
        self.steps.append(step)
        self.values.append(value)

    def cut_after(self, step: int) -> None:
        """Forget what is of later steps."""
        keep = len(self.steps)
        while keep and self.steps[keep - 1] > step:
            keep -= 1
        del self.steps[keep:], self.values[keep:]

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model answered at a step to one of the fixed instructions."""

    step: int
    instruction: str
    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, at a step. values: as logged."""

    step: int
    name: str
    values: Mapping[str, Any]


class Metrics:
    """A run's metrics as far as they have been read; `poll` reads what has come since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._inode = 0
        self.series: dict[str, Series] = {}
        """Measure -> its values: `loss`, `lr`, `grad_norm`, `seconds`, `tokens`, `eval_loss`, …"""
        self.samples: list[Sample] = []
        self.events: list[Event] = []

    def poll(self) -> bool:
        """Read the whole lines that have come since the last time; whether there were any. A file that was replaced
        or became shorter is read anew; one that is not there has no lines."""
        try:
            with self._path.open("rb") as file:
                facts = os.fstat(file.fileno())
                if facts.st_ino != self._inode or facts.st_size < self._offset:
                    self._forget()
                    self._inode = facts.st_ino
                if facts.st_size == self._offset:
                    return False
                file.seek(self._offset)
                return self._read(file)
        except OSError:
            return False

    def last(self, name: str) -> float | None:
        """The newest value of a measure."""
        series = self.series.get(name)
        return series.values[-1] if series else None

    @property
    def step(self) -> int:
        """The newest logged step, 0 before the first."""
        series = self.series.get("loss")
        return series.steps[-1] if series else 0

    def _forget(self) -> None:
        self._offset = 0
        self.series.clear()
        self.samples.clear()
        self.events.clear()

    def _read(self, file: BinaryIO) -> bool:
        rest = b""
        some = False
        while chunk := file.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            self._offset += sum(map(len, lines)) + len(lines)
            for line in lines:
                some = self._take(line) or some
        return some

    def _take(self, line: bytes) -> bool:
        try:
            values: Any = from_json(line)
            kind, step = values.pop("kind"), int(values.pop("step", 0))
        except (ValueError, AttributeError, KeyError, TypeError):
            return False  # torn, or not ours
        if kind in ("step", "eval"):
            for name, value in values.items():
                number = _number(value)
                if number is not None:
                    self.series.setdefault(name, Series()).add(step, number)
        elif kind == "sample":
            texts = [str(values.get(name, "")) for name in ("instruction", "input", "output")]
            self.samples.append(Sample(step, *texts))
        elif kind == "event":
            name = str(values.pop("name", ""))
            if name == "resume":
                self._rewind(step)
            self.events.append(Event(step, name, values))
        return True

    def _rewind(self, step: int) -> None:
        for series in self.series.values():
            series.cut_after(step)
        self.samples = [sample for sample in self.samples if sample.step <= step]


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return _WORDS.get(value) if isinstance(value, str) else None


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """An exponential moving average without the bias towards its beginning (as Adam's, Kingma & Ba 2015, section 3).
    weight: of what was before, from 0 (nothing is smoothed) to below 1. What is no number is left out of it."""
    mean = correction = 0.0
    found: list[float] = []
    for value in values:
        if math.isfinite(value):
            mean = weight * mean + (1 - weight) * value
            correction = weight * correction + (1 - weight)
        found.append(mean / correction if correction else value)
    return found
