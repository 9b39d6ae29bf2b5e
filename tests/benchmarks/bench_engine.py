"""The request engine against bare AsyncOpenAI calls, both streaming from a server in another process.

    python -m tests.benchmarks.bench_engine [--quick] [--rounds 5] [--report assets/benchmarks/engine.md]

Throughput: answers of 0.5 s in 20 chunks, so many in flight all the time; bare means `async for chunk in
stream` with the SDK's defaults but a connection pool as large as asked for. The engine is the real scheduler
with the real client and the real store: every raw text is stored, every piece of text handed to a listener.
Both take turns in the same minute, each in a process of its own, and the median over the rounds counts.
Then 400 answers at 64 in flight, clean and with 30 % of requests failing (429, 500, cut streams).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import machine
from tests.support.faulty_server import ServerProcess

DURATION_S = 0.5
CHUNKS = 20
TASKS = 20  # an answer of about 4,600 characters
GOALS = {64: 0.90, 256: 0.90, 1000: 0.80}
PROMPT = "Write twenty tasks. " * 160
ROOT = Path(__file__).resolve().parent.parent.parent


# --- the two contestants, each run in a process of its own


async def bare(url: str, model: str, answers: int, at_once: int) -> dict[str, Any]:
    """`answers` plain calls, `at_once` at a time, each text collected."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=at_once)
    http = openai.DefaultAsyncHttpxClient(limits=limits, timeout=600)
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http)
    latencies: list[float] = []
    characters = 0
    todo = iter(range(answers))

    async def work() -> None:
        nonlocal characters
        for _ in todo:
            begun = time.perf_counter()
            stream = await client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": PROMPT}],
                max_tokens=3072,
                temperature=1.0,
                stream=True,
                stream_options={"include_usage": True},
            )
            parts: list[str] = []
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    parts.append(chunk.choices[0].delta.content)
            characters += len("".join(parts))
            latencies.append(time.perf_counter() - begun)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    took = time.perf_counter() - started
    await client.close()
    return _result(answers, took, time.process_time() - cpu, latencies, characters)


class Listener:
    """What generation does on the scheduler's thread: appends every piece of text to a stream's inbox."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.started: dict[int, float] = {}
        self.latencies: list[float] = []
        self.inboxes: dict[int, list[str]] = {}
        self.characters = 0
        self.ended_at = 0.0
        self.scheduler: Any = None

    def request_started(self, completion_id: int, job: Any) -> None:
        self.started[completion_id] = time.perf_counter()
        self.inboxes[completion_id] = []

    def delta(self, completion_id: int, text: str) -> None:
        self.inboxes[completion_id].append(text)

    def request_retrying(self, completion_id: int, failure: Any, wait_s: float) -> None:
        self.inboxes[completion_id].clear()

    def completed(self, completion_id: int, job: Any, answer: Any, cost_usd: float | None) -> None:
        if answer.finish_reason == "cancelled":
            return
        self.latencies.append(time.perf_counter() - self.started.pop(completion_id))
        self.characters += len("".join(self.inboxes.pop(completion_id)))
        if len(self.latencies) == self.answers:
            self.ended_at = time.perf_counter()
            self.scheduler.stop("goal")

    def request_failed(self, completion_id: int, job: Any, failure: Any) -> None: ...

    def limit_changed(self, old: int, new: int, reason: str) -> None: ...

    def stopped(self, reason: str, detail: str) -> None:
        if reason != "goal":
            raise SystemExit(f"{reason}: {detail}")


def engine(url: str, model: str, answers: int, at_once: int) -> dict[str, Any]:
    """The same through the scheduler, into a store on disk."""
    from alpaca_tui.store.store import Store
    from alpaca_tui.teacher.client import OpenAITeacher
    from alpaca_tui.teacher.jobs import Job, Limits
    from alpaca_tui.teacher.scheduler import Budget, Scheduler
    from alpaca_tui.teacher.types import Endpoint, Sampling, TeacherRequest

    endpoint = Endpoint(url, model, url)
    request = TeacherRequest((("user", PROMPT),), PROMPT, Sampling())
    listener = Listener(answers)
    given = 0

    def next_job(in_flight: int) -> Job | None:
        nonlocal given
        if len(listener.latencies) + in_flight >= answers:
            return None
        given += 1
        return Job(f"key-{given}", given, request, "hash", ("a", "b", "c"), 3)

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "alpaca.db") as store:
        scheduler = listener.scheduler = Scheduler(
            lambda: OpenAITeacher(endpoint),
            store,
            store.start_run({}),
            next_job,
            listener,
            Limits(concurrency=at_once),
            Budget(),
            None,
            endpoint=endpoint,
        )
        started, cpu = time.perf_counter(), time.process_time()
        scheduler.start()
        scheduler.join()
        took = (listener.ended_at or time.perf_counter()) - started
        used = time.process_time() - cpu
        stored = list(store.iter_done())
        assert len(stored) >= answers
        assert sum(len(row.text) for row in stored if row.finish_reason == "stop") >= listener.characters
    return _result(answers, took, used, listener.latencies, listener.characters)


def _result(answers: int, took: float, cpu: float, latencies: list[float], characters: int) -> dict[str, Any]:
    latencies.sort()
    return {
        "per_s": answers / took,
        "took_s": took,
        "cpu_ms": 1000 * cpu / answers,
        "median_s": statistics.median(latencies),
        "tail_s": latencies[min(len(latencies) - 1, int(0.99 * len(latencies)))],
        "worst_s": latencies[-1],
        "characters": characters // answers,
    }


# --- the race


def measure(who: str, server: ServerProcess, answers: int, at_once: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_engine", "--contestant", who]
    command += [
        "--url",
        server.url,
        "--model",
        server.model,
        "--answers",
        str(answers),
        "--at-once",
        str(at_once),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def server_for(**rates: float) -> ServerProcess:
    arguments = ["--duration", str(DURATION_S), "--chunks", str(CHUNKS), "--tasks", str(TASKS)]
    arguments += ["--set", "keep_bodies=false"]
    for fault, share in rates.items():
        arguments += ["--rate", f"{fault.lstrip('_').replace('_', '-')}={share}"]
    return ServerProcess(*arguments)


def median(rounds: list[dict[str, Any]], figure: str) -> float:
    return statistics.median(result[figure] for result in rounds)


def race(at_once: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Both contestants in turn; each runs for about `seconds`."""
    answers = max(2 * at_once, int(seconds * min(at_once / DURATION_S, 200.0)))
    results: dict[str, list[dict[str, Any]]] = {"bare": [], "engine": []}
    with server_for() as server:
        for number in range(rounds):
            for who in ("bare", "engine") if number % 2 else ("engine", "bare"):
                results[who].append(measure(who, server, answers, at_once))
    ratios = [e["per_s"] / b["per_s"] for e, b in zip(results["engine"], results["bare"], strict=True)]
    return {
        "at_once": at_once,
        "answers": answers,
        "bare": results["bare"],
        "engine": results["engine"],
        "ratio": statistics.median(ratios),
        "goal": GOALS.get(at_once, 0.9),
    }


