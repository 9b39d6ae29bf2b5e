"""Dataset over a real store: find, act, undo, edit, mark, review, lint; what a second program does is seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import TextArea

from alpaca_tui.store.store import Store
from alpaca_tui.tui.screens.dataset.detail import Detail
from alpaca_tui.tui.screens.dataset.dialogs import LineDialog, LookFirst
from alpaca_tui.tui.screens.dataset.editor import EditorScreen
from alpaca_tui.tui.screens.dataset.facets import FacetList
from alpaca_tui.tui.screens.dataset.filter import FilterBar, Hints
from alpaca_tui.tui.screens.dataset.lint import LintScreen, RuleList
from alpaca_tui.tui.screens.dataset.operations import OperationsScreen
from alpaca_tui.tui.screens.dataset.review import ReviewScreen
from alpaca_tui.tui.screens.dataset.screen import DatasetScreen
from alpaca_tui.tui.screens.dialogs import QuestionDialog
from alpaca_tui.tui.session import Session
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, running, screen_text, shows, until
from tests.tui.dataset import ROWS, fill


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.open_store() as store:
        fill(store)
        yield store


@asynccontextmanager
async def dataset(workspace: Workspace, size: tuple[int, int] = (120, 36), rows: int = len(ROWS)) -> Any:
    """The app with Dataset open and every row read by the lint."""
    app = app_with(session=Session(workspace))
    async with running(app, size) as pilot:
        await pilot.press("3")
        await until(
            pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.table.row_count == rows
        )
        if rows:
            await until(pilot, lambda: app.screen.standing is not None and not app.screen.standing.unread)
            await until(pilot, lambda: app.screen.table.row is not None)
        yield app, pilot, app.screen


async def find(pilot: Any, screen: DatasetScreen, query: str, rows: int) -> None:
    await pilot.press("slash")
    screen.query_one(FilterBar).put(query)
    await pilot.press("enter")
    await until(pilot, lambda: screen.table.row_count == rows)


async def test_rows_are_read_by_the_lint_when_the_table_opens(workspace, store):
    words = ("12 rows", "noinput-text", "empty-output", "exact-dup", "imported")
    async with dataset(workspace) as (app, pilot, _screen):
        await until(pilot, lambda: all(word in screen_text(app) for word in words))
    assert len(store.example_ids("e.flags <> 0")) == 8


async def test_find_as_you_type_and_one_step_out_clears_it(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        await pilot.press("slash", *"north")
        await until(pilot, lambda: screen.table.row_count == 2)
        await pilot.press("enter", "escape")
        await until(pilot, lambda: screen.table.row_count == len(ROWS))
        assert screen.look.query == ""


async def test_a_filter_that_cannot_be_read_says_where_and_keeps_the_rows(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await find(pilot, screen, "north", 2)
        await pilot.press("slash")
        screen.query_one(FilterBar).put("rating>many birds")
        await until(pilot, lambda: "^^^^ " in screen_text(app))
        assert screen.table.row_count == 2
        screen.query_one(FilterBar).put("flag:empty-outptu and birds")
        await until(pilot, lambda: "no rule is called" in screen_text(app))
        await pilot.pause(0.5)
        assert not screen.table.has_class("-busy"), "nothing is being looked for"


async def test_a_proposal_is_taken_with_tab(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        await pilot.press("slash", *"flag:noin")
        await pilot.press("tab")
        await until(pilot, lambda: screen.look.query == "flag:noinput-text")
        await until(pilot, lambda: screen.table.row_count == 2)


async def test_enter_on_a_facet_filters_and_again_takes_it_off(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        await pilot.press("f")
        facets = screen.query_one(FacetList)
        await until(pilot, lambda: facets.has_focus and facets.facets is not None)
        facets.move_to(next(key for key in list(facets.keys()) if key.value == "noinput-text"))
        await pilot.press("enter")
        await until(pilot, lambda: screen.table.row_count == 2)
        await pilot.press("enter")
        await until(pilot, lambda: screen.table.row_count == len(ROWS))


async def test_the_cursor_stays_on_its_row_through_sort_filter_and_edit(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        screen.table.go_to(6)
        screen._sort("instruction")
        await until(pilot, lambda: list(screen.table.ids) != sorted(screen.table.ids))
        assert screen.table.cursor_id == 6
        await find(pilot, screen, "flag:any", 8)
        assert screen.table.cursor_id == 6
        await pilot.press("asterisk", "enter")
        await until(pilot, lambda: store.example(6).rating == 5)
        await until(pilot, lambda: screen.table.row is not None and screen.table.row.rating == 5)
        assert screen.table.cursor_id == 6


async def test_status_keys_step_down_and_undo_brings_back(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        await pilot.press("a", "x", "a")
        await until(pilot, lambda: store.example(3).status == "approved")
        assert [store.example(id).status for id in (1, 2, 3)] == ["approved", "rejected", "approved"]
        await until(pilot, lambda: screen.standing.undo is not None and "row 3" in screen.standing.undo.title)
        await pilot.press("u", "u")
        await until(pilot, lambda: store.example(2).status == "pending")
        assert store.example(1).status == "approved"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: store.example(2).status == "rejected")


async def test_an_act_is_for_all_the_marked_rows(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await find(pilot, screen, "flag:any", 8)
        await pilot.press("V", "t")
        await until(pilot, lambda: app.screen is not screen)
        await pilot.press(*"to-do", "enter")
        await until(pilot, lambda: len(store.example_ids("e.tags LIKE '% to-do %'")) == 8)
        assert not screen.marks
        assert store.next_undo().rows == 8


async def test_range_and_single_marks(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        await pilot.press("space", "down", "down", "v")
        assert screen.marks == {1, 2, 3, 4}
        await pilot.press("escape")
        assert not screen.marks


async def test_the_editor_saves_one_operation_and_nothing_when_nothing_changed(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        screen.table.go_to(4)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.query("#edit-output"))
        before = store.next_undo()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is screen)
        assert store.next_undo() == before
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.query("#edit-output"))
        app.screen.query_one("#edit-output", TextArea).text = "Rivers carry salt to it."
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is screen)
        assert store.example(4).output == "Rivers carry salt to it."
        assert store.next_undo().title == "Edit row 4"


async def test_leaving_the_editor_asks_before_words_are_lost(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.query("#edit-output"))
        editor = app.screen
        editor.query_one("#edit-output", TextArea).text = "Another."
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is editor)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await pilot.press("right", "right", "enter")
        await until(pilot, lambda: app.screen is screen)
        assert store.example(1).output == ROWS[0][2]


async def test_a_row_changed_elsewhere_is_not_overwritten_unasked(workspace, store):
    from alpaca_tui.curation import edits

    async with dataset(workspace) as (app, pilot, _screen):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.query("#edit-output"))
        app.screen.query_one("#edit-output", TextArea).text = "Mine."
        edits.save(store, 1, {"output": "Theirs."}, expected=None)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await until(pilot, lambda: "Theirs" in screen_text(app) and "Mine" in screen_text(app))
        assert store.example(1).output == "Theirs."
        await pilot.press("right", "right", "enter")
        await until(pilot, lambda: store.example(1).output == "Mine.")


async def test_what_another_program_does_is_seen(workspace, store):
    from alpaca_tui.curation import edits

    async with dataset(workspace) as (_app, pilot, screen):
        edits.set_status(store, [1], "rejected")
        await until(pilot, lambda: screen.table.row is not None and screen.table.row.status == "rejected")


async def test_what_another_program_did_is_seen_by_whichever_look_comes_first(workspace, store):
    from alpaca_tui.curation import edits

    async with dataset(workspace) as (_app, pilot, screen):
        await until(pilot, lambda: screen._pulse == store.pulse())
        edits.set_status(store, [1], "rejected")
        screen._look_around(
            always=True
        )  # the look that follows a reload learns of it before the next second's
        await until(pilot, lambda: screen.standing.undo is not None)
        await until(pilot, lambda: screen.table.row is not None and screen.table.row.status == "rejected")


async def test_undo_and_redo_follow_at_once_on_what_they_are_for(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        screen._look_around = lambda **_: None  # nothing has told the screen yet what can be undone
        await pilot.press("a", "u")
        await until(pilot, lambda: store.next_redo() is not None)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: store.next_undo() is not None)
        await pilot.press("u")
        await until(pilot, lambda: store.next_redo() is not None)
        assert store.example(1).status == "pending"


async def test_a_row_is_added_copied_split_and_deleted(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.query("#edit-output"))
        app.screen.query_one("#edit-instruction", TextArea).text = "Name a tree."
        await pilot.press("ctrl+s")
        await until(pilot, lambda: screen.table.cursor_id == 13)
        screen.table.go_to(10)
        await pilot.press("B")
        await until(pilot, lambda: bool(app.screen.query("#part-1-instruction")))
        assert app.screen.query_one("#part-1-instruction", TextArea).text == "Name a fish."
        await pilot.press("ctrl+s")
        await until(pilot, lambda: store.example(14) is not None)
        assert store.example(10).output == "A loop repeats steps."
        assert (store.example(14).instruction, store.example(14).output) == ("Name a fish.", "A cod.")
        await until(pilot, lambda: app.screen is screen and screen.table.row_count == 14)
        screen.table.go_to(14)
        await pilot.press("d")
        await until(pilot, lambda: screen.table.row_count == 13)
        assert store.example(14).deleted


async def test_lint_fixes_a_rule_in_one_operation_after_a_look(workspace, store):
    async with dataset(workspace) as (app, pilot, _screen):
        await pilot.press("l")
        await until(
            pilot, lambda: isinstance(app.screen, LintScreen) and app.screen.query_one(RuleList).counts
        )
        rules = app.screen.query_one(RuleList)
        assert rules.counts["noinput-text"] == 2
        rules.move_to("noinput-text")
        await until(pilot, lambda: app.screen._rule.id == "noinput-text")
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, LookFirst))
        assert [store.example(id).input for id in (3, 5)] == ["<noinput>", "No input"]
        await pilot.press("enter")
        await until(pilot, lambda: [store.example(id).input for id in (3, 5)] == ["", ""])
        await until(
            pilot, lambda: isinstance(app.screen, LintScreen) and not rules.counts.get("noinput-text")
        )
        assert (store.next_undo().title, store.next_undo().rows) == ("Fix noinput-text", 2)
        assert store.example(3).edited_by == "fix"
        await pilot.press("escape", "u")
        await until(pilot, lambda: store.example(3).input == "<noinput>")


async def test_enter_on_a_rule_shows_its_rows(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("l")
        await until(
            pilot, lambda: isinstance(app.screen, LintScreen) and app.screen.query_one(RuleList).counts
        )
        app.screen.query_one(RuleList).move_to("empty-output")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and screen.table.row_count == 1)
        assert screen.look.query == "flag:empty-output"


async def test_a_review_on_single_keys_its_undo_and_its_resumption(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "Row 1" in screen_text(app))
        await pilot.press("a")
        await until(pilot, lambda: "2 of 12" in screen_text(app))
        await pilot.press("x", "s", "a")
        await until(pilot, lambda: "5 of 12" in screen_text(app))
        statuses = [store.example(id).status for id in range(1, 5)]
        assert statuses == ["approved", "rejected", "pending", "approved"]
        await pilot.press("u")
        await until(pilot, lambda: "4 of 12" in screen_text(app))
        await until(pilot, lambda: store.example(4).status == "pending")
        await pilot.press("5")
        await until(pilot, lambda: store.example(4).rating == 5)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await shows(pilot, "3 of 12")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "4 of 12" in screen_text(app))
        assert app.screen.row == 4


async def test_a_review_takes_back_the_last_decision_however_fast_the_keys(workspace, store, monkeypatch):
    from alpaca_tui.curation import edits

    set_status = edits.set_status

    def slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.2)
        return set_status(*arguments, **options)

    monkeypatch.setattr(edits, "set_status", slowly)
    async with dataset(workspace) as (app, pilot, _screen):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "Row 1" in screen_text(app))
        await pilot.press("a", "a", "a", "u", "u")
        done: list[None] = []
        app.in_order(lambda: None, done.append)  # behind everything the keys set off
        await until(pilot, lambda: done)
        await until(pilot, lambda: "2 of 12" in screen_text(app))
        assert [store.example(id).status for id in (1, 2, 3)] == ["approved", "pending", "pending"]
        assert app.screen.row == 2


async def test_a_decision_taken_back_gives_the_row_its_status_of_before(workspace, store):
    from alpaca_tui.curation import edits

    edits.set_status(store, [1], "approved")
    async with dataset(workspace) as (app, pilot, _screen):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "Row 1" in screen_text(app))
        await pilot.press("x")
        await until(pilot, lambda: "2 of 12" in screen_text(app))
        await until(pilot, lambda: store.example(1).status == "rejected")
        edits.rate(store, [5], 3)  # another program
        await pilot.press("u")
        await until(pilot, lambda: "1 of 12" in screen_text(app))
        assert store.example(1).status == "approved"
        assert store.example(5).rating == 3


async def test_undo_in_a_review_takes_stars_and_edits_back_too(workspace, store):
    async with dataset(workspace) as (app, pilot, _screen):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "Row 1" in screen_text(app))
        await pilot.press("a")
        await until(pilot, lambda: "2 of 12" in screen_text(app) and "Row 2" in screen_text(app))
        await pilot.press("4")
        await until(pilot, lambda: store.example(2).rating == 4)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        app.screen.query_one("#edit-output", TextArea).text = "fig"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and store.example(2).output == "fig")
        await pilot.press("u")
        await until(pilot, lambda: store.example(2).output == ROWS[1][2])
        assert store.example(2).rating == 4
        await pilot.press("u")
        await until(pilot, lambda: store.example(2).rating is None)
        assert store.example(1).status == "approved"
        await pilot.press("u")
        await until(pilot, lambda: store.example(1).status == "pending" and "1 of 12" in screen_text(app))


async def test_escape_on_the_question_whether_to_go_on_reviews_nothing(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "Row 1" in screen_text(app))
        await pilot.press("a", "escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.pause(0.3)
        assert app.screen is screen


async def test_a_review_in_which_nothing_was_decided_begins_anew_unasked(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "Row 1" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await find(pilot, screen, "north", 2)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "1 of 2" in screen_text(app))


async def test_a_recheck_is_blind_and_tells_the_agreement(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await find(pilot, screen, "north", 2)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "Row 1" in screen_text(app))
        await pilot.press("a", "x")
        await until(pilot, lambda: "The review is done." in screen_text(app))
        await pilot.press("c")
        await until(pilot, lambda: "Re-check" in screen_text(app) and "1 of 2" in screen_text(app))
        assert "approved" not in screen_text(app)
        assert "rejected" not in screen_text(app)
        await pilot.press("a", "a")
        await until(pilot, lambda: "You decided 1 of 2" in screen_text(app))
        assert [store.example(id).status for id in (1, 7)] == ["approved", "rejected"]


async def test_operations_go_back_to_any_point(workspace, store):
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("a", "a", "a")
        await until(pilot, lambda: store.example(3).status == "approved")
        await pilot.press("o")
        await until(
            pilot, lambda: isinstance(app.screen, OperationsScreen) and "Approve row 3" in screen_text(app)
        )
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: store.example(2).status == "pending")
        assert store.example(1).status == "approved"
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_history_shows_versions_and_restores_one(workspace, store):
    from alpaca_tui.curation import edits

    edits.save(store, 1, {"output": "The puffin lives there."}, expected=None)
    edits.save(store, 1, {"output": "The puffin breeds there."}, expected=None)
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("h")
        await until(pilot, lambda: "as it came" in screen_text(app))
        detail = screen.query_one("#detail")
        detail.focus()
        detail.move_to(0)
        await pilot.press("enter")
        await until(pilot, lambda: store.example(1).output == ROWS[0][2])


async def test_looks_and_place_are_remembered(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        screen.look.columns = ("id", "output")
        screen._sort("output")
        await until(pilot, lambda: list(screen.table.ids) != sorted(screen.table.ids))
        screen.table.go_to(5)
        await until(pilot, lambda: (store.setting("dataset/table") or {}).get("row") == 5)
    async with dataset(workspace) as (_app, pilot, screen):
        assert screen.look.columns == ("id", "output")
        assert (screen.look.order, screen.table.cursor_id) == ("output", 5)


async def test_an_empty_workspace_says_what_to_do(workspace):
    async with dataset(workspace, rows=0) as (app, pilot, screen):
        await until(pilot, lambda: "imports a file" in screen_text(app))
        for key in ("a", "u", "e", "d", "V", "r", "l", "m", "h", "escape"):
            await pilot.press(key)
            if app.screen is not screen:
                await pilot.press("escape")
        assert isinstance(app.screen, DatasetScreen)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 36), (200, 50)])
async def test_every_size_shows_rows(workspace, store, size):
    async with dataset(workspace, size) as (_app, pilot, _screen):
        await shows(pilot, "Name a")


async def test_a_file_is_looked_at_then_imported_and_the_import_undone(workspace, store, tmp_path):
    import json

    from alpaca_tui.tui.screens.dataset.importing import ImportScreen, PreviewPane

    file = tmp_path / "more.json"
    rows = [{"prompt": f"Count to {n}.", "answer": "1 2 3", "by": "me"} for n in range(3)]
    file.write_text(json.dumps([*rows, {"prompt": "", "answer": "x"}]), "utf-8")
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen) and app.screen.query("#file"))
        app.screen.query_one("#file").value = str(file)
        pane = app.screen.query_one(PreviewPane)
        await until(pilot, lambda: pane.seen is not None and len(pane.seen.rows) == 4)
        assert (
            "prompt is empty" in screen_text(app)
            or "refused" in screen_text(app)
            or "✗ row 3" in screen_text(app)
        )
        await pilot.press("f5")
        await until(pilot, lambda: type(app.screen).__name__ == "ErrorDialog")
        assert store.tally().rows == len(ROWS)
        await pilot.press("escape")
        app.screen.query_one("#skip").value = True
        await pilot.press("f5")
        await until(pilot, lambda: pane.report is not None)
        assert (pane.report.added, pane.report.refusals) == (3, 1)
        assert store.example(13).extra == {"by": "me"}
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen and screen.table.row_count == len(ROWS) + 3)
        await pilot.press("u")
        await until(pilot, lambda: screen.table.row_count == len(ROWS))


async def test_the_rows_of_the_filter_are_exported(workspace, store):
    import json

    from alpaca_tui.tui.screens.dataset.exporting import ExportScreen

    async with dataset(workspace) as (app, pilot, screen):
        await find(pilot, screen, "north", 2)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen) and app.screen.query("#file"))
        app.screen.query_one("#file").value = "birds.json"
        await pilot.press("f5")
        path = workspace.root / "exports" / "birds.json"
        await until(pilot, path.exists)
        assert [row["instruction"] for row in json.loads(path.read_text("utf-8"))] == [ROWS[0][0]] * 2


async def test_near_duplicates_side_by_side(workspace, store):
    from alpaca_tui.tui.screens.dataset.duplicates import DuplicatesScreen, GroupList

    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("w")
        await until(
            pilot, lambda: isinstance(app.screen, DuplicatesScreen) and app.screen.query_one(GroupList).groups
        )
        assert [group.kept for group in app.screen.query_one(GroupList).groups] == [1]
        await until(pilot, lambda: "row 7" in screen_text(app))
        await pilot.press("d")
        await until(pilot, lambda: store.example(7).deleted)
        await until(pilot, lambda: "No near-duplicates" in screen_text(app))
        await pilot.press("u")
        await until(pilot, lambda: not store.example(7).deleted)
        await until(pilot, lambda: app.screen.group is not None)
        await pilot.press("t")
        await until(pilot, lambda: store.example(1).deleted and not store.example(7).deleted)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_columns_give_way_to_facets_where_there_is_little_room(
    workspace: Workspace, store: Store
) -> None:
    async with dataset(workspace, (80, 24)) as (app, pilot, screen):
        await shows(pilot, "near stars")
        await pilot.press("f")
        await until(pilot, lambda: screen.query_one(FacetList).region.width == 25)
        await until(pilot, lambda: "near stars" not in screen_text(app))
        await shows(pilot, "Name a bird")
        assert screen.table.region.x == 25
        await pilot.press("escape")
        await until(pilot, lambda: "near stars" in screen_text(app))


async def test_in_a_tiny_window_facets_and_rules_have_all_the_room(
    workspace: Workspace, store: Store
) -> None:
    async with dataset(workspace, (40, 12)) as (app, pilot, screen):
        await pilot.press("f")
        await until(pilot, lambda: screen.query_one(FacetList).region.width == 40)
        assert screen.table.region.width == 0
        await pilot.press("escape")
        await until(pilot, lambda: screen.table.has_focus and screen.table.region.width == 40)
        await pilot.press("l")
        await until(
            pilot, lambda: isinstance(app.screen, LintScreen) and app.screen.query_one(RuleList).counts
        )
        assert app.screen.query_one(RuleList).region.width == 40


async def test_a_word_still_being_typed_is_completed_and_no_fault(workspace: Workspace, store: Store) -> None:
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("slash", *"flag:em")
        await until(pilot, lambda: "empty-output" in str(screen.query_one(Hints).spans))
        await pilot.pause(1.0)
        assert "no rule" not in screen_text(app)
        await pilot.press("p", "z")
        await until(pilot, lambda: "no rule is called" in screen_text(app))
        await pilot.press("backspace", "tab")
        await until(pilot, lambda: screen.look.query == "flag:empty-output" and screen.table.row_count == 1)


async def test_the_keys_shown_beside_a_field_are_those_that_do_not_type(
    workspace: Workspace, store: Store
) -> None:
    from alpaca_tui.curation import edits
    from alpaca_tui.tui.widgets.frame import KeyBar

    edits.rate(store, [1], 3)
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("slash")
        await until(pilot, lambda: "enter Done" in screen_text(app))
        shown = {id: key for id, key, *_ in screen.query_one(KeyBar).entries()}
        assert "dataset.find" not in shown
        assert shown["dataset.undo"] == "^z"
        await pilot.press("escape")
        await until(pilot, lambda: "enter Done" not in screen_text(app))
        shown = {id: key for id, key, *_ in screen.query_one(KeyBar).entries()}
        assert (shown["dataset.find"], shown["dataset.undo"]) == ("/", "u")


async def test_one_pane_at_a_time_looks_focused(workspace: Workspace, store: Store) -> None:
    async with dataset(workspace) as (_app, pilot, screen):

        def lit() -> list[str]:
            color = screen.app.get_css_variables()["primary"]
            return [id for id in ("facets", "rows", "detail") if _border(screen, id) == color.upper()]

        await until(pilot, lambda: lit() == ["rows"])
        for key, pane in (("f", "facets"), ("tab", "rows"), ("tab", "detail"), ("escape", "rows")):
            await pilot.press(key)
            await until(pilot, lambda pane=pane: lit() == [pane])


def _border(screen: DatasetScreen, id: str) -> str:
    return screen.query_one(f"#{id}").styles.border_top[1].hex.upper()


async def test_a_box_that_is_not_ticked_shows_no_cross(workspace: Workspace, store: Store) -> None:
    async with dataset(workspace) as (app, pilot, _screen):
        await pilot.press("i")
        await until(pilot, lambda: "take the good rows" in screen_text(app))
        assert "X▌ take the good rows" not in screen_text(app)
        await pilot.press("tab", "tab", "space")
        await until(pilot, lambda: "X▌ take the good rows" in screen_text(app))


async def test_what_a_rule_says_of_a_row_is_never_cut(workspace: Workspace, store: Store) -> None:
    from alpaca_tui.curation.lint import lint_row
    from alpaca_tui.tui.screens.dataset.detail import finding_lines

    found = lint_row("Add the numbers.", "12 and 7", "12 + 7 = 20")
    lines = finding_lines(found, 24)
    assert max(sum(len(text) for text, _ in line.spans) for line in lines) <= 24
    shown = " ".join("".join(text for text, _ in line.spans).strip() for line in lines)
    assert found[0].message in shown


def test_what_a_rule_found_is_in_the_lines_shown_of_it():
    from alpaca_tui.curation.lint import lint_row
    from alpaca_tui.tui.screens.dataset.lint import excerpt

    text = "A long first line that goes on.\n\n\n\n\n6. Instruction: Name a fish."
    found = next(one for one in lint_row("Tell me of whales.", "", text) if one.rule == "task-marker")
    shown = "\n".join("".join(part for part, _ in line.spans) for line in excerpt(text, found, "error", 40))
    assert "6. Instruction:" in shown


async def test_where_there_is_little_room_facets_come_and_go(workspace: Workspace, store: Store) -> None:
    async with dataset(workspace, size=(80, 24)) as (_app, pilot, screen):
        facets = screen.query_one(FacetList)
        assert facets.region.width == 0
        await pilot.press("f")
        await until(pilot, lambda: facets.has_focus and facets.region.width > 20)
        await shows(pilot, "pending")
        await pilot.press("escape")
        await until(pilot, lambda: screen.table.has_focus and facets.region.width == 0)
        await pilot.press("f")
        await until(pilot, lambda: facets.has_focus)
        await pilot.press("f")
        await until(pilot, lambda: screen.table.has_focus and facets.region.width == 0)


async def test_what_comes_after_a_screen_was_closed_breaks_nothing(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results that arrive late find no widget to be shown in."""
    from alpaca_tui.tui.screens.dataset import loading
    from alpaca_tui.tui.screens.dataset.statistics import StatisticsScreen

    counted = loading.count
    held = threading.Event()

    def slow(*arguments: Any) -> Any:
        held.wait(5)
        return counted(*arguments)

    async with dataset(workspace) as (app, pilot, screen):
        monkeypatch.setattr(loading, "count", slow)
        for key, window in (("l", LintScreen), ("S", StatisticsScreen), ("o", OperationsScreen)):
            held.clear()
            await pilot.press(key)
            await until(pilot, lambda window=window: isinstance(app.screen, window))
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen)
            held.set()
            await pilot.pause(0.3)
        assert app._exception is None
        assert screen.table.row_count == len(ROWS)


