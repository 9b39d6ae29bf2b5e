"""A dataset with the usual defects, written for the tests, in a real store."""

from __future__ import annotations

from alpaca_tui.store.rows import ImportedRow, RowNovelty
from alpaca_tui.store.store import Store

ROWS = [
    ("Name a bird of the north.", "", "The auk lives there."),
    ("Sort the words by length.", "fig apple kiwi", "fig kiwi apple"),
    ("Say good morning in French.", "<noinput>", "Bonjour."),
    ("Why is the sea salty?", "", ""),
    (
        "Write a haiku about rain.",
        "No input",
        "Grey drops on the roof\nthe gutter hums a low song\na cat stays inside",
    ),
    ("Add the numbers.", "12 and 7", "12 + 7 = 20"),
    ("Name a bird of the north.", "", "The auk lives there."),
    ("Draw a picture of a cat.", "", "A cat sits in the sun."),
    ("Write a letter to my aunt.", "", "Dear aunt,\nI am well.\n[Your Name]"),
    (
        "Explain what a loop does.",
        "",
        "A loop repeats steps.\n##\n11. Instruction: Name a fish.\n11. Output:\nA cod.",
    ),
    ("Translate to German: good night", "", "Gute Nacht"),
    ("List three colours.", "", "- red\n- green\n- blue"),
]


def fill(store: Store, times: int = 1) -> None:
    """The rows, so many times (later rounds with another answer), their nearest scores known."""
    rows = [
        ImportedRow(instruction, input, output + (f" ({round})" if round and output else ""), {})
        for round in range(times)
        for instruction, input, output in ROWS
    ]
    report = store.add_imported(rows, "birds.json")
    store.set_novelty(
        [
            RowNovelty(id, 0.25 + (id % 7) / 10, "row:1", [("row:1", 0.25 + (id % 7) / 10)], 0.11)
            for id in range(report.first_id, report.last_id + 1)
        ]
    )
