"""The screens while a real engine runs 64 streams: is the event loop ever held up, does memory stay flat?

    python -m tests.benchmarks.bench_tui [--seconds 60] [--quick] [--report assets/benchmarks/tui.md]

A child process runs the real application in a real pseudo-terminal (120 x 36), on the Generate screen, with
the real engine against a server in a third process that streams 64 answers at once. A ticker on the app's
own event loop asks to be woken every 2 ms; how much later it is woken is how long the loop was held up.
`tests/tui` has the same promises as work counted instead of time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.benchmarks.machine import machine
from tests.support.faulty_server import ServerProcess

ROOT = Path(__file__).resolve().parent.parent.parent
SIZE = (36, 120)
TICK_S = 0.002
WARM_UP_S = 5.0
GOAL_P99_MS = 50.0
SCENES = {
    "streaming": ("--duration", "20", "--chunks", "200", "--tasks", "20"),
    "fast answers": ("--duration", "4", "--chunks", "80", "--tasks", "20"),
}
"""64 answers at once: long ones (about 3,800 tasks and 38,000 pieces of text a minute), and short ones
(about 19,000 tasks a minute, far over the 1,000 that are promised)."""


# --- the child: the application, measured from within


def child(url: str, model: str, workspace: Path, seconds: float, out: Path) -> None:
    """Run the app, drive it to the Generate screen with a live run, measure, leave."""
    import psutil

    from alpaca_tui.generation.settings import GenerationSettings
    from alpaca_tui.tui.app import AlpacaApp
    from alpaca_tui.tui.screens.generate.dashboard import Dashboard
    from alpaca_tui.tui.screens.generate.screen import GenerateScreen
    from alpaca_tui.tui.session import Session
    from alpaca_tui.workspace import Workspace

    session = Session(Workspace(workspace))
    app = AlpacaApp(session, theme="alpaca-dark")
    process = psutil.Process()
    result: dict[str, Any] = {}
    settings = GenerationSettings(
        goal=1_000_000, teacher=url, model=model, endpoint="chat", concurrency=64, threshold=1.0
    )

    async def measure(pilot: Pilot[Any]) -> None:
        await pilot.pause(1.0)
        await app.action_go("generate")
        await pilot.pause(1.0)
        screen = app.screen
        assert isinstance(screen, GenerateScreen)
        screen.begin(lambda: settings)
        await asyncio.sleep(WARM_UP_S)
        run = session.run
        assert run is not None
        assert screen.query(Dashboard), "the run is not on the screen"
        first = run.snapshot()
        gaps: list[float] = []
        memory = [process.memory_info().rss]
        snapshots: list[float] = []
        processor = process.cpu_times()
        began = last = time.perf_counter()
        next_memory = began + seconds / 60
        while last - began < seconds:
            await asyncio.sleep(TICK_S)
            now = time.perf_counter()
            gaps.append(now - last - TICK_S)
            last = now
            if now > next_memory:
                next_memory += seconds / 60
                memory.append(process.memory_info().rss)
                begun = time.perf_counter()
                run.snapshot()
                snapshots.append(time.perf_counter() - begun)
                last = time.perf_counter()
        spent = process.cpu_times()
        end = run.snapshot()
        minutes = (last - began) / 60
        gaps.sort()
        result.update(
            ticks=len(gaps),
            median_ms=1000 * statistics.median(gaps),
            p95_ms=1000 * gaps[int(len(gaps) * 0.95)],
            p99_ms=1000 * gaps[int(len(gaps) * 0.99)],
            worst_ms=1000 * gaps[-1],
            over_50=sum(gap > 0.05 for gap in gaps),
            held_p99_ms=1000 * _weighted(gaps, 0.99),
            snapshot_ms=1000 * statistics.median(snapshots),
            rss_start=memory[0],
            rss_end=memory[-1],
            rss_middle=memory[len(memory) // 2],
            in_flight=end.in_flight,
            tasks_per_min=(end.judged - first.judged) / minutes,
            tokens_per_s=end.tokens_per_s,
            kept=end.kept,
            state=end.state,
            cpu=(spent.user + spent.system - processor.user - processor.system) / (last - began),
        )
        out.write_text(json.dumps(result))
        await asyncio.to_thread(run.stop)
        await asyncio.to_thread(run.wait, 30)
        app.exit(0)

    app.run(auto_pilot=measure)
    session.close()


def _weighted(gaps: list[float], share: float) -> float:
    """The gap below which the loop spent `share` of its time: long gaps count by their length, as a person
    who presses a key at a random moment would meet them."""
    total = sum(gaps) + TICK_S * len(gaps)
    passed = 0.0
    for gap in gaps:
        passed += gap + TICK_S
        if passed >= share * total:
            return gap
    return gaps[-1]


# --- the parent: a terminal that reads whatever is drawn


def run_scene(arguments: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """One scene in a terminal of its own."""
    with ServerProcess(*arguments) as server, tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        command = [
            *(sys.executable, "-m", "tests.benchmarks.bench_tui", "--child", "--seconds", str(seconds)),
            *(
                "--url",
                server.url,
                "--model",
                server.model,
                "--workspace",
                str(Path(folder) / "w"),
                "--out",
                str(out),
            ),
        ]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=other,
            stdout=other,
            stderr=other,  # where Textual draws
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(other)
        drawn = 0
        tail = b""

        def read() -> None:
            nonlocal drawn, tail
            with contextlib.suppress(OSError):  # the terminal is gone: so is the child
                while data := os.read(main, 65536):
                    drawn += len(data)
                    tail = (tail + data)[-4000:]

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        process.wait(timeout=seconds + 180)
        os.close(main)
        if not out.exists():
            raise SystemExit(f"the child failed:\n{tail.decode('utf-8', 'replace')}")
        result = json.loads(out.read_text())
        result["drawn_per_s"] = drawn / (seconds + WARM_UP_S)
        if result["drawn_per_s"] < 1000:
            raise SystemExit("next to nothing was drawn: what was measured is no live screen")
        return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="ten seconds a scene")
    parser.add_argument("--report", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--workspace", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.url, options.model, options.workspace, options.seconds, options.out)
        return
    seconds = 10.0 if options.quick else options.seconds
    lines = [
        "# The screens",
        "",
        f"{machine()}, shared with the server's process; load at the start {os.getloadavg()[0]:.1f}. "
        f"`python -m tests.benchmarks.bench_tui` makes this table.",
        "",
        f"The Generate screen in a real terminal of {SIZE[1]} x {SIZE[0]}, the real engine with 64 requests in flight, "
        f"{seconds:.0f} s after a warm-up. Held up: by how much a wake-up asked for every {1000 * TICK_S:.0f} ms came too "
        "late on the app's event loop; weighted: as one meets it who presses a key at a random moment.",
        "",
        "| scene | tasks/min | tokens/s | held up, median ms | 99 % ms (goal <= 50) | weighted 99 % ms | worst ms | gaps over 50 ms "
        "| snapshot ms | memory MB at start, half, end | CPU of one core | drawn kB/s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, arguments in SCENES.items():
        r = run_scene(arguments, seconds)
        megabytes = " / ".join(f"{r[key] / 1e6:.0f}" for key in ("rss_start", "rss_middle", "rss_end"))
        lines.append(
            f"| {name}, {r['in_flight']} in flight | {r['tasks_per_min']:,.0f} | {r['tokens_per_s']:,.0f} | {r['median_ms']:.1f} "
            f"| {r['p99_ms']:.1f} | {r['held_p99_ms']:.1f} | {r['worst_ms']:.0f} | {r['over_50']} of {r['ticks']:,} "
            f"| {r['snapshot_ms']:.2f} | {megabytes} | {100 * r['cpu']:.0f} % | {r['drawn_per_s'] / 1000:.0f} |"
        )
        print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n"
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
