"""The command line as scripts use it: exit codes, one JSON object on stdout, words on stderr, faults in plain words."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.faulty_server import FaultyServer

PROGRAM = [sys.executable, "-m", "alpaca_tui"]


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=cwd,
        env={**os.environ, **environment},
    )


def generated(workspace: Path, number: int, server: FaultyServer, *more: str) -> dict[str, object]:
    done = run(
        "--workspace",
        str(workspace),
        "--json",
        "generate",
        "--num",
        str(number),
        "--teacher",
        server.url,
        *more,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_json_is_one_object_and_words_go_to_stderr(tmp_path: Path) -> None:
    with FaultyServer(tasks=8) as server:
        done = run("generate", "--num", "12", "--teacher", server.url, "--json", "-w", str(tmp_path / "w"))
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert {"kept", "duplicates", "filtered", "completions", "usage", "cost_usd", "stopped_because"} <= set(
        result
    )
    assert (result["kept"], result["stopped_because"], result["cost_usd"]) == (12, "goal", None)
    assert "goal" in done.stderr


def test_the_alpaca_and_the_regen_export(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with FaultyServer(tasks=8) as server:
        generated(workspace, 25, server)
    assert run("-w", str(workspace), "export", str(tmp_path / "a.json")).returncode == 0
    assert run("-w", str(workspace), "export", str(tmp_path / "regen.json")).returncode == 0
    alpaca = json.loads((tmp_path / "a.json").read_text())
    regen = json.loads((tmp_path / "regen.json").read_text())
    assert len(alpaca) == len({row["instruction"] for row in alpaca}) == 25
    assert all(set(row) == {"instruction", "input", "output"} for row in alpaca)
    assert all(isinstance(value, str) for row in alpaca for value in row.values())
    for row in regen:
        scores = list(row["most_similar_instructions"].values())
        assert scores == sorted(scores, reverse=True)
        assert 0 < len(scores) <= 10
        assert 0 <= row["avg_similarity_score"] <= scores[0] <= 0.7
        assert not any(name.startswith(("seed:", "row:", "at:")) for name in row["most_similar_instructions"])


def test_continuing_needs_no_teacher_again(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with FaultyServer(tasks=8) as server:
        generated(workspace, 10, server)
        done = run("-w", str(workspace), "--json", "generate", "--num", "20")
    assert json.loads(done.stdout)["kept"] == 20


def test_a_budget_ends_with_exit_code_three(tmp_path: Path) -> None:
    with FaultyServer(tasks=5) as server:
        done = run(
            *("--json", "-w", str(tmp_path / "w"), "generate", "--num", "9999", "--teacher", server.url),
            *("--budget", "0.05", "--price", "1,10", "--answer-tokens", "500"),
        )
    assert done.returncode == 3
    result = json.loads(done.stdout)
    assert result["stopped_because"] == "budget"
    assert 0 < result["cost_usd"] <= 0.05


def test_ctrl_c_saves_and_ends_with_130(tmp_path: Path) -> None:
    with FaultyServer(tasks=5, duration_s=0.3, chunks=6) as server:
        process = subprocess.Popen(
            [*PROGRAM, "--json", "-w", str(tmp_path / "w"), "generate", "--num", "99999", "--teacher", server.url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not server.served("complete"):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(out)["stopped_because"] == "interrupted"


def test_rejudge_reports_what_changed(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with FaultyServer(tasks=8) as server:
        generated(workspace, 20, server)
    strict = json.loads(run("-w", str(workspace), "--json", "rejudge", "--threshold", "0.1").stdout)
    assert strict["kept"] < 20
    assert strict["changes"]["withdrawn"] == 20 - strict["kept"]
    back = json.loads(run("-w", str(workspace), "--json", "rejudge").stdout)
    assert back["kept"] == 20
    assert back["changes"]["restored"] == 20 - strict["kept"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["generate"], 2, "--num"),
        (["generate", "--num", "0"], 2, "--num"),
        (["frobnicate"], 2, "frobnicate"),
        (["generate", "--num", "5", "--teacher", "demo", "--parser", "clever"], 2, "parser"),
        (["generate", "--num", "5", "--teacher", "demo", "--threshold", "7"], 2, "threshold"),
        (["generate", "--num", "5", "--teacher", "demo", "--price", "cheap"], 2, "price"),
        (["generate", "--num", "5", "--teacher", "openai", "--model", "m"], 1, "OPENAI_API_KEY"),
        (["generate", "--num", "5", "--teacher", "http://127.0.0.1:1/v1"], 1, "refuses the connection"),
        (["generate", "--num", "5", "--teacher", "local:llama"], 1, "vLLM"),
        (["generate", "--num", "5", "--teacher", "demo", "--seeds", "absent.jsonl"], 1, "absent.jsonl"),
        (["generate", "--num", "5", "--teacher", "demo", "--prompt-file", "absent.txt"], 1, "absent.txt"),
        (["rejudge"], 1, "nothing to judge"),
        (["export", "out.json"], 1, "nothing to export"),
        (["import", "absent.json"], 1, "absent.json"),
        (["help", "kitchen"], 2, "home"),
        ([], 2, "terminal"),
    ],
)
def test_faults_in_plain_words(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    done = run("-w", str(tmp_path / "w"), *arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_with_json_an_error_is_an_object_too(tmp_path: Path) -> None:
    done = run("export", "out.json", "--json", "-w", str(tmp_path / "w"), cwd=tmp_path)
    assert json.loads(done.stdout)["error"]["title"]


def test_a_bad_seed_file_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"id": "a", "instruction": "Name a bird.", "instances": []}\n')
    done = run(
        "-w",
        str(tmp_path / "w"),
        "generate",
        "--num",
        "5",
        "--teacher",
        "demo",
        "--seeds",
        str(tmp_path / "s.jsonl"),
    )
    assert done.returncode == 1
    assert "line 1" in done.stderr


def test_a_web_page_and_a_missing_v1(tmp_path: Path) -> None:
    with FaultyServer(tasks=8) as server:
        root = server.url.removesuffix("/v1")
        done = run("--json", "-w", str(tmp_path / "w"), "generate", "--num", "5", "--teacher", root)
        assert json.loads(done.stdout)["kept"] == 5, done.stderr
    with FaultyServer(plan=lambda number, body: "html") as server:
        done = run("--json", "-w", str(tmp_path / "v"), "generate", "--num", "5", "--teacher", server.url)
    assert done.returncode == 1
    assert "web page" in done.stderr


def test_a_workspace_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with FaultyServer(tasks=8) as server:
        generated(tmp_path / "w", 5, server)
    with sqlite3.connect(tmp_path / "w" / "alpaca.db") as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    before = (tmp_path / "w" / "alpaca.db").read_bytes()
    done = run("-w", str(tmp_path / "w"), "generate", "--num", "5", "--teacher", "demo")
    assert done.returncode == 1
    assert "newer" in done.stderr
    assert (tmp_path / "w" / "alpaca.db").read_bytes() == before


def test_import_names_bad_rows_and_takes_the_rest_when_told(tmp_path: Path) -> None:
    rows = [{"instruction": "Name a bird.", "input": "", "output": "Wren"}, {"instruction": 5, "output": "x"}]
    (tmp_path / "d.json").write_text(json.dumps(rows))
    refused = run("-w", str(tmp_path / "w"), "import", str(tmp_path / "d.json"))
    assert refused.returncode == 1
    assert "row 1" in refused.stderr
    taken = json.loads(
        run("-w", str(tmp_path / "w"), "--json", "import", str(tmp_path / "d.json"), "--skip-bad").stdout
    )
    assert taken["imported"] == 1
    assert taken["refused"][0]["row"] == 1


def test_imported_rows_stand_in_the_novelty_pool(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with FaultyServer(tasks=10, seed=4) as server:
        generated(tmp_path / "other", 10, server, "--seed", "1")
    assert run("-w", str(tmp_path / "other"), "export", str(tmp_path / "a.json")).returncode == 0
    assert run("-w", str(workspace), "import", str(tmp_path / "a.json")).returncode == 0
    with FaultyServer(tasks=10, seed=4) as server:  # the same answers again
        result = generated(workspace, 10, server, "--seed", "1")
    assert result["kept"] == 10
    assert result["duplicates"] >= 10


def test_doctor_and_seeds_and_help(tmp_path: Path) -> None:
    checks = json.loads(run("doctor", "--json", "-w", str(tmp_path / "w")).stdout)["checks"]
    assert {"demo", "openai", "train"} <= {check["name"] for check in checks}
    assert all(
        check["next_step"] for check in checks if check["area"] == "extras" and check["state"] == "missing"
    )
    seeds = json.loads(run("seeds", "list", "--json", "-w", str(tmp_path / "w")).stdout)
    assert seeds["count"] == len(seeds["seeds"]) >= 175
    assert run("seeds", "report", "-w", str(tmp_path / "w")).stdout.startswith(f"{seeds['count']} seed tasks")
    assert "Generate" in run("help", "generate").stdout


def test_seeds_import_gives_the_workspace_its_own(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(
        json.dumps([{"instruction": "Name a wading bird.", "input": "", "output": "Heron"}])
    )
    assert run("-w", str(tmp_path / "w"), "seeds", "import", str(tmp_path / "s.json")).returncode == 0
    assert json.loads(run("-w", str(tmp_path / "w"), "--json", "seeds", "list").stdout)["count"] == 1


def test_the_key_is_nowhere(tmp_path: Path) -> None:
    secret = "sk-very-secret-0123456789abcdef"
    with FaultyServer(tasks=5, key="another") as server:
        done = run(
            *("-w", str(tmp_path / "w"), "-v", "generate", "--num", "5", "--teacher", server.url),
            ALPACA_TUI_API_KEY=secret,
        )
    assert done.returncode == 1
    assert secret not in done.stdout + done.stderr
    for path in (tmp_path / "w").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_what_happened_is_said_whole_also_of_a_long_path(tmp_path: Path) -> None:
    folder = tmp_path / ("long " * 20).strip()
    folder.mkdir()
    for name in ("a.json", f"{'b' * 100}.json"):
        done = run("lint", str(folder / name), COLUMNS="60")
        lines = [line.strip("│╭╮╰╯─ ") for line in done.stderr.splitlines()]
        assert "".join(lines).replace(" ", "").startswith(f"{folder / name}doesnotexist".replace(" ", ""))


@pytest.mark.parametrize("arguments", [["seeds", "list", "--json"], ["seeds", "report"], ["--help"]])
def test_a_full_disk_behind_standard_output_is_said(tmp_path: Path, arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [*PROGRAM, "-w", str(tmp_path), *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=100,
            text=True,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
