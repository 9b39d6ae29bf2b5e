"""What a run asks of a Slurm cluster, and the batch script that says it.

The script lets a run end well: some time before its limit Slurm wakes the script, which asks the worker to write a
checkpoint and to end. Knows a run's folder and nothing of how it is trained; asks no cluster (`slurm.py` does).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alpaca_tui.children import module_environment
from alpaca_tui.errors import UserError
from alpaca_tui.finetune.folder import RunFolder

CommandFor = Callable[[int, int], Sequence[str]]
"""(devices of a node, nodes) -> the command line that trains on them, every path in it absolute. Over several nodes
it is started once on each, and torchrun finds the others by itself (`PET_*` in its environment)."""

_WORD = re.compile(r"[\w.+@%:=/,-]+", re.ASCII)
_FEATURES = re.compile(r"[\w.+@%:=/,*&|!()\[\]-]+", re.ASCII)
_GRES = re.compile(r"[a-zA-Z][\w.-]*(:[a-zA-Z][\w.-]*)?", re.ASCII)
_MEMORY = re.compile(r"[0-9]+[KMGT]?")
_TIME = re.compile(r"(?:(?P<d>[0-9]{1,4})-)?(?P<h>[0-9]{1,4}):(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])")
_DAYS = re.compile(r"(?P<d>[0-9]{1,4})-(?P<h>[0-9]{1,2})(?::(?P<m>[0-5][0-9]))?")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")

_KEYS: Mapping[str, str] = {
    "partition": "partition", "account": "account", "qos": "qos", "time": "time_limit", "time_limit": "time_limit",
    "nodes": "nodes", "gpus": "gpus_per_node", "gpus_per_node": "gpus_per_node", "cpus": "cpus_per_task",
    "cpus_per_task": "cpus_per_task", "mem": "memory", "memory": "memory", "constraint": "constraint", "gres": "gres",
    "grace": "grace", "requeue": "requeue", "extra": "extra", "setup": "setup",
}  # fmt: skip
_LINES = ("extra", "setup")
_NEXT = re.compile(rf",\s*(?=(?:{'|'.join(_KEYS)})\s*=)".replace("_", "[_-]"))
"""Between two settings of one text: a comma of a value has no key after it."""

_OURS = (
    "partition", "account", "qos", "time", "nodes", "gpus-per-node", "gres", "cpus-per-task", "mem", "constraint",
    "signal", "requeue", "no-requeue", "job-name", "output", "error", "open-mode", "chdir", "ntasks",
    "ntasks-per-node", "array", "wrap", "parsable", "test-only",
)  # fmt: skip
"""What an extra line may not say: the script says it, or it would not be one job that runs the script."""

_OFFLINE = (
    "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HOME",
    "HF_HUB_CACHE", "HF_ENDPOINT", "WANDB_MODE",
)  # fmt: skip
"""How models are come by: on the node as here, also where the cluster gives jobs an environment of their own."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for; "" and 0 leave it to the cluster. Raises UserError where that makes no sense.

    time_limit, grace: seconds; grace: how long before the limit it is asked to checkpoint, more than a step and a
    save take (Slurm may be up to a minute early). gpus_per_node: 0 trains on the CPU. gres: what the cluster calls
    its GPUs where it wants `--gres`, as `gpu` or `gpu:a100`. requeue: after the limit, a failed node or a job that was
    more important it is queued again, and goes on. extra: options of sbatch. setup: shell, before it starts.
    """

    partition: str = ""
    account: str = ""
    qos: str = ""
    time_limit: int = 0
    nodes: int = 1
    gpus_per_node: int = 0
    cpus_per_task: int = 0
    memory: str = ""
    constraint: str = ""
    gres: str = ""
    grace: int = 300
    requeue: bool = False
    extra: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()

    @property
    def devices(self) -> int:
        """Processes on each node."""
        return max(1, self.gpus_per_node)

    def __post_init__(self) -> None:
        _matches("partition", self.partition, _WORD, "It is a name, as sinfo shows it.")
        _matches("account", self.account, _WORD, "It is a name.")
        _matches("qos", self.qos, _WORD, "It is a name.")
        _matches("constraint", self.constraint, _FEATURES, "It is features of nodes, as a100|h100.")
        _matches("gres", self.gres, _GRES, "It is gpu, or gpu:TYPE.")
        _matches("mem", self.memory, _MEMORY, "It is a number with K, M, G or T, as 64G.")
        _between("time", self.time_limit, 0, 9999 * 86_400)
        _between("nodes", self.nodes, 1, 10_000)
        _between("gpus", self.gpus_per_node, 0, 1_000)
        _between("cpus", self.cpus_per_task, 0, 10_000)
        _between("grace", self.grace, 1, 65_535)
        if self.time_limit and self.grace >= self.time_limit:
            raise _refusal(
                "grace",
                self.grace,
                f"The whole job may take {_clock(self.time_limit)} only, and a minute counts as begun.",
                f"Give it more time, or say how many seconds a checkpoint needs: grace={self.time_limit // 4}.",
            )
        if self.gres and not self.gpus_per_node:
            raise _refusal("gres", self.gres, "It does not say how many.", "Add gpus=N.")
        for line in self.setup:
            _one_line("setup", line)
        for line in self.extra:
            _option(line)


def read_job(settings: Iterable[str]) -> Job:
    """A job from texts like `partition=a100,time=04:00:00,gpus=4`; an `extra` and a `setup` each take the rest of
    their text and may come again. Raises UserError."""
    values: dict[str, Any] = {}
    lines: dict[str, list[str]] = {name: [] for name in _LINES}
    for key, text in _pairs(settings):
        name = _KEYS.get(key.lower().replace("-", "_"))
        if name is None:
            raise UserError(
                f"Slurm jobs here have no {key!r}",
                f"There are {', '.join(_KEYS)}.",
                "Other options of sbatch are written extra=--OPTION=VALUE.",
                exit_code=2,
            )
        if name in lines:
            lines[name].append(text)
        elif name in values:
            raise _refusal(key, text, "It is given twice.", "Say it once.")
        else:
            values[name] = _value(name, key, text)
    counted = re.fullmatch(r"(.+):([0-9]{1,4})", values.get("gres", ""))
    if counted:  # gpu:a100:4
        values["gres"] = counted[1]
        if values.setdefault("gpus_per_node", int(counted[2])) != int(counted[2]):
            raise _refusal("gres", counted[0], "gpus= gives another number.", "Say it once.")
    values |= {name: tuple(found) for name, found in lines.items()}
    return Job(**values)


def script(folder: RunFolder, command_for: CommandFor, job: Job) -> str:
    """The batch script of a run, to be submitted from the run's own folder (`slurm.submit` does): no path is in it
    but between quotes of the shell."""
    parts = [
        "#!/bin/bash",
        "# A fine-tune. Submit it in the folder of the run: sbatch job.sbatch",
        *(f"#SBATCH {option}" for option in _options(folder, job)),
        "",
        f"run={shlex.quote(os.fspath(folder.path.absolute()))}",
        *([] if _slurm_can_log(folder) else [f'exec >> "$run/{folder.log_file.name}" 2>&1']),
        _STOPPING,
        _TRAPS_AGAIN if job.requeue else _TRAPS,
        *job.setup,
        *_environment(job),
        _STEP.format(nodes=job.nodes, command=shlex.join(command_for(job.devices, job.nodes))),
        _WAITING,
        _AGAIN if job.requeue else 'rm -f -- "$run/stop"',
        'exit "$code"\n',
    ]
    return "\n".join(parts)


_STOPPING = """\
rm -f -- "$run/stop"  # of an earlier start
echo "Slurm job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, start $((${SLURM_RESTART_COUNT:-0} + 1))."

