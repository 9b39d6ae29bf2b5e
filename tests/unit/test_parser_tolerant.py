"""The tolerant parser: the hard cases, any chunking, any text, real rows, and its pace."""

from __future__ import annotations

import gzip
import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.generation.parser import Task, TolerantParser, parse
from alpaca_tui.generation.parser_block import no_input
from tests.unit.hard_cases import BREAD, CASES, HAIKU, SORT, HardCase, K, task, written


def chunked(text: str, sizes: list[int], finish_reason: str = "stop", k: int = K) -> list[Task]:
    parser = TolerantParser(k)
    tasks: list[Task] = []
    at = turn = 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        tasks += parser.feed(text[at : at + size])
        at += size
        turn += 1
    return tasks + parser.close(finish_reason)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hard_case(case: HardCase):
    assert parse(case.text, K, case.finish_reason) == case.tolerant


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("size", [1, 2, 7, 31])
def test_hard_case_in_chunks(case: HardCase, size: int):
    assert chunked(case.text, [size], case.finish_reason) == case.tolerant


def test_with_and_without_the_leading_header():
    text = written(BREAD, SORT)
    for whole in (
        text,
        "4. Instruction:" + text,
        "\n\n4. Instruction:" + text,
        "###\n4. Instruction:" + text,
    ):
        assert parse(whole, K, "stop") == [BREAD, SORT]


# --- when a task comes out


def test_a_task_comes_out_at_the_colon_of_the_next_header():
    parser = TolerantParser(K)
    assert parser.feed(written(BREAD) + "###\n5. Instruction") == []
    assert parser.feed(":") == [BREAD]
    assert parser.feed(" Sort the numbers.\n5. Input:\n3, 1, 2\n5. Output:\n1, 2, 3\n") == []
    assert parser.close("stop") == [SORT]


def test_a_separator_alone_ends_nothing():
    parser = TolerantParser(K)
    assert parser.feed(written(BREAD) + "###\n") == []
    assert parser.feed("and more\n") == []
    assert parser.close("stop") == [task(4, BREAD.instruction, BREAD.output + "\n###\nand more")]


def test_an_unclosed_fence_holds_back_two_tasks_at_most():
    tasks = [
        task(n, f"Print the number {n}.", f"```\nprint({n})" if n == 4 else str(n)) for n in range(4, 12)
    ]
    parser = TolerantParser(K)
    early = parser.feed(written(*tasks))
    assert early == tasks[:-1]
    assert early + parser.close("length") == [
        *tasks[:-1],
        Task(11, "Print the number 11.", "", "11", truncated=True),
    ]


def test_partial_shows_the_task_being_written():
    parser = TolerantParser(K)
    assert parser.partial is None
    parser.feed(" Explain why")
    assert parser.partial == Task(4, "Explain why", "", "", truncated=True)
    parser.feed(" bread rises.\n4. Inp")
    assert parser.partial == Task(4, "Explain why bread rises.", "", "", truncated=True)
    parser.feed("ut:\n<noinput>\n4. Output:\nYeast")
    assert parser.partial == Task(4, "Explain why bread rises.", "", "Yeast", truncated=True)
    parser.feed(" makes gas.\n###\n5. Instruction: So")
    assert parser.partial == Task(5, "So", "", "", truncated=True)
    parser.close("cancelled")
    assert parser.partial is None


def test_chatter_is_not_shown_as_a_task():
    parser = TolerantParser(K)
    parser.feed("Sure! Here are the tasks")
    assert parser.partial is None


# --- how an answer may end


@pytest.mark.parametrize("reason", ["length", "content_filter", "cancelled", "error"])
def test_a_cut_answer_marks_its_last_task(reason: str):
    assert parse(written(BREAD, SORT), K, reason) == [
        BREAD,
        task(5, "Sort the numbers.", "1, 2, 3", "3, 1, 2", truncated=True),
    ]


