"""`telemetry.jsonl`: what the hardware does while a run goes on, sampled beside it; and the devices there are.

A line is a reading: `[time, cpu %, ram used, ram there is, rss, [[gpu, %, bytes, bytes, W, W, °C], …]]`, numbers that
are not known null; or, before the first of a GPU, its name: `{"gpus": {"0": "NVIDIA H100"}}`. It is only ever added
to. Sampling never disturbs the run: it happens in a thread of its own, takes next to nothing and raises nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic_core import from_json

from alpaca_tui.finetune.amd import Amd
from alpaca_tui.finetune.gpu import DeviceInfo, GpuReading
from alpaca_tui.finetune.host import Host, processor
from alpaca_tui.finetune.lines import Lines
from alpaca_tui.finetune.metrics import Series
from alpaca_tui.finetune.nvidia import Nvidia

__all__ = ["DeviceInfo", "GpuReading", "Reader", "Reading", "Sampler", "Telemetry", "devices"]

EVERY_S = 5.0
_SHARE = 0.004  # of one core: readings that cost more come less often
_STOP_S = 2.0
_COLUMNS = ("utilisation", "memory_used", "memory_total", "power", "power_limit", "temperature")
_GPU_MEASURES = ("utilisation", "memory_used", "power", "temperature")


@dataclass(frozen=True, slots=True)
class Reading:
    """The hardware at one moment. time: seconds since 1970. cpu: % of all processors. ram, rss: bytes; rss is that of
    the run's processes together. What is not known is None."""

    time: float
    cpu: float | None = None
    ram_used: int | None = None
    ram_total: int | None = None
    rss: int | None = None
    gpus: tuple[GpuReading, ...] = ()


class Reader:
    """Reads the hardware now, as often as it is asked. To be made and used by one thread."""

    def __init__(self, pid: int | None = None) -> None:
        """pid: whose memory is `rss`, its children's with it; None for this process. Raises ImportError."""
        self._host = Host(pid)
        self._vendors = (Nvidia(), Amd())

    def read(self) -> Reading:
        used, total = self._host.memory()
        gpus = tuple(gpu for vendor in self._vendors for gpu in vendor.read())
        return Reading(time.time(), self._host.cpu(), used, total, self._host.rss(), gpus)

    def close(self) -> None:
        self._vendors[0].close()


def devices() -> list[DeviceInfo]:
    """What there is to train on, the CPU last; where there is no GPU it says why not. May take seconds: drivers are
    slow to wake."""
    nvidia, amd = Nvidia(), Amd()
    gpus = [*nvidia.devices(), *amd.devices()]
    nvidia.close()
    used, total = Host().memory()
    why = "" if gpus else " ".join(filter(None, (nvidia.why, amd.why)))
    return [*gpus, DeviceInfo("cpu", 0, processor(), total, max(0, total - used), note=why)]


class Sampler:
    """Adds a reading to `path` every few seconds until it is stopped, or the process ends. fault: what went wrong the
    last time, "" where nothing did: it goes on, and so does the run."""

    def __init__(self, path: Path, pid: int, every_s: float = EVERY_S) -> None:
        self.fault = ""
        self._path = path
        self._pid = pid
        self._every_s = every_s
        self._named: set[int] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="telemetry", daemon=True)

    def start(self) -> Sampler:
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads
            self.fault = str(error)
        return self

    def stop(self) -> None:
        """Returns when the last line is written, or at once where a driver hangs."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def __enter__(self) -> Sampler:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _sample(self) -> None:
        try:
            reader = Reader(self._pid)
            with self._path.open("ab", buffering=0) as file:
                self._follow(reader, file)
            reader.close()
        except Exception as error:
            self.fault = f"{type(error).__name__}: {error}"

    def _follow(self, reader: Reader, file: BinaryIO) -> None:
        torn = file.tell() > 0  # by whoever wrote before: a line of its own ends it
        while True:
            began = time.thread_time()
            try:
                line = (b"\n" if torn else b"") + self._lines(reader.read())
                torn = file.write(line) != len(line)
                self.fault = ""
            except Exception as error:  # a full disk, a driver gone mad
                torn = True
                self.fault = f"{type(error).__name__}: {error}"
            if self._stopping.wait(max(self._every_s, (time.thread_time() - began) / _SHARE)):
                return

    def _lines(self, reading: Reading) -> bytes:
        names = {gpu.index: gpu.name for gpu in reading.gpus if gpu.name and gpu.index not in self._named}
        self._named |= set(names)
        lines = [{"gpus": names}] if names else []
        return b"".join(
            json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in (*lines, _row(reading))
        )


class Telemetry:
    """A run's readings as far as they have been read; `poll` reads what has come since. latest: the newest reading,
    with the newest there is of every GPU (some are asked less often)."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self.latest: Reading | None = None
        self.names: dict[int, str] = {}
        self.series: dict[str, Series] = {}
        """Measure -> its values by the second since 1970: `cpu`, `ram_used`, `rss`, `gpu0.utilisation`,
        `gpu0.memory_used`, `gpu0.power`, `gpu0.temperature`, `gpu1.…`."""

    def poll(self) -> bool:
        """Whether there was anything new."""
        anew, lines = self._lines.poll()
        if anew:
            self.latest = None
            self.names.clear()
            self.series.clear()
        return sum(map(self._take, lines)) > 0

    def peak(self, measure: str) -> float | None:
        """The highest value of a measure so far."""
        series = self.series.get(measure)
        return max(series.values) if series else None

    def _take(self, line: bytes) -> bool:
        try:
            value: Any = from_json(line)
            if isinstance(value, dict):
                names = cast(dict[str, Any], value)["gpus"]
                self.names |= {int(index): str(name) for index, name in names.items()}
                return True
            reading = _reading(value, self.names)
        except (ValueError, TypeError, KeyError, AttributeError):
            return False  # torn, or not ours
        self._add(reading)
        return True

    def _add(self, reading: Reading) -> None:
        for measure in ("cpu", "ram_used", "rss"):
            self._note(measure, reading.time, getattr(reading, measure))
        for gpu in reading.gpus:
            for measure in _GPU_MEASURES:
                self._note(f"gpu{gpu.index}.{measure}", reading.time, getattr(gpu, measure))
        known = {gpu.index: gpu for gpu in self.latest.gpus} if self.latest else {}
        known |= {gpu.index: gpu for gpu in reading.gpus}
        self.latest = replace(reading, gpus=tuple(known[index] for index in sorted(known)))

    def _note(self, measure: str, when: float, value: float | None) -> None:
        if value is not None:
            self.series.setdefault(measure, Series()).add(int(when), value)


def _row(reading: Reading) -> list[Any]:
    gpus = [[gpu.index, *(getattr(gpu, measure) for measure in _COLUMNS)] for gpu in reading.gpus]
    host = [reading.cpu, reading.ram_used, reading.ram_total, reading.rss]
    return [round(reading.time, 1), *host, gpus]


def _reading(row: Sequence[Any], names: dict[int, str]) -> Reading:
    """Raises ValueError, TypeError."""
    when, cpu, ram_used, ram_total, rss, gpus = row
    numbers = [when, cpu, ram_used, ram_total, rss, *(value for gpu in gpus for value in gpu)]
    if when is None or not all(value is None or type(value) in (int, float) for value in numbers):
        raise ValueError("not a reading")
    found = [GpuReading(gpu[0], names.get(gpu[0], f"GPU {gpu[0]}"), *gpu[1:]) for gpu in gpus]
    return Reading(when, cpu, ram_used, ram_total, rss, tuple(found))
