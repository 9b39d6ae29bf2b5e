"""What a table asks of the store: rows in every order, a page at a time, counted by kind, and what is remembered."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from alpaca_tui.curation import edits
from alpaca_tui.store.browsing import PREVIEW, Cancellation, Cancelled, Order
from alpaca_tui.store.rows import ExampleRow, ImportedRow, RowNovelty
from alpaca_tui.store.store import Store
from tests.support.stores import candidate, done

ROWS = 1_203  # more than two pages of ids


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of few different values, so that every order has ties."""
    path = tmp_path_factory.mktemp("browsing") / "alpaca.db"
    rng = random.Random(7)
    with Store.open(path) as store:
        run = store.start_run({})
        for number in (1, 2):
            model = f"model-{number}"
            store.record_verdicts(
                done(store, run, number, model=model), [candidate(0, f"made {number}"), candidate(1, "Made")]
            )
        store.add_imported(
            [
                ImportedRow(
                    rng.choice(
                        ["Apple", "apple pie", "Pear", "a text that is longer than any key of an order"]
                    ),
                    " ".join(["word"] * rng.choice([0, 0, 1, 3])),
                    " ".join(["word"] * rng.choice([0, 1, 10, 11, 50, 51, 150, 151])),
                )
                for _ in range(ROWS - 4)
            ],
            "many.json",
        )
        ids = list(store.example_ids())
        store.register_flags({"empty-output": "error", "cut-off": "warning", "leakage": "info"})
        for stars in (1, 3, 5):
            edits.rate(store, rng.sample(ids, 200), stars)
        for status in ("approved", "rejected"):
            edits.set_status(store, rng.sample(ids, 150), status)  # pyright: ignore[reportArgumentType]
        edits.change_tags(store, rng.sample(ids, 200), add=["b"])
        edits.change_tags(store, rng.sample(ids, 200), add=["a"])
        store.operate_on("Split", rng.sample(ids, 100), {"split": "eval"})
        for id in rng.sample(ids, 5):
            edits.save(store, id, {"output": "changed"}, expected=None)
        store.set_novelty(
            [RowNovelty(id, rng.choice([0.0, 0.25, 0.5]), None, [], 0.1) for id in rng.sample(ids, 600)]
        )
        edits.delete(store, rng.sample(ids, 50))
        store.add_imported([ImportedRow("gone", "", "")], "undone.json")
        store.undo()
    db = sqlite3.connect(path)
    db.executemany(
        "UPDATE example SET flags = ? WHERE id = ?", [(rng.choice([0, 0, 0, 0, 1, 3, 6]), id) for id in ids]
    )
    db.executemany(
        "UPDATE example SET tokens = ? WHERE id = ?", [(rng.choice([None, 5, 9]), id) for id in ids]
    )
    db.commit()
    db.close()
    return path


@pytest.fixture
def store(path: Path) -> Any:
    with Store.open(path) as store:
        yield store


def present(store: Store) -> list[ExampleRow]:
    return [row for row in store.examples_by_id(range(1, ROWS + 2)) if not (row.deleted or row.withdrawn)]


