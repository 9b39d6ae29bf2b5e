"""Pictures of asking the teacher: the window, answers coming in, one to decide on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from alpaca_tui.curation.assist import Asked
from alpaca_tui.tui.screens.dataset.answered import AnswerList, AnswerPane
from alpaca_tui.tui.screens.dataset.ask_form import AskDialog
from alpaca_tui.tui.screens.dataset.asking import AskingScreen
from alpaca_tui.tui.screens.dataset.screen import DatasetScreen
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, until
from tests.tui.dataset import fill
from tests.tui.test_asking import FakeQuestion, suggest
from tests.tui.test_snapshots import AtHome, both_sizes

Compare = Callable[..., bool]


@pytest.fixture
def asked(tmp_path: Path) -> AtHome:
    with Workspace(tmp_path).open_store() as store:
        fill(store)
        wrong = suggest(store, 6, verdict="wrong", reason="12 and 7 make 19, not 20.", output="12 + 7 = 19")
        right = suggest(store, 1, verdict="right", reason="Auks lived on northern coasts.")
        suggest(store, 4, "rewrite", reason="There was no answer.", output="Rivers carry salts into the sea.")
    session = AtHome(tmp_path)
    session.question = FakeQuestion(
        [
            Asked(6, "answered", "", "", wrong),
            Asked(1, "answered", "", "", right),
            Asked(2, "asked", "Verdict: wrong\nReason: They are not sorted by"),
            Asked(3, "failed", "", "The request is too long for the model (400)."),
            Asked(8),
        ]
    )
    return session


async def at_the_answers(pilot: Pilot[Any], *keys: str) -> None:
    app: Any = pilot.app
    await until(pilot, lambda: app.session.stored is not None)
    await pilot.press("3")
    await until(pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.table.row is not None)
    await pilot.press("T")
    await until(pilot, lambda: isinstance(app.screen, AskingScreen))
    await until(pilot, lambda: len(app.screen.query_one(AnswerList).entries or ()) == 6)
    await pilot.press(*keys)
    await until(pilot, lambda: app.screen.query_one(AnswerPane).row is not None)
    await pilot.pause(0.3)


@both_sizes
def test_an_answer_to_decide_on(snap_compare: Compare, asked: AtHome, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(session=asked), terminal_size=size, run_before=at_the_answers)


@both_sizes
def test_an_answer_as_it_comes(snap_compare: Compare, asked: AtHome, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await at_the_answers(pilot, "j", "j")

    assert snap_compare(app_with(session=asked), terminal_size=size, run_before=before)


@both_sizes
def test_the_window_before_asking(snap_compare: Compare, asked: AtHome, size: tuple[int, int]) -> None:
    asked.question = None

    async def before(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await until(pilot, lambda: app.session.stored is not None)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.table.row is not None)
        await until(pilot, lambda: app.screen.standing is not None and not app.screen.standing.unread)
        await pilot.press("V", "T")
        await until(pilot, lambda: isinstance(app.screen, AskDialog))
        await until(pilot, lambda: "tokens" in str(app.screen.query_one("#takes").content))
        await pilot.pause(0.3)

    assert snap_compare(app_with(session=asked), terminal_size=size, run_before=before)
