"""What is said of a device, and which of them a process may see. Knows no driver: `nvidia` and `amd` ask those."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["cuda", "rocm", "cpu"]


@dataclass(frozen=True, slots=True)
class GpuReading:
    """A GPU at one moment. What it does not tell is None; a GPU that fell off the bus tells nothing. utilisation: % of
    the time in which something ran on it. Memory in bytes, power in W, temperature in °C."""

    index: int
    name: str = ""
    utilisation: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    power: float | None = None
    power_limit: float | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device something can be trained on. index: as the driver's own tool counts (MIG instances one by one). bf16:
    whether it computes in it faster than in fp32. pids: processes that use it (numbers of the host, also in a
    container). note: what is wrong with it; of a CPU, why there is no GPU."""

    kind: Kind
    index: int
    name: str
    memory_total: int | None = None
    memory_free: int | None = None
    driver: str = ""
    bf16: bool = False
    pids: tuple[int, ...] = ()
    uuid: str = ""
    note: str = ""


def seen(variables: Sequence[str], uuids: Sequence[str]) -> list[int]:
    """Places of the devices a process may see, in its order, by the first of these environment variables that is set.
    As CUDA reads it: numbers, or beginnings of a UUID; whatever follows one that does not exist does not count."""
    chosen = next((os.environ[name] for name in variables if name in os.environ), None)
    if chosen is None:
        return list(range(len(uuids)))
    places: list[int] = []
    for word in map(str.strip, chosen.split(",")):
        if word.isdecimal():
            place = int(word)
        else:
            place = next((place for place, uuid in enumerate(uuids) if word and uuid.startswith(word)), -1)
        if not 0 <= place < len(uuids):
            break
        places.append(place)
    return places