@pytest.mark.parametrize(
    "ending", ["###\n", "###", "###\n\n", "###\n6", "###\n6. Instruction:", "###\n6. Instruction: "]
)
@pytest.mark.parametrize("reason", ["length", "cancelled", "error", "stop", "unknown"])
def test_a_separator_seen_before_the_cut_ends_the_task(ending: str, reason: str):
    assert parse(written(BREAD, SORT) + ending, K, reason) == [BREAD, SORT]


def test_a_heading_begun_before_the_cut_ends_nothing():
    (last,) = parse(written(BREAD) + "## Why", K, "length")
    assert last.truncated


@pytest.mark.parametrize("reason", ["stop", "unknown", "eos"])
def test_a_whole_answer_is_not_truncated(reason: str):
    assert parse(written(BREAD, SORT), K, reason) == [BREAD, SORT]


def test_an_unknown_end_inside_a_fence_is_a_cut():
    text = written(BREAD, task(5, "Print two.", "```\nprint(2)"))
    assert parse(text, K, "unknown")[-1].truncated
    assert not parse(text, K, "stop")[-1].truncated


@pytest.mark.parametrize(
    "remark",
    [
        "\nLet me know if you would like more tasks!",
        "\n###\nI hope these help.",
        "\n\nThese are the 20 tasks you asked for.\n",
        "<|endoftext|>",
        "\n###\n<|im_end|>",
    ],
)
def test_closing_remarks_are_no_output(remark: str):
    text = written(BREAD, SORT)
    assert parse(text + remark, K, "stop") == [BREAD, SORT]


def test_a_letter_that_offers_help_stays_whole():
    letter = task(5, "Write a short reply.", "Dear Kim,\n\nLet me know if you need more time.")
    assert parse(written(BREAD, letter), K, "stop") == [BREAD, letter]


def test_close_twice_and_feed_after_close():
    parser = TolerantParser(K)
    parser.feed(written(BREAD))
    assert parser.close("stop") == [BREAD]
    assert parser.close("stop") == []
    assert parser.feed(written(SORT)) == []


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        *(
            (text, True)
            for text in (
                "<noinput>",
                "<NOINPUT>",
                "No input",
                "no-input",
                "[No Input]",
                "(no input).",
                "noinput",
            )
        ),
        *(
            (text, True)
            for text in ("N/A", "n/a.", "<none>", "<empty>", '"<noinput>"', "`<noinput>`", "**No input**")
        ),
        *(
            (text, False)
            for text in ("None", "no input devices work", "NA", "No inputs were lost", "0", "-", "nothing")
        ),
    ],
)
def test_what_counts_as_no_input(text: str, empty: bool):
    assert no_input(text) is empty
    assert parse(f" Do it now.\n4. Input:\n{text}\n4. Output:\ndone", K, "stop")[0].input == (
        "" if empty else text
    )


# --- any text, in any chunks

PIECES = st.sampled_from(
    [
        *(
            "###",
            "##",
            "---",
            "\n",
            "\r\n",
            " ",
            "```",
            "```python",
            "~~~",
            "**",
            "4",
            "5",
            "6",
            "1",
            ".",
            ")",
            ":",
            "：",
        ),
        *(
            "Instruction",
            "Input",
            "Output",
            "instruction:",
            "Task",
            "Task 5:",
            "5. Instruction:",
            "6. Instruction: x\n",
        ),
        *(
            "4. Input:\n",
            "4. Output:\n",
            "5. Input: ",
            "\n5. Output: y\n",
            "\n###\n",
            "<noinput>",
            "### Heading",
            "text",
        ),
        *(
            "\nInstruction: z\n",
            "Input: q\n",
            "Output: r\n",
            "Answer: s\n",
            "5. do it\n",
            "Sure:\n",
            "\x00",
            "\ud800",
            "é",
            "文",
        ),
        *(
            "**5. Instruction:** b\n",
            "**4. Output:**",
            "</s>",
            "<think>",
            "</think>",
            "**5. Instruction:** b\n",
            "Let me know if you want more tasks",
            "\u2028",
            "\t",
            "7. Instruction:",
            "8. Output: ok\n",
        ),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=200))
