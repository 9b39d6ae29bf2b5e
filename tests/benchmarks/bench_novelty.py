"""How fast the novelty index is, beside `rouge_score` and beside plain `rapidfuzz.process.cdist`.

    python -m tests.benchmarks.bench_novelty [--rows 52000] [--candidates 200] [--million] [--output FILE]

What is compared runs in turns, a few candidates each, in one process and one thread, so that a noisy machine
slows all of them alike; every figure is CPU time of the process unless it says wall. Needs the real data
(`ALPACA_TUI_TEST_DATA`, else ../shared/data beside the repository). Under pytest a small dose runs, which
checks verdicts and scores and times nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist
from rouge_score import rouge_scorer

from alpaca_tui.generation.novelty import Novelty, NoveltyIndex
from alpaca_tui.generation.novelty_tokens import words
from tests.benchmarks.machine import machine

REPOSITORY = Path(__file__).resolve().parents[2]
THRESHOLD = 0.7
BLOCK = 16
TURN = 512


def read_instructions(data_dir: Path, rows: int) -> list[str]:
    with gzip.open(data_dir / "instructions.jsonl.gz") as file:
        lines = file.read().decode().split("\n")[:rows]
    return [json.loads(line)["instruction"] for line in lines]


@dataclass
class Clock:
    cpu: float = 0.0
    wall: float = 0.0
    laps: list[float] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        lap = time.process_time() - cpu
        self.cpu += lap
        self.wall += time.perf_counter() - wall
        self.laps.append(lap)


@dataclass
class Judging:
    """Time per candidate against a full pool."""

    rouge: Clock = field(default_factory=Clock)
    rapidfuzz: Clock = field(default_factory=Clock)
    blocks: Clock = field(default_factory=Clock)
    single: Clock = field(default_factory=Clock)
    twin: Clock = field(default_factory=Clock)
    candidates: int = 0


def judging(texts: Sequence[str], candidates: int, check: Callable[[Novelty, list[float]], None]) -> Judging:
    """Judge random candidates of the pool against all of it, by turns of 16, as `rouge_score` would and as
    the index does; `check` gets both answers for each candidate."""
    index = NoveltyIndex(THRESHOLD)
    for row, text in enumerate(texts):
        index.add(text, row)
    pool = [words(text) for text in texts]
    encoded = Encoder()
    letters = [encoded(text) for text in texts]
    chosen = random.Random(20).sample(range(len(texts)), candidates)
    index.judge_many([texts[row] for row in chosen[:BLOCK]])  # seals the index, warms the caches of all
    cdist([letters[0]], letters, scorer=Indel.normalized_similarity)
    result = Judging(candidates=candidates)
    for start in range(0, candidates, BLOCK):
        block = chosen[start : start + BLOCK]
        block_texts = [texts[row] for row in block]
        with result.blocks.running():
            many = index.judge_many(block_texts)
        with result.rapidfuzz.running():
            cdist([encoded(text) for text in block_texts], letters, scorer=Indel.normalized_similarity)
        with result.single.running():
            single = [index.judge(text) for text in block_texts]
        with result.twin.running():
            twins = [index.twin(text) for text in block_texts]
        for row, novelty, alone, twin in zip(block, many, single, twins, strict=True):
            with result.rouge.running():
                target = pool[row]
                scores = [rouge_scorer._score_lcs(target, other).fmeasure for other in pool]
            check(novelty, scores)
            assert novelty == alone
            assert twin == ((novelty.nearest, novelty.score) if index.is_duplicate(novelty) else None)
    return result


class Encoder:
    """Words as letters, for RapidFuzz."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        letters = self.letters
        return "".join([letters.setdefault(word, chr(len(letters) + 1)) for word in words(text)])


