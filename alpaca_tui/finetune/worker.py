"""The process that trains: `python -m alpaca_tui.finetune.worker RUN_DIR`, alone or under torchrun.

It waits for its device, does what `run.json` says, and tells how it stands in the run's other files; nobody needs to
watch. Started again on the same folder it goes on from the newest whole checkpoint. SIGTERM, SIGINT or a file `stop` in
the folder: a checkpoint after this step, then the end. Of several devices, this process becomes torchrun.

Exit codes: 0 finished or stopped, 1 failed, with the reason in `status.json`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.folder import Ended, RunFolder, RunSpec, Status
from alpaca_tui.finetune.launch import TURN_TAKEN
from alpaca_tui.finetune.turns import Turn, device_names
from alpaca_tui.processes import identity_of

UNDER_TORCHRUN = "TORCHELASTIC_RUN_ID"


def main(arguments: list[str]) -> int:
    """Train the run in the folder named."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    if len(arguments) != 1:
        print("Usage: python -m alpaca_tui.finetune.worker RUN_DIR", file=sys.stderr)
        return 2
    folder = RunFolder(Path(arguments[0]).absolute())
    if UNDER_TORCHRUN not in os.environ and TURN_TAKEN not in os.environ:
        try:
            spec = folder.read_spec()
        except UserError as error:
            print(error, file=sys.stderr)
            return 1
        turn = Turn(folder.id, device_names(spec.launch))
        if not _our_turn(folder, turn):
            return 0
        if spec.launch.devices > 1:
            _become_torchrun(folder, spec)
    from alpaca_tui.finetune.training.session import Session

    return Session(folder).run()


def _our_turn(folder: RunFolder, turn: Turn) -> bool:
    """Wait until the device is free; False when the run was stopped meanwhile."""
    stopped: list[int] = []

    def on_signal(number: int, _: Any) -> None:
        stopped.append(number)

    before = {name: signal.signal(name, on_signal) for name in (signal.SIGTERM, signal.SIGINT)}
    status = (folder.read_status() or Status()).changed(leader=identity_of(os.getpid()), ended=None, eta=None)

    def go_on(holder: str) -> bool:
        nonlocal status
        told = f"The device is in use by {holder}."
        status = status.changed(phase="waiting", told=told, beat=status.beat + 1, time=time.time())
        folder.write_status(status)
        return not stopped and not folder.stop_file.exists()

    ours = turn.wait(go_on) and not stopped
    for name, handler in before.items():
        signal.signal(name, handler)
    if not ours:
        ended = Ended("stopped", time.time(), "Stopped as asked", "It was still waiting for its device.")
        folder.write_status(status.changed(phase="ended", told=ended.title, ended=ended))
    return ours


def _become_torchrun(folder: RunFolder, spec: RunSpec) -> None:
    devices = f"--nproc-per-node={spec.launch.devices}"
    arguments = [
        "-P",
        "-m",
        "torch.distributed.run",
        "--standalone",
        devices,
        "-m",
        __spec__.name,
        str(folder.path),
    ]
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
