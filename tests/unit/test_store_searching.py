"""The search index after large changes: behind for a while, on record, never searched before it has caught up."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.store import fulltext, searching
from alpaca_tui.store.database import Database
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store

ROWS, FEW = 60, 10


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store whose index follows large changes only when it is asked: what comes after them is left undone, as
    by a program that was killed."""
    monkeypatch.setattr(fulltext, "FEW", FEW)
    monkeypatch.setattr(Database, "_tidy", lambda self, then: None)
    with Store.open(tmp_path / "alpaca.db") as made:
        rows = [ImportedRow(f"Row {number}", "", "An old\x00 answer.") for number in range(ROWS)]
        made.add_imported(rows, "many.json")
        yield made


def behind(path: Path) -> int:
    db = sqlite3.connect(path)
    count: int = db.execute("SELECT count(*) FROM stale_text").fetchone()[0]
    db.close()
    return count


def assert_index_true(path: Path) -> None:
    assert behind(path) == 0
    db = sqlite3.connect(path)
    db.execute("INSERT INTO example_text (example_text, rank) VALUES ('integrity-check', 1)")
    db.close()


def renew(store: Store, many: int, new: str = "new") -> list[int]:
    ids = list(range(1, many + 1))
    store.operate_on("Renew", ids, {"output": f"A {new} answer."})
    return ids


@pytest.mark.parametrize("many", [FEW + 5, ROWS - 5])
def test_a_large_change_is_found_at_once(store, many):
    ids = renew(store, many)
    assert behind(store.path) == many
    assert list(store.first_ids("new", limit=1_000)) == ids
    assert_index_true(store.path)


@pytest.mark.parametrize(
    "asked",
    [
        lambda store, where, values: list(store.example_ids(where, values)),
        lambda store, where, values: [row.id for row in store.iter_examples(where=where, values=values)],
        lambda store, where, values: list(range(1, store.facets(where, values).total + 1)),
    ],
)
def test_whoever_asks_the_index_has_it_catch_up(store, asked):
    ids = renew(store, FEW + 5)
    where = "e.deleted = 0 AND e.id IN (SELECT rowid FROM example_text WHERE example_text MATCH ?)"
    assert asked(store, where, ["new"]) == ids
    assert_index_true(store.path)


def test_what_asks_nothing_of_the_index_does_not_wait_for_it(store):
    renew(store, FEW + 5)
    assert len(store.example_ids()) == ROWS
    assert store.facets().total == ROWS
    assert len(list(store.iter_examples())) == ROWS
    assert behind(store.path) == FEW + 5


def test_a_small_change_of_rows_that_are_behind(store):
    renew(store, FEW + 5)
    store.operate_on("Again", [1, 2, FEW + 6], {"output": "A third answer."})
    assert behind(store.path) == FEW + 6  # what the index holds is what was there before both changes
    assert list(store.first_ids("third", limit=9)) == [1, 2, FEW + 6]
    assert_index_true(store.path)


@pytest.mark.parametrize("between", [True, False])
def test_taken_back_before_the_index_has_followed_or_after(store, between):
    renew(store, FEW + 5)
    if between:
        store.catch_up()
    store.undo()
    assert not store.first_ids("new", limit=9)
    assert len(store.first_ids("old", limit=1_000)) == ROWS
    assert_index_true(store.path)
    store.redo()
    assert len(store.first_ids("new", limit=1_000)) == FEW + 5
    assert_index_true(store.path)


def test_another_program_finds_what_a_killed_one_left_behind(store):
    ids = renew(store, FEW + 5)
    with Store.open(store.path, readonly=True) as other:  # it has a writer do it
        assert list(other.first_ids("new", limit=1_000)) == ids
    assert_index_true(store.path)


def test_where_nothing_may_be_written_it_says_so_and_the_rest_goes_on(store, monkeypatch):
    renew(store, FEW + 5)
    with Store.open(store.path, readonly=True) as other:
        monkeypatch.setattr("os.access", lambda path, mode: False)
        with pytest.raises(UserError, match="cannot be searched yet"):
            other.first_ids("new", limit=9)
        assert len(other.example_ids()) == ROWS
        with other.snapshot():  # an export of everything needs no index
            assert len(list(other.iter_examples())) == ROWS
            with pytest.raises(UserError, match="cannot be searched yet"):
                other.first_ids("new", limit=9)


def test_one_moment_is_one_at_which_the_index_is_not_behind(store, monkeypatch):
    ids = renew(store, FEW + 5)
    late = [True]
    real = searching.catch_up

    def overtaken(database: Database) -> None:
        real(database)
        if late:  # another program changes much just before the moment is taken
            late.clear()
            with Store.open(store.path) as other:
                renew(other, FEW + 7, "newest")

    monkeypatch.setattr(searching, "catch_up", overtaken)
    with store.snapshot():
        assert len(store.first_ids("newest", limit=1_000)) == FEW + 7
        assert not set(store.first_ids("new", limit=1_000)) & set(ids)


def test_the_index_follows_in_the_background(tmp_path, monkeypatch):
    monkeypatch.setattr(fulltext, "FEW", FEW)
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(f"Row {number}", "", "Old.") for number in range(ROWS)], "many.json")
        renew(store, FEW + 5)
        for thread in threading.enumerate():
            if thread.name == "alpaca-tidy":
                thread.join(10)
        assert_index_true(store.path)


def test_a_store_that_is_closed_in_peace_leaves_nothing_behind(store):
    renew(store, FEW + 5)
    with Store.open(store.path):
        pass
    assert_index_true(store.path)


def test_a_change_that_fails_leaves_no_trace(store):
    def change(row):
        if row.id == FEW + 3:
            raise ValueError("no")
        return {"output": "gone"}

    with pytest.raises(ValueError, match="no"):
        store.operate_on("Fail", list(range(1, ROWS)), change)
    assert behind(store.path) == 0
    assert not store.first_ids("gone", limit=9)


def test_what_goes_on_in_the_background_gives_way_to_who_wants_to_write(store, monkeypatch):
    monkeypatch.setattr(searching, "_PAUSE_S", 0.01)
    renew(store, FEW + 5)
    begun, attempts = threading.Event(), []
    settle = fulltext.settle

    def slowly(db: sqlite3.Connection) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            begun.set()
            db.execute(  # far longer than this test
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            ).fetchone()
        settle(db)

    monkeypatch.setattr(fulltext, "settle", slowly)
    thread = threading.Thread(target=searching.catch_up_unhurried, args=(store._db,))
    thread.start()
    assert begun.wait(10)
    store.operate_on("Now", [1], {"status": "approved"})
    assert store.example(1).status == "approved"  # type: ignore[union-attr]
    thread.join(20)
    assert not thread.is_alive()
    assert len(attempts) > 1
    assert_index_true(store.path)


def test_who_searches_waits_for_the_background_instead_of_breaking_it_off(store):
    ids = renew(store, FEW + 5)
    with store._db.write_unhurried() as db:
        found: list[list[int]] = []
        thread = threading.Thread(target=lambda: found.append(list(store.first_ids("new", limit=99))))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        while fulltext.behind(db):
            fulltext.settle(db)
    thread.join(10)
    assert found == [ids]
    assert_index_true(store.path)
