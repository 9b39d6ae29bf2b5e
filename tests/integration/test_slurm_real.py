"""A run on a real Slurm: queued, run, stopped, out of time, pushed aside, and going on where it was.

The worker is a stand-in that does what the real one does: a step, a look whether it is to end, a checkpoint.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.finetune import slurm
from alpaca_tui.finetune.folder import RunFolder
from alpaca_tui.finetune.slurm_job import Job, read_job, script
from tests.support.slurm_cluster import CannotStartError, cluster

STAND_IN = """
import json, pathlib, signal, sys, time
folder, goal = pathlib.Path(sys.argv[1]), int(sys.argv[2])
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
saved = folder / "checkpoint"
step = int(saved.read_text()) if saved.exists() else 0
goal = step + 3 if step else goal
with (folder / "starts").open("a") as starts:
    starts.write(f"{step}\\n")

def status(state):
    (folder / "new").write_text(json.dumps({"step": step, "ended": state and {"state": state}}, indent=1))
    (folder / "new").rename(folder / "status.json")

while step < goal and not told and not (folder / "stop").exists():
    time.sleep(0.1)
    step += 1
    status(None)
time.sleep(1.5)  # a checkpoint takes its time
saved.write_text(str(step))
status("finished" if step == goal else "stopped")
print("the worker ends", flush=True)
"""
FOREVER = 1_000_000


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    try:
        with cluster(tmp_path_factory.mktemp("slurm")) as file:
            yield file
    except CannotStartError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _on_the_cluster(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", str(conf))


@pytest.fixture(scope="module", autouse=True)
def limited(conf: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, int]:
    """A job of the least time there is, that goes on afterwards; started first, for it takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(conf))
        return start(
            tmp_path_factory.mktemp("limited") / "run",
            "time=00:01:00,grace=55,requeue=yes",
            "extra=--nodelist=n2",
        )


def start(path: Path, *settings: str, goal: int = FOREVER) -> tuple[RunFolder, int]:
    folder = RunFolder(path)
    folder.path.mkdir(exist_ok=True)
    program = [sys.executable, "-c", STAND_IN, str(path), str(goal)]
    return folder, slurm.submit(folder, script(folder, lambda _devices, _nodes: program, read_job(settings)))


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.2)


def stands(job: int, name: str) -> slurm.JobState:
    wait_for(lambda: slurm.job_state(job).name == name)
    return slurm.job_state(job)


def trains(folder: RunFolder, starts: int = 1) -> None:
    """Steps are made, by the `starts`th start."""
    wait_for(lambda: folder.status_file.exists() and len(began(folder)) == starts)


def began(folder: RunFolder) -> list[int]:
    """The step each start began with."""
    file = folder.path / "starts"
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def ending(folder: RunFolder) -> tuple[str, bool]:
    """How the worker ended, and whether its checkpoint is of its last step."""
    status = json.loads(folder.status_file.read_text())
    saved = folder.path / "checkpoint"
    return status["ended"]["state"], saved.exists() and int(saved.read_text()) == status["step"] > 0


def test_from_the_queue_to_the_end(tmp_path: Path) -> None:
    assert slurm.available() is None
    folder, job = start(
        tmp_path / "it's 100% \"mine\" \\ $(here)", "gres=gpu:a100:2,cpus=2,mem=10M,time=00:10:00", "extra=--hold",
        "extra=--nodelist=n1", goal=15,
    )  # fmt: skip
    assert slurm.submitted_job(folder) == job
    assert stands(job, "PENDING").words == "waits: you hold it; scontrol release lets it go"
    with pytest.raises(UserError, match=f"Slurm job {job} already"):
        slurm.submit(folder, "#!/bin/bash\n")
    subprocess.run(["scontrol", "release", str(job)], check=True)
    assert stands(job, "RUNNING").words == "runs on n1"
    assert stands(job, "COMPLETED").standing == "ended"
    assert ending(folder) == ("finished", True)
    log = folder.log_file.read_text()
    assert f"Slurm job {job} on n1, start 1.\n" in log
    assert "the worker ends\n" in log


def test_stopped_it_writes_its_checkpoint_and_goes_on_when_it_is_submitted_again(tmp_path: Path) -> None:
    folder, job = start(tmp_path / "run", "requeue=yes")
    trains(folder)
    slurm.cancel(job, gracefully=True)
    assert stands(job, "COMPLETED").standing == "ended"
    assert ending(folder) == ("stopped", True)
    assert not folder.stop_file.exists()
    slurm.cancel(job, gracefully=True)  # over: nothing to complain about
    _, again = start(folder.path)
    stands(again, "COMPLETED")
    assert ending(folder) == ("finished", True)
    assert began(folder)[1] > 0


def test_cancelled_while_it_waits_or_at_once(tmp_path: Path) -> None:
    _, waiting = start(tmp_path / "waits", "extra=--hold")
    slurm.cancel(waiting, gracefully=True)
    assert stands(waiting, "CANCELLED").words == "it was cancelled"
    folder, running = start(tmp_path / "runs", "requeue=yes")
    trains(folder)
    slurm.cancel(running, gracefully=False)
    assert stands(running, "CANCELLED").standing == "ended"
    wait_for(lambda: (folder.path / "checkpoint").exists())  # within the half minute that it still has
    assert ending(folder) == ("stopped", True)


