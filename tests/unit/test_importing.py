"""An import: every good row in one transaction, every refused one counted and named, and undone as one act."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.curation.importing import MOST_NAMED, RefusedRowsError, import_source, where
from alpaca_tui.curation.interchange import Refused, open_source
from alpaca_tui.curation.scratch import scratch
from alpaca_tui.errors import UserError
from alpaca_tui.store.store import Store

GOOD = {"instruction": "Name a bird.", "input": "", "output": "Wren."}
BAD = {"instruction": 5, "output": "x"}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store


def source(tmp_path: Path, *rows: object) -> Any:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return open_source(tmp_path / "rows.jsonl")


def test_what_came_of_it(store: Store, tmp_path: Path) -> None:
    told: list[int] = []
    report = import_source(store, source(tmp_path, *[GOOD] * 1_200), progress=told.append)
    assert (report.added, report.first_id, report.last_id, report.refusals) == (1_200, 1, 1_200, 0)
    assert told == [0, 500, 1_000]
    operation = store.next_undo()
    assert operation is not None
    assert (operation.title, operation.rows, operation.who) == (
        "Import 1,200 rows from rows.jsonl",
        1_200,
        "user",
    )
    assert {row.origin for row in store.iter_examples()} == {str(tmp_path / "rows.jsonl")}
    assert store.tally().imported == 1_200
    store.undo()
    tally = store.tally()
    assert (tally.imported, tally.withdrawn, tally.exportable) == (0, 1_200, 0)
    assert store.count_unmeasured() == 0  # nobody computes anything for rows that are gone
    store.redo()
    assert (store.tally().imported, store.count_unmeasured()) == (1_200, 1_200)


def test_refused_rows_stop_it_or_are_passed_over(store: Store, tmp_path: Path) -> None:
    rows = source(tmp_path, GOOD, BAD, GOOD, "text")
    with pytest.raises(RefusedRowsError) as caught:
        import_source(store, rows)
    report = caught.value.report
    assert (report.added, report.refusals) == (0, 2)
    assert [where(bad) for bad in report.refused] == ["row 1 (line 2)", "row 3 (line 4)"]
    assert "2 rows of rows.jsonl" in caught.value.title
    assert not list(store.example_ids("1"))
    assert store.next_undo() is None
    report = import_source(store, rows, skip_bad=True)
    assert (report.added, report.refusals, report.first_id, report.last_id) == (2, 2, 1, 2)


def test_so_many_refused_rows_are_named_and_the_rest_counted(store: Store, tmp_path: Path) -> None:
    report = import_source(store, source(tmp_path, GOOD, *[BAD] * 1_500), skip_bad=True)
    assert (report.added, report.refusals, len(report.refused)) == (1, 1_500, MOST_NAMED)
    assert where(Refused(7, "x")) == "row 7"


def test_a_file_that_breaks_off_under_the_reading_leaves_nothing(store: Store, tmp_path: Path) -> None:
    rows = source(tmp_path, *[GOOD] * 100)
    (tmp_path / "rows.jsonl").unlink()
    with pytest.raises(UserError, match="does not exist"):
        import_source(store, rows, skip_bad=True)
    assert not list(store.example_ids("1"))
    assert store.operations() == []


def test_importing_twice_gives_the_rows_twice(store: Store, tmp_path: Path) -> None:
    rows = source(tmp_path, GOOD)
    assert [import_source(store, rows).first_id for _ in range(2)] == [1, 2]
    store.undo()
    assert list(store.example_ids()) == [1]


def test_a_file_as_a_store_for_a_while_names_rows_as_the_file_does(tmp_path: Path) -> None:
    with scratch(source(tmp_path, BAD, GOOD, "text", {**GOOD, "output": ""})) as held:
        assert [held.number(id) for id in held.store.example_ids()] == [1, 3]
        assert [bad.row for bad in held.refused] == [0, 2]
        assert held.store.count_flagged(held.store.flag_bits()["empty-output"]) == 1
        place = held.store.path
        assert place.exists()
    assert not place.parent.exists()
