"""The rejection drawer judged again under other rules: tried first, applied when told to, brought back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Checkbox, Input

from alpaca_tui.errors import UserError
from alpaca_tui.tui.screens.dialogs import QuestionDialog
from alpaca_tui.tui.screens.generate.again import RulesDialog
from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen
from alpaca_tui.tui.session import Session
from alpaca_tui.workspace import Workspace
from tests.integration.test_generation import run_to_end, settings
from tests.support.faulty_server import FaultyServer
from tests.tui.conftest import app_with, running, screen_text, shows, until


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "work")
    with FaultyServer(tasks=8) as server:
        run_to_end(workspace, settings(server, goal=40))
    return workspace


async def drawer(app: Any, pilot: Any) -> None:
    await app.push_screen(CandidatesScreen())
    await until(pilot, lambda: app.screen.table.row is not None)
    await pilot.press("J")
    await until(pilot, lambda: isinstance(app.screen, RulesDialog))


async def test_other_rules_are_tried_then_applied_then_taken_back(workspace: Workspace) -> None:
    app = app_with(session=Session(workspace))
    async with running(app) as pilot:
        await drawer(app, pilot)
        app.screen.query_one("#field-threshold", Input).value = "0.15"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await shows(pilot, "kept")
        with workspace.open_store() as store:
            assert store.tally().kept == 40, "a trial changes nothing"
            with pytest.raises(UserError), workspace.generation_lock():
                pass
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, CandidatesScreen))
        with workspace.open_store() as store:
            await until(pilot, lambda: store.tally().kept < 40)
            assert store.last_run() is not None
        with workspace.generation_lock():
            pass
        await pilot.press("J")
        await until(pilot, lambda: isinstance(app.screen, RulesDialog))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await pilot.press("tab", "enter")
        with workspace.open_store() as store:
            await until(pilot, lambda: store.tally().kept == 40)


async def test_leaving_it_changes_nothing_and_frees_the_workspace(workspace: Workspace) -> None:
    app = app_with(session=Session(workspace))
    async with running(app) as pilot:
        await drawer(app, pilot)
        box = app.screen.query(Checkbox).first()
        box.value = False
        app.screen.query_one("#field-threshold", Input).value = "1.5"
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.screen, RulesDialog), "a field with a fault is not taken"
        app.screen.query_one("#field-threshold", Input).value = "0.2"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CandidatesScreen))

        def free() -> bool:
            try:
                with workspace.generation_lock():
                    return True
            except UserError:
                return False

        await until(pilot, free)
        with workspace.open_store() as store:
            assert store.tally().kept == 40


async def test_without_a_run_there_is_nothing_to_judge(tmp_path: Path) -> None:
    app = app_with(session=Session(Workspace(tmp_path / "none")))
    async with running(app) as pilot:
        await app.push_screen(CandidatesScreen())
        await pilot.press("J")
        await until(pilot, lambda: "No teacher has answered here yet" in screen_text(app))
