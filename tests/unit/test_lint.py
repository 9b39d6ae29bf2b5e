"""Every rule of lint: what it finds, what it must leave alone, where it points."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.curation.lint import (
    GROUP_RULES,
    RULES,
    Context,
    dominant_language,
    language_of,
    leak_index,
    lint_row,
    lint_rows,
    prompt_key,
    whole_key,
)


class Texts(NamedTuple):
    instruction: str
    input: str = ""
    output: str = "An answer."


GOOD = Texts("Name a bird of the north.", "", "The auk lives there.")
PORTUGUESE = "Os dados não foram enviados para o servidor, mas a resposta ainda está na memória do programa."

DEFECTS = [
    ("empty-output", Texts("Name a bird.", "", " \n")),
    ("empty-output", Texts("Name a bird.", "", "\u200b")),
    ("empty-output", Texts("Write the code.", "", "```python\n```")),
    ("task-marker", Texts("Name a bird.", "", "An auk.\n##\n11. Instruction: Name a fish.\n11. Input:\n")),
    ("task-marker", Texts("Name a bird.", "", "Output: An auk.")),
    ("task-marker", Texts("Instruction: Name a bird.", "", "An auk.")),
    ("task-marker", Texts("Name a bird.", "In the north\n<noinput>", "An auk.")),
    ("task-marker", Texts("Name a bird.", "", "An auk.<|endoftext|>")),
    ("bad-field", Texts(" \n", "", "An auk.")),
    ("control-char", Texts("Name a\u200b bird.", "", "An auk.")),
    ("control-char", Texts("Name a bird.", "", "An auk.\x00")),
    ("control-char", Texts("Name a bird.", "", "An auk\u2028lives.")),
    ("control-char", Texts("Name a bird.", "", "An \ufeffauk.")),
    ("literal-escape", Texts("Name two birds.", "", "The auk.\\nThe tern.")),
    ("literal-escape", Texts("Name a place to eat.", "", "A caf\\u00e9 in the old town.")),
    ("mojibake", Texts("Name a place to eat.", "", "The cafÃ© in the old town.")),
    ("mojibake", Texts("Name a bird.", "", "The auk isnâ€™t rare.")),
    ("output-echo", Texts("Name a bird of the north.", "", "Name a bird of the north.")),
    ("output-echo", Texts("Rewrite the sentence.", "He spoke very loudly.", "He spoke very loudly.")),
    ("noinput-text", Texts("Name a bird.", "<noinput>")),
    ("noinput-text", Texts("Name a bird.", "No input required.")),
    ("noinput-text", Texts("Name a bird.", "Noinput")),
    ("noinput-text", Texts("Name a bird.", "N/A")),
    ("noinput-text", Texts("Name a bird.", "None")),
    ("na-output", Texts("Draw up a plan.", "", "<No Output>")),
    ("na-output", Texts("Draw up a plan.", "", "N/A")),
    ("na-output", Texts("Draw up a plan.", "", "None")),
    ("url-only-input", Texts("Summarize the article.", "https://news.example.org/a/1")),
    ("missing-attachment", Texts("Summarize the attached document.")),
    ("missing-attachment", Texts("Edit the following paragraph for clarity.")),
    ("missing-attachment", Texts("Describe what you see.", "[image of a cat]")),
    ("cut-off", Texts("What does it cost?", "", "The whole trip for two people costs $")),
    ("cut-off", Texts("Why is the sky blue?", "", "The sky is blue because the")),
    ("cut-off", Texts("Tell me of five countries.", "", "These are the five countries you asked for:")),
    ("open-fence", Texts("Write it in Python.", "", "```python\nprint(1)\n")),
    ("impossible-action", Texts("Draw a picture of a cat.", "", "Done.")),
    ("impossible-action", Texts("Set a timer for 10 minutes.", "", "It is set.")),
    ("impossible-action", Texts("Design a logo for a coffee shop.", "", "A cup.")),
    ("placeholder", Texts("Write a letter to my aunt.", "", "Dear aunt,\nI am well.\n[Your Name]")),
    ("refusal", Texts("What is the weather?", "", "As an AI language model, I cannot know.")),
    ("refusal", Texts("Tell me a secret.", "", "I'm sorry, but I can't do that.")),
    (
        "repeats-input",
        Texts('Edit the sentence: "The cats was loud."', "The cats was loud.", "The cats were loud."),
    ),
    ("language", Texts("Where is the answer?", "", PORTUGUESE)),
    ("arithmetic", Texts("How much is it?", "", "12 + 7 = 20")),
    ("personal-data", Texts("Who wrote?", "", "It was m.okafor@lagos-wetterdienst.org.")),
]

SOUND = [
    GOOD,
    Texts("Is it so?", "", "N"),
    Texts("How many are left?", "", "None"),
    Texts("Which element has the symbol Na?", "Na", "Sodium"),
    Texts("What does the word None mean in Python?", "None", "The absence of a value."),
    Texts("Extract the domain of the URL.", "https://news.example.org/a/1", "news.example.org"),
    Texts("Explain what \\n means in C.", "", "\\n is the newline character."),
    Texts("Write a regular expression for digits.", "", "\\d+\\n"),
    Texts("Repeat this: hello there you", "", "Repeat this: hello there you"),
    Texts("Correct the sentence if needed.", "He spoke loudly to us.", "He spoke loudly to us."),
    Texts("Describe a picture of a cat.", "", "A cat lies in the sun."),
    Texts("Write a Python script that draws a bar chart.", "", "import matplotlib"),
    Texts("Write a template for a letter.", "", "Dear [Name],\nthank you.\n[Your Name]"),
    Texts("Translate to Portuguese.", "The data was not sent.", PORTUGUESE),
    Texts("Add.", "", "12 + 7 = 19"),
    Texts("How much is it, roughly?", "", "10 / 3 is about 3.3, so 10 / 3 = 3.33"),
    Texts("Draw a conclusion from the text.", "It rained.", "The ground is wet."),
    Texts("What family is this?", "", "👩\u200d👩\u200d👧 is a family."),
    Texts("Which flag is it?", "", "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"),
    Texts("Where to write to?", "", "Write to info@example.com."),
    Texts("Write it in Python.", "", "```python\nprint(1)\n```"),
    Texts("Say it in Windows style.", "", "one\r\ntwo"),
]


def rules_of(row: Texts, context: Context | None = None) -> list[str]:
    return [finding.rule for finding in lint_row(*row, context or Context(language="en"))]


@pytest.mark.parametrize(("rule", "row"), DEFECTS)
def test_found(rule, row):
    assert rule in rules_of(row)


@pytest.mark.parametrize("row", SOUND, ids=lambda row: row.instruction)
def test_left_alone(row):
    assert rules_of(row) == []


def test_every_rule_about_one_row_has_a_defect_here():
    needs_context = {"too-long", "leakage"}
    assert {rule for rule, _ in DEFECTS} | needs_context | set(GROUP_RULES) == set(RULES)


def test_every_rule_speaks_to_a_person():
    for rule in RULES.values():
        assert rule.severity in ("error", "warning", "info")
        assert rule.title
        assert rule.explanation.endswith(".")


def test_too_long_counts_with_the_given_counter():
    context = Context(max_tokens=8, count_tokens=lambda *texts: len(" ".join(texts).split()))
    assert rules_of(GOOD, context) == ["too-long"]
    assert rules_of(Texts("Name a bird.", "", "Auk."), context) == []


def test_leakage_knows_a_prompt_by_its_words():
    leaks = leak_index(
        [("Name a bird of the north", "", "a suite"), ("Sort: 3 1 2, please", "", "joined"), ("Hi", "", "x")]
    )
    context = Context(leaks=leaks)
    assert lint_row(*GOOD, context)[0].message == "the same prompt is in a suite"
    assert rules_of(Texts("Sort:", "3, 1, 2 please"), context) == ["leakage"]
    assert rules_of(Texts("Hi", "", "Hello."), context) == []


def test_groups_flag_the_later_twin_and_all_that_conflict():
    rows = [
        GOOD,
        Texts("Name a fish.", "", "A cod."),
        Texts("Name a  bird of the north.", "", "The auk lives there. "),
        Texts("Name a fish.", "", "A ray."),
        Texts("Name a fish.", "in rivers", "A trout."),
    ]
    found = [(place, finding.rule) for place, finding in lint_rows(rows)]
    assert found == [(1, "conflicting-output"), (2, "exact-duplicate"), (3, "conflicting-output")]


def test_keys_heed_words_not_blanks_or_how_accents_are_encoded():
    assert whole_key("a  b", "", "é") == whole_key("a b ", "", "e\u0301")
    assert whole_key("a b", "", "c") != whole_key("a", "b", "c")
    assert prompt_key("A b", "") != prompt_key("a b", "")
    assert -(2**63) <= prompt_key("x", "y") < 2**63


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The rain in the north is heavy and it will last for more than a week, they say.", "en"),
        (PORTUGUESE, "pt"),
        ("Der Regen im Norden ist stark und wird noch mehr als eine Woche dauern, sagt man.", "de"),
        ("北方的雨下得很大，而且会持续一个多星期。", "zh"),
        ("Дождь на севере сильный и продлится больше недели.", "ru"),
        ("x = 1; y = 2", None),
        ("", None),
    ],
)
def test_language(text, code):
    assert language_of(text) == code


def test_dominant_language_needs_agreement():
    english = Texts("", "", "The rain in the north is heavy and it will last for more than a week, they say.")
    assert dominant_language([english] * 8 + [Texts("", "", PORTUGUESE)]) == "en"
    assert dominant_language([english, Texts("", "", PORTUGUESE)]) is None
    assert dominant_language([]) is None


@given(
    st.text(
        st.sampled_from(
            "ab .:#`<>\n\\nu00e9Ã©â€™\u200b\x00=+*/0123456789-$%[]{}()\"'12. Instruction:InputOutput"
        )
        | st.characters(),
        max_size=80,
    ),
    st.text(max_size=30),
    st.text(max_size=80),
)
def test_any_text_is_read_and_places_lie_inside(one, two, three):
    for texts in ((one, two, three), (three, one, two), (two, three, one)):
        row = Texts(*texts)
        for finding in lint_row(*row, Context(language="en")):
            assert finding.severity == RULES[finding.rule].severity
            assert finding.message
            if finding.start is not None:
                assert 0 <= finding.start <= finding.end <= len(getattr(row, finding.field))
            if finding.fixable:
                assert RULES[finding.rule].fixable


def test_the_real_rows(data_dir):
    """What is known of the published rows; the precision of each rule stands in its docstring."""
    with gzip.open(data_dir / "alpaca_rows.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [Texts(row["instruction"], row["input"], row["output"]) for row in map(json.loads, file)]
    counts = Counter(finding.rule for _, finding in lint_rows(rows, Context(language="en")))
    assert counts["empty-output"] == sum(not row.output.strip() for row in rows) == 14
    assert counts["noinput-text"] >= 300
    assert counts["mojibake"] == counts["literal-escape"] == 0
    assert sum(counts[rule.id] for rule in RULES.values() if rule.severity == "error") < 100
    assert sum(counts.values()) < len(rows) / 20
