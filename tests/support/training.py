"""Runs small enough for a test: a student of a few thousand weights, a few dozen rows, real processes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alpaca_tui.children import module_environment
from alpaca_tui.finetune.dataset import Row
from alpaca_tui.finetune.folder import Launch, ModelRef, RunFolder
from alpaca_tui.finetune.launch import command, make_run
from alpaca_tui.finetune.metrics import Metrics
from alpaca_tui.finetune.presets import preset

SMALL = {"vocabulary": 320, "hidden": 32, "intermediate": 64, "layers": 2, "heads": 2}


def rows(count: int = 40) -> list[Row]:
    """Sums, half of them with an input; some much longer than others."""
    return [
        Row(
            100 + number,
            f"Add {number} and {number + 3}." if number % 2 else "Add the numbers.",
            "" if number % 2 else f"{number}, {number + 3}",
            f"The sum is {2 * number + 3}." + " It is a sum." * (number % 5),
        )
        for number in range(count)
    ]


def small_run(folder: Path, *settings: str, data: list[Row] | None = None, **launch: Any) -> RunFolder:
    """A run that has not begun, on the CPU."""
    recipe = preset("tiny").recipe.changed(
        ["epochs=4", "batch=8", "micro_batch=4", "max_length=128", *settings]
    )
    options = {"start_from": launch.pop("start_from", "")}
    return make_run(
        folder, ModelRef("tiny"), "tiny", recipe, data or rows(), Launch(device="cpu", **launch),
        source="a test", student=SMALL, **options,
    )  # fmt: skip


def worker(run: RunFolder, **environment: str) -> subprocess.Popen[bytes]:
    """The run's own command, started as it is; its log is the run's."""
    with run.log_file.open("ab") as log:
        return subprocess.Popen(
            command(run),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**module_environment(), "OMP_NUM_THREADS": "1", **environment},
            start_new_session=True,
        )


def train(run: RunFolder, **environment: str) -> int:
    """Run it to its end; the exit code."""
    return worker(run, **environment).wait(200)


def losses(run: RunFolder) -> dict[int, float]:
    """Step -> loss, as the run stands by."""
    metrics = Metrics(run.metrics_file)
    metrics.poll()
    series = metrics.series["loss"]
    return dict(zip(series.steps, series.values, strict=True))


def weights(folder: Path) -> dict[str, Any]:
    """Name -> tensor of what is saved there."""
    from safetensors.torch import load_file

    return {
        name: tensor
        for file in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def same_weights(one: Path, other: Path) -> bool:
    """Bit for bit."""
    import torch

    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def when(condition: Callable[[], object], process: subprocess.Popen[bytes], seconds: float = 120.0) -> None:
    """Wait until `condition` holds while `process` lives."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.01)


def steps_of(run: RunFolder) -> int:
    """How many steps have been logged, without reading the file as a run's reader does."""
    try:
        return run.metrics_file.read_bytes().count(b'"kind": "step"')
    except OSError:
        return 0
