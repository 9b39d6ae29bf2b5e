"""The novelty index against `rouge_score` itself: words, scores, order, ties, growth, every kind of row."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer, tokenize

from alpaca_tui.generation import novelty_kernel, novelty_pool
from alpaca_tui.generation.novelty import Novelty, NoveltyIndex
from alpaca_tui.generation.novelty_tokens import unicode_words, words


@contextmanager
def sealing(first: int | None = None, words_a_shard: int | None = None) -> Iterator[None]:
    """Seal after so many rows instead of thousands, and start a new shard after so many words."""
    with pytest.MonkeyPatch.context() as patch:
        if first is not None:
            patch.setattr(novelty_pool, "_FIRST_SEAL", first)
            patch.setattr(novelty_pool, "_SEAL_COST", 0)
            patch.setattr(novelty_pool, "_SEAL_COST_PER_ROW", 0)
        if words_a_shard is not None:
            patch.setattr(novelty_pool, "_SHARD_WORDS", words_a_shard)
        yield


def rouge(candidate: str, row: str) -> float:
    return rouge_scorer._score_lcs(words(candidate), words(row)).fmeasure


def brute(candidate: str, rows: Sequence[str], keys: Sequence[object] | None = None) -> Novelty:
    """What the index must say, from `rouge_score` alone."""
    scores = [rouge(candidate, row) for row in rows]
    order = sorted(range(len(rows)), key=lambda number: (-scores[number], number))[:10]
    top = [(number if keys is None else keys[number], scores[number]) for number in order]
    mean = math.fsum(scores) / len(scores)
    return Novelty(top[0][1], top[0][0], top, mean)


def index_of(rows: Sequence[str], threshold: float = 0.7) -> NoveltyIndex:
    index = NoveltyIndex(threshold)
    for number, row in enumerate(rows):
        index.add(row, number)
    return index


def assert_equal(found: Novelty, expected: Novelty) -> None:
    assert found.top == expected.top
    assert (found.nearest, found.score) == (expected.nearest, expected.score)
    assert found.mean == pytest.approx(expected.mean, abs=1e-12)


def assert_twin(index: NoveltyIndex, text: str) -> None:
    novelty = index.judge(text)
    duplicate = index.is_duplicate(novelty)
    assert index.twin(text) == ((novelty.nearest, novelty.score) if duplicate else None)


# Few words, so that rows share many of them, in another order, several times over.
WORDS = [f"w{number}" for number in range(12)]


def texts(most: int) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(WORDS), max_size=most).map(" ".join)


# --- words ------------------------------------------------------------------------------------------------


@given(st.text())
def test_words_are_those_of_rouge_score_unless_it_drops_most_letters(text: str) -> None:
    lowered = text.lower()
    letters = [char for char in lowered if char.isalpha()]
    dropped = [char for char in letters if not "a" <= char <= "z"]
    if len(dropped) * 2 > len(letters):
        assert words(text) == unicode_words(text)
    else:
        assert words(text) == tokenize.tokenize(text, None)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_text_is_always_read_as_rouge_score_reads_it(text: str) -> None:
    assert words(text) == tokenize.tokenize(text, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Naïve café, déjà-vu: 3.5 €", ["na", "ve", "caf", "d", "j", "vu", "3", "5"]),
        ("写一首关于秋天的诗。", ["写", "一", "首", "关", "于", "秋", "天", "的", "诗"]),
        ("用Python3写一个简单的函数", ["用", "python3", *"写一个简单的函数"]),
        ("Напиши стихотворение об осени", ["напиши", "стихотворение", "об", "осени"]),
        ("ЁЛКА и ёлка", ["ёлка", "и", "ёлка"]),
        ("俳句をカタカナで", ["俳", "句", "を", "カ", "タ", "カ", "ナ", "で"]),
        ("시를 써", ["시", "를", "써"]),
        ("हिन्दी में लिखें", ["हिन्दी", "में", "लिखें"]),
        ("เขียน", ["เ", "ขี", "ย", "น"]),
        ("اكتب قصيدة", ["اكتب", "قصيدة"]),
        ("Ｗｒｉｔｅ ａ ｐｏｅｍ", ["write", "a", "poem"]),
        ("ΣΊΣΥΦΟΣ σίσυφος", ["σίσυφοσ", "σίσυφοσ"]),
        ("第12章 ２０２４年", ["第", "12", "章", "2024", "年"]),
        ("می‌خواهم", ["میخواهم"]),
        ("😀 ?!…", []),
        ("", []),
    ],
)
def test_words_in_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_exactly_half_of_the_letters_dropped_is_still_rouge_scores_business() -> None:
    assert words("ab шт") == ["ab"]
    assert words("ab шты") == ["ab", "шты"]
    assert words("用Python3写一个函数") == ["python3"]


@given(st.text(max_size=60))
def test_unicode_words_never_fail_and_hold_no_separator(text: str) -> None:
    for word in unicode_words(text):
        assert word
        assert not any(char.isspace() or char in ".,!?_-" for char in word)


@pytest.mark.parametrize(
    ("first", "second", "far"),
    [
        ("写一首关于秋天的短诗", "写一首关于冬天的短诗", "解释光合作用是什么"),
        (
            "Напиши короткое стихотворение об осени и дожде",
            "Напиши короткое стихотворение об осени и снеге",
            "Что такое фотосинтез",
        ),
        ("秋についての短い詩を書いてください", "冬についての短い詩を書いてください", "光合成とは何か"),
        ("가을에 대한 짧은 시를 쓰세요", "겨울에 대한 짧은 시를 쓰세요", "광합성이란 무엇인가"),
        ("เขียนบทกวีสั้นเกี่ยวกับฤดูหนาว", "เขียนบทกวีสั้นเกี่ยวกับฤดูร้อน", "น้ำคืออะไร"),
    ],
)
def test_deduplication_works_in_every_language(first: str, second: str, far: str) -> None:
    index = index_of([first])
    assert index.judge(first).score == 1.0
    assert 0.7 < index.judge(second).score < 1.0
    assert index.judge(far).score < 0.5


def test_texts_of_both_kinds_share_what_is_written_alike_whichever_came_first() -> None:
    english, chinese = "Write a function in Python 3", "用 Python 3 写一个简单的函数"
    one, other = index_of([english]).judge(chinese), index_of([chinese]).judge(english)
    assert one.score == other.score == rouge_scorer._score_lcs(words(english), words(chinese)).fmeasure
    assert one.score == 2 * (2 / 11) * (2 / 6) / (2 / 11 + 2 / 6)


# --- scores -----------------------------------------------------------------------------------------------


def test_scores_of_seven_tenths_fall_on_the_side_rouge_score_puts_them() -> None:
    ties: list[tuple[str, str, float]] = []
    for total in range(20, 200, 20):
        common = total * 7 // 20
        for length in range(common, total - common + 1):
            shared = [f"s{number}" for number in range(common)]
            candidate = " ".join([*shared, *(f"c{number}" for number in range(length - common))])
            row = " ".join([*shared, *(f"r{number}" for number in range(total - length - common))])
            ties.append((candidate, row, rouge(candidate, row)))
    assert len(ties) > 200
    sides: set[bool] = set()
    for first in (1, 1_000_000):
        with sealing(first):
            for candidate, row, score in ties:
                index = index_of([row, "something else"])
                novelty = index.judge(candidate)
                assert novelty.score == score
                assert index.is_duplicate(novelty) == (score > 0.7)
                assert_twin(index, candidate)
                sides.add(index.is_duplicate(novelty))
    assert sides == {True, False}, "rounding must decide some of these ties either way"


@settings(max_examples=150, deadline=None)
@given(st.lists(texts(20), min_size=1, max_size=40), texts(20), st.sampled_from([1, 7, 1_000_000]))
def test_short_rows_against_rouge_score(rows: list[str], candidate: str, first: int) -> None:
    with sealing(first, words_a_shard=400):
        index = index_of(rows)
        assert_equal(index.judge(candidate), brute(candidate, rows))
        for index.threshold in (-0.1, 0.0, 0.3, 0.5, 0.7, 0.9, 1.0):
            assert_twin(index, candidate)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.one_of(
            texts(16),
            st.lists(st.sampled_from(WORDS), min_size=17, max_size=64).map(" ".join),
            st.lists(st.sampled_from(WORDS), min_size=65, max_size=128).map(" ".join),
            st.lists(st.sampled_from(WORDS), min_size=129, max_size=200).map(" ".join),
        ),
        min_size=1,
        max_size=12,
    ),
    texts(150),
    st.sampled_from([1, 3, 1_000_000]),
)
def test_rows_of_every_lane_against_rouge_score(rows: list[str], candidate: str, first: int) -> None:
    with sealing(first):
        index = index_of(rows)
        assert_equal(index.judge(candidate), brute(candidate, rows))
        for row in rows[:3]:
            assert_equal(index.judge(row), brute(row, rows))
        for index.threshold in (0.2, 0.5, 0.7):
            assert_twin(index, candidate)


def test_edges_of_the_lanes() -> None:
    lengths = [1, 15, 16, 17, 63, 64, 65, 66, 127, 128, 129, 130, 191, 192, 193]
    rng = random.Random(1)
    rows = [" ".join(rng.choices(WORDS, k=length)) for length in lengths for _ in range(2)]
    with sealing(1):
        index = index_of(rows)
        for row in rows[::2]:
            assert_equal(index.judge(row), brute(row, rows))
            assert_twin(index, row)


def test_rows_of_thousands_of_words() -> None:
    rng = random.Random(2)
    many = [f"word{number}" for number in range(700)]
    rows = [" ".join(rng.choices(many, k=length)) for length in (1300, 1100, 400, 90, 12)]
    rows.append(" ".join(["again"] * 1300))
    candidates = (rows[0], rows[3], " ".join(rng.choices(many, k=600)), "again " * 300)
    expected = [brute(candidate, rows) for candidate in candidates]
    for first in (1, 1_000_000):
        with sealing(first):
            index = index_of(rows)
            for candidate, novelty in zip(candidates, expected, strict=True):
                assert_equal(index.judge(candidate), novelty)
                assert_twin(index, candidate)
            assert index.judge(rows[5]).score == 1.0


def test_words_first_seen_after_a_long_row() -> None:
    long = " ".join(f"old{number % 150}" for number in range(400))
    rows = [long, *(" ".join(f"new{row * 30 + number}" for number in range(30)) for row in range(60))]
    candidate = " ".join([*(f"new{number}" for number in range(1700)), *(f"old{n}" for n in range(120))])
    assert_equal(index_of(rows).judge(candidate), brute(candidate, rows))
    assert_equal(index_of(rows).judge("new1799 old3 old4"), brute("new1799 old3 old4", rows))


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"_GATHER": 0},  # look up only the words that are needed
        {"_GATHER_AT_MOST": 30},  # nearly always compare with all
        {"_FEW": 2},  # never compare one by one
    ],
)
def test_real_looking_stream_agrees_with_rouge_score_and_between_both_verdicts(
    limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(novelty_kernel, name, value)
    rng = random.Random(3)
    vocabulary = [f"v{number}" for number in range(400)]
    weights = [1 / (number + 1) for number in range(400)]
    rows: list[str] = []
    for _ in range(700):
        if rows and rng.random() < 0.4:  # an edit of an earlier row
            row = rng.choice(rows).split()
            row[rng.randrange(len(row))] = rng.choice(vocabulary)
        else:
            row = rng.choices(vocabulary, weights, k=rng.choice([4, 8, 12, 12, 20, 30, 70, 140]))
        rows.append(" ".join(row))
    with sealing(64, words_a_shard=5_000):
        judged, quick = NoveltyIndex(), NoveltyIndex()
        kept: list[str] = []
        duplicates = 0
        for number, row in enumerate(rows):
            novelty = judged.judge(row)
            twin = quick.twin(row)
            assert (twin is not None) == judged.is_duplicate(novelty)
            if twin is not None:
                assert twin == (novelty.nearest, novelty.score)
                duplicates += 1
                continue
            if number % 90 == 0 and kept:
                assert_equal(novelty, brute(row, kept))
            judged.add(row, len(kept))
            quick.add(row, len(kept))
            kept.append(row)
        assert len(judged) == len(quick) == len(kept)
        assert duplicates > 100


def test_the_index_may_grow_between_any_two_questions() -> None:
    rng = random.Random(4)
    with sealing(5, words_a_shard=300):
        index = NoveltyIndex()
        rows: list[str] = []
        for step in range(160):
            for _ in range(rng.choice([0, 1, 1, 2, 9])):
                rows.append(" ".join(rng.choices(WORDS, k=rng.choice([0, 3, 9, 20, 80, 131]))))
                index.add(rows[-1], len(rows) - 1)
            if rows and step % 3 == 0:
                candidate = " ".join(rng.choices(WORDS, k=rng.randrange(1, 30)))
                assert_equal(index.judge(candidate), brute(candidate, rows))
                assert_twin(index, candidate)
        assert len(index) == len(rows)


@given(st.lists(texts(12), min_size=1, max_size=30), texts(12))
@settings(max_examples=50, deadline=None)
def test_the_answer_does_not_depend_on_what_is_sealed(rows: list[str], candidate: str) -> None:
    answers: list[Novelty] = []
    for first in (1, 8, 1_000_000):
        with sealing(first, words_a_shard=200):
            answers.append(index_of(rows).judge(candidate))
    assert answers[0] == answers[1] == answers[2]


def test_more_words_than_sixteen_bits_count() -> None:
    rows = [" ".join(f"t{row * 90 + number}" for number in range(90)) for row in range(800)]
    with sealing(1):
        index = index_of(rows)
        for number in (0, 727, 728, 799):
            novelty = index.judge(rows[number])
            assert (novelty.nearest, novelty.score) == (number, 1.0)
            assert novelty.mean == pytest.approx(1 / 800)
            assert index.twin(rows[number]) == (number, 1.0)


@given(st.lists(st.integers(0, 2**31 - 2), max_size=200))
def test_counting_sort_is_a_stable_sort(numbers: list[int]) -> None:
    array = np.array(numbers, dtype=np.int32)
    order = novelty_kernel._order_by_word(array)
    assert order.tolist() == sorted(range(len(numbers)), key=lambda place: numbers[place])


# --- order, keys, nothing in common -----------------------------------------------------------------------


def test_an_empty_index() -> None:
    index = NoveltyIndex()
    assert index.judge("anything") == Novelty(0.0, None, [], 0.0)
    assert not index.is_duplicate(index.judge("anything"))
    assert index.twin("anything") is None
    index.threshold = -1
    assert index.twin("anything") is None
    assert len(index) == 0


def test_equal_scores_come_in_the_order_they_were_added() -> None:
    for first in (1, 1_000_000):
        with sealing(first):
            index = NoveltyIndex()
            for key in ["seed:b", "seed:a", 7, 3, "row:1"]:
                index.add("name three colours", key)
            novelty = index.judge("Name three colours!")
            assert novelty.top == [(key, 1.0) for key in ["seed:b", "seed:a", 7, 3, "row:1"]]
            assert novelty.nearest == "seed:b"
            assert index.twin("name three colours") == ("seed:b", 1.0)


def test_many_equal_scores_leave_the_first_ten() -> None:
    rows = ["b c", *["a b c"] * 300, "a b c d"]
    for first in (1, 1_000_000):
        with sealing(first):
            assert_equal(index_of(rows).judge("a b c"), brute("a b c", rows))
            assert index_of(rows).judge("a b c").top == [(number, 1.0) for number in range(1, 11)]


def test_rows_that_share_nothing_fill_up_in_order() -> None:
    rows = ["x y", "a", "", "z", "a b"]
    for first in (1, 1_000_000):
        with sealing(first):
            novelty = index_of(rows).judge("a b")
            assert [key for key, _ in novelty.top] == [4, 1, 0, 2, 3]
            assert [score for _, score in novelty.top][2:] == [0.0, 0.0, 0.0]
            nothing = index_of(rows).judge("unheard of")
            assert nothing == Novelty(0.0, 0, [(number, 0.0) for number in range(5)], 0.0)


def test_texts_without_words_score_nothing_as_in_rouge_score() -> None:
    index = index_of(["???", "", "what is this"])
    for candidate in ("???", "", " \n", "😀"):
        assert index.judge(candidate) == Novelty(0.0, 0, [(0, 0.0), (1, 0.0), (2, 0.0)], 0.0)
        assert index.twin(candidate) is None
    assert len(index) == 3


def test_the_mean_counts_every_row_also_those_without_words() -> None:
    assert index_of(["a b", "", "c d", "???"]).judge("a b").mean == pytest.approx(0.25)


def test_the_threshold_may_change_at_any_time() -> None:
    index = index_of(["one two three four five"], threshold=0.5)
    candidate = "one two three other words"
    score = index.judge(candidate).score
    assert score == rouge(candidate, "one two three four five")
    for index.threshold, duplicate in ((0.5, True), (score, False), (score - 1e-9, True), (1.0, False)):
        assert index.is_duplicate(index.judge(candidate)) is duplicate
        assert (index.twin(candidate) is not None) is duplicate


def test_judging_many_judges_each_against_the_pool_alone() -> None:
    index = index_of(["one two three", "four five"])
    candidates = ["one two", "one two", "four", ""]
    assert index.judge_many(candidates) == [index.judge(candidate) for candidate in candidates]
    assert len(index) == 2


@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_text_at_all(rows: list[str], candidate: str) -> None:
    index = index_of(rows)
    if rows:
        assert_equal(index.judge(candidate), brute(candidate, rows))
    assert_twin(index, candidate)


def test_lone_surrogates_and_control_characters() -> None:
    rows = ["\ud800 broken \x00 text", "\x1b[31mred\u2028line", "\udfff\ud800"]
    index = index_of(rows)
    assert index.judge("broken text").nearest == 0
    assert index.judge("31mred line").top[0] == (1, 1.0)
    assert index.twin(rows[0]) == (0, 1.0)