KEYS: dict[Order, Callable[[ExampleRow], Any]] = {
    "id": lambda row: row.id,
    "instruction": lambda row: row.instruction[:24].lower(),
    "input": lambda row: len(row.input.split()),
    "output": lambda row: len(row.output.split()),
    "source": lambda row: row.source,
    "nearest": lambda row: row.nearest_score,
    "flags": lambda row: row.flags.bit_count(),
    "tags": lambda row: f" {' '.join(row.tags)} " if row.tags else "",
    "rating": lambda row: row.rating,
    "status": lambda row: row.status,
    "created": lambda row: row.created_at,
    "edited": lambda row: row.edited_at,
    "tokens": lambda row: row.tokens,
    "model": lambda row: row.model,
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", get_args(Order))
def test_orders_are_whole_with_ties_by_id_and_the_empty_last(
    store: Store, order: Order, descending: bool
) -> None:
    key = KEYS[order]
    rows = present(store)
    with_value = [row for row in rows if key(row) is not None]
    # Python's sort keeps rows of equal keys in their order, also when it is reversed.
    expected = sorted(with_value, key=key, reverse=descending) + [row for row in rows if key(row) is None]
    found = store.example_ids(order=order, descending=descending)
    assert list(found) == [row.id for row in expected]
    assert list(store.example_ids(order=order, descending=descending, limit=17)) == list(found[:17])


def test_a_row_keeps_its_place_among_the_rows_that_stay(store: Store) -> None:
    """However it is sorted, a filter only takes rows out between others."""
    everything = list(store.example_ids(order="output", descending=True))
    some = set(store.example_ids("e.deleted = 0 AND e.rating = 3"))
    filtered = list(store.example_ids("e.deleted = 0 AND e.rating = 3", order="output", descending=True))
    assert filtered == [id for id in everything if id in some]
    assert len(some) > 100


def test_deleted_rows_only_where_asked_for_and_undone_ones_never(store: Store) -> None:
    everything, there = set(store.example_ids("1")), set(store.example_ids())
    assert len(everything - there) == 50
    assert everything - there == set(store.example_ids("e.deleted = 1"))
    assert "gone" not in {line.instruction for line in store.example_lines(list(everything))}


def test_lines_come_in_the_order_asked_for(store: Store) -> None:
    ids = list(store.example_ids(order="output"))
    random.Random(1).shuffle(ids)
    lines = store.example_lines([*ids[:700], 10_000_000, *ids[700:], ids[0]])
    assert [line.id for line in lines] == [*ids, ids[0]]
    rows = {row.id: row for row in present(store)}
    for line in lines[::97]:
        row = rows[line.id]
        assert (line.instruction, line.status, line.rating, line.tags, line.split, line.flags, line.revised) == (
            row.instruction, row.status, row.rating, row.tags, row.split, row.flags, row.revised
        )  # fmt: skip
        assert line.words == tuple(len(text.split()) for text in (row.instruction, row.input, row.output))
        assert (line.edited, line.has_note, line.deleted) == (row.edited, bool(row.note), False)


def test_a_line_holds_but_the_beginning_of_a_text(tmp_path: Path) -> None:
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow("Ä" * 10_000, "x" * 9_999, "y\x00z")], "long.json")
        [line] = store.example_lines([1])
        assert (line.instruction, len(line.input)) == ("Ä" * PREVIEW, PREVIEW)
        assert line.words == (1, 1, 1)


def test_the_next_flagged_row(store: Store) -> None:
    rows = present(store)
    ids = [row.id for row in rows]
    flags = [row.flags for row in rows]
    for start in (0, 1, 499, 500, 777, len(ids) - 1, len(ids)):
        for mask in (-1, 1, 4):
            expected = next((place for place, has in enumerate(flags[start:]) if has & mask), None)
            assert store.first_flagged(ids[start:], mask) == expected
    unflagged = [id for id, has in zip(ids, flags, strict=True) if not has]
    flagged = next(id for id, has in zip(ids, flags, strict=True) if has & 2)
    assert len(unflagged) > 500
    assert store.first_flagged(unflagged) is None
    assert store.first_flagged([*unflagged, flagged]) == len(unflagged)


