"""Groups of near-duplicates: equal to a plain loop with `rouge_score`, the first wins, never a chain."""

from __future__ import annotations

import gzip
import json
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from alpaca_tui.curation.duplicates import Duplicate, Duplicates, compared_text, find_duplicates

SCORER = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=6).map(" ".join), max_size=14)


def plainly(texts: list[str], threshold: float, seeds: list[tuple[str, str]]) -> Duplicates:
    pool: list[tuple[int | str, str]] = [*seeds]
    found = Duplicates(threshold)
    for row, text in enumerate(texts):
        scores = [SCORER.score(other, text)["rougeL"].fmeasure for _, other in pool]
        best = max(scores, default=0.0)
        if scores and best > threshold:
            found.duplicates.append(Duplicate(row, pool[scores.index(best)][0], best))
        else:
            found.kept.append(row)
            pool.append((row, text))
    return found


@given(TEXTS, st.sampled_from([0.3, 0.5, 0.7, 0.9]), TEXTS.map(lambda texts: texts[:2]))
def test_as_a_plain_loop_would_find_them(texts, threshold, seeds):
    named = [(f"seed:{place}", text) for place, text in enumerate(seeds)]
    assert find_duplicates(enumerate(texts), threshold, seeds=named) == plainly(texts, threshold, named)


def test_as_a_plain_loop_would_find_them_in_real_instructions(data_dir):
    with gzip.open(data_dir / "instructions.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line)["instruction"] for line, _ in zip(file, range(60_000), strict=False)]
    texts = rows[:250] + rows[-250:]
    found = find_duplicates(enumerate(texts))
    assert found == plainly(texts, 0.7, [])
    assert found.total == 500


def test_a_group_is_a_kept_row_and_its_duplicates():
    texts = ["a b c d e f", "a b c d e f g", "b c d e f g h i", "z"]
    found = find_duplicates(enumerate(texts), 0.75)
    # The third is near the second, which was not kept, and not near enough to the first: no chain.
    assert SCORER.score(texts[1], texts[2])["rougeL"].fmeasure > 0.75
    assert found.kept == [0, 2, 3]
    assert [(group.kept, [one.row for one in group.duplicates]) for group in found.groups()] == [(0, [1])]


def test_the_biggest_group_comes_first():
    texts = ["a b c", "d e f", "d e f", "a b c", "d e f"]
    assert [len(group.duplicates) for group in find_duplicates(enumerate(texts)).groups()] == [2, 1]


def test_what_is_compared():
    assert compared_text("Sort.", "3 1 2") == "Sort."
    assert compared_text("Sort.", "3 1 2", "prompt") == "Sort.\n3 1 2"
    assert compared_text("Sort.", "", "prompt") == "Sort."


def test_it_can_be_stopped_and_tells_how_far_it_is():
    told: list[int] = []
    stop = Event()

    def progress(done: int) -> None:
        told.append(done)
        if done >= 1_000:
            stop.set()

    found = find_duplicates(((n, f"word{n}") for n in range(5_000)), progress=progress, stop=stop)
    assert told == [0, 500, 1_000]
    assert found.total == 1_000


@pytest.mark.parametrize("text", ["", "  ", "!!!"])
def test_a_text_without_words_is_like_nothing(text):
    assert find_duplicates(enumerate([text, text])).duplicates == []
