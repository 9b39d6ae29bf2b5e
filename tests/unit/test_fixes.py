"""Every fix: what it makes of a defect, that doing it again changes nothing, that its rule is then content."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.curation.fixes import fix, fix_all
from alpaca_tui.curation.lint import RULES, lint_row

CASES = [
    ("noinput-text", ("Name a bird.", "<no input>", "An auk."), ("Name a bird.", "", "An auk.")),
    ("task-marker", ("Name a bird.", "", "Output: An auk."), ("Name a bird.", "", "An auk.")),
    ("task-marker", ("Name one.", "North\n<noinput>", "An auk."), ("Name one.", "North", "An auk.")),
    ("task-marker", ("Name one.", "", "<noinput>\nOutput: An auk."), ("Name one.", "", "An auk.")),
    ("control-char", ("Name\u200b one.", "", "An\u2028auk\x00."), ("Name one.", "", "An\nauk.")),
    ("control-char", ("Name one.", "", "An auk,\ra tern."), ("Name one.", "", "An auk,\na tern.")),
    ("literal-escape", ("Name two.", "", "An auk.\\nA tern."), ("Name two.", "", "An auk.\nA tern.")),
    (
        "literal-escape",
        ("Where to eat?", "", "In the caf\\u00e9 \\ud83d\\ude00."),
        ("Where to eat?", "", "In the café 😀."),
    ),
    ("mojibake", ("Where?", "cafÃ©", "It isnâ€™t far."), ("Where?", "café", "It isn’t far.")),
    ("open-fence", ("In Python.", "", "```py\nprint(1)\n"), ("In Python.", "", "```py\nprint(1)\n```")),
    (
        "open-fence",
        ("In Python.", "", "```py\nprint(1)\n    ```"),
        ("In Python.", "", "```py\nprint(1)\n```"),
    ),
    (
        "repeats-input",
        ('Edit: "The cats was loud."', "The cats was loud.", "The cats were loud."),
        ('Edit: "The cats was loud."', "", "The cats were loud."),
    ),
    (
        "arithmetic",
        ("How much?", "", "So 12 + 7 = 20."),
        ("How much?", "", "So 12 + 7 = 19."),
    ),
]


@pytest.mark.parametrize(("rule", "before", "after"), CASES)
def test_fixed(rule, before, after):
    assert fix(rule, *before) == after
    assert fix(rule, *after) is None


def test_every_fixable_rule_has_a_case():
    assert {rule for rule, _, _ in CASES} == {rule.id for rule in RULES.values() if rule.fixable}


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("noinput-text", ("Name a bird.", "in the north", "An auk.")),
        ("empty-output", ("Name a bird.", "", "")),
        ("no-such-rule", ("Name a bird.", "", "An auk.")),
        ("task-marker", ("Name one.", "", "An auk.\n##\n11. Instruction: Name a fish.\n11. Input:\n")),
        ("mojibake", ("Name one.", "", "An a\ufffdk.")),
    ],
)
def test_left_to_a_person(rule, row):
    assert fix(rule, *row) is None


def test_all_fixes_of_a_row_in_the_rules_order():
    row, made = fix_all("Name\u200b one.", "Noinput", "An auk.\\nA tern.")
    assert row == ("Name one.", "", "An auk.\nA tern.")
    assert made == ["control-char", "literal-escape", "noinput-text"]
    assert fix_all(*row) == (row, [])


PIECES = st.lists(
    st.sampled_from(
        [
            "Output: ",
            "Input:",
            "\\n",
            "\\u00e9",
            "Ã©",
            "â€™",
            "\u200b",
            "\x00",
            "\r",
            "```",
            "\n",
            "<noinput>",
            "1 + 1 = 3",
            "12 * 3 = 35. ",
            "Name a bird",
            " of the north",
            ".",
            "No input",
            "🏴",
            "word ",
        ]
    )
    | st.text(max_size=6),
    max_size=8,
).map("".join)


@given(PIECES, PIECES, PIECES)
def test_a_fix_is_the_same_when_done_twice_and_satisfies_its_rule(instruction, input, output):
    for rule in RULES:
        fixed = fix(rule, instruction, input, output)
        if fixed is not None:
            assert fix(rule, *fixed) is None
            assert not any(finding.rule == rule and finding.fixable for finding in lint_row(*fixed))
            assert fixed.instruction.strip()


def test_on_the_real_rows_nearly_every_finding_called_fixable_is_fixed(data_dir):
    done = Counter()
    with gzip.open(data_dir / "other_rows.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            texts = (row["instruction"] or "", row["input"] or "", row["output"] or "")
            for finding in lint_row(*texts):
                if finding.fixable:
                    done[fix(finding.rule, *texts) is not None] += 1
    assert done[True] > 600
    assert done[False] <= 2
