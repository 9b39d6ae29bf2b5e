"""What Slurm's commands answer, and what becomes of it in plain words."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.finetune import slurm
from alpaca_tui.finetune.folder import RunFolder
from tests.support.fake_command import fake


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("sbatch", "squeue", "sacct", "scancel", "scontrol"):
        fake(folder, name, "exit 99")
    return folder


GONE = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
SILENT = "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1"


@pytest.mark.parametrize(
    ("line", "standing", "words"),
    [
        ("PENDING||Priority", "waiting", "waits: others come before it"),
        ("PENDING||QOSMaxJobsPerUserLimit", "waiting", "waits: QOSMaxJobsPerUserLimit"),
        (
            "PENDING||ReqNodeNotAvail, UnavailableNodes:n1",
            "waiting",
            "waits: a node it needs is not there, or reserved",
        ),
        ("PENDING||None", "waiting", "waits"),
        ("REQUEUE_HOLD||JobHeldUser", "waiting", "waits: you hold it; scontrol release lets it go"),
        ("CONFIGURING|n1|None", "waiting", "waits"),
        ("RUNNING|n[1-2]|None", "running", "runs on n[1-2]"),
        ("COMPLETING|n1|None", "running", "comes to its end on n1"),
        ("SUSPENDED|n1|None", "running", "suspended on n1"),
        ("A_NEW_WORD||None", "running", "a_new_word"),
        ("COMPLETED|n1|None", "ended", "it ended by itself"),
        ("FAILED|n1|NonZeroExitCode", "ended", "its script ended with an error"),
        (
            "FAILED|n1|JobLaunchFailure",
            "ended",
            "Slurm could not start it; perhaps its node does not see the folder of the run",
        ),
        ("TIMEOUT|n1|TimeLimit", "ended", "its time was over, and it had not ended within the grace"),
        ("CANCELLED||None", "ended", "it was cancelled"),
        ("NODE_FAIL|n1|None", "ended", "its node failed"),
        ("OUT_OF_MEMORY|n1|OutOfMemory", "ended", "it took more memory than it had asked for"),
        ("PREEMPTED|n1|None", "ended", "a job that was more important took its place"),
    ],
)
def test_how_a_job_stands(line: str, standing: str, words: str, tools: Path) -> None:
    fake(tools, "squeue", f"echo '{line}'")
    state = slurm.job_state(7)
    assert (state.name, state.standing, state.words) == (line.split("|")[0], standing, words)


@pytest.mark.parametrize("forgets", [GONE, "exit 0"])
@pytest.mark.parametrize(
    ("answer", "name", "nodes"),
    [
        ("CANCELLED by 1000|n1", "CANCELLED", "n1"),
        ("COMPLETED|n[1-2]", "COMPLETED", "n[1-2]"),
        ("REQUEUED|n1\nTIMEOUT|n2", "TIMEOUT", "n2"),
    ],
)
def test_what_the_queue_forgot_the_accounts_know(
    forgets: str, answer: str, name: str, nodes: str, tools: Path
) -> None:
    fake(tools, "squeue", forgets)
    fake(tools, "sacct", f"echo '{answer}'")
    assert slurm.job_state(7) == slurm.JobState(name, "", nodes)


@pytest.mark.parametrize(
    "accounts",
    ["exit 0", "echo 'Slurm accounting storage is disabled' >&2; exit 1", None],
)
def test_a_job_nobody_knows_is_gone(
    accounts: str | None, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tools, "squeue", GONE)
    if accounts is None:
        (tools / "sacct").unlink()
        monkeypatch.setattr("shutil.which", lambda name: None if name == "sacct" else name)
    else:
        fake(tools, "sacct", accounts)
    with pytest.raises(slurm.JobGoneError, match="no job 7"):
        slurm.job_state(7)


def test_a_cluster_that_does_not_answer(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sbatch", "squeue", "scancel"):
        fake(tools, name, SILENT)
    fake(tools, "scontrol", "echo 'Slurmctld(primary) at head is DOWN'; exit 1")
    for ask in (
        lambda: slurm.job_state(7),
        lambda: slurm.cancel(7, gracefully=True),
        lambda: slurm.submit(RunFolder(tmp_path), "#!/bin/bash\n"),
    ):
        with pytest.raises(UserError, match="does not answer"):
            ask()
    assert "DOWN" in (slurm.available() or "")
    fake(tools, "squeue", "exec sleep 60")
    monkeypatch.setattr(slurm, "ANSWER_S", 0.2)
    with pytest.raises(UserError, match="said nothing within"):
        slurm.job_state(7)


def test_where_there_is_no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no sbatch" in (slurm.available() or "")
    with pytest.raises(UserError, match="There is no squeue here"):
        slurm.job_state(7)


def test_it_is_available(tools: Path) -> None:
    fake(tools, "scontrol", "echo 'Slurmctld(primary) at head is UP'")
    assert slurm.available() is None


def test_a_submission(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path / "it's a run")
    folder.path.mkdir()
    fake(tools, "sbatch", 'echo "$PWD $*" > asked; env > environment; echo "Welcome"; echo "4711;cluster"')
    monkeypatch.setenv("SBATCH_SIGNAL", "KILL")
    monkeypatch.setenv("SBATCH_TIMELIMIT", "1")
    monkeypatch.setenv("SBATCH_ACCOUNT", "birds")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "1")
    monkeypatch.setenv("SLURM_CONF", "/etc/x")
    text = "#!/bin/bash\n#SBATCH --time=0-01:00:00\n#SBATCH --signal=B:USR1@300\n"
    assert slurm.submit(folder, text) == 4711
    assert (folder.path / "job.sbatch").read_text() == text
    assert (folder.path / "asked").read_text() == f"{folder.path} --parsable job.sbatch\n"
    given = (folder.path / "environment").read_text().splitlines()
    assert sorted(line for line in given if line.startswith(("SBATCH_", "SLURM_"))) == [
        "SBATCH_ACCOUNT=birds",
        "SLURM_CONF=/etc/x",
    ]
    assert slurm.submitted_job(folder) == 4711
    assert json.loads((folder.path / "slurm.json").read_text())["job"] == 4711


def test_a_run_is_submitted_once_at_a_time(tools: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / "slurm.json").write_text('{"job": 7}')
    fake(tools, "sbatch", "echo 8")
    fake(tools, "squeue", "echo 'RUNNING|n1|None'")
    with pytest.raises(UserError, match="is Slurm job 7 already"):
        slurm.submit(folder, "#!/bin/bash\n")
    for over in ("echo 'TIMEOUT|n1|None'", GONE):
        fake(tools, "squeue", over)
        (tmp_path / "slurm.json").write_text('{"job": 7}')
        assert slurm.submit(folder, "#!/bin/bash\n") == 8


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"job": "x"}', "{"])
def test_a_record_that_is_none(record: str, tmp_path: Path) -> None:
    assert slurm.submitted_job(RunFolder(tmp_path)) is None
    (tmp_path / "slurm.json").write_text(record)
    assert slurm.submitted_job(RunFolder(tmp_path)) is None


@pytest.mark.parametrize(
    ("says", "cause", "next_step"),
    [
        ("invalid partition specified: x\nsbatch: error: Batch job submission failed: Invalid partition name specified",
         "no such partition", "partition=NAME"),
        ("Batch job submission failed: Invalid account or account/partition combination specified", "that account", "sacctmgr"),
        ("Batch job submission failed: Invalid qos specification", "that QOS", "sacctmgr"),
        ("Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time "
         "limits)", "limit of your account", "Ask for less"),
        ("Batch job submission failed: Requested node configuration is not available", "has that much", "sinfo"),
        ("Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
         "time limit", "sinfo -o '%P %l'"),
        ("Batch job submission failed: Invalid generic resource (gres) specification", "such GPUs", "gres=gpu:TYPE"),
        ("Batch job submission failed: Invalid feature specification", "feature", "constraint=NAME"),
        ("Memory specification can not be satisfied", "that much memory", "mem=32G"),
        ("Batch job submission failed: Munge credential expired", "Munge", "scontrol ping"),
        ("the moon is in the wrong house", "the moon is in the wrong house", "Try again"),
    ],
)  # fmt: skip
def test_a_refusal_in_plain_words(says: str, cause: str, next_step: str, tools: Path, tmp_path: Path) -> None:
    fake(tools, "sbatch", f"echo {shlex.quote(f'sbatch: error: {says}')} >&2; exit 1")
    with pytest.raises(UserError) as caught:
        slurm.submit(RunFolder(tmp_path), "#!/bin/bash\n")
    assert cause in caught.value.cause
    assert "sbatch: error" not in caught.value.cause
    assert next_step in caught.value.next_step
    assert not (tmp_path / "slurm.json").exists()


def test_cancelling(tools: Path, tmp_path: Path) -> None:
    fake(tools, "squeue", "echo 'RUNNING|n1|None'")
    fake(tools, "scancel", f"echo $* >> {tmp_path}/asked")
    slurm.cancel(7, gracefully=True)
    slurm.cancel(8, gracefully=False)
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--state=PENDING 7",
        "--batch --signal=TERM 7",
        "8",
    ]
    for harmless in ("Job/step already completing or completed", "Invalid job id specified"):
        fake(tools, "scancel", f"echo 'scancel: error: Kill job error on job id 7: {harmless}' >&2; exit 1")
        slurm.cancel(7, gracefully=True)
    fake(
        tools,
        "scancel",
        "echo 'scancel: error: Kill job error on job id 7: Access/permission denied' >&2; exit 1",
    )
    with pytest.raises(UserError, match="did not cancel") as caught:
        slurm.cancel(7, gracefully=True)
    assert "permission denied" in caught.value.cause
    fake(tools, "squeue", "echo 'COMPLETED|n1|None'")
    slurm.cancel(7, gracefully=True)
    fake(tools, "squeue", GONE)
    with pytest.raises(slurm.JobGoneError):
        slurm.cancel(7, gracefully=True)
