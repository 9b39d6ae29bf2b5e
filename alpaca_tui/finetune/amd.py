"""AMD GPUs, asked through the driver's own command (amd-smi, which comes with ROCm).

The command is a program of some weight, so it is asked seldom enough to take a small share of one core, and no more
after three failures in a row. Nothing here raises for what a machine lacks: `why` says it. Knows neither files nor
screens.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any, cast

from alpaca_tui.finetune.gpu import DeviceInfo, GpuReading, seen

_VISIBLE = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
_TIMEOUT_S = 10.0
_FAILURES = 3
_SHARE = 0.02  # of the time in which the command may run
_BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}  # amd-smi calls MiB MB
_METRIC = ("metric", "--usage", "--mem-usage", "--power", "--temperature")
_STATIC = ("static", "--asic", "--driver", "--limit")


class Amd:
    """The AMD GPUs this process may see. why: why there are none, or why they are asked no more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._command = shutil.which("amd-smi")
        self._failures = 0
        self._due = 0.0
        self._facts: dict[int, Any] | None = None
        self.why = "" if self._command else "No AMD driver is installed (there is no amd-smi)."

    def read(self) -> list[GpuReading]:
        """Empty where it is too early to ask again, too."""
        if self.why or self._clock() < self._due:
            return []
        if self._facts is None:
            self._facts = self._ask(*_STATIC)
        began = self._clock()
        readings = self._ask(*_METRIC) or {}
        self._due = self._clock() + (self._clock() - began) / _SHARE
        return [_reading(index, readings[index], self._fact(index)) for index in _visible(readings)]

    def devices(self) -> list[DeviceInfo]:
        if self.why:
            return []
        self._facts = self._ask(*_STATIC)
        readings = self._ask(*_METRIC) or {}
        processes = self._ask("process") or {}
        return [
            _info(index, _reading(index, readings[index], self._fact(index)), self._fact(index), processes)
            for index in _visible(readings)
        ]

    def _fact(self, index: int) -> Any:
        return (self._facts or {}).get(index)

    def _ask(self, *arguments: str) -> dict[int, Any] | None:
        """GPU -> what the command tells of it; None where it failed."""
        if self.why or self._command is None:
            return None
        try:
            found = {int(gpu["gpu"]): gpu for gpu in _list(_run([self._command, *arguments, "--json"]))}
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
            self._failures += 1
            if self._failures >= _FAILURES:
                self.why = f"amd-smi failed {_FAILURES} times and is asked no more: {error}"
            return None
        self._failures = 0
        return found


def _run(command: list[str]) -> str:
    """What a command prints. Raises OSError, SubprocessError. One that hangs in the driver cannot be killed: it is
    left alone then, so that nobody waits for it."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
    )
    try:
        output, _ = process.communicate(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        try:
            process.wait(1.0)
        finally:
            if process.stdout:
                process.stdout.close()
        raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output.decode("utf-8", "replace")


def _list(text: str) -> list[Any]:
    """The GPUs in an answer: a list, or a list under `gpu_data` since ROCm 6.4; warnings may stand before it."""
    start = min((place for place in (text.find("["), text.find("{")) if place >= 0), default=0)
    value, _ = json.JSONDecoder().raw_decode(text, start)
    return cast(dict[str, Any], value)["gpu_data"] if isinstance(value, dict) else value


def _visible(gpus: dict[int, Any]) -> list[int]:
    indices = sorted(gpus)
    uuids = [str(gpus[index].get("uuid", "")) for index in indices]
    return [indices[place] for place in seen(_VISIBLE, uuids)]


def _reading(index: int, gpu: Any, facts: Any) -> GpuReading:
    total = _number(gpu, "mem_usage", ("total_vram",))
    used = _number(gpu, "mem_usage", ("used_vram",))
    return GpuReading(
        index,
        _text(facts, "asic", "market_name"),
        _number(gpu, "usage", ("gfx_activity",)),
        None if used is None else int(used),
        None if total is None else int(total),
        _number(gpu, "power", ("socket_power", "current_socket_power", "average_socket_power")),
        _limit(facts),
        _number(gpu, "temperature", ("hotspot", "edge", "mem")),
    )


def _limit(facts: Any) -> float | None:
    limits = _under(facts, "limit")
    first = {"limit": _under(limits, "ppt0")}
    return _number(facts, "limit", ("socket_power", "max_power")) or _number(
        first, "limit", ("socket_power_limit", "max_power_limit")
    )


def _info(index: int, reading: GpuReading, facts: Any, processes: dict[int, Any]) -> DeviceInfo:
    total, used = reading.memory_total, reading.memory_used
    return DeviceInfo(
        "rocm",
        index,
        reading.name,
        total,
        None if total is None or used is None else total - used,
        _text(facts, "driver", "version"),
        True,  # torch takes it as given on ROCm
        _pids(processes.get(index)),
        note="" if total is not None else "It does not tell its memory.",
    )


def _pids(gpu: Any) -> tuple[int, ...]:
    entries: Any = _under(gpu, "process_list")  # words where there are none
    listed = cast(list[Any], entries) if isinstance(entries, list) else []
    pids = [_under(_under(entry, "process_info"), "pid") for entry in listed]
    return tuple(sorted({pid for pid in pids if isinstance(pid, int)}))


def _under(value: Any, name: str) -> Any:
    return cast(dict[str, Any], value).get(name) if isinstance(value, dict) else None


def _text(gpu: Any, group: str, name: str) -> str:
    value = _under(_under(gpu, group), name)
    return value if isinstance(value, str) and value != "N/A" else ""


def _number(gpu: Any, group: str, names: tuple[str, ...]) -> float | None:
    """The first of these measures that has a value: a number, or `{"value": 5, "unit": "MB"}`; memory in bytes."""
    for name in names:
        value = _under(_under(gpu, group), name)
        if not isinstance(value, dict):
            value = {"value": value}
        number = _under(value, "value")
        if isinstance(number, (int, float)):
            return float(number) * _BYTES.get(str(_under(value, "unit")).upper(), 1)
    return None