# The worker looks for the file after every step, writes a checkpoint and ends.
asked=
ask_to_stop() { asked=yes; woken=yes; : > "$run/stop"; }"""

_TRAPS = """\
trap ask_to_stop TERM USR1  # somebody stops it; its time is nearly over
"""

_TRAPS_AGAIN = """\
again=yes  # it goes on later, unless somebody stops it
trap 'again=; ask_to_stop' TERM
trap '[ ! -e "$run/stop" ] || again=; ask_to_stop' USR1  # its time is nearly over
"""

_MEETING = """\
export PET_NNODES="$SLURM_JOB_NUM_NODES" PET_RDZV_BACKEND=c10d
export PET_RDZV_ID="$SLURM_JOB_ID.${SLURM_RESTART_COUNT:-0}"
export PET_RDZV_ENDPOINT="$(hostname):$((20000 + SLURM_JOB_ID % 10000))"  # they meet here, on the first node"""

_STEP = """\

# A step of its own: where a more important job takes its place, Slurm tells the steps with a SIGTERM some time before,
# and this script when it is too late. torchrun must not hear it: it would kill its workers soon after.
srun --mpi=none --cpu-bind=none --export=ALL --kill-on-bad-exit=1 --nodes={nodes} --ntasks={nodes} \\
    bash -c 'trap "" TERM; exec "$@"' worker {command} &"""

_WAITING = """\
worker=$!
woken=yes
while [ "$woken" ]; do  # a signal ends the wait, not the worker
    woken=
    wait "$worker"
    code=$?
done
"""

_AGAIN = """\
[ "$asked" ] || [ ! -e "$run/stop" ] || again=  # somebody wrote the file
rm -f -- "$run/stop"
if [ "$again" ] && [ "$code" -eq 0 ] && grep -qs '"state": "stopped"' -- "$run/status.json"; then
    echo "It goes on from its checkpoint as soon as there is time for it again."
    scontrol requeue "$SLURM_JOB_ID"
fi"""


