"""Pictures of the screens: what a person sees, at two sizes and in both of our themes.

After a wanted change: `pytest tests/tui/test_snapshots.py --snapshot-update`, then look at every picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from alpaca_tui.errors import UserError
from alpaca_tui.tui.app import AlpacaApp
from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen, Detail
from alpaca_tui.tui.screens.generate.completion import CompletionScreen
from alpaca_tui.tui.session import Session, Stored
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import PLACE, app_with, until
from tests.tui.fakes import FakeRun, snapshot
from tests.tui.filled import fill

Compare = Callable[..., bool]
SMALL, LARGE = (80, 24), (120, 36)
both_sizes = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x36"])


async def ready(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.session.stored is not None)  # type: ignore[attr-defined]
    await pilot.pause(0.1)


def press(*keys: str, wait_for: str = "") -> Callable[[Pilot[Any]], Any]:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press(*keys)
        if wait_for:
            await until(pilot, lambda: pilot.app.screen.query(wait_for))
        await pilot.pause(0.2)

    return before


class AtHome(Session):
    """A real store, wherever it lies, shown under a constant path."""

    def __init__(self, real: Path) -> None:
        super().__init__(Workspace(PLACE))
        self._real = Workspace(real)

    def store(self) -> Any:
        if self._store is None:
            self._store = self._real.open_store()
        return self._store


@pytest.fixture
def filled(tmp_path: Path) -> AtHome:
    with Workspace(tmp_path).open_store() as store:
        fill(store, 8)
    return AtHome(tmp_path)


@both_sizes
def test_home_of_an_empty_workspace(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=ready)


@both_sizes
def test_home_with_a_stopped_run(snap_compare: Compare, size: tuple[int, int], stopped: Stored) -> None:
    assert snap_compare(app_with(stopped), terminal_size=size, run_before=ready)


@both_sizes
def test_the_set_up_form(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=press("2", wait_for="Setup"))


@both_sizes
def test_a_live_run(snap_compare: Compare, size: tuple[int, int]) -> None:
    view = snapshot(streams=tuple(replace(one, started_at=one.started_at + 40) for one in snapshot().streams))
    app = app_with(run=FakeRun(view))
    assert snap_compare(app, terminal_size=size, run_before=press("2", wait_for="Dashboard"))


def test_a_live_run_in_light(snap_compare: Compare) -> None:
    app = app_with(run=FakeRun(), theme="alpaca-light")
    assert snap_compare(app, terminal_size=LARGE, run_before=press("2", wait_for="Dashboard"))


def test_a_live_run_in_ascii(snap_compare: Compare) -> None:
    app = app_with(run=FakeRun(), ascii_only=True)
    assert snap_compare(app, terminal_size=SMALL, run_before=press("2", wait_for="Dashboard"))


def test_a_run_that_ended_badly(snap_compare: Compare, stopped: Stored) -> None:
    from alpaca_tui.generation.events import StopReason

    assert stopped.snapshot is not None
    view = replace(
        stopped.snapshot,
        stopped_because=StopReason.SATURATED,
        stop_detail="The last 200 candidates brought nothing new.",
    )
    app = app_with(replace(stopped, snapshot=view))
    assert snap_compare(app, terminal_size=LARGE, run_before=press("2", wait_for="Dashboard"))


@both_sizes
def test_candidates(snap_compare: Compare, size: tuple[int, int], filled: AtHome) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        screen = CandidatesScreen(verdict="duplicate")
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.table.row is not None and screen.query_one(Detail).twins)
        await pilot.pause(0.1)

    assert snap_compare(app_with(session=filled), terminal_size=size, run_before=before)


def test_one_answer(snap_compare: Compare, filled: AtHome) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        screen = CompletionScreen(3)
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.loaded.row is not None)
        await pilot.pause(0.1)

    assert snap_compare(app_with(session=filled), terminal_size=LARGE, run_before=before)


def test_an_error(snap_compare: Compare) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        assert isinstance(pilot.app, AlpacaApp)
        pilot.app.show_error(
            UserError(
                "The teacher refused the key",
                "The server says: Incorrect API key provided. (401)",
                "Set OPENAI_API_KEY to a key of that server and start again.",
            )
        )
        await pilot.pause(0.1)

    assert snap_compare(app_with(), terminal_size=SMALL, run_before=before)


def test_leaving_a_live_run(snap_compare: Compare) -> None:
    assert snap_compare(app_with(run=FakeRun()), terminal_size=SMALL, run_before=press("ctrl+q"))


def test_help(snap_compare: Compare, stopped: Stored) -> None:
    assert snap_compare(app_with(stopped), terminal_size=LARGE, run_before=press("question_mark"))