def length(row: ExampleRow) -> str:
    words = len(row.output.split())
    return "empty" if not row.output else next(
        name for most, name in ((10, "1-10"), (50, "11-50"), (150, "51-150"), (10**9, "151+")) if words <= most
    )  # fmt: skip


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ("e.deleted = 0", lambda row: not row.deleted),
        ("e.deleted = 0 AND e.status = 'approved'", lambda row: not row.deleted and row.status == "approved"),
        ("e.deleted = 1", lambda row: row.deleted),
        ("e.id < 0", lambda row: False),
    ],
)
def test_facets_count_what_is_there(store: Store, where: str, holds: Callable[[ExampleRow], bool]) -> None:
    rows = [row for row in store.examples_by_id(range(1, ROWS + 1)) if holds(row)]
    bits = store.flag_bits()
    facets = store.facets(where)
    assert facets.total == len(rows)
    expected = {
        "source": Counter(row.source for row in rows),
        "status": Counter(row.status for row in rows),
        "rating": Counter(str(row.rating) for row in rows if row.rating is not None),
        "length": Counter(length(row) for row in rows),
        "input": Counter("any" if row.input else "none" for row in rows),
        "flag": Counter(rule for row in rows for rule, bit in bits.items() if row.flags >> bit & 1),
        "tag": Counter(tag for row in rows for tag in row.tags),
        "teacher": Counter(row.model for row in rows if row.teacher),
        "split": Counter(row.split for row in rows if row.split),
    }
    assert facets.counts == {field: dict(counts) for field, counts in expected.items() if counts}
    for field in ("flag", "tag", "teacher"):
        counts = list(facets.counts.get(field, {}).values())
        assert counts == sorted(counts, reverse=True)


def test_a_query_that_has_become_pointless_is_ended(store: Store) -> None:
    endless = "(WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n) > 0"
    for ask in (store.example_ids, store.facets):
        cancel = Cancellation()
        threading.Timer(0.1, cancel.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            ask(endless, cancel=cancel)
        assert time.monotonic() - began < 20
        with pytest.raises(Cancelled):  # before it began
            ask(cancel=cancel)
        assert store.facets(cancel=Cancellation()).total == len(present(store))


def test_what_a_screen_remembers_outlives_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "alpaca.db") as store:
        assert store.setting("table", {"x": 1}) == {"x": 1}
        store.set_setting("table", {"order": "nearest", "row": 7, "name": "\ud83d"})
        store.save_view("Empty ones", "flag:empty-output")
        store.save_view("After", "rating>3")
        store.save_view("Empty ones", "words(output)<1")
    with Store.open(tmp_path / "alpaca.db", readonly=True) as store:
        assert store.setting("table") == {"order": "nearest", "row": 7, "name": "\ufffd"}
        assert list(store.saved_views().items()) == [
            ("After", "rating>3"),
            ("Empty ones", "words(output)<1"),
        ]
    with Store.open(tmp_path / "alpaca.db") as store:
        store.drop_view("After")
        assert list(store.saved_views()) == ["Empty ones"]


def test_a_rule_keeps_its_bit_for_ever(tmp_path: Path) -> None:
    with Store.open(tmp_path / "alpaca.db") as one, Store.open(tmp_path / "alpaca.db") as two:
        assert one.register_flags({"b": "error", "a": "info"}) == {"b": 0, "a": 1}
        assert two.register_flags({"c": "error", "a": "info"}) == {"b": 0, "a": 1, "c": 2}
        assert one.register_flags({"a": "info"}) == {"b": 0, "a": 1, "c": 2}
        assert one.flag_masks() == {"error": 0b101, "info": 0b10}


def test_values_for_completion_are_those_of_rows_that_are_there(store: Store) -> None:
    assert store.distinct("tags") == ["a", "b"]
    assert store.distinct("model") == ["model-1", "model-2"]
    assert store.distinct("split") == ["eval"]
    assert store.distinct("origin") == ["many.json"]


def test_the_pulse_tells_of_every_change(tmp_path: Path) -> None:
    with Store.open(tmp_path / "alpaca.db") as store, Store.open(tmp_path / "alpaca.db") as other:
        seen = [store.pulse()]
        for act in (
            lambda: other.add_imported([ImportedRow("Hop.", "", "Hop!")], "x"),
            lambda: edits.rate(other, [1], 3),
            other.undo,
            other.redo,
            lambda: edits.add(other, edits.Part("Sit.", "", "")),
            lambda: done(other, other.start_run({})),
        ):
            act()
            seen.append(store.pulse())
            assert seen[-1] != seen[-2]
        assert store.pulse() == seen[-1]