def _options(folder: RunFolder, job: Job) -> list[str]:
    name = re.sub(r"[^\w.-]+", "-", folder.id, flags=re.ASCII).strip("-")[:60]
    given = {
        "partition": job.partition, "account": job.account, "qos": job.qos, "constraint": job.constraint,
        "cpus-per-task": job.cpus_per_task, "mem": job.memory, "time": job.time_limit and _clock(job.time_limit),
    }  # fmt: skip
    if job.gres:
        given["gres"] = f"{job.gres}:{job.gpus_per_node}"
    else:
        given["gpus-per-node"] = job.gpus_per_node
    return [
        f"--job-name=alpaca-{name}",
        f"--output={folder.log_file.name if _slurm_can_log(folder) else '/dev/null'}",
        "--open-mode=append",
        f"--nodes={job.nodes}",
        "--ntasks-per-node=1",
        *(f"--{option}={value}" for option, value in given.items() if value),
        f"--signal=B:USR1@{job.grace}",
        "--requeue" if job.requeue else "--no-requeue",
        *job.extra,
    ]


def _slurm_can_log(folder: RunFolder) -> bool:
    """It puts numbers and names in the place of %j and the like, also in the names of folders; and takes \\ out."""
    return not re.search(r"[%\\]", os.fspath(folder.path.resolve()))


def _environment(job: Job) -> list[str]:
    lines = [f"export {name}={shlex.quote(os.environ[name])}" for name in _OFFLINE if name in os.environ]
    paths = module_environment().get("PYTHONPATH")
    if paths:  # after what the set-up may have put there
        lines.append(f'export PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}"{shlex.quote(paths)}')
    lines.append(f"threads=$((${{SLURM_CPUS_ON_NODE:-1}} / {job.devices}))")
    lines.append("export OMP_NUM_THREADS=$((threads > 0 ? threads : 1))")
    if job.devices * job.nodes > 1:
        lines.append("export PET_SIGNALS_TO_HANDLE=SIGINT  # of torchrun: not SIGTERM, see below")
    return [*lines, _MEETING] if job.nodes > 1 else lines


def _pairs(settings: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in settings:
        rest = text
        while rest.strip():
            key, sign, value = rest.partition("=")
            key = key.strip()
            if not sign:
                raise UserError(
                    f"{rest!r} says nothing to Slurm",
                    "Settings are KEY=VALUE.",
                    "Try --slurm partition=NAME,time=04:00:00,gpus=1.",
                    exit_code=2,
                )
            if key.lower() in _LINES:
                value, rest = value, ""
            else:
                value, *others = _NEXT.split(value, maxsplit=1)
                rest = "".join(others)
            yield key, value.strip()


def _value(name: str, key: str, text: str) -> int | str | bool:
    match name:
        case "time_limit":
            return _seconds(text)
        case "requeue":
            if text.lower() not in ("yes", "no"):
                raise _refusal(key, text, "It is yes or no.")
            return text.lower() == "yes"
        case "nodes" | "gpus_per_node" | "cpus_per_task" | "grace":
            if not re.fullmatch(r"[0-9]{1,9}", text):
                raise _refusal(key, text, "It is a whole number.")
            return int(text)
        case _:
            if not text:
                raise _refusal(key, text, "Nothing is after the =.", "Leave it out.")
            return text


def _seconds(text: str) -> int:
    """`4:00` is refused: to Slurm it is four minutes, to most people four hours."""
    found = _TIME.fullmatch(text) or _DAYS.fullmatch(text)
    part = found.groupdict(default="0") if found else {}
    total = sum(
        int(part.get(name, "0")) * unit for name, unit in zip("dhms", (86_400, 3_600, 60, 1), strict=True)
    )
    if not total:
        raise _refusal("time", text, "It is HH:MM:SS, or days before it: 1-12:00:00.", "Try time=04:00:00.")
    return total


def _clock(seconds: int) -> str:
    """D-HH:MM:SS, as Slurm writes it."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours // 24}-{hours % 24:02}:{minute:02}:{second:02}"


def _matches(key: str, text: str, pattern: re.Pattern[str], what: str) -> None:
    if text and (text.startswith("-") or not pattern.fullmatch(text)):
        raise _refusal(key, text, what)


def _between(key: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise _refusal(key, number, f"It is from {low} to {high}.")


def _one_line(key: str, line: str) -> None:
    """A quote that is left open would take what follows into it."""
    if _CONTROL.search(line) or not line.strip():
        raise _refusal(key, line, "It is one line of text.", f"Give every line its own {key}=.")
    try:
        shlex.split(line, comments=True)
    except ValueError:
        raise _refusal(key, line, "A quote is left open, or a \\ ends it.") from None


def _option(line: str) -> None:
    _one_line("extra", line)
    found = re.match(r"--([a-z][a-z-]*)(?=[=\s]|$)", line)
    if not found:
        raise _refusal("extra", line, "It is an option of sbatch, by its long name: --exclusive.")
    if any(ours.startswith(found[1]) for ours in _OURS):  # sbatch takes a beginning for the whole
        raise _refusal(
            "extra", line, f"--{found[1]} is written by this program.", f"There are {', '.join(_KEYS)}."
        )


def _refusal(key: str, value: object, cause: str, next_step: str = "") -> UserError:
    return UserError(
        f"{key} of a Slurm job cannot be {value!s}", cause, next_step or f"Try --slurm {key}=…", exit_code=2
    )