async def test_an_import_goes_on_where_its_window_is_closed(
    workspace: Workspace, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alpaca_tui.curation import importing
    from alpaca_tui.tui.screens.dataset.importing import ImportScreen, PreviewPane

    file = tmp_path / "more.json"
    file.write_text('[{"instruction": "Count.", "input": "", "output": "1 2 3"}]', "utf-8")
    real, held = importing.import_source, threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        held.wait(5)
        return real(*arguments, **options)

    monkeypatch.setattr(importing, "import_source", slow)
    async with dataset(workspace) as (app, pilot, screen):
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen) and app.screen.query("#file"))
        app.screen.query_one("#file").value = str(file)
        await until(pilot, lambda: app.screen.query_one(PreviewPane).seen is not None)
        await pilot.press("f5")
        await pilot.pause(0.1)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        held.set()
        await until(pilot, lambda: "1 row imported" in screen_text(app))
        await until(pilot, lambda: screen.table.row_count == len(ROWS) + 1)


async def test_a_timer_stopped_too_late_does_not_take_the_answer_of_a_newer_question(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        older = screen._searching
        assert older is not None
        screen.query_one(FilterBar).put("auk")
        await until(pilot, lambda: older.cancelled)
        screen._ask(older, None)  # as by a timer's tick that was on its way
        await until(pilot, lambda: screen.table.row_count == 2)


async def test_a_jump_goes_along_while_it_is_typed_and_back_when_given_up(workspace, store):
    fill(store, 2)
    async with dataset(workspace, rows=3 * len(ROWS)) as (app, pilot, screen):

        async def ask() -> None:
            await pilot.press("number_sign")
            await until(pilot, lambda: isinstance(app.screen, LineDialog))

        await pilot.press("j")
        await ask()
        await pilot.press("2", "5")
        await until(pilot, lambda: screen.table.cursor_id == 25)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen.table.cursor_id == 2
        await ask()
        await pilot.press("3", "0", "enter")
        await until(pilot, lambda: app.screen is screen and screen.table.cursor_id == 30)
        await ask()
        await pilot.press(*"9" * 30, "enter")
        await pilot.pause()
        assert isinstance(app.screen, LineDialog), "no row has such a number"
        await pilot.press("escape")


async def test_the_row_beside_follows_at_once_or_when_hurried_keys_pause(workspace, store, monkeypatch):
    monkeypatch.setattr(
        "alpaca_tui.tui.screens.dataset.screen.HURRY_S", 2.0
    )  # a slow machine's keys are hurried too
    async with dataset(workspace) as (_app, pilot, screen):
        asked: list[float] = []
        later = screen.later

        def noted(name: str, delay: float, what: Any) -> None:
            if name == "detail":
                asked.append(delay)
            later(name, delay, what)

        monkeypatch.setattr(screen, "later", noted)
        screen._moved_at = 0.0
        for _ in range(3):
            screen.table.action_cursor_down()
            await pilot.pause()
        assert asked[0] < min(asked[1:])
        detail = screen.query_one(Detail)
        await until(pilot, lambda: detail.subject and detail.subject.row.id == screen.table.cursor_id == 4)


async def test_what_is_asked_for_beside_the_table_is_not_forgotten_for_a_move_before_it(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        detail = screen.query_one(Detail)
        for _ in range(3):
            screen.table.action_cursor_down()
        screen.action_detail("history")
        screen._show_detail()  # as by the move's own timer
        await until(pilot, lambda: detail.mode == "history" and detail.subject.row.id == 4)


async def test_a_row_without_history_says_so_in_full(workspace, store):
    async with dataset(workspace) as (_app, pilot, screen):
        detail = screen.query_one(Detail)
        await pilot.press("h")
        await until(pilot, lambda: detail.mode == "history")
        assert "Nothing was ever changed in this row." in " ".join(
            line.text.strip() for line in detail._lines
        )
        assert max(line.width for line in detail._lines) <= detail.scrollable_content_region.width
