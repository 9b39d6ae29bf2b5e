"""The prompt: what it says, what it shows, and what a user's own text may hold."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.generation.parser import Task, parse
from alpaca_tui.generation.prompt import (
    PLACEHOLDERS,
    PromptSettings,
    build_prompt,
    can_be_shown,
    check_template,
    default_template,
    estimate_tokens,
    hash_template,
    load_template,
    render_example,
)
from alpaca_tui.generation.seeds import SeedTask, load_builtin


def seed(name: str, instruction: str = "", given_text: str = "", output: str = "An answer.") -> SeedTask:
    return SeedTask(name, name, instruction or f"Tell me about {name}.", given_text, output)


SEEDS = [seed(f"s{n}", given_text="some input" if n % 2 else "") for n in range(20)]
KEPT = [seed(f"row:{n}") for n in range(10)]


def built(
    seed_number: int = 1,
    seeds: list[SeedTask] = SEEDS,
    kept: list[SeedTask] | None = None,
    **settings: object,
):
    return build_prompt(PromptSettings(**settings), seeds, kept or [], random.Random(seed_number))  # type: ignore[arg-type]


def question(prompt: object) -> str:
    ((role, content),) = prompt.chat  # type: ignore[attr-defined]
    assert role == "user"
    return content


# --- what it says


def test_both_forms_ask_for_the_right_numbers():
    prompt = built()
    assert prompt.k == 3
    assert prompt.text.endswith("\n###\n4. Instruction:")
    for text in (prompt.text, question(prompt)):
        assert "20 new tasks, numbered 4 to 23" in text
    assert "tasks 4 to 23" in question(prompt)[-250:]
    other = built(examples=5, tasks=7)
    assert other.text.endswith("\n###\n6. Instruction:")
    assert "7 new tasks, numbered 6 to 12" in question(other)


def test_requirements_are_numbered_from_one_without_a_gap():
    numbers = [int(match) for match in re.findall(r"^(\d+)\. ", default_template(), re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 9


@pytest.mark.parametrize(
    "words",
    [
        *(
            "verb",
            "questions",
            "commands",
            "open-ended",
            "classification",
            "editing",
            "question answering",
            "reasoning",
        ),
        *(
            "reads and writes text",
            "one or two sentences",
            "under 100 words",
            "<noinput>",
            "under about 100 words",
            "English",
        ),
    ],
)
def test_every_requirement_is_there(words: str):
    assert words in question(built())


def test_the_wording_is_ours():
    """No run of eight words of the release's prompt (checked by the phrases it is known for)."""
    text = question(built()).lower()
    for phrase in (
        "you are asked to come up with",
        "try not to repeat the verb for each instruction",
        "a gpt language model should be able to complete",
        "either an imperative sentence or a question is permitted",
        "the output should be an appropriate response to the instruction and the input",
        "list of 20 tasks",
    ):
        assert phrase not in text


def test_language_and_topic_are_said_where_they_are_set():
    text = question(built(language="Swiss\nGerman", topic=" sailing\n boats. "))
    assert "in Swiss German" in text
    assert "this topic: sailing boats." in text
    plain = question(built())
    assert "topic:" not in plain
    assert "\n\n\n" not in plain


def test_settings_are_said_even_where_a_template_has_no_place_for_them():
    template = "Please invent tasks."
    prompt = built(template=template, language="Italian", topic="opera")
    assert "in Italian" in question(prompt)
    assert "this topic: opera" in prompt.text
    english = built(template=template)
    assert question(english).startswith("Please invent tasks.\n\n1. Instruction:")
    assert "English" not in question(english)


# --- what it shows


def test_examples_are_the_sampled_seeds_in_the_format():
    prompt = built()
    by_id = {each.id: each for each in SEEDS}
    shown = parse(
        prompt.text[prompt.text.index("1. Instruction:") :].removesuffix("4. Instruction:"), 0, "stop"
    )
    assert shown == [
        Task(n, by_id[name].instruction, by_id[name].input, by_id[name].output)
        for n, name in enumerate(prompt.seed_ids, 1)
    ]
    assert "1. Input:\n" in prompt.text
    assert (
        render_example(2, "Do it.", "", "Done.")
        == "2. Instruction: Do it.\n2. Input:\n<noinput>\n2. Output:\nDone."
    )


