"""Readings of the hardware: what is missing is said and disturbs nothing, what is sampled can be followed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpaca_tui.finetune import amd
from alpaca_tui.finetune.amd import Amd
from alpaca_tui.finetune.gpu import GpuReading, seen
from alpaca_tui.finetune.host import Host
from alpaca_tui.finetune.nvidia import Nvidia
from alpaca_tui.finetune.telemetry import Reader, Reading, Sampler, Telemetry, devices
from tests.unit.fake_gpus import (
    GIB,
    METRIC,
    NO_PROCESS,
    OLD_STATIC,
    PROCESS,
    STATIC,
    Board,
    FakeNvml,
    NVMLError,
    NVMLError_LibraryNotFound,
    amd_smi,
)

NVML = "pynvml"
ALL_BUT = ("utilisation", "memory", "power", "temperature", "processes")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without GPUs, whatever it has. Returns where commands are looked for first."""
    commands = tmp_path / "bin"
    commands.mkdir()
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    monkeypatch.setitem(sys.modules, NVML, None)
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    return commands


def with_boards(monkeypatch: pytest.MonkeyPatch, *boards: Board, fault: NVMLError | None = None) -> FakeNvml:
    nvml = FakeNvml(list(boards), fault)
    monkeypatch.setitem(sys.modules, NVML, nvml)
    return nvml


def test_without_a_gpu_the_cpu_is_there_and_it_is_said_why() -> None:
    [cpu] = devices()
    assert (cpu.kind, cpu.index, cpu.bf16) == ("cpu", 0, False)
    assert cpu.memory_total is not None
    assert cpu.memory_free is not None
    assert 0 < cpu.memory_free <= cpu.memory_total
    assert "core" in cpu.name
    assert "nvidia-ml-py is not installed" in cpu.note
    assert "no amd-smi" in cpu.note
    assert Reader().read().gpus == ()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (NVMLError_LibraryNotFound(), "No NVIDIA driver"),
        (NVMLError("Unknown Error"), "does not answer: Unknown Error"),
    ],
)
def test_a_driver_that_is_not_there_or_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, fault: NVMLError, words: str
) -> None:
    with_boards(monkeypatch, fault=fault)
    assert words in devices()[-1].note


def test_an_nvidia_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = with_boards(monkeypatch, Board(pids=(812, 77)), Board("Tesla T4", "GPU-2222", capability=(7, 5)))
    first, second, cpu = devices()
    assert (first.kind, first.index, first.name) == ("cuda", 0, "NVIDIA H100 80GB HBM3")
    assert (first.memory_total, first.memory_free) == (80 * GIB, 77 * GIB)
    assert first.driver == "580.95.05, CUDA 13.0"
    assert (first.bf16, second.bf16) == (True, False)
    assert (first.pids, second.pids, first.note, cpu.note) == ((77, 812), (), "", "")
    assert nvml.open == 0, "the driver is let go"
    reader = Reader()
    gpu = reader.read().gpus[0]
    assert gpu == GpuReading(0, first.name, 97.0, 3 * GIB, 80 * GIB, 612.5, 700.0, 64)
    reader.close()
    assert nvml.open == 0


def test_the_binding_has_what_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = with_boards(monkeypatch, Board(parts=[Board(uuid="MIG-1")]))
    devices()
    Nvidia().read()
    monkeypatch.delitem(sys.modules, NVML)
    real = pytest.importorskip(NVML)
    assert [name for name in nvml.asked if not hasattr(real, name)] == []
    assert (real.NVML_DEVICE_MIG_ENABLE, real.NVML_TEMPERATURE_GPU) == (1, 0)
    assert issubclass(real.NVMLError_LibraryNotFound, real.NVMLError)


def test_what_a_gpu_does_not_support_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with_boards(monkeypatch, Board("NVIDIA GB10", missing=ALL_BUT))
    assert Nvidia().read() == [GpuReading(0, "NVIDIA GB10")]
    [device, _] = devices()
    assert (device.memory_total, device.memory_free, device.note, device.bf16) == (None, None, "", True)


def test_a_divided_gpu_is_its_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [
        Board(
            f"NVIDIA H100 80GB HBM3 MIG {size}g.10gb", f"MIG-{size}", 10 * GIB, 1 * GIB, missing=ALL_BUT[:1]
        )
        for size in (1, 2)
    ]
    with_boards(monkeypatch, Board(parts=parts), Board(uuid="GPU-2222"))
    readings = Nvidia().read()
    assert [(gpu.index, gpu.memory_total) for gpu in readings] == [
        (0, 10 * GIB),
        (1, 10 * GIB),
        (2, 80 * GIB),
    ]
    assert "MIG 2g" in readings[1].name
    assert (readings[0].utilisation, readings[0].power, readings[2].utilisation) == (None, 612.5, 97.0)