class PlainStream:
    """Verdicts as written with RapidFuzz alone: blocks of 16 against all kept, then against each other."""

    def __init__(self) -> None:
        self.encode = Encoder()
        self.kept: list[str] = []

    def verdicts(self, texts: Sequence[str]) -> list[bool]:
        """True for duplicates."""
        rows = [self.encode(text) for text in texts]
        against_pool = np.zeros(len(rows), dtype=bool)
        if self.kept:
            against_pool = self.over(rows, self.kept).any(axis=1)
        against_block = self.over(rows, rows)
        duplicate: list[bool] = []
        for row, text in enumerate(rows):
            earlier = [other for other in range(row) if not duplicate[other]]
            duplicate.append(bool(against_pool[row] or against_block[row, earlier].any()))
            if not duplicate[row]:
                self.kept.append(text)
        return duplicate

    @staticmethod
    def over(queries: Sequence[str], rows: Sequence[str]) -> np.ndarray:
        scores = cdist(queries, rows, scorer=Indel.normalized_similarity)
        over = scores > THRESHOLD
        # RapidFuzz computes the same number in other steps: where rounding decides, ask rouge_score's own.
        for query, row in zip(*np.nonzero(np.abs(scores - THRESHOLD) < 1e-9), strict=True):
            exact = rouge_scorer._score_lcs(queries[query], rows[row]).fmeasure
            over[query, row] = exact > THRESHOLD
        return over


@dataclass
class Streams:
    plain: Clock = field(default_factory=Clock)
    twin: Clock = field(default_factory=Clock)
    judge: Clock = field(default_factory=Clock)
    rows: int = 0
    kept: int = 0


def streams(texts: Sequence[str]) -> Streams:
    """The whole stream, each text judged against those kept before it, three ways by turns of 512."""
    result = Streams(rows=len(texts))
    plain = PlainStream()
    by_twin, by_judge = NoveltyIndex(THRESHOLD), NoveltyIndex(THRESHOLD)
    for start in range(0, len(texts), TURN):
        turn = texts[start : start + TURN]
        with result.plain.running():
            expected: list[bool] = []
            for first in range(0, len(turn), BLOCK):
                expected += plain.verdicts(turn[first : first + BLOCK])
        with result.twin.running():
            verdicts: list[bool] = []
            for row, text in enumerate(turn, start):
                verdicts.append(by_twin.twin(text) is not None)
                if not verdicts[-1]:
                    by_twin.add(text, row)
        assert verdicts == expected
        with result.judge.running():
            verdicts = []
            for row, text in enumerate(turn, start):
                verdicts.append(by_judge.is_duplicate(by_judge.judge(text)))
                if not verdicts[-1]:
                    by_judge.add(text, row)
        assert verdicts == expected
    result.kept = len(plain.kept)
    return result


def edited(texts: Sequence[str], rows: int) -> Iterator[str]:
    """As many texts as asked: the real ones with a third of their words replaced by words of other texts."""
    rng = random.Random(7)
    pool = [words(text) for text in texts]
    yield from texts
    for _ in range(rows - len(texts)):
        row = list(rng.choice(pool))
        other = rng.choice(pool)
        for place in range(len(row)):
            if rng.random() < 0.33:
                row[place] = rng.choice(other) if other and rng.random() < 0.9 else f"w{rng.getrandbits(18)}"
        yield " ".join(row)


def memory(data_dir: Path, rows: int, trace: bool) -> dict[str, float]:
    """What an index takes: bytes counted by tracemalloc (numpy's included) or the process's resident set."""
    texts = read_instructions(data_dir, min(rows, 52_000))
    source = texts if rows <= len(texts) else edited(texts, rows)
    process = psutil.Process()
    before = process.memory_info().rss
    if trace:
        tracemalloc.start()
    index = NoveltyIndex(THRESHOLD)
    started = time.process_time()
    for row, text in enumerate(source):
        index.add(text, row)
        if row % 50_000 == 49_999:
            index.twin(text)  # seals what waits, as any use would
    index.judge(texts[0])
    loaded = time.process_time() - started
    current, peak = tracemalloc.get_traced_memory() if trace else (0, 0)
    tracemalloc.stop()
    after = process.memory_info().rss - before
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    times = {"judge": Clock(), "twin": Clock()}
    for text in random.Random(3).sample(texts, 100):
        with times["judge"].running():
            index.judge(text)
        with times["twin"].running():
            index.twin(text)
    return {
        "rows": len(index),
        "load_s": loaded,
        "traced": current / 1e6,
        "traced_peak": peak / 1e6,
        "resident": after / 1e6,
        "resident_peak": highest / 1e6,
        "judge_ms": statistics.mean(times["judge"].laps) * 1e3,
        "twin_ms": statistics.mean(times["twin"].laps) * 1e3,
    }


def check_against_rouge(novelty: Novelty, scores: list[float]) -> None:
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:10]
    assert novelty.top == [(row, scores[row]) for row in order]
    assert abs(novelty.mean - sum(scores) / len(scores)) < 1e-9