def test_a_failure_is_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    job = slurm.submit(folder, script(folder, lambda _devices, _nodes: ["false"], Job(requeue=True)))
    assert stands(job, "FAILED").words == "its script ended with an error"


def test_pushed_aside_it_is_told_at_once_and_goes_on_afterwards(tmp_path: Path) -> None:
    folder, job = start(tmp_path / "low", "partition=low,cpus=8,requeue=yes")
    trains(folder)
    _, other = start(tmp_path / "high", "partition=high,cpus=8", goal=5)
    stands(job, "PENDING")
    assert ending(folder) == ("stopped", True)
    stands(other, "COMPLETED")
    trains(folder, starts=2)
    stands(job, "COMPLETED")
    assert ending(folder) == ("finished", True)
    assert began(folder)[1] > 0


def test_every_node_finds_the_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    told = 'echo "$SLURMD_NODENAME $PET_NNODES $PET_RDZV_BACKEND $PET_RDZV_ENDPOINT $PET_RDZV_ID $OMP_NUM_THREADS"'
    text = script(folder, lambda _devices, _nodes: ["bash", "-c", told], read_job(["nodes=2,cpus=4,gpus=2"]))
    job = slurm.submit(folder, text)
    stands(job, "COMPLETED")
    meet = f"2 c10d {socket.gethostname()}:{20000 + job % 10000} {job}.0 2"
    lines = [line for line in folder.log_file.read_text().splitlines() if line.startswith(("n1", "n2"))]
    assert sorted(lines) == [f"n1 {meet}", f"n2 {meet}"]


ONE_OF_MANY = """
import os, pathlib, signal, sys, time
folder, rank = pathlib.Path(sys.argv[1]), os.environ["RANK"]
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
(folder / f"began-{rank}").touch()
while not told and not (folder / "stop").exists():
    time.sleep(0.1)
time.sleep(int(sys.argv[2]))
(folder / f"checkpoint-{rank}").touch()
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [["--batch"], []])
def test_torchrun_lets_its_workers_write_their_checkpoints(how: list[str], tmp_path: Path) -> None:
    """Over two nodes; the script is told, or the steps alone, as they are where another job takes the place."""
    folder = RunFolder(tmp_path)
    (tmp_path / "worker.py").write_text(ONE_OF_MANY)
    takes = "3" if how else "33"  # longer than torchrun waits that has heard of it

    def torchrun(devices: int, _nodes: int) -> list[str]:
        module = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(devices)]
        return [*module, str(tmp_path / "worker.py"), str(tmp_path), takes]

    job = slurm.submit(folder, script(folder, torchrun, read_job(["nodes=2,gpus=2"])))
    wait_for(lambda: len([*tmp_path.glob("began-*")]) == 4, 120)
    subprocess.run(["scancel", *how, "--signal=TERM", str(job)], check=True)
    stands(job, "COMPLETED")
    assert len([*tmp_path.glob("checkpoint-*")]) == 4


@pytest.mark.parametrize(
    ("settings", "next_step"),
    [
        ("partition=nowhere", "partition=NAME"),
        ("time=2-00:00:00", "'%P %l'"),
        ("gpus=64", "ask for less"),
        ("gres=tpu:1", "gres=gpu:TYPE"),
        ("cpus=64", "cpus="),
        ("mem=900G", "mem=|ask for less"),
        ("nodes=9", "nodes="),
        ("constraint=golden", "constraint="),
        ("extra=--golden", "extra="),
    ],
)
def test_what_the_cluster_refuses(settings: str, next_step: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="refused the job") as caught:
        start(tmp_path, settings)
    assert re.search(next_step, caught.value.next_step)
    assert slurm.submitted_job(RunFolder(tmp_path)) is None


def test_a_job_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(slurm.JobGoneError):
        slurm.job_state(999_999)
    for gracefully in (True, False):
        with pytest.raises(slurm.JobGoneError):
            slurm.cancel(999_999, gracefully)


def test_a_controller_that_is_down(conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    down = tmp_path / "slurm.conf"
    down.write_text(conf.read_text().replace("SlurmctldPort=", "MessageTimeout=2\nSlurmctldPort=1 #"))
    shutil.copy(conf.with_name("gres.conf"), tmp_path)
    monkeypatch.setenv("SLURM_CONF", str(down))
    monkeypatch.setattr(slurm, "SUBMIT_S", 5.0)
    monkeypatch.setattr(slurm, "ANSWER_S", 5.0)
    assert "does not answer" in (slurm.available() or "")
    with pytest.raises(UserError, match="does not answer"):
        slurm.job_state(1)
    with pytest.raises(UserError, match="does not answer"):
        start(tmp_path / "run")


def test_out_of_time_it_writes_its_checkpoint_and_goes_on_later(limited: tuple[RunFolder, int]) -> None:
    folder, job = limited
    trains(folder, starts=2)
    stands(job, "COMPLETED")
    assert ending(folder) == ("finished", True)
    first, second = began(folder)
    assert first == 0 < second
    log = folder.log_file.read_text()
    assert "TIME LIMIT" not in log  # it was over before Slurm had to end it
    assert f"Slurm job {job} on n2, start 2.\n" in log
