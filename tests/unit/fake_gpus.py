"""Stand-ins for what only a machine with GPUs has: the NVML binding, and the amd-smi command.

The shapes are those of nvidia-ml-py 13 and of amd-smi 26 (MI355X, ROCm 7); `test_telemetry` checks the names of the
first against the real binding where that is installed.
"""

# ruff: noqa: N801, N802, N818 - names are the binding's

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

GIB = 1 << 30


class NVMLError(Exception):
    pass


class NVMLError_LibraryNotFound(NVMLError):
    pass


class NVMLError_NotSupported(NVMLError):
    pass


class NVMLError_GpuIsLost(NVMLError):
    pass


@dataclass
class Board:
    """A GPU. parts: its MIG instances. missing: functions it does not support."""

    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str = "GPU-11111111-aaaa"
    total: int = 80 * GIB
    used: int = 3 * GIB
    capability: tuple[int, int] = (9, 0)
    pids: tuple[int, ...] = ()
    parts: list[Board] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    lost: bool = False


class FakeNvml(ModuleType):
    """`pynvml`, as far as it is used. asked: every function that was called."""

    NVMLError = NVMLError
    NVML_DEVICE_MIG_ENABLE = 1
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, boards: list[Board], fault: NVMLError | None = None) -> None:
        super().__init__("pynvml")
        self.boards = boards
        self.fault = fault
        self.open = 0
        self.asked: set[str] = set()

    def nvmlInit(self) -> None:
        if self.fault:
            raise self.fault
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvml"):
            raise AttributeError(name)
        self.asked.add(name)
        return getattr(self, f"_{name}")

    def _nvmlDeviceGetCount(self) -> int:
        return len(self.boards)

    def _nvmlSystemGetDriverVersion(self) -> str:
        return "580.95.05"

    def _nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        return 13000

    def _nvmlDeviceGetHandleByIndex(self, index: int) -> Board:
        return self.boards[index]

    def _nvmlDeviceGetName(self, board: Board) -> str:
        return self._of(board, "name", board.name)

    def _nvmlDeviceGetUUID(self, board: Board) -> str:
        return self._of(board, "uuid", board.uuid)

    def _nvmlDeviceGetMigMode(self, board: Board) -> list[int]:
        if not board.parts and "H100" not in board.name:
            raise NVMLError_NotSupported  # only data centre GPUs can be divided
        return [int(bool(board.parts)), 0]

    def _nvmlDeviceGetMaxMigDeviceCount(self, board: Board) -> int:
        return 7

    def _nvmlDeviceGetMigDeviceHandleByIndex(self, board: Board, index: int) -> Board:
        if index >= len(board.parts):
            raise NVMLError_NotSupported
        return board.parts[index]

    def _nvmlDeviceGetMemoryInfo(self, board: Board) -> SimpleNamespace:
        memory = SimpleNamespace(total=board.total, used=board.used, free=board.total - board.used)
        return self._of(board, "memory", memory)

    def _nvmlDeviceGetUtilizationRates(self, board: Board) -> SimpleNamespace:
        return self._of(board, "utilisation", SimpleNamespace(gpu=97, memory=60))

    def _nvmlDeviceGetPowerUsage(self, board: Board) -> int:
        return self._of(board, "power", 612_500)

    def _nvmlDeviceGetEnforcedPowerLimit(self, board: Board) -> int:
        return self._of(board, "power", 700_000)

    def _nvmlDeviceGetTemperature(self, board: Board, sensor: int) -> int:
        return self._of(board, "temperature", 64)

    def _nvmlDeviceGetCudaComputeCapability(self, board: Board) -> tuple[int, int]:
        return self._of(board, "capability", board.capability)

    def _nvmlDeviceGetComputeRunningProcesses(self, board: Board) -> list[SimpleNamespace]:
        return self._of(board, "processes", [SimpleNamespace(pid=pid) for pid in board.pids])

    def _of(self, board: Board, what: str, value: Any) -> Any:
        if board.lost:
            raise NVMLError_GpuIsLost
        if what in board.missing:
            raise NVMLError_NotSupported
        return value


def _unit(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


METRIC = {
    "gpu": 0,
    "usage": {"gfx_activity": _unit(88, "%"), "umc_activity": _unit(5, "%")},
    "power": {"socket_power": _unit(1239, "W")},
    "temperature": {"edge": "N/A", "hotspot": _unit(71, "C"), "mem": _unit(66, "C")},
    "mem_usage": {"total_vram": _unit(294896, "MB"), "used_vram": _unit(283, "MB")},
}
STATIC = {
    "gpu": 0,
    "asic": {"market_name": "AMD Instinct MI355X"},
    "driver": {"name": "amdgpu", "version": "6.16.6"},
    "limit": {"ppt0": {"socket_power_limit": _unit(1400, "W"), "max_power_limit": _unit(1400, "W")}},
}
OLD_STATIC = STATIC | {"limit": {"max_power": _unit(750, "W"), "socket_power": _unit(700, "W")}}
PROCESS = {"gpu": 0, "process_list": [{"process_info": {"name": "python", "pid": 42}}]}
NO_PROCESS = {"gpu": 0, "process_list": [{"process_info": "No running processes detected"}]}


def amd_smi(folder: Path, **answers: Any) -> Path:
    """Writes an amd-smi that gives these answers (a string is printed as it is) and logs that it was asked."""
    for name, answer in answers.items():
        text = answer if isinstance(answer, str) else json.dumps(answer, indent=4)
        (folder / f"{name}.json").write_text(text)
    command = folder / "amd-smi"
    command.write_text(f'#!/bin/sh\necho "$*" >> {folder}/asked\nexec cat {folder}/"$1".json\n')
    command.chmod(0o755)
    return command
