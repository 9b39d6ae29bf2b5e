"""Each filter at its edges, in both modes, and its configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.errors import UserError
from alpaca_tui.generation.filters import (
    FORBIDDEN_WORDS,
    RULES,
    FilterRules,
    Rejection,
    check,
    count_words,
    is_english,
    task_marker,
)
from alpaca_tui.generation.parser import Task
from tests.unit.hard_cases import CASES

TOLERANT = FilterRules()
FAITHFUL = FilterRules(mode="faithful")


def rule_of(
    instruction: str, given_text: str = "", output: str = "An answer.", rules: FilterRules = TOLERANT
) -> str | None:
    rejection = check(Task(4, instruction, given_text, output), rules)
    return rejection.rule if rejection else None


@pytest.mark.parametrize("rules", [TOLERANT, FAITHFUL], ids=["tolerant", "faithful"])
@pytest.mark.parametrize(
    ("instruction", "rule"),
    [
        ("Sort these numbers.", "too-short"),
        ("Sort these three numbers.", None),
        ("word " * 150, None),
        ("word " * 151, "too-long"),
        ("Describe the Image in words.", "forbidden-word"),
        ("Describe the imagery in words.", None),
        ("Explain how to GO TO sleep early.", "forbidden-word"),
        ("Explain how to go\nto sleep early.", None),
        ("Compare the graph-like structures here.", "forbidden-word"),
        ("Profile the paragraph and remap it.", None),
        ("Name three famous maps_of Europe.", None),
        ("Write a program that sorts numbers.", "write-a-program"),
        ("write a program that sorts numbers.", None),
        ("Write a programming joke for children.", "write-a-program"),
        ("Please do: Write a program now.", None),
        ('"Sort" these three numbers now.', "starts-with-punctuation"),
        ("_Sort_ these three numbers now.", "starts-with-punctuation"),
        ("École is French for what?", "starts-non-ascii"),
        ("What is “école” in French?", None),
        ("1 plus 1 is what?", None),
    ],
)
def test_rules_of_the_release(rules: FilterRules, instruction: str, rule: str | None):
    assert rule_of(instruction, rules=rules) == rule


@pytest.mark.parametrize("word", FORBIDDEN_WORDS)
def test_every_forbidden_word(word: str):
    assert check(Task(4, f"Please tell about {word.upper()}, thank you.", "", "x"), TOLERANT) == Rejection(
        "forbidden-word", f'contains "{word}"'
    )


def test_the_forbidden_words_are_those_of_the_release():
    assert len(FORBIDDEN_WORDS) == len(set(FORBIDDEN_WORDS)) == 18


OURS = [
    ("Explain why bread rises.", "", "", "empty-output"),
    ("Explain why bread rises.", "", " \n\t\u200b\ufeff", "empty-output"),
    ("Explain why bread rises.", "", "Gas.\n5. Instruction: Sort.\n5. Input:\nx", "task-marker"),
    ("Explain why bread rises.", "", "Gas. 5. Instruction: Sort.", "task-marker"),
    ("Explain why bread rises. 4. Input: x", "", "Gas.", "task-marker"),
    ("Instruction: Explain why bread rises.", "", "Gas.", "task-marker"),
    ("Explain why bread rises.", "<noinput> or not", "Gas.", "task-marker"),
    ("Explain why bread rises.", "", "Gas.\n### Response: x", "task-marker"),
    ("Explain why bread rises.", "", "Gas.<|endoftext|>", "task-marker"),
    ("Explain why bread rises.", "", "Gas.\n###\n5. Sort the numbers.", "task-marker"),
    ("Explain why bread rises.", "", "Explain why  bread rises.", "output-echo"),
    ("Repeat the given words.", "One two", " One\ntwo", "output-echo"),
    ("", "", "Gas.", "empty-instruction"),
    ("  ", "", "Gas.", "empty-instruction"),
]


@pytest.mark.parametrize(("instruction", "given_text", "output", "rule"), OURS)
def test_rules_of_ours_in_tolerant_mode_only(instruction: str, given_text: str, output: str, rule: str):
    assert rule_of(instruction, given_text, output) == rule
    assert rule_of(instruction, given_text, output, FAITHFUL) == (
        "too-short" if rule == "empty-instruction" else None
    )


@pytest.mark.parametrize(
    "output",
    [
        "### Evaporation\nThe sun warms the sea.",
        "Input: chien\nOutput: dog",
        "# Output: 3\nprint(3)",
        "1. Cut.\n2. Boil.\n20. Eat.",
        "```\n5. Instruction: in a fence\n###\n5. Output: x\n```",
        "above\n###\nbelow",
        "Instructions:\n1. Mix.",
        "### Output:\n42",
    ],
)
def test_what_is_no_task_marker(output: str):
    assert task_marker(output) is None
    assert rule_of("Explain why bread rises.", "", output) is None


def test_an_unclosed_fence_hides_nothing_before_it():
    assert task_marker("4. Input: x\n```\ncode") == "4. Input:"


def test_an_answer_that_corrects_capitals_or_commas_is_no_echo() -> None:
    assert rule_of("Put the capitals in.", "anna lives in rome", "Anna lives in Rome") is None
    assert rule_of("Put the commas in.", "Well well", "Well, well") is None


def test_good_tasks_of_the_hard_cases_pass_unless_cut_short():
    """What the tolerant parser brings back from merged and disordered answers holds no leftovers."""
    for case in CASES:
        for each in case.tolerant:
            rejection = check(each, FilterRules(off=("too-short", "starts-non-ascii")))
            listing = "Instruction: fold" in each.output or "14. Input:" in each.output
            if each.output and not listing:
                assert rejection is None, (case.name, rejection)


# --- languages


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Write a poem about spring", 5),
        ("写一首关于春天的诗", 5),
        ("日本の首都はどこですか", 6),
        ("한국의 수도는 어디입니까 알려줘", 4),
        ("Напиши стихотворение о весне", 4),
        ("用 Python 写一个排序函数", 5),
        ("Translate 春天 into good English", 5),
        ("", 0),
    ],
)
def test_words_are_counted_in_any_script(text: str, words: int):
    assert count_words(text) == words


def test_chinese_is_not_too_short_but_short_chinese_is():
    chinese = FilterRules(language="Chinese")
    assert rule_of("写一首关于春天的诗", rules=chinese) is None
    assert rule_of("写诗吧", rules=chinese) == "too-short"
    assert rule_of("写" * 301, rules=chinese) == "too-long"
    assert (
        rule_of("写一首关于春天的诗", rules=FilterRules(language="Chinese", mode="faithful")) == "too-short"
    )


def test_another_language_switches_the_ascii_rule_off():
    instruction = "Écris un poème sur le printemps."
    for rules in (TOLERANT, FAITHFUL, FilterRules(language="en-GB")):
        assert rule_of(instruction, rules=rules) == "starts-non-ascii"
    for mode in ("tolerant", "faithful"):
        assert rule_of(instruction, rules=FilterRules().for_run(language="French", mode=mode)) is None


@pytest.mark.parametrize(
    ("name", "english"), [("English", True), ("", True), ("EN", True), ("en_US", True), ("Enga", False)]
)
def test_what_is_english(name: str, english: bool):
    assert is_english(name) is english


def test_forbidden_words_of_scripts_without_blanks():
    rules = FilterRules(language="Chinese", forbidden_words=("图片", "c++"))
    assert rule_of("请描述这张图片里面有什么", rules=rules) == "forbidden-word"
    assert rule_of("Explain pointers in C++ briefly.", rules=rules) == "forbidden-word"
    assert rule_of("Explain the image in detail.", rules=rules) is None


# --- configuration


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_explained_and_can_be_switched_off(rule: str):
    assert RULES[rule]
    assert rule in FilterRules().in_force()
    assert rule not in FilterRules(off=(rule,)).in_force()
    every = FilterRules(off=tuple(RULES))
    assert check(Task(4, "", "", ""), every) is None
    assert check(Task(4, '"é image', "x", "x"), every) is None


def test_limits_and_words_can_be_changed():
    assert rule_of("Sort.", rules=FilterRules(min_words=1)) is None
    assert rule_of("Sort these three numbers.", rules=FilterRules(max_words=3, min_words=1)) == "too-long"
    assert rule_of("Describe the image for me.", rules=FilterRules(forbidden_words=())) is None
    assert (
        rule_of("Tell me about bread today.", rules=FilterRules(forbidden_starts=("Tell me",)))
        == "write-a-program"
    )


def test_details_are_plain_words():
    assert check(Task(1, "Sort.", "", "x"), TOLERANT) == Rejection("too-short", "1 word, at least 4 wanted")
    assert check(Task(1, "éa b c d", "", "x"), TOLERANT) == Rejection(
        "starts-non-ascii", 'starts with "é" (U+00E9)'
    )
    assert check(Task(1, "\x1b[31m b c d", "", "x"), TOLERANT) is None
    assert check(Task(1, "\x9b[31m b c d", "", "x"), TOLERANT) == Rejection(
        "starts-non-ascii", 'starts with "<U+009B>" (U+009B)'
    )


RULE_SETS = st.builds(
    FilterRules,
    language=st.sampled_from(["English", "Deutsch", "中文"]),
    mode=st.sampled_from(["tolerant", "faithful"]),
    off=st.lists(st.sampled_from(list(RULES)), unique=True).map(tuple),
    min_words=st.integers(0, 10),
    max_words=st.integers(10, 500),
    forbidden_words=st.lists(st.text(min_size=1).filter(str.strip), max_size=4).map(tuple),
    forbidden_starts=st.lists(st.text(min_size=1).filter(str.strip), max_size=4).map(tuple),
)


@given(rules=RULE_SETS)
def test_json_round_trip(rules: FilterRules):
    assert FilterRules.from_json(json.loads(json.dumps(rules.to_json()))) == rules


@given(
    rules=RULE_SETS,
    instruction=st.text(max_size=60),
    given_text=st.text(max_size=20),
    output=st.text(max_size=60),
)
def test_never_raises_and_names_a_rule_in_force(
    rules: FilterRules, instruction: str, given_text: str, output: str
):
    rejection = check(Task(1, instruction, given_text, output), rules)
    assert rejection is None or (rejection.rule in rules.in_force() and rejection.detail)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "not a list"),
        ({"min_word": 3}, "min_words"),
        ({"min_words": "3"}, "not text"),
        ({"min_words": True}, "true or false"),
        ({"min_words": -1}, "from 0 up"),
        ({"min_words": 9, "max_words": 8}, "larger than"),
        ({"mode": "strict"}, "'strict'"),
        ({"language": None}, "nothing"),
        ({"off": ["too-shrt"]}, "too-short"),
        ({"off": "too-short"}, "list of texts"),
        ({"forbidden_words": ["", "x"]}, "no text"),
        ({"forbidden_words": [1]}, "no text"),
        ({"forbidden_starts": {"a": 1}}, "an object"),
    ],
)
def test_bad_configuration_says_what_is_wrong(data: object, said: str):
    with pytest.raises(UserError) as fault:
        FilterRules.from_json(data)
    assert said in str(fault.value)


# --- real rows


def test_published_rows_pass_the_rules_of_the_release(data_dir: Path):
    """The published data went through these filters, so none of its rows may fail them (its instructions
    were kept as written); ours find its known defects."""
    rows = json.loads((data_dir / "alpaca_first5000.json").read_text("utf-8"))
    tasks = [Task(None, row["instruction"], row["input"], row["output"]) for row in rows]
    assert [check(each, FAITHFUL) for each in tasks if check(each, FAITHFUL)] == []
    found = [rejection.rule for each in tasks if (rejection := check(each, TOLERANT))]
    assert set(found) == {"empty-output", "task-marker", "output-echo"}
    assert 0 < len(found) < 0.02 * len(rows)
