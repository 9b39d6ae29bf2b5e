"""How fast dataset curation is: the rooms' work on a whole dataset, and the Dataset screen from key to frame.

    python -m tests.benchmarks.bench_curation [--rounds 3] [--million] [--keep DIR] [--only work|screens]

52,000 real rows, and with `--million` a million made from them (`curation_rows`), brought in by the product's
own import. Work is timed in processes of its own (`curation_work`), the screen in a real pseudo-terminal of
120 x 36 (`curation_screens`), in turns with a plain `DataTable` that holds all rows. A million rows take ten
minutes to bring in: `--keep DIR` leaves the workspaces there and uses them again. Needs the real data
(`ALPACA_TUI_TEST_DATA`, else ../shared/data beside the repository).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.tui import FRAMES_PER_S
from alpaca_tui.workspace import Workspace
from tests.benchmarks.curation_rows import many_rows, write_alpaca
from tests.benchmarks.curation_work import Laps, build, give_scores
from tests.benchmarks.machine import machine

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS, MILLION = 52_000, 1_000_000
SIZE = (36, 120)
WORK_GOALS = {
    "import, search index and lint": 25.0,
    "lint, every row again": 15.0,
    "lint of a list, one process": 15.0,
    "near-duplicates at 0.7": 25.0,
    **{f"export, {format}": 3.0 for format in ("alpaca", "jsonl", "csv")},
}
BULK_GOAL = 3.0
SCREEN_GOALS = {ROWS: (0.5, 50, 60, 150, 200), MILLION: (1.0, 50, 150, 1500, 400)}
"""By size: seconds to open, ms from key to frame, ms of a search's key, ms of a filter or an order, MB."""


# --- the work


