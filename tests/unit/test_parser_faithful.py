"""The rules of the 2023 release, to the letter, on cases made for each of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.generation.parser import Task, parse, parse_faithful, strip_leading_header
from tests.unit.hard_cases import BREAD, CASES, HAIKU, SORT, HardCase, K, task, written


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hard_case(case: HardCase):
    assert parse_faithful(strip_leading_header(case.text, K), K, case.finish_reason) == case.faithful
    assert parse(case.text, K, case.finish_reason, "faithful") == case.faithful


def test_the_cases_show_what_the_release_lost():
    """Of the good tasks in the hard cases (whole, with an output), the old rules lose many and bring back
    some in a wrong shape; the tolerant parser loses none."""
    good = [(case, each) for case in CASES for each in case.tolerant if not each.truncated and each.output]
    lost = [each for case, each in good if each not in case.faithful]
    invented = [each for case in CASES for each in case.faithful if each not in case.tolerant]
    assert len(good) > 80
    assert len(lost) > 40
    assert len(invented) >= 10
    for case, each in good:
        assert each in parse(case.text, K, case.finish_reason)


def test_the_last_piece_goes_with_a_length_cut_only():
    text = written(BREAD, SORT)
    assert parse_faithful(text, K, "length") == [BREAD]
    for reason in ("stop", "cancelled", "content_filter", ""):
        assert parse_faithful(text, K, reason) == [BREAD, SORT]
    assert parse_faithful(text + "###", K, "length") == [BREAD, SORT]


def test_numbers_follow_the_place_of_the_piece():
    assert parse_faithful(written(BREAD, HAIKU), K, "stop") == [BREAD]
    assert parse_faithful(
        written(BREAD) + "###\nchatter\n###\n6. Instruction:" + written(HAIKU), K, "stop"
    ) == [BREAD, HAIKU]
    assert parse_faithful(written(task(1, "A?", "b")), 0, "stop") == [task(1, "A?", "b")]


def test_labels_may_say_anything_and_stand_anywhere():
    assert parse_faithful(" a 4. Output: b 4. Instruction: c", K, "stop") == [Task(4, "a", "b", "c")]
    assert parse_faithful(" a 14. Output: b 4.\n Input: c", K, "stop") == [Task(4, "a 1", "b", "c")]
    assert parse_faithful(" a 4. output: b 4. Input: c", K, "stop") == []
    assert parse_faithful(" a 4.Output: b 4. Input: c", K, "stop") == []


@pytest.mark.parametrize(
    ("given_text", "kept"), [("<NoInput>", ""), ("<noinput>", ""), (" noinput", "noinput")]
)
def test_only_one_spelling_of_no_input(given_text: str, kept: str):
    assert parse_faithful(f" a\n4. Input:\n{given_text}\n4. Output: b", K, "stop") == [
        Task(4, "a", kept, "b")
    ]


@pytest.mark.parametrize(
    "lead", ["4. Instruction:", "\n4. Instruction:", "###\n4. Instruction:", " ### 4.Instruction:"]
)
def test_a_leading_header_is_taken_off(lead: str):
    assert strip_leading_header(lead + " Sort.", K) == " Sort."


@pytest.mark.parametrize(
    "text", [" Sort.", "5. Instruction: x", "14. Instruction: x", "Sure:\n4. Instruction: x", ""]
)
def test_other_text_is_left_alone(text: str):
    assert strip_leading_header(text, K) == text


_PIECES = st.sampled_from(
    [
        *(
            "###",
            "4. Instruction:",
            "4. Input:",
            "4. Output:",
            "5. Instruction:",
            "5. Input:\n",
            "5. Output:",
            "6. Output: ",
        ),
        "x",
        *(
            "\n",
            " ",
            "<noinput>",
            "14. Input:",
            "4.  Input:",
            "4.Input:",
            "é",
            "�",
            "\x00",
            "6. Input:",
            "## ",
        ),
    ]
)


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(st.lists(_PIECES, max_size=40).map("".join), st.text(max_size=80)), cut=st.booleans())
def test_rules_restated_piece_by_piece(text: str, cut: bool):
    """The same rules said another way: count the labels of the piece's own number, take what lies between."""
    pieces = ("4. Instruction:" + text).split("###")
    wanted: list[Task] = []
    for index, piece in enumerate(pieces):
        number = str(4 + index)
        spans = [m.span() for m in re.finditer(number + r"\.\s+(?:Instruction|Input|Output):", piece)]
        if len(spans) != 3 or (cut and index == len(pieces) - 1):
            continue
        ends = [*(start for start, _ in spans[1:]), len(piece)]
        fields = [piece[end:stop].strip() for (_, end), stop in zip(spans, ends, strict=True)]
        wanted.append(
            Task(int(number), fields[0], "" if fields[1].lower() == "<noinput>" else fields[1], fields[2])
        )
    assert parse_faithful(text, 3, "length" if cut else "stop") == wanted
