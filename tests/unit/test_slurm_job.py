"""A Slurm job: the batch script, run by a real bash whatever the folder is called, and what may be asked for."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.folder import RunFolder
from alpaca_tui.finetune.slurm_job import CommandFor, Job, read_job, script
from tests.support.fake_command import fake

GOLDEN = """\
#!/bin/bash
# A fine-tune. Submit it in the folder of the run: sbatch job.sbatch
#SBATCH --job-name=alpaca-7b-lora
#SBATCH --output=train.log
#SBATCH --open-mode=append
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --partition=a100
#SBATCH --account=birds
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=1-04:00:00
#SBATCH --gres=gpu:a100:4
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --mail-type=END

run='/work/of "me"/7b lora'
rm -f -- "$run/stop"  # of an earlier start
echo "Slurm job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, start $((${SLURM_RESTART_COUNT:-0} + 1))."

# The worker looks for the file after every step, writes a checkpoint and ends.
asked=
ask_to_stop() { asked=yes; woken=yes; : > "$run/stop"; }
again=yes  # it goes on later, unless somebody stops it
trap 'again=; ask_to_stop' TERM
trap '[ ! -e "$run/stop" ] || again=; ask_to_stop' USR1  # its time is nearly over

module load cuda
export HF_HUB_OFFLINE=1
export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}"'/opt/a b'
threads=$((${SLURM_CPUS_ON_NODE:-1} / 4))
export OMP_NUM_THREADS=$((threads > 0 ? threads : 1))
export PET_SIGNALS_TO_HANDLE=SIGINT  # of torchrun: not SIGTERM, see below

# A step of its own: where a more important job takes its place, Slurm tells the steps with a SIGTERM some time before,
# and this script when it is too late. torchrun must not hear it: it would kill its workers soon after.
srun --mpi=none --cpu-bind=none --export=ALL --kill-on-bad-exit=1 --nodes=1 --ntasks=1 \\
    bash -c 'trap "" TERM; exec "$@"' worker torchrun --standalone --nproc-per-node 4 -m worker '/work/of "me"/7b lora' &
worker=$!
woken=yes
while [ "$woken" ]; do  # a signal ends the wait, not the worker
    woken=
    wait "$worker"
    code=$?
done

[ "$asked" ] || [ ! -e "$run/stop" ] || again=  # somebody wrote the file
rm -f -- "$run/stop"
if [ "$again" ] && [ "$code" -eq 0 ] && grep -qs '"state": "stopped"' -- "$run/status.json"; then
    echo "It goes on from its checkpoint as soon as there is time for it again."
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("SLURM_", "SBATCH_", "HF_", "TRANSFORMERS_", "WANDB_")):
            monkeypatch.delenv(name)


def worker(folder: RunFolder) -> CommandFor:
    def command(devices: int, nodes: int) -> list[str]:
        where = ["--standalone"] if nodes == 1 else []
        return ["torchrun", *where, "--nproc-per-node", str(devices), "-m", "worker", str(folder.path)]

    return command


def test_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(
        "alpaca_tui.finetune.slurm_job.module_environment", lambda: {"PYTHONPATH": "/opt/a b"}
    )
    folder = RunFolder(Path('/work/of "me"/7b lora'))
    job = read_job(
        [
            "partition=a100,account=birds,time=1-04:00:00,gpus=4,gres=gpu:a100,cpus=16,mem=64G,grace=600,requeue=yes",
            "setup=module load cuda",
            "extra=--mail-type=END",
        ]
    )
    assert script(folder, worker(folder), job) == GOLDEN


def test_over_several_nodes_one_torchrun_starts_on_each() -> None:
    folder = RunFolder(Path("/runs/x"))
    text = script(folder, worker(folder), Job(nodes=2, gpus_per_node=8, cpus_per_task=32))
    assert "#SBATCH --nodes=2\n" in text
    assert (
        '--nodes=2 --ntasks=2 \\\n    bash -c \'trap "" TERM; exec "$@"\' worker '
        "torchrun --nproc-per-node 8 -m worker /runs/x &\n" in text
    )
    assert "PET_RDZV_ENDPOINT=" in text
    syntax(text)


# --- what it does -----------------------------------------------------------------------------------------------

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=40)


