"""What every screen test stands on: a frozen clock and place, a fake run, no animation, no user config."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from alpaca_tui.generation.events import Snapshot, StopReason
from alpaca_tui.tui import words
from alpaca_tui.tui.app import AlpacaApp
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.screens import home
from alpaca_tui.tui.session import Prepare, Session, Stored
from alpaca_tui.workspace import Workspace
from tests.tui.fakes import NOON, FakeRun, snapshot
from tests.tui.filled import CONFIG

PLACE = Path("/home/you/tasks")


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still in Greenwich, nothing blinks or moves, the version is a constant."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(words, "now", lambda: NOON + 60.0)
    monkeypatch.setattr(home, "__version__", "1.2.3")
    monkeypatch.setattr(Input, "cursor_blink", False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(glyphs, "ascii", False)


class FakeSession(Session):
    """A session whose store is what the test says."""

    def __init__(
        self, stored: Stored | None = None, *, prepare: Prepare | None = None, root: Path = PLACE
    ) -> None:
        super().__init__(Workspace(root), prepare=prepare or (lambda _workspace, _settings: FakeRun()))
        self.held = stored if stored is not None else Stored()
        self.reads = 0

    def read(self) -> Stored:
        self.reads += 1
        self.stored = self.held
        return self.held

    def store(self) -> Any:
        return None


def app_with(
    stored: Stored | None = None,
    *,
    run: FakeRun | None = None,
    prepare: Prepare | None = None,
    session: Session | None = None,
    **options: Any,
) -> AlpacaApp:
    """An app over a fake session, or over `session`."""
    session = session if session is not None else FakeSession(stored, prepare=prepare)
    session.run = run
    app = AlpacaApp(session, **{"theme": "alpaca-dark", **options})
    app.animation_level = "none"
    return app


@asynccontextmanager
async def running(app: AlpacaApp, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[Any]]:
    """The app under a pilot, with everything a person would see switched on, after the first read."""
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await until(pilot, lambda: app.session.stored is not None)
        yield pilot


async def until(pilot: Pilot[Any], condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came about"
        await pilot.pause(0.02)
    await pilot.pause()


async def shows(pilot: Pilot[Any], *words: str, seconds: float = 10.0) -> None:
    """Wait until all `words` are on the screen; a painted screen lags behind the state it shows."""
    app = cast("AlpacaApp", pilot.app)
    end = time.monotonic() + seconds
    while missing := [word for word in words if word not in screen_text(app)]:
        assert time.monotonic() < end, f"{missing} not on the screen:\n{screen_text(app)}"
        await pilot.pause(0.02)


def screen_text(app: AlpacaApp) -> str:
    """What is on the screen, as plain text."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip)[:width] for strip in lines[:height])


@pytest.fixture
def finished() -> Snapshot:
    """The last run of a workspace, stopped by hand."""
    return snapshot(
        state="stopped",
        stopped_because=StopReason.USER,
        streams=(),
        in_flight=0,
        eta_s=None,
        tokens_per_s=0.0,
        tasks_per_min=0.0,
    )


@pytest.fixture
def stopped(finished: Snapshot) -> Stored:
    """A workspace whose last run was stopped by hand."""
    return Stored(
        snapshot=finished,
        config=dict(CONFIG),
        started_at=NOON - 400,
        ended_at=NOON - 240,
        kept=132,
        with_input=55,
        imported=0,
        rows=132,
        tokens=51000,
        cost_usd=0.0262,
        candidates=195,
        completions=11,
    )