def test_a_gpu_that_falls_off_the_bus_tells_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    with_boards(monkeypatch, board, Board(uuid="GPU-2222"))
    nvidia = Nvidia()
    board.lost = True
    lost, well = nvidia.read()
    assert lost == GpuReading(0, "NVIDIA H100 80GB HBM3")
    assert well.utilisation == 97.0
    assert "fallen off the bus" in nvidia.devices()[0].note


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        ("1", [1]),
        ("2,0", [2, 0]),
        ("GPU-b", [1]),
        ("MIG-c,0", [2, 0]),
        ("1,9,0", [1]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        (None, [0, 1, 2]),
    ],
)
def test_devices_are_hidden_as_cuda_hides_them(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, places: list[int]
) -> None:
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert seen(("CUDA_VISIBLE_DEVICES",), ["GPU-a1", "GPU-b2", "MIG-c3"]) == places


def test_it_is_said_that_gpus_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with_boards(monkeypatch, Board(), Board("Other", "GPU-2222"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [(gpu.index, gpu.name) for gpu in Nvidia().read()] == [(1, "Other")]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "hides" in devices()[-1].note


@pytest.mark.parametrize("old", [False, True])
def test_an_amd_gpu(no_gpu: Path, old: bool) -> None:
    """Until ROCm 6.3 answers were a bare list, and warnings may stand before them."""
    if old:
        warning = "WARNING: User is missing the following required groups: render\n"
        amd_smi(no_gpu, metric=warning + json.dumps([METRIC]), static=[OLD_STATIC], process=[NO_PROCESS])
    else:
        amd_smi(no_gpu, metric={"gpu_data": [METRIC]}, static={"gpu_data": [STATIC]}, process=[PROCESS])
    device, cpu = devices()
    assert (device.kind, device.name, device.driver) == ("rocm", "AMD Instinct MI355X", "6.16.6")
    assert device.memory_total == 294896 << 20
    assert device.memory_free == (294896 - 283) << 20
    assert (device.bf16, device.pids, cpu.note) == (True, () if old else (42,), "")
    [gpu] = Reader().read().gpus
    limit = 700.0 if old else 1400.0
    assert (gpu.utilisation, gpu.power, gpu.power_limit, gpu.temperature) == (88.0, 1239.0, limit, 71.0)
    assert gpu.memory_used == 283 << 20


def test_amd_smi_is_asked_seldom(no_gpu: Path) -> None:
    amd_smi(no_gpu, metric=[METRIC], static=[STATIC])
    now = [100.0]

    def clock() -> float:
        now[0] += 0.2  # as long as the command may take
        return now[0]

    asked = Amd(clock)
    assert len(asked.read()) == 1
    assert asked.read() == []
    now[0] += 20
    assert len(asked.read()) == 1
    assert (no_gpu / "asked").read_text().count("metric") == 2


def test_after_three_failures_amd_smi_is_asked_no_more(no_gpu: Path) -> None:
    amd_smi(no_gpu, metric="{", static=[STATIC])
    now = [0.0]
    asked = Amd(lambda: now[0])
    for _ in range(5):
        now[0] += 1000
        assert asked.read() == []
    assert "failed 3 times" in asked.why
    assert (no_gpu / "asked").read_text().count("metric") == 3


@pytest.mark.parametrize("script", ["sleep 60", "exit 3", "echo nothing", 'echo "[{}]"'])
def test_an_amd_smi_that_hangs_or_talks_nonsense(
    no_gpu: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(amd, "_TIMEOUT_S", 0.2)
    command = amd_smi(no_gpu)
    command.write_text(
        f"#!/bin/sh\nexec {script}\n" if script.startswith("sleep") else f"#!/bin/sh\n{script}\n"
    )
    began = time.monotonic()
    [cpu] = devices()
    assert "failed 3 times" in cpu.note
    assert time.monotonic() - began < 10


def test_a_sampler_samples_and_is_followed_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_boards(monkeypatch, Board())
    path = tmp_path / "telemetry.jsonl"
    telemetry = Telemetry(path)
    assert not telemetry.poll()
    sampler = Sampler(path, os.getpid(), every_s=0.01)
    with sampler:
        seen_lengths: set[int] = set()
        deadline = time.monotonic() + 60
        while len(seen_lengths) < 3 and time.monotonic() < deadline:
            if telemetry.poll():
                seen_lengths.add(len(telemetry.series["gpu0.power"]))
            time.sleep(0.02)
    assert len(seen_lengths) == 3
    assert sampler.fault == ""
    telemetry.poll()
    lines = len(path.read_bytes().splitlines())
    assert lines == len(telemetry.series["rss"]) + 1, "the name once, and every reading"
    latest = telemetry.latest
    assert latest is not None
    assert abs(latest.time - time.time()) < 60
    assert latest.gpus == (GpuReading(0, Board().name, 97.0, 3 * GIB, 80 * GIB, 612.5, 700.0, 64),)
    assert (telemetry.peak("gpu0.temperature"), telemetry.peak("gpu9.power")) == (64.0, None)
    time.sleep(0.1)
    assert len(path.read_bytes().splitlines()) == lines, "it has stopped"


def test_a_sampler_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sampler(tmp_path / "no" / "folder.jsonl", os.getpid()) as lost:
        lost._thread.join(30)
    assert "FileNotFoundError" in lost.fault

    def gone(self: Host) -> tuple[int, int]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Host, "memory", gone)
    path = tmp_path / "telemetry.jsonl"
    with Sampler(path, os.getpid(), every_s=0.01) as failing:
        deadline = time.monotonic() + 30
        while not failing.fault and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "Input/output error" in failing.fault
        monkeypatch.undo()
        while failing.fault and time.monotonic() < deadline:
            time.sleep(0.01)
    telemetry = Telemetry(path)
    assert telemetry.poll()
    assert failing.fault == ""


def line(second: float, *gpus: list[object], cpu: float | None = 5.0) -> bytes:
    return json.dumps([second, cpu, 10, 20, 7, list(gpus)]).encode() + b"\n"


def test_a_torn_line_is_waited_for_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.jsonl"
    telemetry = Telemetry(path)
    whole = line(100.4, [0, 50.0, 1, 2, 300.0, 400.0, 60])
    path.write_bytes(line(95) + whole[:20])
    assert telemetry.poll()
    assert telemetry.latest == Reading(95, 5.0, 10, 20, 7)
    assert not telemetry.poll()
    with path.open("ab") as file:
        file.write(whole[20:] + whole[:20])  # and the machine dies
    assert telemetry.poll()
    with Sampler(path, os.getpid()) as sampler:
        deadline = time.monotonic() + 30
        while not path.read_bytes().endswith(b"]\n") and time.monotonic() < deadline:
            time.sleep(0.01)
    assert sampler.fault == ""
    assert telemetry.poll()
    assert len(telemetry.series["rss"]) == 3
    assert list(telemetry.series["gpu0.utilisation"].steps) == [100]
    assert telemetry.latest is not None
    assert telemetry.latest.gpus[0].name == "GPU 0", "its name was lost"


@pytest.mark.parametrize(
    "junk",
    [b"[]", b"[1]", b"{}", b'{"gpus": 5}', b"null", b'["x",1,1,1,1,[]]', b"[1,1,1,1,1,[5]]", b"[1,1,1,1,1,[[0,[]]]]"],
)  # fmt: skip
def test_what_is_no_reading_is_left_out(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "telemetry.jsonl"
    path.write_bytes(b"\n" + junk + b"\n" + line(1) + line(2, cpu=None))
    telemetry = Telemetry(path)
    assert telemetry.poll()
    assert list(telemetry.series["cpu"].steps) == [1]
    assert list(telemetry.series["ram_used"].steps) == [1, 2]


def test_a_file_that_was_replaced_or_cut_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.jsonl"
    path.write_bytes(line(1) + line(2))
    telemetry = Telemetry(path)
    telemetry.poll()
    other = tmp_path / "other"
    other.write_bytes(line(7) + line(8) + line(9))
    other.replace(path)
    assert telemetry.poll()
    assert list(telemetry.series["cpu"].steps) == [7, 8, 9]
    path.write_bytes(line(4))
    assert telemetry.poll()
    assert list(telemetry.series["cpu"].steps) == [4]
    path.unlink()
    assert not telemetry.poll()
    assert telemetry.latest is not None, "what was read is kept"


def test_gpus_that_are_asked_less_often_stay_in_the_latest(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.jsonl"
    name = b'{"gpus":{"1":"AMD Instinct MI355X"}}\n'
    path.write_bytes(name + line(1, [1, 9.0, 1, 2, None, None, None]) + line(2))
    telemetry = Telemetry(path)
    telemetry.poll()
    assert telemetry.latest is not None
    assert telemetry.latest.time == 2
    assert telemetry.latest.gpus == (GpuReading(1, "AMD Instinct MI355X", 9.0, 1, 2),)
    assert "gpu1.power" not in telemetry.series


def test_what_asks_the_drivers_is_loaded_when_they_are_asked() -> None:
    code = "import sys, alpaca_tui.finetune.telemetry; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"psutil", NVML, "torch", "transformers"} & set(loaded)