def race_row(row: dict[str, Any]) -> str:
    bare_runs, engine_runs = row["bare"], row["engine"]
    tail = median(engine_runs, "tail_s") / median(engine_runs, "median_s")
    return (
        f"| {row['at_once']:,} | {median(bare_runs, 'per_s'):.0f} | {median(engine_runs, 'per_s'):.0f} "
        f"| {row['ratio']:.0%} | {row['goal']:.0%} "
        f"| {median(bare_runs, 'cpu_ms'):.1f} | {median(engine_runs, 'cpu_ms'):.1f} "
        f"| {median(bare_runs, 'median_s'):.2f} / {median(bare_runs, 'tail_s'):.2f} "
        f"| {median(engine_runs, 'median_s'):.2f} / {median(engine_runs, 'tail_s'):.2f} | {tail:.2f} |"
    )


def four_hundred(rounds: int) -> list[str]:
    """Lines of the second table."""
    cases: list[tuple[str, dict[str, float], str]] = [
        ("clean", {}, "4.5"),
        ("30 % fail: 429, 500, cut streams", {"_429": 0.1, "_500": 0.1, "cut": 0.1}, "8"),
        (
            "30 % fail: the same, and hung up before a byte, 503, an error in mid-stream",
            {"_429": 0.05, "_500": 0.05, "cut": 0.05, "reset": 0.05, "_503": 0.05, "error_in_stream": 0.05},
            "8",
        ),
        (
            "30 % fail, each 429 (10 %) with Retry-After: 1",
            {"_429_after": 0.1, "_500": 0.1, "cut": 0.1},
            "",
        ),
    ]
    lines: list[str] = []
    for name, rates, goal in cases:
        with server_for(**rates) as server:
            runs = [measure("engine", server, 400, 64) for _ in range(rounds)]
        times = sorted(run["took_s"] for run in runs)
        lines.append(
            f"| {name} | {statistics.median(times):.2f} | {times[0]:.2f} – {times[-1]:.2f} | {goal} |"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contestant", choices=["bare", "engine"])
    parser.add_argument("--url")
    parser.add_argument("--model")
    parser.add_argument("--answers", type=int, default=400)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    parser.add_argument("--only", choices=["race", "400"])
    parser.add_argument("--report", type=Path, help="write the tables here, as Markdown")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    if options.contestant:
        if options.contestant == "bare":
            result = asyncio.run(bare(options.url, options.model, options.answers, options.at_once))
        else:
            result = engine(options.url, options.model, options.answers, options.at_once)
        print(json.dumps(result))
        return
    rounds, seconds = (1, 3.0) if options.quick else (options.rounds, 8.0)
    lines = [
        "# The request engine",
        "",
        f"{machine()}, shared with the server's process; load at the start {os.getloadavg()[0]:.1f}. Medians of {rounds} interleaved rounds.",
        "`python -m tests.benchmarks.bench_engine` makes these tables.",
        "",
    ]
    if options.only != "400":
        lines += [
            f"Answers of {DURATION_S} s in {CHUNKS} chunks, {TASKS} tasks each, prompt of {len(PROMPT):,} characters. Bare: "
            "`async for chunk in stream` of AsyncOpenAI. Engine: scheduler, client and store, every text stored. "
            "Latencies from sending to the last byte (bare) or to the stored answer (engine).",
            "",
            "| in flight | bare, answers/s | engine, answers/s | ratio | goal | bare, CPU ms | engine, CPU ms "
            "| bare, median / 99 % s | engine, median / 99 % s | 99 % / median (goal <= 2) |",
            "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for at_once in GOALS:
            lines.append(race_row(race(at_once, rounds, seconds)))
            print(lines[-1], flush=True)
        lines.append("")
    if options.only != "race":
        lines += [
            "400 answers of 0.5 s, 64 in flight:",
            "",
            "| server | seconds, median | range | goal <= |",
            "|---|--:|--:|--:|",
            *four_hundred(rounds),
            "",
        ]
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
