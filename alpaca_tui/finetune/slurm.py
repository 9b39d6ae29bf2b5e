"""A run on a Slurm cluster: submitted, looked after and cancelled, by Slurm's own commands.

What the run does meanwhile is in its folder, as of every run; Slurm is asked only whether it waits, runs or is over.
Knows no recipe and no screen; what is asked of the cluster is written in `slurm_job.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from alpaca_tui.atomic import atomic_write_bytes, atomic_write_text
from alpaca_tui.errors import UserError
from alpaca_tui.finetune.folder import RunFolder
from alpaca_tui.text import one_line, preview

SCRIPT_NAME = "job.sbatch"
RECORD_NAME = "slurm.json"
ANSWER_S = 30.0
SUBMIT_S = 90.0
"""A busy controller lets a submission wait far longer than a question."""

Standing = Literal["waiting", "running", "ended"]

_WAITING = (
    "PENDING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "REQUEUE_FED",
    "RESV_DEL_HOLD",
    "SPECIAL_EXIT",
)
_ENDINGS: Mapping[str, str] = {
    "COMPLETED": "it ended by itself",
    "FAILED": "its script ended with an error",
    "TIMEOUT": "its time was over, and it had not ended within the grace",
    "CANCELLED": "it was cancelled",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it took more memory than it had asked for",
    "PREEMPTED": "a job that was more important took its place",
    "BOOT_FAIL": "its node did not start",
    "DEADLINE": "it could not have ended before its deadline",
    "LAUNCH_FAILED": "Slurm could not start it",
    "REVOKED": "another cluster took it",
    "JobLaunchFailure": "Slurm could not start it; perhaps its node does not see the folder of the run",
    "BadConstraints": "no node has what it asked for",
}
_HELD_BACK: Mapping[str, str] = {
    "Resources": "until enough of the cluster is free",
    "Priority": "others come before it",
    "BeginTime": "until it may start again",
    "Dependency": "for another job",
    "JobHeldUser": "you hold it; scontrol release lets it go",
    "JobHeldAdmin": "an administrator holds it",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition starts no jobs now",
    "PartitionTimeLimit": "it asks for more time than its partition allows, and may never start",
    "PartitionNodeLimit": "it asks for more nodes than its partition allows, and may never start",
    "PartitionConfig": "it asks for more than its partition has, and may never start",
    "ReqNodeNotAvail": "a node it needs is not there, or reserved",
    "Licenses": "for a licence",
    "Reservation": "for its reservation",
}  # fmt: skip

_SILENT = re.compile(
    r"unable to contact|connection (refused|timed out)|connect failure|socket timed out|munge|authentication"
    r"|no slurmctld|configuration error|could not establish a configuration|zero bytes were transmitted",
    re.IGNORECASE,
)
_GONE = re.compile(r"invalid job id", re.IGNORECASE)
_NOTHING_TO_CANCEL = re.compile(r"invalid job id|already completing or completed", re.IGNORECASE)
"""It is over, or does not wait, or does not run."""

_REFUSALS: tuple[tuple[str, str, str], ...] = (
    ("accounting/qos policy", "A limit of your account or QOS is reached.", "Ask for less, or wait for other jobs."),
    ("account", "You may not use that account there.", "sacctmgr show user $USER withassoc names yours."),
    ("partition", "There is no such partition for you.", "sinfo names them: --slurm partition=NAME."),
    ("qos", "You may not use that QOS.", "sacctmgr show user $USER withassoc names yours."),
    ("node configuration", "No node there has that much.", "sinfo -o '%P %c %m %G' says what each has: ask for less."),
    ("generic resource", "No node there has such GPUs.", "sinfo -o '%P %G' names them: --slurm gres=gpu:TYPE."),
    ("gres", "No node there has such GPUs.", "sinfo -o '%P %G' names them: --slurm gres=gpu:TYPE."),
    ("time limit", "It has no time limit, or one above the partition's.", "sinfo -o '%P %l' says what is allowed."),
    ("feature", "No node has such a feature.", "sinfo -o '%P %f' names them: --slurm constraint=NAME."),
    ("memory", "No node there has that much memory.", "sinfo -o '%P %m' says what each has: --slurm mem=32G."),
    ("processors", "No node there has that many CPUs.", "sinfo -o '%P %c' says what each has: --slurm cpus=8."),
    ("node count", "There are not that many nodes.", "sinfo -o '%P %D' says how many there are: --slurm nodes=1."),
    ("cpu count", "No node there has that many CPUs.", "sinfo -o '%P %c' says what each has: --slurm cpus=8."),
    ("unrecognized option", "This sbatch knows no such option.", "Look at what was given as extra=."),
)  # fmt: skip

_KEPT = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT")
_OF_A_JOB = ("SLURM_", "SQUEUE_", "SACCT_", "SCANCEL_", "PET_")
"""Variables of the job this program may itself run in, and habits of its user: they would be taken for options."""
_SBATCH_NAMES: Mapping[str, str] = {"time": "TIMELIMIT", "mem": "MEM_PER_NODE"}


class JobGoneError(UserError):
    """Slurm knows the job no more: it ended some time ago, or never was."""


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job stands. name, reason (why it waits, or ended): in Slurm's words. nodes: where it runs."""

    name: str
    reason: str = ""
    nodes: str = ""

    @property
    def standing(self) -> Standing:
        """`running` too where Slurm has a word for it that is not known here: then it is not over."""
        return "waiting" if self.name in _WAITING else "ended" if self.name in _ENDINGS else "running"

    @property
    def words(self) -> str:
        """For a person: `waits: others come before it`."""
        if self.standing == "waiting":
            why = _HELD_BACK.get(self.reason.split(",")[0], self.reason)
            return f"waits: {why}" if why else "waits"
        if self.standing == "running":
            how = {"RUNNING": "runs", "COMPLETING": "comes to its end"}.get(self.name, self.name.lower())
            return f"{how} on {self.nodes}" if self.nodes else how
        return _ENDINGS.get(self.reason, _ENDINGS[self.name])


