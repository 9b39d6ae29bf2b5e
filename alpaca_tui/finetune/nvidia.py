"""NVIDIA GPUs, asked through the driver's own library (NVML, by nvidia-ml-py).

Nothing here raises for what a machine lacks: `why` says it. A value that a GPU does not tell is None. Knows neither
files nor screens, and does not import torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from alpaca_tui.finetune.gpu import DeviceInfo, GpuReading, seen

_VISIBLE = ("CUDA_VISIBLE_DEVICES",)
_BF16 = (8, 0)  # Ampere
_WHY = {
    "NVMLError_LibraryNotFound": "No NVIDIA driver is installed.",
    "NVMLError_DriverNotLoaded": "The NVIDIA driver is installed but not loaded.",
    "NVMLError_LibRmVersionMismatch": "The NVIDIA driver was updated while it ran: restart the machine.",
    "NVMLError_NoPermission": "The NVIDIA driver refuses this user or container.",
}


@dataclass(frozen=True, slots=True)
class _Gpu:
    """board: what has the power and the temperature; part: what has the memory (a MIG instance, or the board)."""

    index: int
    name: str
    board: Any
    part: Any
    uuid: str


class Nvidia:
    """The NVIDIA GPUs this process may see. why: why there are none, "" where there are."""

    def __init__(self) -> None:
        self.why = ""
        self._gpus: list[_Gpu] = []
        self._nvml: Any = None
        try:
            nvml: Any = importlib.import_module("pynvml")
        except ImportError:
            self.why = "NVIDIA GPUs cannot be asked: nvidia-ml-py is not installed."
            return
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            self.why = _WHY.get(type(error).__name__, f"The NVIDIA driver does not answer: {error}.")
            return
        self._nvml = nvml
        everything = list(self._enumerate())
        self._gpus = [everything[place] for place in seen(_VISIBLE, [gpu.uuid for gpu in everything])]
        if not everything:
            self.why = "The NVIDIA driver is there, but no GPU."
        elif not self._gpus:
            self.why = "CUDA_VISIBLE_DEVICES hides every NVIDIA GPU."

    def read(self) -> list[GpuReading]:
        return [self._reading(gpu) for gpu in self._gpus]

    def devices(self) -> list[DeviceInfo]:
        return [self._info(gpu) for gpu in self._gpus]

    def close(self) -> None:
        if self._nvml is not None:
            self._ask("nvmlShutdown")

    def _enumerate(self) -> Iterator[_Gpu]:
        index = 0
        for number in range(self._ask("nvmlDeviceGetCount") or 0):
            board = self._ask("nvmlDeviceGetHandleByIndex", number)
            for part in self._parts(board):
                name, uuid = (self._ask(f"nvmlDeviceGet{what}", part) or "" for what in ("Name", "UUID"))
                yield _Gpu(index, name, board, part, uuid)
                index += 1

    def _parts(self, board: Any) -> list[Any]:
        """The MIG instances of a GPU that is divided, else the GPU itself."""
        mode = self._ask("nvmlDeviceGetMigMode", board)
        if not mode or mode[0] != self._nvml.NVML_DEVICE_MIG_ENABLE:
            return [board]
        most = self._ask("nvmlDeviceGetMaxMigDeviceCount", board) or 0
        parts = [self._ask("nvmlDeviceGetMigDeviceHandleByIndex", board, place) for place in range(most)]
        return [part for part in parts if part is not None]

    def _reading(self, gpu: _Gpu) -> GpuReading:
        memory = self._ask("nvmlDeviceGetMemoryInfo", gpu.part)
        rates = self._ask("nvmlDeviceGetUtilizationRates", gpu.part)  # a MIG instance has none
        return GpuReading(
            gpu.index,
            gpu.name,
            float(rates.gpu) if rates else None,
            int(memory.used) if memory else None,
            int(memory.total) if memory else None,
            _watts(self._ask("nvmlDeviceGetPowerUsage", gpu.board)),
            _watts(self._ask("nvmlDeviceGetEnforcedPowerLimit", gpu.board)),
            self._ask("nvmlDeviceGetTemperature", gpu.board, self._nvml.NVML_TEMPERATURE_GPU),
        )

    def _info(self, gpu: _Gpu) -> DeviceInfo:
        memory = self._ask("nvmlDeviceGetMemoryInfo", gpu.part)
        capability = self._ask("nvmlDeviceGetCudaComputeCapability", gpu.board)
        processes: list[Any] = self._ask("nvmlDeviceGetComputeRunningProcesses", gpu.part) or []
        lost = capability is None and memory is None
        return DeviceInfo(
            "cuda",
            gpu.index,
            gpu.name,
            int(memory.total) if memory else None,
            int(memory.free) if memory else None,
            self._driver(),
            capability is not None and tuple(capability) >= _BF16,
            tuple(sorted({int(process.pid) for process in processes})),
            gpu.uuid,
            "It does not answer; it may have fallen off the bus. Restart the machine." if lost else "",
        )

    def _driver(self) -> str:
        version = self._ask("nvmlSystemGetDriverVersion")
        cuda = self._ask("nvmlSystemGetCudaDriverVersion_v2")
        return f"{version or '?'}" + (f", CUDA {cuda // 1000}.{cuda % 1000 // 10}" if cuda else "")

    def _ask(self, function: str, *arguments: Any) -> Any:
        """What the driver answers; None where it cannot: not supported, no right to know, or the GPU is gone."""
        if None in arguments:  # of a GPU that did not even give a handle
            return None
        try:
            return getattr(self._nvml, function)(*arguments)
        except (self._nvml.NVMLError, AttributeError):  # an old library lacks functions
            return None


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000