REASONS = st.sampled_from(["stop", "length", "cancelled", "error", "unknown", "content_filter", ""])


@settings(max_examples=600, deadline=None)
@given(
    text=TEXTS,
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    reason=REASONS,
    k=st.integers(0, 5),
)
def test_same_tasks_however_the_text_is_cut(text: str, sizes: list[int], reason: str, k: int):
    whole = parse(text, k, reason)
    assert chunked(text, sizes, reason, k) == whole
    assert chunked(text, [1], reason, k) == whole


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, reason=REASONS)
def test_fields_are_stripped_and_no_empty_task_comes_out(text: str, reason: str):
    for each in parse(text, K, reason):
        assert each.instruction or each.input or each.output
        assert all(part == part.strip() for part in (each.instruction, each.input, each.output))


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_partial_never_raises(text: str):
    parser = TolerantParser(K)
    for sign in text:
        parser.feed(sign)
        assert parser.partial is None or parser.partial.truncated


LINES = st.sampled_from(
    [
        *(
            "A plain line.",
            "### Heading",
            "## Smaller",
            "#",
            "20. twenty",
            "20.",
            "1. one",
            "- item",
            "---",
            "| a | b |",
        ),
        *(
            "    indented = 1",
            "",
            "Input: a label",
            "Output: another",
            "Answer: 42",
            "$20.",
            "日本語の行",
            "# Output: 3",
        ),
        *(
            "```python\nx = 1\n###\n5. Instruction: no\n```",
            "```\n6. Output:\n```",
            "###\nnot a header",
            "Note: this",
            "5",
        ),
    ]
)
WORDS = st.sampled_from(
    ["Explain", "Sort", "Why", "the", "numbers", "of", "a", "river", "20.", "plan", "now?", "文"]
)


@st.composite
def real_tasks(draw: st.DrawFn) -> list[Task]:
    tasks: list[Task] = []
    for number in range(4, 4 + draw(st.integers(1, 8))):
        instruction = "Tell " + " ".join(draw(st.lists(WORDS, min_size=1, max_size=12)))
        given_text = "\n".join(draw(st.lists(LINES, max_size=4))).strip()
        output = ("Yes.\n" + "\n".join(draw(st.lists(LINES, max_size=6))) + "\nThat is all.").strip()
        tasks.append(Task(number, instruction, given_text, output))
    return tasks


