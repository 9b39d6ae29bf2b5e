"""Home: what is here, what to do next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.tui.screens.dataset.importing import ImportScreen
from alpaca_tui.tui.screens.dataset.screen import DatasetScreen
from alpaca_tui.tui.screens.home import HomeScreen, next_steps
from alpaca_tui.tui.session import Session, Stored
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, running, screen_text, shows, until
from tests.tui.fakes import FakeRun, snapshot


def first(stored: Stored, *, live: bool = False) -> str:
    return next_steps(stored, live)[0].key_id


def test_the_first_step_is_what_one_usually_wants(stopped: Stored) -> None:
    assert first(Stored()) == "home.demo"
    assert first(stopped) == "home.continue"
    assert first(stopped, live=True) == "home.watch"
    assert first(replace(stopped, busy="Process 12")) == "home.watch"
    assert stopped.snapshot is not None
    done = replace(stopped, snapshot=replace(stopped.snapshot, kept=300))
    assert first(done) == "home.curate"
    assert first(Stored(rows=12, imported=12)) == "home.curate"


async def test_an_empty_workspace_offers_to_import(tmp_path: Path) -> None:
    app = app_with(session=Session(Workspace(tmp_path / "w")))
    async with running(app) as pilot:
        await shows(pilot, "Import a dataset")
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen))


async def test_from_home_to_the_dataset(stopped: Stored) -> None:
    async with running(app_with(stopped)) as pilot:
        assert "review and export its 132 rows" in screen_text(pilot.app)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, DatasetScreen))


async def test_an_empty_workspace_says_how_to_begin() -> None:
    async with running(app_with()) as pilot:
        shown = screen_text(pilot.app)
        assert "Nothing here yet" in shown
        assert "Try it offline" in shown
        assert "no key, no network and no GPU" in shown


async def test_what_is_stored_is_told(stopped: Stored) -> None:
    async with running(app_with(stopped)) as pilot:
        shown = screen_text(pilot.app)
        for words in (
            "132 tasks kept, 42 % with an input",
            "41 near-duplicates",
            "18 filtered",
            "$0.026",
            "51.0k tokens",
            "Stopped by you · 5 min ago · gpt-test-mini",
            "132 of 300",
            "168 tasks to go to its goal of 300",
            "1.2.3",
        ):
            assert words in shown


async def test_an_unknown_cost_is_not_nothing(stopped: Stored) -> None:
    async with running(app_with(replace(stopped, cost_usd=None))) as pilot:
        assert "an unknown amount" in screen_text(pilot.app)


async def test_d_starts_a_run_with_the_demo_teacher() -> None:
    asked: list[GenerationSettings] = []
    run = FakeRun(snapshot(kept=0))

    def prepare(_workspace: Any, settings: GenerationSettings) -> FakeRun:
        asked.append(settings)
        return run

    app = app_with(prepare=prepare)
    async with running(app) as pilot:
        await pilot.press("d")
        await until(pilot, lambda: run.orders == ["start"])
        assert asked == [GenerationSettings(goal=100)]
        assert app.current_mode == "generate"
        await until(pilot, lambda: "Running" in screen_text(app))


async def test_enter_does_the_first_step(stopped: Stored) -> None:
    asked: list[GenerationSettings] = []

    def prepare(_workspace: Any, settings: GenerationSettings) -> FakeRun:
        asked.append(settings)
        return FakeRun()

    app = app_with(stopped, prepare=prepare)
    async with running(app) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: asked)
        assert asked[0].goal == 300
        assert asked[0].teacher == "openai"


async def test_keys_that_mean_nothing_now_do_nothing_and_are_not_shown(stopped: Stored) -> None:
    app = app_with(replace(stopped, busy="Process 12"))
    async with running(app) as pilot:
        await pilot.press("d", "r")
        assert app.current_mode == "home"
        assert "Try the demo" not in screen_text(app).splitlines()[-1]
        await shows(pilot, "Process 12 is generating here")


async def test_home_shows_the_live_run() -> None:
    app = app_with(run=FakeRun())
    async with running(app) as pilot:
        await until(pilot, lambda: "Watch the run" in screen_text(app))
        shown = screen_text(app)
        assert "● 132/300 · 1 m 13 s left" in shown.splitlines()[0]
        await pilot.press("w")
        await until(pilot, lambda: app.current_mode == "generate")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50), (40, 10), (20, 5)])
async def test_home_stands_at_every_size(size: tuple[int, int], stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app, size) as pilot:
        assert isinstance(app.screen, HomeScreen)
        await pilot.resize_terminal(120, 36)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        if size[0] >= 80:
            await shows(pilot, "What next")