def available() -> str | None:
    """Why no run can go to a cluster from here; None where one can."""
    missing = [name for name in ("sbatch", "squeue", "scancel", "scontrol") if shutil.which(name) is None]
    if missing:
        return f"There is no {missing[0]} on this machine: Slurm is used from a cluster's login node."
    try:
        told = _run(["scontrol", "ping"], 10.0)
    except UserError as error:
        return f"{error.title}. {error.cause}"
    if told.returncode or not re.search(r"\bUP\b", told.stdout):
        return f"Slurm is here, but its controller does not answer: {_said(told)}"
    return None


def submit(folder: RunFolder, script: str) -> int:
    """Hand the script to Slurm; the number of the job. Raises UserError, also where the run is there already."""
    before = submitted_job(folder)
    if before is not None:
        with suppress(JobGoneError):
            state = job_state(before)
            if state.standing != "ended":
                raise UserError(
                    f"The run {folder.id} is Slurm job {before} already",
                    f"It {state.words}.",
                    f"Cancel it first: alpaca-tui runs stop {folder.id}.",
                )
    file = folder.path / SCRIPT_NAME
    atomic_write_bytes(file, script.encode("utf-8", "surrogateescape"))
    done = _run(["sbatch", "--parsable", file.name], SUBMIT_S, folder, _submitting(script))
    told = re.findall(r"^([0-9]+)(?:;\S+)?$", done.stdout, re.MULTILINE)
    if done.returncode or not told:
        raise _refused(done)
    job = int(told[-1])
    try:
        record = {"job": job, "submitted": time.time()}
        atomic_write_text(folder.path / RECORD_NAME, json.dumps(record, indent=1) + "\n")
    except UserError:
        with suppress(UserError):  # a job nobody could find again
            cancel(job, gracefully=False)
        raise
    return job