def test_the_same_generator_gives_the_same_prompt():
    assert built(5) == built(5)
    assert built(5).seed_ids != built(6).seed_ids


def test_every_seed_is_drawn_about_equally_often():
    counts = Counter(name for n in range(2000) for name in built(n).seed_ids)
    assert len(counts) == len(SEEDS)
    assert 200 < min(counts.values()) <= max(counts.values()) < 400
    assert all(len(set(built(n).seed_ids)) == 3 for n in range(100))


def test_a_giant_seed_is_passed_over():
    giant = seed("giant", output="word " * 5000)
    for n in range(30):
        prompt = built(n, seeds=[giant, *SEEDS[:4]])
        assert "giant" not in prompt.seed_ids
        assert prompt.k == 3
        assert estimate_tokens(prompt.text) < 1500 + 1000


def test_the_limit_holds_for_all_examples_together():
    seeds = [seed(f"s{n}", output="word " * 400) for n in range(6)]
    prompt = built(seeds=seeds, examples=6, seed_token_limit=1200)
    assert prompt.k == 2
    assert prompt.text.endswith("\n3. Instruction:")
    assert "numbered 3 to 22" in prompt.text


def test_one_is_shown_even_if_all_are_too_large():
    seeds = [seed("large", output="word " * 900), seed("larger", output="word " * 2000)]
    assert {built(n, seeds=seeds, seed_token_limit=100).seed_ids for n in range(10)} == {("large",)}


def test_kept_tasks_are_mixed_in():
    prompt = built(kept=KEPT, from_kept=2)
    assert prompt.k == 5
    assert sum(name.startswith("row:") for name in prompt.seed_ids) == 2
    assert prompt.text.endswith("\n6. Instruction:")
    places = {
        tuple(name.startswith("row:") for name in built(n, kept=KEPT, from_kept=2).seed_ids)
        for n in range(40)
    }
    assert len(places) > 3
    assert built(kept=[], from_kept=2).k == 3
    assert built(kept=KEPT[:1], from_kept=2).k == 4
    assert built(kept=[seed("row:9", output="word " * 9000)], from_kept=1).k == 3


@pytest.mark.parametrize(
    "broken",
    [
        seed("a", output="text\n### Heading"),
        seed("b", output="text\n###\n5. Instruction: x"),
        seed("c", given_text="5. Instruction: x"),
        seed("d", output="text\n##\nmore"),
        seed("e", output=""),
        seed("f", instruction=" \n"),
        seed("g", output="<noinput>"),
    ],
    ids=lambda each: each.id,
)
def test_tasks_that_would_break_the_format_are_not_shown(broken: SeedTask):
    assert not can_be_shown(broken)
    for n in range(10):
        assert broken.id not in built(n, seeds=[broken, *SEEDS[:3]]).seed_ids
    with pytest.raises(UserError, match="no seed task"):
        built(seeds=[broken])


def test_no_seeds_at_all():
    with pytest.raises(UserError) as fault:
        built(seeds=[])
    assert "no seed tasks" in str(fault.value)


def test_every_shipped_seed_can_be_shown():
    seeds = load_builtin()
    assert [each.id for each in seeds if not can_be_shown(each)] == []
    assert built(seeds=seeds).k == 3


def test_three_of_fifty_thousand_cost_three_draws():
    class Rows(list[SeedTask]):
        read = 0

        def __getitem__(self, index):  # type: ignore[no-untyped-def, override]
            self.read += 1
            return super().__getitem__(index)

    rows = Rows(seed(f"s{n}") for n in range(50_000))
    assert build_prompt(PromptSettings(), rows, [], random.Random(1)).k == 3
    assert rows.read <= 4


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("word " * 100, 100, 130), ("春" * 100, 90, 110), ("", 0, 0), ("Ж" * 100, 40, 60)],
)
def test_token_estimate(text: str, least: int, most: int):
    assert least <= estimate_tokens(text) <= most


