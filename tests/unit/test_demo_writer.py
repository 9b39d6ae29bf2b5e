"""What the demo teacher reads in a prompt and how it writes: numbers, format, flaws, and how much it yields."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from alpaca_tui.generation.filters import FilterRules, check
from alpaca_tui.generation.novelty import NoveltyIndex
from alpaca_tui.generation.parser import parse
from alpaca_tui.generation.prompt import Prompt, PromptSettings, build_prompt
from alpaca_tui.generation.seeds import SeedTask, load_builtin
from alpaca_tui.teacher.demo.protocol import read_request, reply_to
from alpaca_tui.teacher.demo.reading import read_prompt
from alpaca_tui.teacher.demo.tokens import count_tokens, token_ends
from alpaca_tui.teacher.demo.writer import Written, answer, draw_tasks, seeded

KEPT = [SeedTask(f"row:{n}", "", f"Tell kept story {n}", "", f"Story {n}.", None) for n in range(30)]


def prompt(number: int = 0, **settings: object) -> Prompt:
    made = PromptSettings(**settings)  # type: ignore[arg-type]
    return build_prompt(made, load_builtin(), KEPT if made.from_kept else [], random.Random(number))


def chat_text(made: Prompt) -> str:
    return "\n".join(content for _, content in made.chat)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tasks": 7},
        {"examples": 1},
        {"examples": 6, "tasks": 12},
        {"examples": 2, "from_kept": 2},
        {"topic": "cooking for 2 to 4 people"},
        {"language": "German"},
    ],
)
def test_our_own_prompts_are_read_right(settings: dict[str, object]) -> None:
    for number in range(20):
        made = prompt(number, **settings)
        wanted_tasks = settings.get("tasks", 20)
        chat = read_prompt(chat_text(made), completion=False)
        assert chat is not None
        assert (chat.first, chat.count, chat.continues) == (made.k + 1, wanted_tasks, False)
        assert len(chat.shown) == made.k
        legacy = read_prompt(made.text, completion=True)
        assert legacy is not None
        assert (legacy.first, legacy.count, legacy.continues) == (made.k + 1, wanted_tasks, True)


EXAMPLE = "1. Instruction: Add 2 to 3\n1. Input:\n<noinput>\n1. Output:\n5"


@pytest.mark.parametrize(
    ("text", "completion", "first", "count", "continues"),
    [
        (f"{EXAMPLE}\n###\n2. Instruction:", True, 2, 20, True),
        (f"{EXAMPLE}\n###\n2. Instruction: ", True, 2, 20, True),
        (f"{EXAMPLE}\n###\n2. Instruction:", False, 2, 20, False),
        (
            f"You are asked for a set of 15 diverse task instructions.\n{EXAMPLE}\n###\n2. Instruction:",
            True,
            2,
            15,
            True,
        ),
        (f"{EXAMPLE}\n\nNow write tasks 2-6.", False, 2, 5, False),
        (f"{EXAMPLE}\n###\nNow write tasks 2 through 4.", False, 2, 3, False),
        ("Write 5 tasks as 'N. Instruction:', 'N. Input:', 'N. Output:'.", False, 1, 5, False),
        ("Number them 1 to 9, each `N. Instruction:` of 1 to 2 sentences.", False, 1, 9, False),
        (f"Ask for 9000 tasks\n{EXAMPLE}", False, 2, 20, False),
        ("7. Instruction: x\n7. Input:\n\n7. Output:\ny", False, 8, 20, False),
    ],
)
def test_other_prompts_are_read_right(
    text: str, completion: bool, first: int, count: int, continues: bool
) -> None:
    wanted = read_prompt(text, completion=completion)
    assert wanted is not None
    assert (wanted.first, wanted.count, wanted.continues) == (first, count, continues)


@pytest.mark.parametrize(
    "text", ["", "Hello!", "What is the capital of France?", "Write 20 tasks.", "###", "\x00"]
)
def test_other_questions_are_no_request_for_tasks(text: str) -> None:
    assert read_prompt(text, completion=False) is None
    assert "demo teacher" in answer(text, completion=False, rng=seeded(text)).text


@pytest.mark.parametrize("completion", [False, True])
def test_without_flaws_every_task_is_read_back_and_fit(completion: bool) -> None:
    for number in range(15):
        made = prompt(number)
        text = made.text if completion else chat_text(made)
        written = answer(text, completion=completion, rng=seeded(number), flaws=0)
        assert not written.cut_off
        for parser in ("tolerant", "faithful") if completion else ("tolerant",):
            tasks = parse(written.text, made.k, "stop", parser)
            assert [task.number for task in tasks] in (list(range(made.k + 1, made.k + 21)), [None] * 20)
            for task in tasks:
                assert check(task, FilterRules()) is None
                assert not task.truncated


def test_written_tasks_are_the_drawn_ones() -> None:
    text = chat_text(prompt(3))
    wanted = read_prompt(text, completion=False)
    assert wanted is not None
    drawn = draw_tasks(seeded("same"), wanted.count, wanted.shown)
    tasks = parse(answer(text, completion=False, rng=seeded("same"), flaws=0).text, 3, "stop", "tolerant")
    assert [(t.instruction, t.input, t.output) for t in tasks] == [
        (d.instruction, d.input, d.output) for d in drawn
    ]


def test_what_the_prompt_shows_is_avoided() -> None:
    plain = draw_tasks(seeded("x"), 20)
    shown = tuple(task.instruction for task in plain[:10])
    again = draw_tasks(seeded("x"), 20, shown)
    assert not set(shown) & {task.instruction for task in again}


def test_tasks_of_one_answer_are_of_different_families() -> None:
    for seed in range(20):
        names = [task.family for task in draw_tasks(seeded(seed), 20)]
        assert len(set(names)) == 20


def test_more_tasks_than_families_can_be_asked_for() -> None:
    assert len(draw_tasks(seeded("many"), 200)) == 200


def test_the_same_seed_writes_the_same_and_another_does_not() -> None:
    text = chat_text(prompt())
    first = answer(text, completion=False, rng=seeded(1, text))
    assert first == answer(text, completion=False, rng=seeded(1, text))
    assert first != answer(text, completion=False, rng=seeded(2, text))


def test_flaws_come_at_the_set_rate_and_in_every_kind() -> None:
    """Each kind leaves a mark of its own in the text; whole answers are cut off or prefaced now and then."""
    marks = Counter[str]()
    cut = prefaced = 0
    for number in range(250):
        text = chat_text(prompt(number))
        written = answer(text, completion=False, rng=seeded(number), flaws=0.3)
        cut += written.cut_off
        prefaced += not written.text.startswith("4")
        found = {
            "empty output": re.search(r"Output:\n\n(###|##|---)", written.text),
            "other separator": re.search(r"^(##|---|####)$", written.text, re.MULTILINE),
            "no input in words": re.search(r"Input:\n(No input|<no input>|N/A|None)\n", written.text),
            "leftover label": re.search(r"Output:\n\d+\. Output:", written.text),
            "heading": re.search(r"Output:\n##+ (Answer|Result)", written.text),
            "bracket numbering": re.search(r"^\d+\) Instruction:", written.text, re.MULTILINE),
            "forbidden": re.search(r"Instruction: (Draw|Sketch|Plot|Write a program)", written.text),
            "punctuation": re.search(r"Instruction: [-*\"…]", written.text),
            "too short": re.search(r"Instruction: \w+ \w+\.\n", written.text),
            "polite repeat": re.search(
                r"Instruction: (Please|Now|Kindly|Tell me:|Please answer:) ", written.text
            ),
        }
        marks.update(kind for kind, match in found.items() if match)
    assert len(marks) == 10, marks
    assert 10 < cut < 60
    assert 10 < prefaced < 90
    clean = answer(text, completion=False, rng=seeded(0), flaws=0)
    assert not clean.cut_off


def test_default_flaws_leave_four_of_five_tasks_fit_and_it_yields_enough() -> None:
    """The whole road without HTTP: prompts, answers, parser, filters, novelty against the seeds and all
    that was kept. At least 1,500 kept tasks at threshold 0.7, and no early saturation."""
    seeds, rules, index = load_builtin(), FilterRules(), NoveltyIndex(0.7)
    for seed in seeds:
        index.add(seed.instruction, f"seed:{seed.id}")
    kept: list[bool] = []
    with_input = 0
    number = 0
    while sum(kept) < 1500 and len(kept) < 2400:
        made = build_prompt(PromptSettings(), seeds, [], random.Random(number))
        text = chat_text(made)
        written = answer(text, completion=False, rng=seeded(0, text))
        number += 1
        for task in parse(written.text, made.k, "length" if written.cut_off else "stop", "tolerant"):
            fit = not task.truncated and check(task, rules) is None
            fit = fit and not index.is_duplicate(index.judge(task.instruction))
            kept.append(fit)
            if fit:
                index.add(task.instruction, len(kept))
                with_input += bool(task.input)
    assert sum(kept) >= 1500, len(kept)
    assert 0.75 <= sum(kept[:400]) / 400 <= 0.93
    assert sum(kept[-400:]) / 400 > 0.55
    assert 0.3 < with_input / sum(kept) < 0.5


def test_tokens_cover_the_text() -> None:
    text = "One, two;\n\nthree  façade 日本語 12345678901 \U0001f999!"
    ends = token_ends(text)
    assert ends == sorted(set(ends))
    assert ends[-1] == len(text)
    assert count_tokens(text) == len(ends)
    assert count_tokens("") == 0
    plain = "The demo teacher writes plain English sentences of common length. " * 20
    assert 3 < len(plain) / count_tokens(plain) < 6


def test_stop_strings_and_limits_cut_the_reply() -> None:
    body = b'{"model": "demo-alpaca", "prompt": "x", "stop": ["zz", "b c"], "max_tokens": 3}'
    asked = read_request(body, "completions")
    assert reply_to(asked, Written("a b c d e")).text == "a "
    assert reply_to(asked, Written("a b c d e")).finish_reason == "stop"
    long = reply_to(asked, Written("a a a a a"))
    assert (long.text, long.finish_reason, long.usage["completion_tokens"]) == ("a a a", "length", 3)
    assert reply_to(asked, Written("a", cut_off=True)).finish_reason == "length"