def measure_work(file: Path, rounds: int) -> list[dict[str, float]]:
    results: list[dict[str, float]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.benchmarks.curation_work", str(file), f"{folder}/w"]
            done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        parts = [result[f"import: {part}"] for part in ("rows and search index", "lint")]
        results.append({"import, search index and lint": sum(parts), **result})
    return results


def work_table(results: Sequence[dict[str, float]]) -> list[str]:
    rows = int(results[0]["rows"])
    lines = [
        f"{rows:,} real rows, medians of {len(results)} rounds, each in a new workspace and a process of its own "
        f"({int(results[0]['duplicates']):,} near-duplicates found; peak of the process "
        f"{max(one['peak'] for one in results) / 1e6:.0f} MB).",
        "",
        "| what | seconds, median | range | goal < |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name in results[0]:
        if name in ("rows", "duplicates", "peak"):
            continue
        times = sorted(one[name] for one in results)
        bulk = name[0].isdigit() and not name.endswith("follows")
        goal = WORK_GOALS.get(name, BULK_GOAL if bulk else None)
        lines.append(
            f"| {name} | {statistics.median(times):.2f} | {times[0]:.2f} – {times[-1]:.2f} "
            f"| {f'{goal:g}' if goal else ''} |"
        )
    return lines


# --- the screens


def run_in_terminal(who: str, workspace: Path, times: int) -> dict[str, Any]:
    """`curation_screens` at the other end of a terminal; it presses the keys on our end itself."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        arguments = [who, str(workspace), str(out), str(main), str(times)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.curation_screens", *arguments],
            cwd=REPOSITORY,
            stdin=other,
            stdout=other,
            stderr=other,
            pass_fds=(main,),
            env=_environment(),
            start_new_session=True,
        )
        os.close(other)
        tail = b""

        def read() -> None:
            nonlocal tail
            with contextlib.suppress(OSError):  # the terminal is gone: so is the child
                while data := os.read(main, 65536):
                    tail = (tail + data)[-4000:]

        threading.Thread(target=read, daemon=True).start()
        process.wait(timeout=1800)
        os.close(main)
        if not out.exists():
            raise SystemExit(f"{who} failed:\n{tail.decode('utf-8', 'replace')}")
        return json.loads(out.read_text())


def _environment() -> dict[str, str]:
    """As the installed program finds it: frames as often, modules compiled."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    looks = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_FPS": str(FRAMES_PER_S)}
    return inherited | looks


def measure_screens(workspace: Path, rounds: int, times: int, *, beside: bool) -> dict[str, Any]:
    """Ours, in turns with the plain table where it is to run `beside`; opening is measured in more processes."""
    ours: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    for _ in range(rounds):
        ours.append(run_in_terminal("ours", workspace, times))
        if beside:
            plain.append(run_in_terminal("plain", workspace, times))
    opens = [one["open"] for one in ours] + [run_in_terminal("ours", workspace, 0)["open"] for _ in range(3)]
    return {"ours": ours, "plain": plain, "opens": opens}


def at(laps: Sequence[float], share: float) -> float:
    """Milliseconds below which that share of the laps lies."""
    ordered = sorted(laps)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def all_laps(runs: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [lap for run in runs for lap in run["moves"].get(name, ())]


_MOVES = {
    "scroll": "a row down (j)",
    "page": "a page down (ctrl+d)",
    "ends": "the end, the beginning (G, g)",
    "jump": "a row by its number (enter)",
}


def screens_table(rows: int, found: dict[str, Any]) -> list[str]:
    ours, plain, opens = found["ours"], found["plain"], found["opens"]
    open_s, key_ms, search_ms, question_ms, memory_mb = SCREEN_GOALS[rows]
    header, rule = "| what | median | 95 % | worst | goal |", "| --- | ---: | ---: | ---: | ---: |"
    if plain:
        header, rule = f"{header} `DataTable`, median / 95 % | ratio |", f"{rule} ---: | ---: |"
    lines = [
        f"{rows:,} rows; milliseconds from the key to the frame that shows what it did; {len(ours)} rounds.",
        "",
        header,
        rule,
    ]

    def row(name: str, laps: Sequence[float], goal: str, theirs: Sequence[float] = ()) -> None:
        line = f"| {name} | {at(laps, 0.5):,.0f} | {at(laps, 0.95):,.0f} | {at(laps, 1):,.0f} | {goal} |"
        if theirs:
            ratio = statistics.median(theirs) / statistics.median(laps)
            line += f" {at(theirs, 0.5):,.0f} / {at(theirs, 0.95):,.0f} | {ratio:,.1f} |"
        elif plain:
            line += " | |"
        lines.append(line)

    row("open to the first page", opens, f"< {1000 * open_s:,.0f}", [one["open"] for one in plain])
    for name, what in _MOVES.items():
        row(what, all_laps(ours, name), f"95 % < {key_ms}", all_laps(plain, name))
    row(
        "every key of a search",
        [lap for one in ours for lap in one["searches"]],
        f"95 % < {search_ms}",
    )
    for place, (query, _, _) in enumerate(ours[0]["filters"]):
        shown = query if len(query) <= 60 else f"{query[:57]}…"
        shown = shown.replace("|", "\\|")
        row(f"filter `{shown}`", [one["filters"][place][1] for one in ours], f"< {question_ms:,}")
    for place, (order, _) in enumerate(ours[0]["sorts"]):
        row(f"sort by {order}", [one["sorts"][place][1] for one in ours], f"< {question_ms:,}")
    peak = max(one["memory"]["peak"] for one in ours) / 1e6
    opened = statistics.median(one["memory_open"]["rss"] for one in ours) / 1e6
    end = statistics.median(one["memory"]["rss"] for one in ours) / 1e6
    lines += [
        "",
        f"Memory: {opened:.0f} MB when open, {end:.0f} MB after all of this, {peak:.0f} MB at most "
        f"(goal < {memory_mb} MB)."
        + (
            f" The plain table: {max(one['memory']['peak'] for one in plain) / 1e6:,.0f} MB." if plain else ""
        ),
    ]
    return lines


# --- putting it together


@contextlib.contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def rows_file(data_dir: Path, folder: Path, rows: int) -> Path:
    file = folder / f"rows-{rows}.json"
    if not file.exists():
        part = file.with_suffix(".part")
        write_alpaca(part, many_rows(data_dir, rows))
        part.rename(file)
    return file


def workspace_of(file: Path, folder: Path, rows: int) -> tuple[Path, dict[str, float]]:
    """The workspace with so many rows, made if it is not kept from before; what making it took."""
    place, times = folder / f"w-{rows}", folder / f"w-{rows}.json"
    if not times.exists():
        shutil.rmtree(place, ignore_errors=True)
        laps = Laps()
        with Workspace(place).open_store() as store:
            build(store, file, laps)
            give_scores(store)
        times.write_text(json.dumps(laps.seconds))
    return place, json.loads(times.read_text())


def measure(options: argparse.Namespace, data_dir: Path, folder: Path) -> Iterator[list[str]]:
    yield [
        f"{machine('textual', 'rapidfuzz')}; load at the start {os.getloadavg()[0]:.1f}. "
        "`python -m tests.benchmarks.bench_curation --million` makes these tables.",
        "",
    ]
    file = rows_file(data_dir, folder, ROWS)
    if options.only != "screens":
        yield [*work_table(measure_work(file, options.rounds)), ""]
    if options.only == "work":
        return
    for rows in (ROWS, MILLION) if options.million else (ROWS,):
        place, times = workspace_of(rows_file(data_dir, folder, rows), folder, rows)
        found = measure_screens(place, options.rounds, options.times, beside=rows == ROWS)
        yield [*screens_table(rows, found), ""]
        if rows == MILLION:
            took = "; ".join(f"{name} {seconds:,.0f} s" for name, seconds in times.items())
            yield [f"To make it: {took}.", ""]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=120, help="keys of each kind in a round")
    parser.add_argument("--million", action="store_true", help="the screens at a million rows too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the workspaces there, and use them")
    parser.add_argument("--only", choices=["work", "screens"])
    parser.add_argument("--report", type=Path, help="write the tables here, as Markdown")
    options = parser.parse_args()
    data_dir = Path(os.environ.get("ALPACA_TUI_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    with folder_for(options.keep) as folder:
        told: list[str] = []
        for part in measure(options, data_dir, folder):
            told += part
            print("\n".join(part), flush=True)
    if options.report:
        options.report.write_text("\n".join(told), encoding="utf-8")


@pytest.mark.slow
def test_bench_curation_small_dose(data_dir: Path, tmp_path: Path) -> None:
    """Every part runs on 2,000 rows, and says what it measured; nothing is timed."""
    file = rows_file(data_dir, tmp_path, 2_000)
    results = measure_work(file, 1)
    assert any("undo" in line for line in work_table(results))
    place, times = workspace_of(file, tmp_path, 2_000)
    assert times["import: lint"] > 0
    found = measure_screens(place, 1, 6, beside=True)
    table = screens_table(ROWS, found)
    assert sum(line.startswith("| filter") for line in table) == len(found["ours"][0]["filters"]) > 5
    assert len(all_laps(found["plain"], "page")) == 6


if __name__ == "__main__":
    main()
