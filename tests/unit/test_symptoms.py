"""Why a run died: every symptom is known by what is really printed, and a sound log by nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.symptoms import STARTED, SYMPTOMS, Symptom, explain, markdown, tail
from tests.unit.failure_messages import (
    CUDA_OOM,
    GLOO_CLOSED,
    HEALTHY,
    MESSAGES,
    NCCL_TIMEOUT,
    TORCHRUN_FAILED,
    TORCHRUN_KILLED,
)

BY_ID = {symptom.id: symptom for symptom in SYMPTOMS}
EVERY = [(name, message) for name, messages in MESSAGES.items() for message in messages]
TRACEBACK = 'Traceback (most recent call last):\n  File "worker.py", line 9, in <module>\n    main()\n'


def known(log: str, exit_code: int | None = None) -> str:
    """The symptom that is found."""
    told = explain(log, exit_code)
    if told is None:
        return ""
    [name] = [symptom.id for symptom in SYMPTOMS if symptom.title == told.title]
    return name


def words(log: str, exit_code: int | None = None) -> UserError:
    told = explain(log, exit_code)
    assert told is not None
    return told


def test_every_symptom_has_a_message_and_another_name_and_title() -> None:
    assert set(MESSAGES) == set(BY_ID)
    assert len({symptom.title for symptom in SYMPTOMS}) == len(BY_ID) == len(SYMPTOMS) >= 25


@pytest.mark.parametrize(("name", "message"), EVERY, ids=[f"{n}-{i}" for i, (n, _) in enumerate(EVERY)])
def test_real_messages_are_known(name: str, message: str) -> None:
    """By themselves; after a sound run, from one of several processes, in colour, with what torchrun says after."""
    assert known(message) == name
    assert known(f"{HEALTHY}{message}\n") == name
    ranked = "".join(f"[rank1]: \x1b[31m{line}\x1b[0m\n" for line in message.splitlines())
    assert known(f"{HEALTHY}{TRACEBACK}{ranked}") == name
    if name != "oom-host":
        assert known(f"{message}\n{GLOO_CLOSED}\n{TORCHRUN_FAILED}", 1) in (name, "gloo")
    if BY_ID[name].weight == 2:
        assert known(f"{message}\n{GLOO_CLOSED}\n{NCCL_TIMEOUT}\n{TORCHRUN_FAILED}", 1) == name


@pytest.mark.parametrize(("name", "message"), EVERY, ids=[f"{n}-{i}" for i, (n, _) in enumerate(EVERY)])
def test_what_is_said_is_whole(name: str, message: str) -> None:
    for told in (words(message), BY_ID[name].told()):
        for part in (told.title, told.cause, told.next_step):
            assert part
            assert not set("{}") & set(part) or "{'" in part
            assert "[[" not in part
            assert "]]" not in part
            assert "  " not in part
        assert told.cause.endswith((".", "…"))
        assert not told.title.endswith(".")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("oom-gpu", ["2.00 GiB were asked for", "1.25 GiB of 79.10 GiB were free"]),
        ("oom-save", ["12.55 GiB"]),
        ("driver-old", ["(11040)"]),
        ("port-in-use", ["39403"]),
        ("nccl-timeout", ["BROADCAST, 600081 ms"]),
        ("nccl-error", ["Cuda failure 1 'invalid argument'"]),
        ("no-permission", ["/proc/1/mem"]),
        ("slurm-time", ["3884617"]),
        ("not-a-number", ["at step 12"]),
        ("mixed-types", ["BFloat16 and Float"]),
        ("gated", ["google/gemma-3-4b-pt"]),
        ("no-such-model", ["no/such"]),
        ("no-weights", ["/models/x has no model.safetensors"]),
        ("other-size", ["torch.Size([2, 3]) in the file, torch.Size([2, 2]) in the model"]),
        ("unknown-kind", ["zeta9"]),
        ("config-new", ["foo"]),
        ("adapter-targets", ["{'q_projj'}"]),
        ("built-for-other", ["flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so does not fit"]),
        ("package-missing", ["finds no peft."]),
        ("no-rendezvous", ["1 of 2"]),
        ("weights-torn", ["incomplete metadata"]),
    ],
)
def test_values_are_taken_from_the_log(name: str, parts: list[str]) -> None:
    cause = words(MESSAGES[name][0]).cause
    assert [part for part in parts if part not in cause] == []


def test_the_values_of_a_report_count_though_its_last_line_has_none() -> None:
    assert "torch.Size([16]) in the file" in words(MESSAGES["other-size"][1]).cause
    late = f"{CUDA_OOM}\n{'x' * 5_000}\nRuntimeError: CUDA error: out of memory"
    assert words(late).cause == "A step needs more than there is.", "of another message"


def test_nothing_is_said_of_a_sound_run() -> None:
    assert explain(HEALTHY) is None
    assert explain(HEALTHY, 0) is None
    assert explain(HEALTHY, 1) is None
    assert explain("") is None


def test_warnings_and_errors_that_nobody_knows_say_nothing() -> None:
    broken = f"{HEALTHY.partition('{')[0]}{TRACEBACK}ValueError: something nobody knows"
    assert explain(broken, 1) is None
    assert known(broken, -9) == "oom-host"


@pytest.mark.parametrize(
    ("codes", "name"),
    [
        ((-9, 137), "oom-host"),
        ((-15, 143), "ended-from-outside"),
        ((-1, 129), "hang-up"),
        ((-2, 130), "ctrl-c"),
        ((-11, 139), "crash"),
        ((-7, 135), "shared-memory"),
        ((-6, 134), "aborted"),
        ((-4, 132), "cpu-unfit"),
        ((0, 1, 2, 127, 255), ""),
    ],
)
def test_exit_codes(codes: tuple[int, ...], name: str) -> None:
    assert {known(HEALTHY, code) for code in codes} == {name}
    assert {known(f"{CUDA_OOM}\n", code) for code in codes} == {"oom-gpu"}, "a cause is better than a code"


def test_a_code_is_better_than_what_follows_from_it() -> None:
    assert known(f"{GLOO_CLOSED}\n", -9) == "oom-host"
    assert known(f"{GLOO_CLOSED}\n{TORCHRUN_KILLED}", 1) == "oom-host"
    limit = MESSAGES["slurm-time"][0]
    assert known(f"{limit}\n{MESSAGES['ended-from-outside'][0]}", -15) == "slurm-time"


def test_the_last_cause_counts() -> None:
    disk, token = MESSAGES["disk-full"][0], MESSAGES["token-range"][2]
    assert known(f"{CUDA_OOM}\n{disk}\n") == "disk-full"
    assert known(f"{disk}\n{CUDA_OOM}\n") == "oom-gpu"
    assert known(f"{CUDA_OOM}\n{HEALTHY}{token}") == "token-range"
    assert known(f"{CUDA_OOM}\n{HEALTHY}", -15) == "ended-from-outside", "it went on after that"
    assert known(f"{CUDA_OOM}\n{HEALTHY}", 1) == "oom-gpu", "what was printed may be written later"


def test_an_earlier_start_does_not_count() -> None:
    again = f"{CUDA_OOM}\n{STARTED} 2026-11-28T14:22:03\nencoding\n"
    assert explain(again) is None
    assert known(again, -9) == "oom-host"
    assert known(f"{again}{MESSAGES['disk-full'][0]}") == "disk-full"
    assert known(f"{STARTED}\n{CUDA_OOM}") == "oom-gpu"


def test_nothing_in_a_log_has_power_over_the_terminal() -> None:
    evil = "OSError: \x1b]0;own\x07a/\x1b[31mb\u202e\x9b2J is not a local folder and is not a valid model identifier\r\n"
    told = words(evil)
    assert "\u202e" not in str(told)
    assert "\x1b" not in str(told)
    assert "\x9b" not in str(told)
    assert len(words(f"[Errno 13] Permission denied: '{'a' * 9_000}'").cause) < 300
    assert "{path}" in words("[Errno 13] Permission denied: '{path}[[x]]'").cause, "it is no template"


@pytest.mark.parametrize(
    "junk",
    ["a" * 70_000, "in save\n" * 9_000, "(" * 70_000, "x.so: " * 12_000, "a b/c" * 14_000],
    ids=["word", "lines", "brackets", "libraries", "names"],
)
def test_any_log_is_read_in_no_time(junk: str) -> None:
    began = time.process_time()
    explain(f"{junk}\n{'Root Cause ' * 3_000}{', in save_model' * 3_000}\n", 1)
    assert time.process_time() - began < 5


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    assert tail(log) == ""
    log.write_bytes(b"x" * 100_000 + "é\xff".encode("latin-1") + CUDA_OOM.encode())
    assert len(tail(log)) == 65_536
    assert known(tail(log)) == "oom-gpu"
    assert tail(log, 4) == "les)"


def test_the_table_is_whole() -> None:
    text = markdown()
    rows = [line for line in text.splitlines() if line.startswith("| **")]
    assert len(rows) == len(SYMPTOMS)
    assert all(row.replace(r"\|", "").count("|") == 4 for row in rows)
    assert "exit code -9 or 137" in text
    assert "[[" not in text


def test_signals_are_as_the_system_numbers_them() -> None:
    codes = {code: symptom.id for symptom in SYMPTOMS for code in symptom.codes}
    assert len(codes) == sum(len(symptom.codes) for symptom in SYMPTOMS)
    assert codes[-signal.SIGKILL] == "oom-host"
    assert codes[-signal.SIGBUS] == "shared-memory"
    assert codes[-signal.SIGILL] == "cpu-unfit"


PROVOKED = {
    "ram-refused": "bytearray(1 << 62)",
    "no-permission": "open('/proc/1/mem', 'w')" if Path("/proc/1/mem").exists() else "open('/', 'w')",
    "package-missing": "import no_such_package_as_this",
    "ctrl-c": "raise KeyboardInterrupt",
    "port-in-use": "import socket; s = socket.create_server(('127.0.0.1', 0)); t = socket.socket(); t.bind(s.getsockname())",
    "crash": "import faulthandler, os; faulthandler.enable(); os.kill(os.getpid(), 11)",
    "recursion": "f = lambda: f(); f()",
    "disk-full": "f = open('/dev/full', 'w'); f.write('x' * 99_999)",
}


@pytest.mark.parametrize("name", PROVOKED)
def test_what_python_and_the_system_print_today(name: str) -> None:
    if name == "disk-full" and not Path("/dev/full").is_char_device():
        pytest.skip("no /dev/full")
    run = subprocess.run([sys.executable, "-c", PROVOKED[name]], capture_output=True, text=True, timeout=60)
    assert run.returncode
    assert known(run.stderr) == name
    assert known(run.stderr, run.returncode) == name


def test_a_symptom_may_be_one_of_ones_own() -> None:
    own = Symptom(
        "x",
        r"broke (?P<what>\w+)|\bfell (?P<what2>\w+)",
        "It broke",
        "It was[[ the {what}]].",
        "Mend {what}.",
    )
    met = own.met("it fell down")
    assert met is not None
    told = own.told(met[1])
    assert (told.cause, told.next_step) == ("It was the down.", "Mend down.")
    assert (own.told().cause, own.told().next_step) == ("It was.", "Mend ….")
    assert own.met("well") is None