def submitted_job(folder: RunFolder) -> int | None:
    """The number of the job a run was last submitted as; None where it never was."""
    try:
        job: object = json.loads((folder.path / RECORD_NAME).read_bytes())["job"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return job if isinstance(job, int) else None


def job_state(job_id: int) -> JobState:
    """How the job stands. Raises JobGoneError where nobody knows it any more, UserError where nobody answers."""
    known = _run(["squeue", "--noheader", "--states=all", f"--jobs={job_id}", "--format=%T|%N|%r"], ANSWER_S)
    lines = known.stdout.splitlines()
    if known.returncode == 0 and lines:
        name, nodes, reason = (lines[0].strip() + "||").split("|")[:3]
        return JobState(name, "" if reason == "None" else one_line(reason), one_line(nodes))
    if known.returncode and not _GONE.search(known.stderr):
        raise _failed("Slurm does not say how the job stands", known)
    return _remembered(job_id)


def cancel(job_id: int, gracefully: bool) -> None:
    """gracefully: it writes a checkpoint and ends by itself; one that waits is simply taken out of the queue. Else
    Slurm ends it, and kills it half a minute later. A job that is over is none to complain about. Raises UserError."""
    if job_state(job_id).standing == "ended":
        return
    if gracefully:
        _cancel("--state=PENDING", str(job_id))
        _cancel("--batch", "--signal=TERM", str(job_id))  # to the script alone, which asks the worker
    else:
        _cancel(str(job_id))


def _cancel(*arguments: str) -> None:
    done = _run(["scancel", *arguments], ANSWER_S)
    if done.returncode and not _NOTHING_TO_CANCEL.search(done.stderr):
        raise _failed("Slurm did not cancel the job", done)


def _remembered(job_id: int) -> JobState:
    """From the accounts, where the cluster keeps any: the queue forgets a job some minutes after its end."""
    if shutil.which("sacct") is None:
        raise _gone(job_id)
    arguments = ["--noheader", "--parsable2", "--allocations", f"--jobs={job_id}", "--format=State,NodeList"]
    kept = _run(["sacct", *arguments], ANSWER_S)
    lines = kept.stdout.splitlines()
    if kept.returncode or not lines:
        if _SILENT.search(kept.stderr):
            raise _failed("Slurm does not say how the job stands", kept)
        raise _gone(job_id)
    name, _, nodes = lines[-1].partition("|")
    return JobState(name.split()[0] if name.split() else "", "", one_line(nodes))  # CANCELLED by 1000


def _run(
    command: list[str],
    seconds: float,
    folder: RunFolder | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Raises UserError where it is not there or says nothing within `seconds`."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            cwd=folder.path if folder else None,
            env=_plain() if environment is None else environment,
        )
    except subprocess.TimeoutExpired:
        doubt = " It may have been submitted all the same." if command[0] == "sbatch" else ""
        raise UserError(
            "The Slurm cluster does not answer",
            f"{command[0]} said nothing within {seconds:.0f} s.{doubt}",
            "squeue --me shows your jobs as soon as it answers; then try again.",
        ) from None
    except FileNotFoundError:
        raise UserError(
            f"There is no {command[0]} here",
            "Slurm's commands are not installed on this machine, or not on the PATH.",
            "Run this on a login node of the cluster, perhaps after `module load slurm`.",
        ) from None
    except OSError as error:
        raise UserError(
            f"{command[0]} cannot be started", f"{error.strerror}.", "Ask who looks after the cluster."
        ) from error


def _plain() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if name in _KEPT or not name.startswith(_OF_A_JOB)
    }


def _submitting(script: str) -> dict[str, str]:
    """To sbatch a variable counts for more than the script: those go that the script says itself."""
    said = re.findall(r"^#SBATCH --([a-z-]+)", script, re.MULTILINE)
    names = {f"SBATCH_{_SBATCH_NAMES.get(name, name.upper().replace('-', '_'))}" for name in said}
    names |= {"SBATCH_REQUEUE", "SBATCH_NO_REQUEUE", "SBATCH_ARRAY_INX"}
    return {name: value for name, value in _plain().items() if name not in names}


def _said(done: subprocess.CompletedProcess[str], words: str = "") -> str:
    """The last thing with `words` that a command of Slurm's said, without its own name before it."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    told = [line for line in lines if words in line.lower()] or [f"nothing (exit code {done.returncode})"]
    return preview(one_line(re.sub(r"^\w+: (error: |fatal: )?", "", told[-1])), 300).rstrip(".") + "."


def _refused(done: subprocess.CompletedProcess[str]) -> UserError:
    if not _SILENT.search(done.stderr):
        for words, cause, next_step in _REFUSALS:
            if words in done.stderr.lower():
                return UserError(
                    "Slurm refused the job", f"{cause} Slurm says: {_said(done, words)}", next_step
                )
    return _failed("Slurm refused the job", done)


def _failed(title: str, done: subprocess.CompletedProcess[str]) -> UserError:
    if _SILENT.search(done.stderr):
        return UserError(
            "The Slurm cluster does not answer",
            f"Slurm says: {_said(done)}",
            "Try again in a moment; scontrol ping says whether it is there.",
        )
    return UserError(title, f"Slurm says: {_said(done)}", "Try again, or ask who looks after the cluster.")


def _gone(job_id: int) -> JobGoneError:
    return JobGoneError(
        f"Slurm knows no job {job_id} any more",
        "It ended some time ago, and no accounts of it are kept.",
        "The run's own folder says how far it came.",
    )
