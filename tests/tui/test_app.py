"""The app itself: leaving, errors, copying, help, palette, themes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.css.stylesheet import Stylesheet

from alpaca_tui.errors import UserError
from alpaca_tui.generation.events import StopReason
from alpaca_tui.tui import app as app_module
from alpaca_tui.tui import clipboard
from alpaca_tui.tui.commands import KeyTableCommands
from alpaca_tui.tui.keys import BY_ID
from alpaca_tui.tui.screens.dataset.screen import DatasetScreen
from alpaca_tui.tui.screens.dialogs import ErrorDialog, QuestionDialog
from alpaca_tui.tui.screens.help import HelpScreen
from alpaca_tui.tui.session import Session, Stored
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import FakeSession, app_with, running, screen_text, shows, until
from tests.tui.fakes import FakeRun

# --- leaving


async def test_leaving_without_a_run_asks_nothing(stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    assert app.return_value == 0


async def test_q_goes_back_and_leaves_from_home(stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        await pilot.press("2")
        assert app.current_mode == "generate"
        await pilot.press("q")
        assert app.current_mode == "home"
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert app.return_value == 0


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_leaving_a_live_run_asks_and_the_safe_answer_is_the_default(key: str) -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await shows(pilot, "132 of 300 tasks are kept")
        assert app.focused is not None
        assert app.focused.id == "stay"
        await pilot.press("ctrl+q", key)
        await until(pilot, lambda: not isinstance(app.screen, QuestionDialog))
        assert run.orders == []
        assert not app._exit


async def test_stop_and_quit_stops_the_run_and_waits_for_it() -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: app._exit)
    assert run.orders == [("stop", StopReason.USER)]
    assert run.closed
    assert app.return_value == 0


async def test_ctrl_c_hints_once_and_leaves_the_second_time() -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert not app._exit
        assert any("Press ctrl+c again" in toast.message for toast in app._notifications)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app._exit)
    assert run.orders == [("stop", StopReason.INTERRUPTED)]
    assert app.return_value == 130


async def test_two_ctrl_c_far_apart_are_two_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_with()
    async with running(app) as pilot:
        clock = [1000.0]
        monkeypatch.setattr(app_module.time, "monotonic", lambda: clock[0])
        app.action_interrupt()
        clock[0] += 5
        app.action_interrupt()
        monkeypatch.undo()
        await pilot.pause()
        assert not app._exit


# --- errors


async def test_what_is_no_user_error_is_explained_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = app_with()
    async with running(app) as pilot:

        def job() -> None:
            raise ZeroDivisionError("nobody expected this")

        with caplog.at_level(logging.ERROR, "alpaca_tui.tui"):
            app.in_thread("test.break", job)
            await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await shows(
            pilot, "Something went wrong that should not have", "ZeroDivisionError: nobody expected this"
        )
        assert "tui.log" in screen_text(app).replace("\n", "")
        assert caplog.records[-1].exc_info is not None
        await pilot.press("escape")
        assert not isinstance(app.screen, ErrorDialog)


async def test_the_same_error_again_and_again_is_one_window() -> None:
    app = app_with()
    async with running(app) as pilot:
        for _ in range(5):
            app.show_error(UserError("The disk is full", "No room.", "Make some."))
            await pilot.pause()
        assert len(app.screen_stack) == 2


async def test_an_error_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(
        clipboard,
        "copy",
        lambda text: (copied.append(text), clipboard.Copied("Copied with nothing", True))[1],
    )
    app = app_with()
    async with running(app) as pilot:
        app.show_error(UserError("Title", "Cause.", "Next step."))
        await pilot.pause()
        await pilot.press("c")
        await until(pilot, lambda: app._notifications)
        assert copied == ["Title\nCause.\nNext step."]
        assert [toast.message for toast in app._notifications] == ["Copied with nothing: the message"]


async def test_a_stale_answer_is_dropped() -> None:
    import threading

    app = app_with()
    async with running(app) as pilot:
        slow = threading.Event()
        got: list[str] = []

        def first() -> str:
            slow.wait(10)
            return "old"

        app.in_thread("test.stale", first, got.append)
        app.in_thread("test.stale", lambda: "new", got.append)
        await until(pilot, lambda: got)
        slow.set()
        await pilot.pause(0.2)
        assert got == ["new"]


async def test_a_store_that_cannot_be_read_is_explained() -> None:
    class Broken(FakeSession):
        def read(self) -> Stored:
            self.stored = Stored()
            raise UserError(
                "The workspace was made by a newer version", "It is version 9.", "Update alpaca-tui."
            )

    app = app_with(session=Broken())
    async with running(app) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await shows(pilot, "made by a newer version")


async def test_what_goes_wrong_before_the_first_screen_is_shown_on_it(stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        screens = app._screen_stack[:]
        app._screen_stack.clear()
        app.show_error(UserError("The workspace is odd", "It is.", "Mend it."))
        app._screen_stack.extend(screens)
        await shows(pilot, "The workspace is odd")


# --- help and palette


@pytest.mark.parametrize("room", ["home", "generate"])
async def test_help_is_of_the_screen_one_is_on(room: str, stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        await pilot.press(BY_ID[f"app.{room}"].keys[0])
        await pilot.pause()
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await shows(pilot, f"Help: {room.capitalize()}")
        await pilot.press("j", "j", "k", "question_mark")
        assert not isinstance(app.screen, HelpScreen)


async def commands(app: Any) -> dict[str, Any]:
    provider = KeyTableCommands(app.screen)
    return {str(hit.display): hit async for hit in provider.discover()}


async def test_the_palette_has_what_works_here_and_now(stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        found = await commands(app)
        assert "home: Continue the last run" in found
        assert "home: Watch the run" not in found
        assert "program: Quit" in found
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("Dashboard"))
        found = await commands(app)
        assert "generate: New set-up" in found
        assert "generate: Pause the run" not in found


async def test_a_command_does_what_its_key_does(stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"go generate")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "generate")


# --- looks


async def test_every_theme_draws_every_style() -> None:
    from alpaca_tui.tui.paint import STYLES
    from alpaca_tui.tui.palette import styles

    app = app_with()
    async with running(app) as pilot:
        for name in sorted(app.available_themes):
            app.theme = name
            await pilot.pause()
            drawn = styles(app.theme_variables, app.screen.background_colors[1])
            assert set(STYLES) <= set(drawn), name
            assert screen_text(app).strip(), name


async def test_a_chosen_theme_is_remembered() -> None:
    chosen: list[str] = []
    app = app_with(remember_theme=chosen.append)
    async with running(app) as pilot:
        app.choose_theme("nord")
        await until(pilot, lambda: chosen)
        assert app.theme == "nord"
    assert chosen == ["nord"]


async def test_ascii_only_draws_ascii_only(stopped: Stored) -> None:
    app = app_with(stopped, ascii_only=True)
    async with running(app) as pilot:
        shown = screen_text(app)
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("Dashboard"))
        await pilot.pause()
        shown += screen_text(app)
    odd = {character for character in shown if not character.isascii()}
    assert not odd


async def test_the_key_bar_keeps_help_whatever_the_width(stopped: Stored) -> None:
    app = app_with(stopped)
    for width in (120, 80, 40, 20):
        async with running(app_with(stopped), (width, 24)) as pilot:
            assert "? Help" in screen_text(pilot.app).splitlines()[-1]
    assert app is not None


async def test_bars_can_be_clicked(stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        column = screen_text(app).splitlines()[0].index("2 Generate")
        await pilot.click(offset=(column + 2, 0))
        await until(pilot, lambda: app.current_mode == "generate")
        await until(pilot, lambda: "Candidates" in screen_text(app).splitlines()[-1])
        column = screen_text(app).splitlines()[-1].index("c Candidates")
        await pilot.click(offset=(column, 35))
        await until(pilot, lambda: len(app.screen_stack) == 2)


# --- the way in


def test_the_first_screen_needs_none_of_the_heavy_rooms() -> None:
    code = (
        "import sys, alpaca_tui.tui.app, alpaca_tui.tui.screens.home;"
        "heavy = {'openai', 'numpy', 'rapidfuzz', 'httpx', 'torch', 'sqlite3'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_broken_screen_is_a_user_error_with_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alpaca_tui.config import Settings
    from alpaca_tui.workspace import Workspace

    def broken(self: Any) -> int:
        self._exception = RuntimeError("a widget broke")
        app_module.logger.critical("the program broke", exc_info=self._exception)
        return 1

    monkeypatch.setattr(app_module.AlpacaApp, "run", broken)
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(UserError, match="The screen broke") as caught:
        app_module.run(workspace, Settings())
    assert "a widget broke" in caught.value.cause
    assert "RuntimeError: a widget broke" in (workspace.logs_dir / "tui.log").read_text()


def test_leaving_by_any_road_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alpaca_tui.config import Settings
    from alpaca_tui.workspace import Workspace

    run = FakeRun()

    def killed(self: Any) -> int:
        self.session.run = run
        raise KeyboardInterrupt

    monkeypatch.setattr(app_module.AlpacaApp, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        app_module.run(Workspace(tmp_path), Settings())
    assert run.orders == [("stop", StopReason.INTERRUPTED)]
    assert run.closed


def test_start_to_first_paint_is_short() -> None:
    """Work, not milliseconds: the modules that stand before the first paint are few."""
    code = "import sys, alpaca_tui.tui.app, alpaca_tui.tui.screens.home; print(len(sys.modules))"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 900
    assert time.monotonic() - began < 20


async def test_no_stylesheet_is_parsed_again_for_a_room_that_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    reparse = Stylesheet.reparse
    monkeypatch.setattr(Stylesheet, "reparse", lambda self: (parsed.append(1), reparse(self))[1])
    app = app_with(session=Session(Workspace(tmp_path / "w")))
    async with running(app) as pilot:
        parsed.clear()
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.ready)
    assert not parsed


async def test_what_dataset_needs_is_loaded_while_home_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(
        "alpaca_tui.tui.app.import_module", lambda name: (loaded.append(name), import_module(name))[1]
    )
    async with running(app_with(session=Session(Workspace(tmp_path / "w")))) as pilot:
        await until(pilot, lambda: "alpaca_tui.tui.screens.dataset.screen" in loaded)


@pytest.mark.parametrize(("own", "frames"), [(None, "120"), ("30", "30")])
def test_frames_a_second_unless_the_person_said_otherwise(own: str | None, frames: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "TEXTUAL_FPS"}
    told = subprocess.run(
        [sys.executable, "-c", "import alpaca_tui.tui.app, textual.constants as c; print(c.MAX_FPS)"],
        env=env | ({"TEXTUAL_FPS": own} if own else {}), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == frames