def syntax(text: str) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=text.encode("utf-8", "surrogateescape"), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def run(folder: RunFolder, text: str, tools: Path) -> subprocess.Popen[bytes]:
    file = folder.path / "job.sbatch"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    tools.mkdir(exist_ok=True)
    fake(tools, "srun", 'while [[ $1 == --* ]]; do shift; done; exec "$@"')
    path = f"{tools}:{os.environ['PATH']}"
    slurm_gives = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n1", "SLURM_CPUS_ON_NODE": "4", "PATH": path}
    return subprocess.Popen(
        ["bash", os.fsencode(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **slurm_gives},
    )


@pytest.mark.parametrize(
    "name", ["it's", '"; touch pwned; "', "$(touch pwned)", "-rf", "a\n#SBATCH --x", "\udcff", "\\", "5%j"]
)
def test_a_folder_may_be_called_anything(name: str, tmp_path: Path) -> None:
    check_name(name, tmp_path)


@settings(max_examples=25)
@given(NAMES)
def test_a_folder_may_be_called_anything_at_all(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        check_name(name, Path(place))


def check_name(name: str, place: Path) -> None:
    folder = RunFolder(place / name)
    try:
        folder.path.mkdir()
    except (OSError, UnicodeEncodeError):  # `.`, `..`, too long, or no name of a file
        return
    folder.stop_file.touch()
    told = place / "told"
    writes = "import os,sys; open(sys.argv[1],'wb').write('\\0'.join([*sys.argv[2:]]).encode('utf-8','surrogateescape'))"
    arguments = [str(folder.path), name, "a b"]
    text = script(
        folder, lambda _devices, _nodes: [sys.executable, "-c", writes, str(told), *arguments], Job()
    )
    head = text.partition("\nrun=")[0]
    assert ("--output=train.log" in head) == (not {"%", "\\"} & set(name))
    assert all(line.startswith("#") for line in head.splitlines() if line)
    assert head.count("#SBATCH") == 7
    job = run(folder, text, place / "tools")
    said, _ = job.communicate(timeout=30)
    assert job.returncode == 0, said
    assert told.read_bytes() == "\0".join(arguments).encode("utf-8", "surrogateescape")
    assert not folder.stop_file.exists()
    assert folder.log_file.exists() == ("--output=/dev/null" in head)
    assert sorted(entry.name for entry in place.iterdir()) == sorted(["told", "tools", name])


LOOPS = """
import json, os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
(folder / "pid").write_text(str(os.getpid()))
(folder / "pid").rename(folder / "began")
while not told and not (folder / "stop").exists():
    time.sleep(0.02)
time.sleep(0.2)
(folder / "checkpoint").touch()
(folder / "status.json").write_text(json.dumps({"ended": {"state": sys.argv[2]}}, indent=1))
sys.exit(int(sys.argv[3]))
"""


@contextmanager
def looping(
    tmp_path: Path, job: Job, state: str = "stopped", code: int = 0
) -> Iterator[tuple[RunFolder, subprocess.Popen[bytes]]]:
    tools = tmp_path / "tools"
    tools.mkdir()
    fake(tools, "scontrol", f'echo "$@" >> {shlex.quote(str(tmp_path / "asked"))}')
    folder = RunFolder(tmp_path / "a run")
    folder.path.mkdir()
    program = [sys.executable, "-c", LOOPS, str(folder.path), state, str(code)]
    process = run(folder, script(folder, lambda _devices, _nodes: program, job), tools)
    try:
        wait_for(lambda: (folder.path / "began").exists())
        yield folder, process
    finally:
        process.kill()
        process.wait()


def wait_for(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


def asked(tmp_path: Path) -> str:
    file = tmp_path / "asked"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize("again", [False, True])
def test_a_signal_lets_the_worker_write_its_checkpoint(again: bool, tmp_path: Path) -> None:
    with looping(tmp_path, Job(requeue=again)) as (folder, process):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert (folder.path / "checkpoint").exists()
        assert not folder.stop_file.exists()
    assert asked(tmp_path) == ""


@pytest.mark.parametrize(
    ("again", "state", "code", "requeued"),
    [
        (True, "stopped", 0, True),
        (True, "finished", 0, False),
        (True, "failed", 3, False),
        (False, "stopped", 0, False),
    ],
)
def test_after_its_time_it_is_queued_again(
    again: bool, state: str, code: int, requeued: bool, tmp_path: Path
) -> None:
    with looping(tmp_path, Job(requeue=again), state, code) as (folder, process):
        process.send_signal(signal.SIGUSR1)
        assert process.wait(30) == code
        assert (folder.path / "checkpoint").exists()
    assert asked(tmp_path) == ("requeue 7\n" if requeued else "")


def test_what_slurm_itself_told_to_end_is_queued_again(tmp_path: Path) -> None:
    """A more important job takes its place: the step alone hears of it."""
    with looping(tmp_path, Job(requeue=True)) as (folder, process):
        os.kill(int((folder.path / "began").read_text()), signal.SIGTERM)
        assert process.wait(30) == 0
    assert asked(tmp_path) == "requeue 7\n"


@pytest.mark.parametrize(
    "who", ["the file", "the file, then the limit", "the limit, then a person", "a person"]
)
def test_who_stops_it_does_not_find_it_queued_again(who: str, tmp_path: Path) -> None:
    with looping(tmp_path, Job(requeue=True)) as (folder, process):
        if "file" in who:
            folder.stop_file.touch()
        if "limit" in who:
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.05)
        if "person" in who:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not folder.stop_file.exists()
    assert asked(tmp_path) == ""


def test_what_the_worker_ends_with_the_job_ends_with(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    text = script(
        folder, lambda _devices, _nodes: ["bash", "-c", "echo $OMP_NUM_THREADS; exit 5"], Job(gpus_per_node=2)
    )
    job = run(folder, text, tmp_path / "tools")
    said, _ = job.communicate(timeout=30)
    assert job.returncode == 5
    assert said.decode().splitlines() == ["Slurm job 7 on n1, start 1.", "2"]


# --- what is asked for ------------------------------------------------------------------------------------------


def test_a_job_as_it_is_written() -> None:
    job = read_job(["gres=gpu:a100:4,time=2-12", "constraint=a100|h100, cpus-per-task=8"])
    assert (job.gres, job.gpus_per_node, job.time_limit, job.cpus_per_task) == ("gpu:a100", 4, 60 * 3600, 8)
    assert job.constraint == "a100|h100"
    assert read_job([]) == Job()
    assert read_job(["setup=echo a, b,time=c", "setup=x"]).setup == ("echo a, b,time=c", "x")
    assert read_job(["extra=--exclude=n1,n2"]).extra == ("--exclude=n1,n2",)
    assert read_job(["partition=a,b,gpus=1"]).partition == "a,b"


@pytest.mark.parametrize(
    "text",
    [
        "partition", "partition=", "partition=a b", "partition=a\n#SBATCH --x", "partition=$(x)", "partition=-x",
        "colour=red", "time=4:00", "time=90", "time=00:00:00", "time=01:75:00", "time=04:00:00,time=05:00:00",
        "time=00:05:00", "gpus=-1", "gpus=two", "gpus=1.5", "nodes=0", "grace=0", "grace=99999", "mem=lots", "mem=4GB",
        "requeue=maybe", "gres=gpu", "gres=2", "gres=gpu:2,gpus=3", "gres=gpu:a;b,gpus=1", "account=a'b", "qos=\x1b[2J",
        "constraint=a b", "extra=", "extra=-N4", "extra=--array=1-9", "extra=--arr=1-9", "extra=--output=/x",
        "extra=--exclusive\n#SBATCH --x", "extra=--comment='x", "extra=rm", "setup=", "setup=a\nb", "setup=echo 'x",
        "setup=echo \\",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        read_job([text])
    assert caught.value.exit_code == 2
    assert caught.value.cause
    assert caught.value.next_step


@given(st.text(max_size=40))
def test_no_text_gets_past_its_line(text: str) -> None:
    for key in ("partition", "constraint", "gres", "mem", "extra", "setup", "time", ""):
        try:
            job = read_job([f"{key}={text}"])
        except UserError:
            continue
        made = script(RunFolder(Path("/runs/x")), lambda _devices, _nodes: ["true"], job)
        plain = script(RunFolder(Path("/runs/x")), lambda _devices, _nodes: ["true"], Job())
        more = len(made.splitlines()) - len(plain.splitlines()) - ("PET_SIGNALS" in made)
        assert more in (0, 1)