@settings(max_examples=300, deadline=None)
@given(tasks=real_tasks(), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_tasks_written_in_the_format_come_back(tasks: list[Task], sizes: list[int]):
    assert chunked(written(*tasks), sizes) == tasks


# --- real rows


def _rows(data_dir: Path, name: str) -> list[dict[str, str]]:
    path = data_dir / name
    if name.endswith(".gz"):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            return [json.loads(line) for line in lines]
    return json.loads(path.read_text("utf-8"))


def _as_parsed(row: dict[str, str]) -> tuple[str, str, str]:
    """The row as any parser of this format must give it: stripped, one kind of line end, and an input
    that only says there is none (97 of the 7,000 published rows) empty."""
    instruction, given_text, output = (
        row[name].replace("\r\n", "\n").strip() for name in ("instruction", "input", "output")
    )
    return instruction, "" if no_input(given_text) else given_text, output


@pytest.mark.parametrize(
    ("name", "merged"),
    [
        ("alpaca_first5000.json", 4),
        ("alpaca_sample.json", 3),
        ("alpaca_rows.jsonl.gz", 12),
        ("other_rows.jsonl.gz", 3),
    ],
)
def test_real_rows_survive_the_format(data_dir: Path, name: str, merged: int):
    """Real rows, twenty to an answer, cut at random: none is lost.

    Rows that cannot be represented hold a whole further task, header and all, at the start of a line of
    their output (the published data's own merged tasks): `merged` of them are split in two, which is
    what they are. Every other row comes back exactly.
    """
    rng = random.Random(name)
    rows = _rows(data_dir, name)
    lost: list[dict[str, str]] = []
    for start in range(0, len(rows), 20):
        answer = rows[start : start + 20]
        text = written(
            *(Task(4 + i, row["instruction"], row["input"], row["output"]) for i, row in enumerate(answer))
        )
        got = {
            (t.instruction, t.input, t.output) for t in chunked(text, [rng.randint(1, 60) for _ in range(9)])
        }
        lost += [row for row in answer if _as_parsed(row) not in got]
    for row in lost:
        assert ". Instruction:" in row["output"]
    assert len(lost) <= merged


def test_real_rows_with_other_habits(data_dir: Path):
    """The same rows written as chat models like to: bold labels, rules between, no numbers, no input label."""
    rows = [row for row in _rows(data_dir, "alpaca_sample.json") if "nput:" not in "".join(row.values())][
        :1500
    ]
    lost = {"bold": 0, "plain": 0, "short": 0}
    for start in range(0, len(rows), 20):
        answer = rows[start : start + 20]
        wanted = [_as_parsed(row) for row in answer]
        styles = {
            "bold": "Sure!\n\n"
            + "\n\n---\n\n".join(
                f"**{n}. Instruction:** {r['instruction']}\n**{n}. Input:** {r['input'] or 'None needed'}\n"
                f"**{n}. Output:**\n{r['output']}"
                for n, r in enumerate(answer, 4)
            ),
            "plain": "\n\n".join(
                f"Instruction: {r['instruction']}\nInput: {r['input']}\nOutput: {r['output']}" for r in answer
            ),
            "short": "\n###\n".join(
                f"{n}. Instruction: {r['instruction']}\n"
                + (f"{n}. Input: {r['input']}\n" if r["input"] else "")
                + f"{n}. Output: {r['output']}"
                for n, r in enumerate(answer, 4)
            ),
        }
        for style, text in styles.items():
            got = {
                (t.instruction, "" if t.input == "None needed" else t.input, t.output)
                for t in parse(text, K, "stop")
            }
            lost[style] += sum(want not in got for want in wanted)
    assert lost == {"bold": 0, "plain": 0, "short": 0}


# --- pace


def _answer(characters: int) -> str:
    one = written(*(Task(n, HAIKU.instruction, SORT.input, HAIKU.output * 3) for n in range(4, 24)))
    return one * (characters // len(one) + 1)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("hashes", "#"),
        ("hash lines", "###\n"),
        ("open fences", "```\n5. Instruction: x\n"),
        ("fences and outputs", "4. Output: x\n```\n5. Instruction: x\n5. Output: y\n```\n"),
        ("fields of the next task", "4. Output: x\n5. Input: y\n"),
        ("colons", "4:"),
        ("blanks", " "),
        ("newlines", "\n"),
        ("titles", "Task 5\n\n"),
        ("wrapped", "```\n###\n"),
        ("stars", "**"),
        ("backticks", "`"),
    ],
)
def test_time_grows_with_the_text_alone(name: str, unit: str):
    """A megabyte of what might backtrack or rescan takes a moment, in one piece or many."""
    text = "```\n4. Instruction: x\n4. Output:\n" * (name == "wrapped") + unit * (1_000_000 // len(unit))
    for size in (len(text), 997):
        start = time.process_time()
        chunked(text, [size])
        assert time.process_time() - start < 8


def test_five_megabytes_letter_by_letter():
    text = _answer(5_000_000)
    start = time.process_time()
    tasks = chunked(text, [1])
    assert time.process_time() - start < 40
    assert len(tasks) > 10_000
