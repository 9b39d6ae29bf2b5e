"""A Slurm of our own: the real daemons on this machine, three pretended nodes with pretended GPUs, all in one folder.

Wants the packages slurmctld, slurmd, slurm-client and munge (Debian's names); where one of their programs is not
there, or a daemon does not start, `CannotStartError` says which and why.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun")
NODES = ("n1", "n2", "n3")

CONF = """\
ClusterName=alpaca
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
EnforcePartLimits=ALL
ReturnToService=2
KillWait=5
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 State=UP
PartitionName=low Nodes=n3 MaxTime=60 State=UP PriorityTier=1 GraceTime=60
PartitionName=high Nodes=n3 MaxTime=60 State=UP PriorityTier=2 PreemptMode=off
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=1000 Gres=gpu:a100:4"


class CannotStartError(Exception):
    """Why there is no cluster."""


def _programs() -> dict[str, str]:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    missing = [name for name, file in found.items() if file is None]
    if missing:
        raise CannotStartError(f"needs Slurm's daemons: there is no {missing[0]}")
    return {name: file for name, file in found.items() if file is not None}


def _ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """Its configuration file, as `$SLURM_CONF`, while its daemons run. Raises CannotStartError."""
    programs = _programs()
    host = socket.gethostname().split(".")[0]
    port, *ports = _ports(1 + len(NODES))
    for name in ("state", *NODES):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    nodes = [NODE.format(name=name, host=host, port=at) for name, at in zip(NODES, ports, strict=True)]
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(host=host, user=getpass.getuser(), port=port, folder=folder, nodes="\n".join(nodes))
    )
    (folder / "gres.conf").write_text("Name=gpu Type=a100 File=/dev/tty[0-3]\n")
    munge = [f"--{name}={folder}/munge.{end}" for name, end in
             (("key-file", "key"), ("socket", "sock"), ("pid-file", "pid"), ("seed-file", "seed"))]  # fmt: skip
    munge += [f"--log-file={folder}/munged.log"]
    commands = [
        [programs["munged"], "--foreground", "--force", *munge],
        [programs["slurmctld"], "-D", "-c"],
        *([programs["slurmd"], "-D", "-N", name] for name in NODES),
    ]
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            quiet = subprocess.DEVNULL
            daemons.append(
                subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment)
            )
            if len(daemons) == 1:
                _wait(folder, daemons, lambda: (folder / "munge.sock").exists())
        asks = [programs["sinfo"], "--noheader", "--Node", "--format=%t"]

        def idle() -> bool:
            told = subprocess.run(asks, capture_output=True, text=True, env=environment, check=False).stdout
            return set(told.split()) == {"idle"}

        _wait(folder, daemons, idle)
        yield conf
        user = ["--user", getpass.getuser()]
        subprocess.run([programs["scancel"], "--signal=KILL", "--full", *user], env=environment, check=False)
        subprocess.run([programs["scancel"], *user], env=environment, check=False)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _wait(folder: Path, daemons: list[subprocess.Popen[bytes]], done: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not done():
        ended = [str(daemon.args[0]) for daemon in daemons if daemon.poll() is not None]
        if ended or time.monotonic() > until:
            logs = [file.read_text(errors="replace")[-400:] for file in sorted(folder.glob("*.log"))]
            raise CannotStartError(
                f"Slurm does not start: {ended or 'its nodes stay away'}: {' '.join(logs)}"
            )
        time.sleep(0.1)