def report(one: Judging, stream: Streams, memories: Sequence[dict[str, float]], rows: int) -> str:
    def per_candidate(clock: Clock) -> float:
        return clock.cpu / one.candidates * 1e3

    rouge = per_candidate(one.rouge)
    lines = [
        f"{machine('numpy', 'rapidfuzz', 'rouge-score')}. CPU time in one process and one thread, the ways compared taking turns.",
        "",
        f"One candidate against {rows:,} real instructions: verdict, ten nearest, mean over all; mean over "
        f"the same {one.candidates} random candidates, all answers equal to `rouge_score`'s.",
        "",
        "| way | ms a candidate | median of turns | times `rouge_score` |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, clock, per_lap in (
        ("`rouge_score._score_lcs` (scores only)", one.rouge, 1),
        ("`rapidfuzz` `cdist` in blocks of 16 (scores only)", one.rapidfuzz, BLOCK),
        ("`judge_many`, blocks of 16", one.blocks, BLOCK),
        ("`judge`, one at a time", one.single, BLOCK),
        ("`twin`, verdict alone", one.twin, BLOCK),
    ):
        median = statistics.median(clock.laps) / per_lap * 1e3
        mean = per_candidate(clock)
        lines.append(f"| {name} | {mean:,.3g} | {median:,.3g} | {rouge / mean:,.0f} |")
    lines += [
        "",
        f"The stream of {stream.rows:,} instructions, each judged against those kept before it "
        f"({stream.kept:,} kept), identical verdicts:",
        "",
        "| way | CPU s | wall s | share of `cdist` (CPU) | median share of turns |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, clock in (
        ("plain `cdist`, blocks of 16, verdicts", stream.plain),
        ("`twin` + `add`, verdicts", stream.twin),
        ("`judge` + `add`, full statistics", stream.judge),
    ):
        shares = [lap / plain for lap, plain in zip(clock.laps, stream.plain.laps, strict=True)]
        lines.append(
            f"| {name} | {clock.cpu:.1f} | {clock.wall:.1f} | {clock.cpu / stream.plain.cpu:.2f} "
            f"| {statistics.median(shares):.2f} |"
        )
    lines += [
        "",
        "Memory of the index (MB; rows beyond 52,000 are real rows with a third of their words replaced):",
        "",
        "| rows | traced | traced peak | resident | resident peak | load CPU s | `judge` ms | `twin` ms |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for taken in memories:
        traced = f"{taken['traced']:,.0f} | {taken['traced_peak']:,.0f}" if taken["traced"] else "– | –"
        lines.append(
            f"| {taken['rows']:,.0f} | {traced} | {taken['resident']:,.0f} | {taken['resident_peak']:,.0f} "
            f"| {taken['load_s']:.1f} | {taken['judge_ms']:.2f} | {taken['twin_ms']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def measure_memory(data_dir: Path, rows: int, *, trace: bool) -> dict[str, float]:
    """`memory`, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_novelty", "--memory", str(rows)]
    if trace:
        command.append("--trace")
    environment = {**os.environ, "ALPACA_TUI_TEST_DATA": str(data_dir)}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=REPOSITORY
    )
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=52_000)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--million", action="store_true", help="measure the memory of a million rows too")
    parser.add_argument("--output", type=Path, help="write the tables there too")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--trace", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    data_dir = Path(os.environ.get("ALPACA_TUI_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    if options.memory:
        print(json.dumps(memory(data_dir, options.memory, options.trace)))
        return
    texts = read_instructions(data_dir, options.rows)
    memories = [measure_memory(data_dir, options.rows, trace=trace) for trace in (True, False)]
    if options.million:
        memories.append(measure_memory(data_dir, 1_000_000, trace=False))
    stream = streams(texts)
    one = judging(texts, options.candidates, check_against_rouge)
    text = report(one, stream, memories, len(texts))
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_bench_novelty_small_dose(data_dir: Path) -> None:
    texts = read_instructions(data_dir, 49_000)[40_000:]  # families with near-duplicates among them
    one = judging(texts[:6_000], 8, check_against_rouge)
    stream = streams(texts)
    taken = measure_memory(data_dir, 6_000, trace=True)
    assert 0 < taken["traced"] < 100
    table = report(one, stream, [taken], 6_000)
    assert "`judge_many`, blocks of 16" in table
    assert 0 < stream.kept < len(texts)


if __name__ == "__main__":
    main()
