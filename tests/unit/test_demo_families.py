"""Every family of the demo teacher makes tasks that are fit to keep: whole, clean, doable, varied."""

from __future__ import annotations

import random
import re

import pytest

from alpaca_tui.generation.filters import FilterRules, check
from alpaca_tui.generation.task import Task
from alpaca_tui.teacher.demo.families.catalog import draw_family, families, make_task
from alpaca_tui.teacher.demo.grammar import article, listing, lower_first, money, say, slot_names, trimmed
from alpaca_tui.teacher.demo.knowledge import load_all, parse_rows, rows, table
from alpaca_tui.teacher.demo.task import DemoTask, template_slots

RULES = FilterRules()
NAMES = [family.name for family in families()]
FORBIDDEN = re.compile(
    r"\b(images?|graphs?|pictures?|files?|maps?|draw|plot|go to|video|audio|music|flowchart|diagrams?)\b",
    re.I,
)
MARKER = re.compile(
    r"^\s*#{1,6}|^\s*\d+\s*\.\s*(Instruction|Input|Output)\b|\b(Instruction|Input|Output):", re.M
)


def tasks(name: str, times: int = 40) -> list[DemoTask]:
    family = next(family for family in families() if family.name == name)
    return [make_task(random.Random(f"{name}/{seed}"), family) for seed in range(times)]


def test_there_are_many_families_with_names_of_their_own() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert len(NAMES) >= 150


@pytest.mark.parametrize("name", NAMES)
def test_tasks_are_fit_to_keep(name: str) -> None:
    made = tasks(name)
    for task in made:
        assert check(Task(1, task.instruction, task.input, task.output), RULES) is None, task
        whole = "\n".join((task.instruction, task.input, task.output))
        assert not FORBIDDEN.search(whole), task
        assert not MARKER.search(whole), task
        assert task.output.strip() == task.output != "", task
        assert task.input.strip() == task.input, task
        assert "\n" not in task.instruction, task
        assert "  " not in task.instruction, task
        assert not re.search(r"\{[a-z_:]+\}", task.instruction.replace(task.output, "")) or "{" in str(
            task.values
        )
        assert task.instruction[0].isupper() or not task.instruction[0].isalpha(), task
        assert len(task.output.split()) < 100, task
        assert len(task.input.split()) < 100, task
        assert task.family == name
        if not task.input:  # nothing may be asked about that is not there
            assert not re.search(r"\b(the following|attached|given text|listed above)\b", task.instruction), (
                task
            )
    assert len({task.instruction for task in made}) > 5, made[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_task_depends_on_the_seed_alone(name: str) -> None:
    assert tasks(name, 3) == tasks(name, 3)


def test_no_sum_has_two_answers_that_disagree() -> None:
    """A sum asked twice in the same words must end in the same figure, however it is worded."""
    names = ("discount", "average", "gcd-lcm", "unit-conversion", "prime", "table-total", "speed")
    seen: dict[tuple[str, str], DemoTask] = {}
    for name in names:
        family = next(family for family in families() if family.name == name)
        for seed in range(300):
            task = family.make(random.Random(seed))
            other = seen.setdefault((task.instruction, task.input), task)
            assert _last_figure(other.output) == _last_figure(task.output), (task, other)


def _last_figure(text: str) -> str:
    found = re.findall(r"\d[\d,.]*\d|\d", text)
    return found[-1] if found else text


def test_drawing_respects_weights_and_what_was_used() -> None:
    rng = random.Random(1)
    used: set[str] = set()
    for _ in range(20):
        name = draw_family(rng, used).name
        assert name not in used
        used.add(name)
    assert draw_family(rng, set(NAMES)).name in NAMES
    weights = {family.name: family.weight for family in families()}
    drawn = [draw_family(rng).name for _ in range(4000)]
    heavy, light = max(weights, key=weights.__getitem__), min(weights, key=weights.__getitem__)
    assert drawn.count(heavy) > drawn.count(light)


def test_about_two_in_five_tasks_have_an_input() -> None:
    rng = random.Random(2)
    with_input = sum(bool(make_task(rng, draw_family(rng)).input) for _ in range(2000))
    assert 0.32 < with_input / 2000 < 0.5


def test_phrases_and_families_belong_together() -> None:
    """No wording without a family, no form that can never be used."""
    phrases = load_all("phrases")
    recalled = load_all("recall")
    assert set(phrases) | set(recalled) == set(NAMES)
    for name, forms in phrases.items():
        family = next(family for family in families() if family.name == name)
        reachable = [set(family.make(random.Random(seed)).values) for seed in range(200)]
        for form in forms:
            assert any(template_slots(form) <= slots for slots in reachable), (name, form)


def test_every_template_parses() -> None:
    rng = random.Random(0)
    for folder in ("phrases", "recall"):
        for name, content in load_all(folder).items():
            for form in content["forms"] if folder == "recall" else content:
                for kind in ("ask", "answer", "input"):
                    for template in form.get(kind, ()):
                        slots = dict.fromkeys(slot_names(template), "value")
                        assert say(rng, template, **slots), (name, template)
    for frames in ("plain", "desk", "office", "code", "short"):
        for template in rows("frames", frames):
            assert say(rng, template)[-1] in ".!?:", template


def test_tables_have_no_row_twice_and_no_blank_field() -> None:
    for name in load_all("tables"):
        found = table(name)
        keys = [str(row) for row in found]
        assert len(set(keys)) == len(keys), name
        for row in found:
            for field in row.values():
                assert field, (name, row)
                assert all(field) if isinstance(field, list) else field == field.strip()


def test_rows_name_a_line_that_does_not_fit() -> None:
    assert parse_rows(["a", "b*"], "x | 1 ; 2\ny | -") == [{"a": "x", "b": ["1", "2"]}, {"a": "y"}]
    with pytest.raises(ValueError, match="only one"):
        parse_rows(["a", "b"], "only one")


@pytest.mark.parametrize(
    ("template", "results"),
    [
        ("[a|b] c", {"A c", "B c"}),
        ("[x [y|z]|w]", {"X y", "X z", "W"}),
        ("[|very] good {n} .", {"Good [1|2].", "Very good [1|2]."}),
        ("{a:thing} here", {"An apple here"}),
        ("{thing} here", {"apple here"}),
    ],
)
def test_grammar_expands_choices_and_slots(template: str, results: set[str]) -> None:
    found = {say(random.Random(seed), template, n="[1|2]", thing="apple") for seed in range(50)}
    assert found == results


@pytest.mark.parametrize("template", ["[a|b", "a]", "a | b", "[a]]"])
def test_unbalanced_templates_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="template"):
        say(random.Random(0), template)


def test_small_words() -> None:
    assert [article(word) for word in ("apple", "bike", "hour", "unicorn", "8-bit", "euro", "umbrella")] == [
        *("an apple", "a bike", "an hour", "a unicorn", "an 8-bit", "a euro", "an umbrella")
    ]
    assert [money(cents) for cents in (1200, 1250, 5, 123456, -50)] == [
        "$12",
        "$12.50",
        "$0.05",
        "$1,234.56",
        "-$0.50",
    ]
    assert [trimmed(value) for value in (2.0, 2.5, 0.125, -0.001)] == ["2", "2.5", "0.12", "0"]
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert [lower_first(text) for text in ("Add it", "I add", "SQL it")] == ["add it", "I add", "SQL it"]
