"""Ask the teacher, on screen: the window, answers as they come, and a person deciding on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.curation.assist import Asked, AskSettings, Progress
from alpaca_tui.store.store import Store
from alpaca_tui.tui.screens.dataset.answered import AnswerList, AnswerPane
from alpaca_tui.tui.screens.dataset.ask_form import AskDialog
from alpaca_tui.tui.screens.dataset.asking import AskingScreen
from alpaca_tui.tui.screens.dataset.dialogs import LookFirst
from alpaca_tui.tui.screens.dataset.editor import EditorScreen
from alpaca_tui.tui.screens.dataset.screen import DatasetScreen
from alpaca_tui.tui.screens.dialogs import ErrorDialog, QuestionDialog
from alpaca_tui.tui.session import Session
from alpaca_tui.tui.widgets.plain import Plain
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, running, screen_text, shows, until
from tests.tui.dataset import ROWS, fill

COSTLY = {"teacher": "http://localhost:9/v1", "model": "big", "price": [2.0, 8.0], "goal": 5}


class FakeQuestion:
    """A question that stands as the test says."""

    def __init__(self, rows: Sequence[Asked], settings: AskSettings | None = None) -> None:
        self.rows = list(rows)
        self.settings = settings or AskSettings("correct")
        self.stopped = False
        self.closed = False

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.stopped = self.closed = True

    def progress(self) -> Progress:
        states = [asked.state for asked in self.rows]
        return Progress(
            total=len(states),
            answered=states.count("answered"),
            failed=states.count("failed"),
            in_flight=0 if self.stopped else states.count("asked"),
            spent_usd=0.0123,
            tokens=4_321,
            stopped=self.stopped,
            why="Stopped." if self.stopped else "",
            server="demo",
            model="demo-alpaca",
        )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.open_store() as store:
        fill(store)
        yield store


def suggest(store: Store, row: int, kind: Any = "correct", **said: Any) -> int:
    found = store.example(row)
    assert found is not None
    return store.add_suggestion(row, kind, revised=found.revised, completion_id=None, **said)


def session_with(workspace: Workspace, question: FakeQuestion | None = None) -> Session:
    session = Session(
        workspace, prepare_question=lambda _workspace, _settings, _rows: question or FakeQuestion([])
    )
    session.question = question
    return session


async def open_answers(app: Any, pilot: Any) -> AskingScreen:
    await pilot.press("3")
    await until(pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.table.row is not None)
    await pilot.press("T")
    await until(pilot, lambda: isinstance(app.screen, AskDialog | AskingScreen))
    if isinstance(app.screen, AskDialog):
        await pilot.click("#open")
    await until(pilot, lambda: isinstance(app.screen, AskingScreen))
    await until(pilot, lambda: app.screen.query_one(AnswerList).entries is not None)
    if app.screen.query_one(AnswerList).entries:
        await until(pilot, lambda: app.screen.query_one(AnswerPane).row is not None)
    return app.screen


async def test_from_the_row_to_the_accepted_answer_and_back(workspace: Workspace, store: Store) -> None:
    """The whole way with the demo teacher, which is a real server on loopback."""
    app = app_with(session=Session(workspace))
    async with running(app) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.table.row is not None)
        app.screen.show_query("", 6)  # type: ignore[attr-defined]
        await until(pilot, lambda: app.screen.table.cursor_id == 6)  # type: ignore[attr-defined]
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, AskDialog))
        await until(pilot, lambda: "1 row: about" in screen_text(app))
        await shows(pilot, "costs nothing")
        app.screen.query_one("#field-kind").value = "correct"  # type: ignore[attr-defined]
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, AskingScreen))
        await until(pilot, lambda: "as it would be" in screen_text(app), 30)
        await until(pilot, lambda: app.session.question is not None and not app.session.asking, 30)
        assert store.examples_by_id([6])[0].output == "12 + 7 = 20", "nothing changes by itself"
        await pilot.press("a")
        await until(pilot, lambda: store.examples_by_id([6])[0].output == "12 + 7 = 19")
        assert store.operations()[0].who == "teacher"
        await until(pilot, lambda: "No answer waits" in screen_text(app))
        await pilot.press("u")
        await until(pilot, lambda: "open answer" in screen_text(app))
        assert store.examples_by_id([6])[0].output == "12 + 7 = 20"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen))


async def test_the_window_counts_what_it_would_cost(workspace: Workspace, store: Store) -> None:
    store.end_run(store.start_run(COSTLY, "generate"), "goal", {})
    suggest(store, 1, "judge", verdict="right", reason="Yes.")
    app = app_with(session=session_with(workspace))
    async with running(app) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.table.row is not None)
        await pilot.press("V", "T")
        await until(pilot, lambda: isinstance(app.screen, AskDialog))
        await until(pilot, lambda: "at most $0.0" in screen_text(app))
        text = screen_text(app)
        assert f"{len(ROWS) - 1} rows: about" in text
        assert "1 row with an open answer" in str(app.screen.query_one("#takes", Plain).content)
        assert "http://localhost:9/v1" in text
        app.screen.query_one("#field-budget-usd").value = "much"  # type: ignore[attr-defined]
        await until(pilot, lambda: "an amount in US dollars" in screen_text(app))
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.screen, AskDialog), "a form with a fault is not sent"


async def test_answers_are_followed_as_they_come(workspace: Workspace, store: Store) -> None:
    done = Asked(6, "answered", "…", "", suggest(store, 6, verdict="wrong", reason="It is 19.", output="19"))
    rows = [
        done,
        Asked(2, "asked", "Verdict: [bold]right\x1b[2J"),
        Asked(3),
        Asked(4, "failed", "", "Too long."),
    ]
    question = FakeQuestion(rows)
    app = app_with(session=session_with(workspace, question))
    async with running(app) as pilot:
        screen = await open_answers(app, pilot)
        await shows(pilot, "1 of 4 rows answered")
        await pilot.press("j")
        await until(pilot, lambda: "The teacher answers" in screen_text(app))
        await shows(pilot, "[bold]right")
        rows[1].text += " and more words"
        await until(pilot, lambda: "and more words" in screen_text(app))
        rows[1].suggestion = suggest(store, 2, verdict="right", reason="It is sorted.")
        rows[1].state = "answered"
        await until(pilot, lambda: "It is sorted." in screen_text(app))
        await shows(pilot, "2 of 4 rows answered")
        await pilot.press("G")
        await until(pilot, lambda: "Too long." in screen_text(app))
        assert screen.check_action("accept", ()) is False
        await pilot.press("s")
        await until(pilot, lambda: question.stopped)
        await until(pilot, lambda: question.closed)


async def test_a_declined_answer_is_gone_and_the_row_stays(workspace: Workspace, store: Store) -> None:
    suggest(store, 6, verdict="wrong", reason="It is 19.", output="19")
    suggest(store, 4, "rewrite", reason="There was none.", output="Because of the salts of the rivers.")
    app = app_with(session=session_with(workspace))
    async with running(app) as pilot:
        await open_answers(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "2 open answers" in screen_text(app))
        await open_answers(app, pilot)
        await pilot.press("x")
        await until(pilot, lambda: [one.example_id for one in store.suggestions()] == [4])
        await until(pilot, lambda: "Because of the salts" in screen_text(app))
        assert store.examples_by_id([6])[0].output == "12 + 7 = 20"


async def test_edited_first_it_is_the_persons_words_that_stand(workspace: Workspace, store: Store) -> None:
    suggest(store, 4, "rewrite", reason="There was none.", output="Because of the rivers.")
    app = app_with(session=session_with(workspace))
    async with running(app) as pilot:
        await open_answers(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await shows(pilot, "Because of the rivers.")
        area = app.screen.query_one("#edit-output")
        area.text = "Rivers carry salts."  # type: ignore[attr-defined]
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, AskingScreen))
        await until(pilot, lambda: store.suggestions() == [])
        assert store.examples_by_id([4])[0].output == "Rivers carry salts."
        store.undo()
        assert len(store.suggestions()) == 1


async def test_all_alike_are_accepted_after_a_look(workspace: Workspace, store: Store) -> None:
    for row in (1, 2, 7):
        suggest(store, row, "judge", verdict="right", reason="So it is.")
    suggest(store, 6, "judge", verdict="wrong", reason="It is 19.")
    app = app_with(session=session_with(workspace))
    async with running(app) as pilot:
        await open_answers(app, pilot)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, LookFirst))
        await pilot.press("enter")
        await until(pilot, lambda: len(store.suggestions()) == 1)
        statuses = {row.id: row.status for row in store.iter_examples()}
        assert {id for id, status in statuses.items() if status == "approved"} == {1, 2, 7}
        assert store.operations()[0].rows == 3


async def test_a_row_changed_elsewhere_is_not_overwritten(workspace: Workspace, store: Store) -> None:
    from alpaca_tui.curation import edits

    suggest(store, 6, verdict="wrong", reason="It is 19.", output="19")
    app = app_with(session=session_with(workspace))
    async with running(app) as pilot:
        await open_answers(app, pilot)
        edits.save(store, 6, {"output": "nineteen"}, expected=None)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert store.examples_by_id([6])[0].output == "nineteen"
        await pilot.press("escape")
        await until(pilot, lambda: "was changed after the teacher" in screen_text(app))


async def test_leaving_while_the_teacher_is_asked_asks_first(workspace: Workspace, store: Store) -> None:
    question = FakeQuestion([Asked(2, "asked")])
    app = app_with(session=session_with(workspace, question))
    async with running(app) as pilot:
        await open_answers(app, pilot)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await shows(pilot, "The teacher is being asked")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: question.closed)


async def test_without_rows_there_is_nothing_to_ask(workspace: Workspace) -> None:
    app = app_with(session=session_with(workspace))
    async with running(app) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen))
        await pilot.press("T")
        await until(pilot, lambda: "no row to ask about" in screen_text(app))
