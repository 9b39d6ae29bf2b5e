"""What other people's runs stored about novelty, replayed: every number comes out, every verdict makes sense.

The files are the outputs of the original generator (`regen/`), the published data itself, and one project
that kept what it threw away (`rejections/`). Run as a program, this prints how the verdicts differ and why:
`python -m tests.integration.test_novelty_replay`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from alpaca_tui.generation.novelty import Novelty, NoveltyIndex

THRESHOLD = 0.7


def json_lines(path: Path) -> list[str]:
    """The lines of a file, split at newlines alone: texts in it hold other line separators."""
    return [line for line in path.read_bytes().decode().split("\n") if line.strip()]


def seeds(path: Path) -> list[str]:
    return [json.loads(line)["instruction"] for line in json_lines(path)]


def pool_of(texts: Sequence[str]) -> NoveltyIndex:
    index = NoveltyIndex(THRESHOLD)
    for text in texts:
        index.add(text, text)
    return index


def assert_stored(novelty: Novelty, row: dict) -> None:
    """The stored mean and ten highest are the index's. Keys of the pool are its texts: equal texts fall
    together in the stored form, and which of several rows with the tenth score it names is free."""
    assert novelty.mean == pytest.approx(row["avg_similarity_score"], abs=1e-9)
    stored: dict[str, float] = row["most_similar_instructions"]
    found = {str(text): score for text, score in novelty.top}
    tenth = novelty.top[-1][1]
    for text, score in found.items():
        if score > tenth + 1e-9:
            assert stored.get(text) == pytest.approx(score, abs=1e-9), text
    for text, score in stored.items():
        assert score == pytest.approx(found.get(text, tenth), abs=1e-9), text


@pytest.mark.parametrize(
    ("run", "seed_file", "rows"),
    [
        ("regen_147", "seed_tasks.jsonl", 147),
        ("regen_305", "seed_tasks.jsonl", 305),
        ("regen_104_other_seeds", "regen/regen_104_seed_tasks.jsonl", 104),
    ],
)
def test_runs_of_the_original_generator(data_dir: Path, run: str, seed_file: str, rows: int) -> None:
    stored = json.loads((data_dir / "regen" / f"{run}.json").read_text(encoding="utf-8"))
    index = pool_of(seeds(data_dir / seed_file))
    for row in stored:
        assert_stored(index.judge(row["instruction"]), row)
        index.add(row["instruction"], row["instruction"])
    assert len(stored) == rows


def test_a_run_that_was_interrupted_and_resumed(data_dir: Path) -> None:
    """Rows 46 to 91 repeat rows 0 to 45: the run was begun again without what it had written, and resumed at
    row 244 with both copies in its pool. With those pools every one of the 1,161 rows reproduces."""
    stored = json.loads((data_dir / "regen" / "regen_health_1161.json").read_text(encoding="utf-8"))
    texts = [row["instruction"] for row in stored]
    assert texts[46:92] == texts[:46]
    begun = seeds(data_dir / "seed_tasks.jsonl")
    for start, end, pool in ((0, 46, begun), (46, 244, begun), (244, len(texts), begun + texts[:244])):
        index = pool_of(pool)
        for row in stored[start:end]:
            assert_stored(index.judge(row["instruction"]), row)
            index.add(row["instruction"], row["instruction"])


def test_no_published_row_is_called_a_duplicate(data_dir: Path) -> None:
    index = pool_of(seeds(data_dir / "seed_tasks.jsonl"))
    rows = json.loads((data_dir / "alpaca_first5000.json").read_text(encoding="utf-8"))
    for row in rows:
        text = row["instruction"]
        novelty = index.judge(text)
        assert not index.is_duplicate(novelty), (text, novelty.nearest)
        assert index.twin(text) is None
        index.add(text, text)
    assert len(index) == 175 + 5000


# --- what a project threw away ----------------------------------------------------------------------------

#: The files are runs one after another, each compared within itself alone; where the runs begin is the only
#: choice (within a row or two) by which the stored similarities come out.
RUNS = {"v1": (0, 1164, 2279), "v2": (0, 1184)}


@dataclass
class Rejected:
    """One row of `rejections/`: what they thought of it."""

    instruction: str
    status: str
    similarity: float


def field_of(line: str, name: str) -> object:
    """A field of a line that is no valid JSON as a whole (an unescaped quote in another field)."""
    return json.JSONDecoder().raw_decode(line, line.index(f'"{name}": ') + len(name) + 4)[0]


def rejections(data_dir: Path, version: str) -> list[list[Rejected]]:
    """The runs of one file, every line of it."""
    rows: list[Rejected] = []
    for line in json_lines(data_dir / "rejections" / f"alpaca_libre_tasks_{version}.jsonl"):
        values = [field_of(line, name) for name in ("instruction", "status", "similarity")]
        rows.append(Rejected(str(values[0]), str(values[1]), float(str(values[2]))))
    edges = [*RUNS[version], len(rows)]
    return [rows[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize(("version", "rows"), [("v1", 2375), ("v2", 2294)])
def test_their_similarities_reproduce_row_by_row(data_dir: Path, version: str, rows: int) -> None:
    """Theirs is the second highest score in a pool that holds the row itself and everything else of its run:
    the rows after it, those that failed a check, and the word ERROR of those that could not be parsed."""
    compared = 0
    for run in rejections(data_dir, version):
        index = pool_of([row.instruction for row in run])
        for row in run:
            assert round(index.judge(row.instruction).top[1][1], 3) == row.similarity, row
            compared += 1
    assert compared == rows


PASSED = ("ok", "too similar")

BOTH_NEW, BOTH_DUPLICATE = "both: new", "both: a duplicate"
TWIN_IS_A_SEED = "only ours: the twin is a seed task, and seeds are not in their pool"
TWIN_IN_EARLIER_RUN = "only ours: the twin is in an earlier run, and each of their runs stands alone"
ROUNDED = "only ours: they round the score to three digits before they compare it"
TWINS_COME_LATER = "only theirs: all its twins come later; they drop both, we keep the first"
TWINS_FAILED = "only theirs: its earlier twins failed a check, so they never entered our pool"
TWINS_DROPPED = "only theirs: its earlier twins are duplicates of others, so they never entered our pool"


@dataclass
class Verdict:
    """One row that passed their checks: a duplicate in their eyes, in ours, and why if that differs."""

    row: Rejected
    theirs: bool
    ours: bool
    reason: str


def verdicts(data_dir: Path, version: str) -> list[Verdict]:
    """Their verdicts beside ours by the original's rule: against the seeds and every row kept before it, in
    all runs of the file. A reason no rule finds is left empty."""
    ours = NoveltyIndex(THRESHOLD)
    for text in seeds(data_dir / "seed_tasks.jsonl"):
        ours.add(text, "seed")
    found: list[Verdict] = []
    for number, run in enumerate(rejections(data_dir, version)):
        later = twins_among_later(run)
        earlier, earlier_passed = NoveltyIndex(THRESHOLD), NoveltyIndex(THRESHOLD)
        for place, row in enumerate(run):
            text = row.instruction
            if row.status in PASSED:
                theirs = row.status == "too similar"
                twin = ours.twin(text)
                reason = ""
                if twin is not None and not theirs:
                    if twin[0] == "seed":
                        reason = TWIN_IS_A_SEED
                    elif twin[0] != number:
                        reason = TWIN_IN_EARLIER_RUN
                    elif round(twin[1], 3) <= THRESHOLD:
                        reason = ROUNDED
                elif twin is None and theirs:
                    if earlier_passed.twin(text) is not None:
                        reason = TWINS_DROPPED
                    elif earlier.twin(text) is not None:
                        reason = TWINS_FAILED
                    elif later[place]:
                        reason = TWINS_COME_LATER
                found.append(Verdict(row, theirs, twin is not None, reason))
                if twin is None:
                    ours.add(text, number)
                earlier_passed.add(text, place)
            earlier.add(text, place)
    return found


def twins_among_later(run: Sequence[Rejected]) -> list[bool]:
    """For each row whether any row after it, whatever its status, is its twin."""
    after = NoveltyIndex(THRESHOLD)
    found: list[bool] = []
    for row in reversed(run):
        found.append(after.twin(row.instruction) is not None)
        after.add(row.instruction, None)
    return found[::-1]


#: What the explanation comes to, so that a change in any verdict shows.
EXPLAINED = {
    reason: {"v1": v1, "v2": v2}
    for reason, v1, v2 in (
        (BOTH_NEW, 1101, 1209),
        (BOTH_DUPLICATE, 588, 582),
        (TWINS_COME_LATER, 172, 195),
        (TWINS_DROPPED, 86, 70),
        (TWINS_FAILED, 2, 2),
        (TWIN_IN_EARLIER_RUN, 90, 73),
        (TWIN_IS_A_SEED, 7, 5),
        (ROUNDED, 4, 8),
    )
}


def explanation(found: Sequence[Verdict]) -> Counter[str]:
    """How many rows have both verdicts alike, and how many differ for which reason."""
    alike = {True: BOTH_DUPLICATE, False: BOTH_NEW}
    return Counter(
        alike[verdict.ours] if verdict.ours == verdict.theirs else verdict.reason for verdict in found
    )


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_verdicts_that_differ_are_explained_row_by_row(data_dir: Path, version: str) -> None:
    found = verdicts(data_dir, version)
    for verdict in found:
        assert (verdict.ours == verdict.theirs) == (verdict.reason == ""), verdict
    assert explanation(found) == {reason: counts[version] for reason, counts in EXPLAINED.items()}


def main() -> None:
    root = Path(__file__).resolve().parents[2]
    data_dir = Path(os.environ.get("ALPACA_TUI_TEST_DATA") or root.parent / "shared" / "data")
    counts = {version: explanation(verdicts(data_dir, version)) for version in RUNS}
    print("| verdicts of the file and of the index | v1 | v2 |\n| --- | ---: | ---: |")
    for reason in EXPLAINED:
        print(f"| {reason} | {counts['v1'][reason]:,} | {counts['v2'][reason]:,} |")
    print("| unexplained | " + " | ".join(str(counts[version][""]) for version in RUNS) + " |")


if __name__ == "__main__":
    main()
