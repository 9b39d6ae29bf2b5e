"""Reading the rows of a store: each once and again only when it changed, and always as if read from scratch."""

from __future__ import annotations

import random
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.curation import edits, inspection
from alpaca_tui.curation.edits import Part
from alpaca_tui.curation.inspection import findings_of, flags_of, inspect, rules_of
from alpaca_tui.curation.lint import GROUP_RULES, RULES, Context, lint_numbered
from alpaca_tui.curation.mending import fix_rows
from alpaca_tui.curation.query import compile_sql, parse
from alpaca_tui.curation.readers import READER_VERSION, read_batch
from alpaca_tui.store.curated import Texts, TokenCount
from alpaca_tui.store.rows import ImportedRow, Rejudged
from alpaca_tui.store.store import Store
from tests.support.stores import candidate, done

ROWS = [
    ("Name a bird.", "", "Wren."),
    ("Name a bird.", "", "Wren."),
    ("Name a bird.", "", "Heron."),
    ("Name a fish.", "noinput", ""),
    ("Sort the words.", "b a", "a b"),
]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(*row) for row in ROWS], "rows.json")
        yield store


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instructions that are read, as they are."""
    seen: list[str] = []

    def reading(rows: Any, context: Context) -> Any:
        seen.extend(row[0] for row in rows)
        return read_batch(rows, context)

    monkeypatch.setattr(inspection, "read_batch", reading)
    return seen


def flagged(store: Store) -> dict[int, set[str]]:
    """The rules behind the flags of every row that is there."""
    bits = store.flag_bits()
    return {line.id: set(rules_of(line.flags, bits)) for line in store.example_lines(store.example_ids())}


def assert_as_from_scratch(store: Store) -> None:
    context = inspection.context_of(store)
    rows = store.examples_by_id(store.example_ids())
    expected: dict[int, set[str]] = {row.id: set() for row in rows}
    for id, finding in lint_numbered(((row.id, row) for row in rows), context):
        expected[id].add(finding.rule)
    assert flagged(store) == expected
    for row in rows:  # what is shown of a row says the same
        assert {found.rule for found in findings_of(store, row, context)} == expected[row.id]


def test_rows_are_read_once(store: Store, read: list[str]) -> None:
    assert inspect(store) == 5
    assert read == [row[0] for row in ROWS]
    assert flagged(store) == {
        1: {"conflicting-output"},
        2: {"exact-duplicate"},
        3: {"conflicting-output"},
        4: {"empty-output", "noinput-text"},
        5: set(),
    }
    row = store.example(5)
    assert row is not None
    assert (row.verb, row.object) == ("sort", "word")
    assert inspect(store) == 0
    assert len(read) == 5
    assert_as_from_scratch(store)


def test_after_an_edit_only_that_row_is_read_again(store: Store, read: list[str]) -> None:
    inspect(store)
    read.clear()
    edits.set_status(store, [1, 2], "approved")
    edits.rate(store, [3], 5)
    edits.change_tags(store, [4], add=["x"])
    edits.set_note(store, [5], "y")
    assert inspect(store) == 0  # none of these is a text
    edits.save(store, 5, {"instruction": "Count the birds.", "output": ""}, expected=None)
    assert inspect(store) == 1
    assert read == ["Count the birds."]
    assert flagged(store)[5] == {"empty-output"}
    assert store.example(5).verb == "count"  # type: ignore[union-attr]
    store.undo()
    assert inspect(store) == 1
    assert read == ["Count the birds.", "Sort the words."]
    assert flagged(store)[5] == set()
    assert_as_from_scratch(store)


def test_what_is_wrong_with_several_rows_follows_every_one_of_them(store: Store, read: list[str]) -> None:
    inspect(store)
    read.clear()
    for act, expected in (
        (lambda: edits.save(store, 1, {"output": "Auk."}, expected=None), [{"conflicting-output"}] * 3),
        (store.undo, [{"conflicting-output"}, {"exact-duplicate"}, {"conflicting-output"}]),
        (lambda: edits.delete(store, [1]), [None, {"conflicting-output"}, {"conflicting-output"}]),
        (lambda: edits.delete(store, [3]), [None, set(), None]),
        (lambda: edits.undelete(store, [1]), [set(), {"exact-duplicate"}, None]),
        (lambda: edits.undelete(store, [3]), [{"conflicting-output"}, {"exact-duplicate"}, {"conflicting-output"}]),
        (lambda: edits.save(store, 1, {"input": "small"}, expected=None), [set(), *[{"conflicting-output"}] * 2]),
    ):  # fmt: skip
        act()
        assert inspect(store) == 1
        found = flagged(store)
        assert [found.get(id) for id in (1, 2, 3)] == expected
        assert_as_from_scratch(store)
    assert len(read) == 7


def test_rows_of_an_import_come_and_go_with_their_flags(store: Store) -> None:
    inspect(store)
    store.add_imported([ImportedRow("Sort the words.", "b a", "a, b")], "more.json")
    inspect(store)
    assert flagged(store)[5] == {"conflicting-output"}
    store.undo()
    inspect(store)
    assert flagged(store)[5] == set()
    store.redo()
    inspect(store)
    assert flagged(store)[5] == flagged(store)[6] == {"conflicting-output"}


def test_rows_that_a_rejudge_takes_out_or_brings_back_leave_no_flags_behind(tmp_path: Path) -> None:
    with Store.open(tmp_path / "alpaca.db") as store:
        completion = done(store, store.start_run({}))
        twice = [candidate(0, "Name a bird.", output="Wren."), candidate(1, "Name a bird.", output="Auk.")]
        first, second = store.record_verdicts(completion, twice)
        inspect(store)
        assert flagged(store) == {1: {"conflicting-output"}, 2: {"conflicting-output"}}
        strict = [twice[0], candidate(1, "Name a bird.", "duplicate", output="Auk.")]
        store.apply_rejudge([Rejudged(completion, strict)])
        inspect(store)
        assert flagged(store) == {1: set()}
        store.apply_rejudge([Rejudged(completion, twice)])
        inspect(store)
        assert flagged(store) == {1: {"conflicting-output"}, 2: {"conflicting-output"}}
        store.apply_rejudge([Rejudged(completion, strict)])
        inspect(store)
        store.promote(second.candidate_id, rescued=True)
        inspect(store)
        assert flagged(store) == {1: {"conflicting-output"}, 2: {"conflicting-output"}}
        edits.delete(store, [1])
        inspect(store)
        assert flagged(store) == {2: set()}
        store.promote(first.candidate_id)  # kept by hand although it had been deleted
        inspect(store)
        assert_as_from_scratch(store)


def test_a_length_in_tokens_outlives_a_reading_that_changed_no_text(store: Store) -> None:
    inspect(store)
    store.set_tokens([TokenCount(id, 5 * id, 2) for id in range(1, 6)])
    bit = flags_of(store).bits["too-long"]
    assert store.mark_long(bit, 18) == 2
    edits.delete(store, [4, 5])
    edits.undelete(store, [4, 5])
    assert inspect(store) == 0  # no other row has their prompts
    store.void_inspections(-1)
    assert inspect(store) == 5
    assert {id for id, rules in flagged(store).items() if "too-long" in rules} == {4, 5}
    edits.save(store, 5, {"output": "b"}, expected=None)
    inspect(store)
    assert {id for id, rules in flagged(store).items() if "too-long" in rules} == {4}
    assert [row.id for row in store.uncounted()] == [5]


def test_a_row_changed_while_it_was_read_is_read_again(store: Store) -> None:
    rows = store.uninspected(100)
    bits = store.register_flags({rule.id: rule.severity for rule in RULES.values()})
    told = read_batch([row[2:] for row in rows], Context())
    edits.save(store, 4, {"output": "Carp."}, expected=None)
    held = store.set_inspections(
        list(zip(rows, told, strict=True)), bits, GROUP_RULES, inspection._grouping, length_rule="too-long"
    )
    assert held == 4
    assert store.uninspected(100) == [Texts(4, store.example(4).revised, "Name a fish.", "noinput", "Carp.")]  # type: ignore[union-attr]
    inspect(store)
    assert_as_from_scratch(store)


def test_what_another_version_told_is_read_again(store: Store, read: list[str], monkeypatch: Any) -> None:
    inspect(store)
    read.clear()
    monkeypatch.setattr(inspection, "READER_VERSION", READER_VERSION + 1)
    monkeypatch.setattr("alpaca_tui.curation.readers.READER_VERSION", READER_VERSION + 1)
    assert store.count_uninspected(READER_VERSION + 1) == 5
    assert inspect(store) == 5
    assert inspect(store) == 0
    assert_as_from_scratch(store)


def test_several_processes_tell_the_same_as_one(tmp_path: Path) -> None:
    rng = random.Random(3)
    rows = [ImportedRow(*rng.choice(ROWS)) for _ in range(400)]
    rows += [ImportedRow(f"Add {n} and 2.", "", f"{n} + 2 = {n + 2 + (n % 7 == 0)}") for n in range(1_200)]
    found: list[dict[int, set[str]]] = []
    for processes in (0, 2):
        with Store.open(tmp_path / f"{processes}.db") as store:
            store.add_imported(rows, "rows.json")
            told: list[tuple[int, int]] = []
            assert (
                inspect(store, processes=processes, progress=lambda *at, told=told: told.append(at)) == 1_600
            )
            assert told[-1] == (1_600, 1_600)
            assert [done for done, _ in told] == sorted(done for done, _ in told)
            found.append(flagged(store))
    assert found[0] == found[1]
    assert sum("arithmetic" in rules for rules in found[0].values()) > 100


def test_stopped_in_the_middle_it_goes_on_there(tmp_path: Path, read: list[str]) -> None:
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(f"Do {n}.", "", "") for n in range(2_300)], "rows.json")
        stop = Event()
        stop.set()
        assert inspect(store, stop=stop, processes=0) == 2_000  # a transaction's worth
        assert inspect(store, processes=0) == 300
        assert read == [f"Do {n}." for n in range(2_300)]


def test_a_filter_may_name_any_rule_before_the_first_reading(tmp_path: Path) -> None:
    Store.open(tmp_path / "alpaca.db").close()
    for readonly in (True, False):
        with Store.open(tmp_path / "alpaca.db", readonly=readonly) as store:
            bits = flags_of(store)
            assert set(bits.bits) == set(RULES)
            assert set(bits.masks) == {"error", "warning", "info"}
            sql = compile_sql(parse("flag:leakage or flag:error"), bits)
            assert list(store.example_ids(sql.where, sql.values)) == []


TEXT = st.sampled_from(["", "a", "b", "noinput", "A ", "a\u200b"])
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), TEXT.filter(str.strip), TEXT, TEXT),
        st.tuples(st.just("edit"), st.integers(0, 9), st.sampled_from(["input", "output"]), TEXT),
        st.tuples(st.sampled_from(["delete", "undelete", "fix"]), st.lists(st.integers(0, 9), max_size=4)),
        st.tuples(st.sampled_from(["undo", "redo", "inspect", "import"])),
    ),
    max_size=20,
)


@settings(max_examples=80)
@given(acts=ACTS)
def test_reading_as_one_goes_is_reading_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, acts: list[Any]
) -> None:
    with Store.open(tmp_path_factory.mktemp("as") / "alpaca.db") as store:
        store.add_imported([ImportedRow("a", "", "b"), ImportedRow("a", "", "b")], "two.json")
        for act, *what in acts:
            ids = list(store.example_ids("1")) or edits.add(store, Part("a", "", "")).added
            if act == "add":
                edits.add(store, Part(*what))
            elif act == "edit":
                edits.save(store, ids[what[0] % len(ids)], {what[1]: what[2]}, expected=None)
            elif act in ("delete", "undelete", "fix"):
                some = sorted({ids[place % len(ids)] for place in what[0]})
                if act == "fix":
                    fix_rows(store, some, "noinput-text")
                else:
                    getattr(edits, act)(store, some)
            elif act == "import":
                store.add_imported([ImportedRow("a", "", ""), ImportedRow("b", "a", "a")], "more.json")
            elif act == "inspect":
                inspect(store)
            else:
                getattr(store, act)()
        inspect(store)
        assert_as_from_scratch(store)