# --- the user's own text


def test_every_placeholder_is_filled_in():
    template = (
        "|".join(f"{name}={{{name}}}" for name in PLACEHOLDERS if name != "examples") + "\n{examples}\nGo."
    )
    prompt = built(template=template, topic="tea", language="Dutch", tasks=9)
    first = prompt.text.split("\n")
    line = next(each for each in first if each.startswith("tasks="))
    assert (
        line
        == "tasks=9|first=4|last=12|language=Dutch|topic=tea|topic_line=Every new task must belong to this topic: tea."
    )
    assert prompt.text.endswith("###\n4. Instruction:")
    assert "{" not in prompt.text
    assert question(prompt).index("3. Output:") < question(prompt).index("\nGo.")
    assert "Go." in prompt.text


def test_braces_that_mean_themselves():
    prompt = built(template='Like {"a": {}} or {{tasks}} or {{other}} or {{ and }}: {tasks}')
    assert 'Like {"a": {}} or {tasks} or {other} or {{ and }}: 20' in prompt.text


def test_text_in_braces_inside_seeds_and_topics_is_not_filled_in():
    prompt = built(seeds=[seed("s", output="Use {tasks} and {nothing}.")], topic="the {first} {x}")
    assert "Use {tasks} and {nothing}." in prompt.text
    assert "topic: the {first} {x}." in prompt.text


def test_a_prompt_file_is_read(tmp_path: Path):
    path = tmp_path / "prompt.txt"
    path.write_bytes("\ufeffÉcris {tasks} tâches.\r\nMerci.\r\n".encode())
    assert load_template(path) == "Écris {tasks} tâches.\nMerci."
    assert "Écris 20 tâches.\nMerci." in built(template=load_template(path)).text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"one\ntwo {taks}\n", ["line 2", "{taks}", "{tasks}", "{{taks}}"]),
        (b"one\n\n{Examples_here}", ["line 3", "{examples}"]),
        (b"one\ntwo\nthr\xe9e", ["line 3", "UTF-8"]),
        (b" \n\n", ["empty"]),
        (b"", ["empty"]),
        (b"one\n\0", ["line 2", "NUL"]),
        (b"{examples} {examples}", ["more than once"]),
        (b"x" * (2**20 + 1), ["1 MB"]),
    ],
)
def test_a_bad_prompt_file_is_refused(tmp_path: Path, content: bytes, said: list[str]):
    path = tmp_path / "prompt.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as fault:
        load_template(path)
    assert all(part in str(fault.value) for part in [*said, "prompt.txt"])


def test_a_prompt_file_that_is_not_there(tmp_path: Path):
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(UserError) as fault:
            load_template(path)
        assert str(path) in str(fault.value)


def test_a_bad_template_is_refused_wherever_it_comes_from():
    with pytest.raises(UserError, match="not usable"):
        built(template="{nonsense}")
    with pytest.raises(UserError, match="not usable"):
        check_template("")


@pytest.mark.parametrize(
    "settings",
    [
        {"examples": 0},
        {"tasks": 0},
        {"tasks": 201},
        {"from_kept": -1},
        {"seed_token_limit": 0},
        {"topic": "a\udc80"},
    ],
)
def test_settings_out_of_range(settings: dict[str, object]):
    with pytest.raises(UserError, match="cannot be built"):
        PromptSettings(**settings)  # type: ignore[arg-type]


def test_the_hash_tells_wordings_and_settings_apart():
    base = PromptSettings()
    assert re.fullmatch(r"[0-9a-f]{16}", hash_template(base))
    assert built(1).template_hash == built(2).template_hash == hash_template(base)
    others = [
        PromptSettings(tasks=10),
        PromptSettings(examples=4),
        PromptSettings(from_kept=1),
        PromptSettings(language="French"),
        PromptSettings(topic="tea"),
        PromptSettings(template="Other words."),
    ]
    assert len({hash_template(each) for each in [base, *others]}) == 7
    assert hash_template(PromptSettings(template=default_template())) == hash_template(base)
