"""Generate: setting up, watching, steering, ending."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Checkbox, Collapsible, Input, Select

from alpaca_tui.errors import UserError
from alpaca_tui.generation.events import LogLine, StopReason
from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.tui.screens.dialogs import ErrorDialog, TextDialog
from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen
from alpaca_tui.tui.screens.generate.completion import CompletionScreen
from alpaca_tui.tui.screens.generate.dashboard import Dashboard
from alpaca_tui.tui.screens.generate.screen import GenerateScreen, next_goal
from alpaca_tui.tui.screens.generate.setup import FieldRow, Setup
from alpaca_tui.tui.screens.generate.tune import TuneDialog
from alpaca_tui.tui.session import Stored
from alpaca_tui.tui.widgets.lines import LineView
from tests.tui.conftest import FakeSession, app_with, running, screen_text, shows, until
from tests.tui.fakes import FakeRun, snapshot, stream


async def open_generate(pilot: Any) -> GenerateScreen:
    await pilot.press("f2")
    await until(
        pilot,
        lambda: isinstance(pilot.app.screen, GenerateScreen) and pilot.app.screen.query("Setup, Dashboard"),
    )
    await pilot.pause()
    return pilot.app.screen


class Prepared:
    """A stand-in for preparing a run that remembers what it was asked."""

    def __init__(self, *, error: BaseException | None = None) -> None:
        self.settings: list[GenerationSettings] = []
        self.run = FakeRun()
        self.error = error

    def __call__(self, _workspace: Any, settings: GenerationSettings) -> FakeRun:
        self.settings.append(settings)
        if self.error is not None:
            raise self.error
        return self.run


# --- setting up


async def test_a_new_workspace_opens_the_form_and_ctrl_s_starts() -> None:
    prepared = Prepared()
    app = app_with(prepare=prepared)
    async with running(app) as pilot:
        await open_generate(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: prepared.run.orders == ["start"])
        assert prepared.settings == [GenerationSettings()]
        await until(pilot, lambda: app.screen.query(Dashboard))


async def test_digits_type_in_fields_and_f_keys_always_switch() -> None:
    app = app_with()
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        screen.query_one("#field-goal", Input).focus()
        await pilot.pause()
        await pilot.press("1", "2")
        assert screen.query_one("#field-goal", Input).value == "12"
        assert app.current_mode == "generate"
        await pilot.press("f1")
        assert app.current_mode == "home"


async def test_a_fault_is_shown_beside_its_field_and_stops_the_start() -> None:
    prepared = Prepared()
    app = app_with(prepare=prepared)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        screen.query_one("#field-goal", Input).value = "many"
        await until(pilot, lambda: "a whole number, please" in screen_text(app))
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert prepared.settings == []
        assert app.focused is screen.query_one("#field-goal")
        screen.query_one("#field-goal", Input).value = "10"
        await until(pilot, lambda: "a whole number" not in screen_text(app))


async def test_a_fault_in_a_folded_field_unfolds_it() -> None:
    prepared = Prepared()
    app = app_with(Stored(config={"tasks": 500, "goal": 10}), prepare=prepared)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "field-tasks")
        assert not screen.query_one("#advanced", Collapsible).collapsed
        assert prepared.settings == []


async def test_fields_follow_the_teacher() -> None:
    app = app_with()
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        shown = {row.item.name for row in screen.query(FieldRow) if row.display}
        assert not {"url", "model"} & shown
        screen.query_one("#field-teacher", Select).value = "url"
        await until(pilot, lambda: screen.query_one("#row-url").display)
        assert screen.query_one("#row-model").display


@pytest.mark.parametrize("key", ["", "sk-very-secret"])
async def test_the_form_says_whether_a_key_is_there_and_never_what_it_is(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    app = app_with()
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        screen.query_one("#field-teacher", Select).value = "openai"
        await until(pilot, lambda: "OPENAI_API_KEY" in screen_text(app))
        assert ("OPENAI_API_KEY is set" in screen_text(app)) == bool(key)
        assert "secret" not in screen_text(app)


async def test_the_form_remembers_the_last_run(stopped: Stored) -> None:
    stopped.config.update(topic="cooking", filters={"off": ["too-long"]}, goal=300)
    app = app_with(stopped)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        await pilot.press("n")
        await until(pilot, lambda: screen.query(Setup))
        await pilot.pause()
        values = screen.query_one(Setup).values
        assert (values["teacher"], values["model"], values["topic"]) == ("openai", "gpt-test-mini", "cooking")
        rules = screen.query_one("#rules", Collapsible)
        assert "1 rule off" in str(rules.title)
        rules.collapsed = False
        await until(pilot, lambda: screen.query("#rule-too-long"))
        assert not screen.query_one("#rule-too-long", Checkbox).value
        await pilot.press("escape")
        await until(pilot, lambda: screen.query(Dashboard))


async def test_the_next_goal_is_above_what_is_kept(stopped: Stored) -> None:
    assert stopped.snapshot is not None
    stored = replace(stopped, snapshot=replace(stopped.snapshot, kept=300), kept=300)
    app = app_with(stored)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        await pilot.press("n")
        await until(pilot, lambda: screen.query(Setup))
        assert screen.query_one(Setup).values["goal"] == "500"
    assert [next_goal(kept) for kept in (0, 100, 52_001, 60_000)] == [100, 500, 60_000, 70_000]


async def test_defaults_put_every_field_back(stopped: Stored) -> None:
    app = app_with(stopped)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        await pilot.press("n")
        await until(pilot, lambda: screen.query(Setup))
        await pilot.press("ctrl+r")
        await until(
            pilot, lambda: screen.query(Setup) and screen.query_one(Setup).values["teacher"] == "demo"
        )
        assert screen.query_one(Setup).values["model"] == ""


async def test_a_refused_start_is_explained_and_the_form_is_still_there() -> None:
    prepared = Prepared(error=UserError("Another run is generating here", "Process 12 does.", "Wait for it."))
    app = app_with(prepare=prepared)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await shows(pilot, "Another run is generating here", "Process 12 does.", "Wait for it.")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query(Setup)


async def test_getting_ready_never_blocks_the_screen() -> None:
    go_on = threading.Event()
    run = FakeRun()

    def prepare(_workspace: Any, _settings: Any) -> FakeRun:
        assert go_on.wait(10)
        return run

    app = app_with(prepare=prepare)
    async with running(app) as pilot:
        await open_generate(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Getting ready" in screen_text(app))
        await pilot.press("f1")
        assert app.current_mode == "home"
        go_on.set()
        await until(pilot, lambda: run.orders == ["start"])


# --- watching and steering


async def test_keys_steer_the_run() -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        await open_generate(pilot)
        await pilot.press("space")
        await until(pilot, lambda: run.orders == ["pause"])
        await until(pilot, lambda: "Paused" in screen_text(app))
        await pilot.press("p")
        await until(pilot, lambda: run.orders[-1] == "resume")
        await until(pilot, lambda: "Running" in screen_text(app))
        await pilot.press("plus", "plus", "minus")
        await until(
            pilot, lambda: run.orders[2:] == [("concurrency", 9), ("concurrency", 10), ("concurrency", 9)]
        )
        await pilot.press("s")
        await until(pilot, lambda: run.orders[-1] == ("stop", StopReason.USER))


async def test_steps_of_concurrency_grow_with_it_and_stay_in_bounds() -> None:
    run = FakeRun(snapshot(concurrency=640, allowed=640))
    app = app_with(run=run)
    async with running(app) as pilot:
        await open_generate(pilot)
        await pilot.press("plus", "plus", "plus", "plus")
        await until(pilot, lambda: len(run.orders) == 4)
        assert [order[1] for order in run.orders] == [720, 810, 911, 1000]


async def test_tuning_changes_only_what_was_changed() -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        await open_generate(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TuneDialog))
        app.screen.query_one("#field-temperature", Input).value = "3"
        await until(pilot, lambda: "between 0 and 2" in screen_text(app))
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, TuneDialog)
        app.screen.query_one("#field-temperature", Input).value = "0.5"
        app.screen.query_one("#field-threshold", Input).value = "0.6"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(run.orders) == 2)
        assert run.orders == [("temperature", 0.5), ("threshold", 0.6)]
        await until(pilot, lambda: "duplicate over 0.60" in screen_text(app))


async def test_an_order_that_fails_is_shown() -> None:
    run = FakeRun()

    def pause() -> None:
        raise UserError("The disk is full", "Nothing can be written.", "Make room.")

    run.pause = pause  # type: ignore[method-assign]
    app = app_with(run=run)
    async with running(app) as pilot:
        await open_generate(pilot)
        await pilot.press("space")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await shows(pilot, "The disk is full")


async def test_the_dashboard_follows_the_run() -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        await open_generate(pilot)
        await until(pilot, lambda: "132 of 300 kept" in screen_text(app))
        run.now = replace(run.now, kept=150, streams=(stream(77, 2, tail="9. Instruction: Name a bird"),))
        await until(pilot, lambda: "150 of 300 kept" in screen_text(app))
        await shows(pilot, "#77", "Name a bird")


async def test_a_snapshot_that_says_nothing_new_redraws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        await pilot.pause(0.3)
        built: list[str] = []
        drawn: list[int] = []
        build, draw = LineView.redraw, LineView._draw
        monkeypatch.setattr(LineView, "redraw", lambda self: (built.append(self.id or ""), build(self))[1])
        monkeypatch.setattr(LineView, "_draw", lambda self, i, w: (drawn.append(i), draw(self, i, w))[1])
        for _ in range(20):
            screen.poll()
        await pilot.pause(0.2)
        assert set(built) <= {"topbar"}
        assert drawn == []
        run.now = replace(run.now, log=(*run.now.log, LogLine(1.0, "note", "Something new.")))
        screen.poll()
        await pilot.pause(0.2)
        assert "log" in built
        assert "histogram" not in built
        assert len(drawn) <= 4


async def test_only_the_lines_that_changed_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = tuple(stream(index, 4) for index in range(1, 65))
    run = FakeRun(snapshot(streams=streams, in_flight=64, concurrency=64, allowed=64))
    app = app_with(run=run)
    async with running(app, (120, 36)) as pilot:
        screen = await open_generate(pilot)
        await pilot.pause(0.3)
        drawn: list[int] = []
        draw = LineView._draw
        monkeypatch.setattr(LineView, "_draw", lambda self, i, w: (drawn.append(i), draw(self, i, w))[1])
        changed = replace(streams[2], tail="8. Output:\nA new word")
        run.now = replace(run.now, streams=(*streams[:2], changed, *streams[3:]))
        screen.poll()
        await pilot.pause(0.2)
        assert drawn == [2]


async def test_narrow_screens_show_one_pane_at_a_time() -> None:
    app = app_with(run=FakeRun())
    async with running(app, (80, 24)) as pilot:
        screen = await open_generate(pilot)
        seen: list[str] = []
        for _ in range(4):
            await pilot.pause()
            seen.append(
                next(
                    name
                    for name in ("#streams", "#feed", "#verdicts", "#log")
                    if screen.query_one(name).region.height > 2
                )
            )
            assert app.focused is not None
            assert app.focused.region.height > 2
            await pilot.press("v")
        assert seen == ["#streams", "#feed", "#verdicts", "#log"]


# --- looking closer


async def test_what_the_cursor_is_on_opens() -> None:
    app = app_with(run=FakeRun())
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        screen.query_one("#streams").focus()
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, CompletionScreen))
        assert app.screen.completion_id == 13
        await pilot.press("escape")
        screen.query_one("#log").focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await shows(pilot, "overloaded (503)")
        await pilot.press("escape")
        screen.query_one("#verdicts").focus()
        await pilot.press("G", "k", "enter")
        await until(pilot, lambda: isinstance(app.screen, CandidatesScreen))
        assert (app.screen.verdict, app.screen.rule) == ("filtered", "starts-with-punctuation")


async def test_the_cursor_stays_on_its_task_while_others_come() -> None:
    run = FakeRun()
    app = app_with(run=run)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        feed = screen.query_one("#feed", LineView)
        feed.focus()
        await pilot.press("j", "j")
        on = feed.cursor
        run.now = replace(
            run.now,
            recent=(*run.now.recent, *(replace(task, completion_id=9) for task in run.now.recent[:3])),
            judged=198,
        )
        await until(pilot, lambda: len(feed.keys()) == 43)
        assert feed.cursor == on
        await pilot.press("home")
        first = feed.cursor
        run.now = replace(
            run.now, recent=(*run.now.recent, replace(run.now.recent[0], completion_id=10)), judged=199
        )
        await until(pilot, lambda: len(feed.keys()) == 44)
        assert feed.cursor != first, "a cursor on the newest stays on the newest"


# --- ending


async def test_an_ended_run_is_told_let_go_of_and_shown_as_stored(stopped: Stored) -> None:
    run = FakeRun()
    session = FakeSession(stopped)
    app = app_with(session=session, run=run)
    async with running(app) as pilot:
        await open_generate(pilot)
        run.now = replace(
            run.now, state="stopped", stopped_because=StopReason.GOAL, kept=300, streams=(), in_flight=0
        )
        await until(pilot, lambda: run.closed)
        await until(pilot, lambda: session.run is None)
        assert [toast.message for toast in app._notifications] == ["Goal reached: 300 tasks kept"]
        await until(pilot, lambda: "Stopped by you" in screen_text(app))


async def test_a_run_the_teacher_refused_is_explained_in_a_window(stopped: Stored) -> None:
    run = FakeRun()
    app = app_with(stopped, run=run)
    async with running(app) as pilot:
        await open_generate(pilot)
        detail = "The key was refused (401): Incorrect API key provided."
        run.now = replace(
            run.now, state="stopped", stopped_because=StopReason.FATAL, stop_detail=detail, streams=()
        )
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await shows(pilot, "Incorrect API key")


async def test_r_continues_the_last_run(stopped: Stored) -> None:
    prepared = Prepared()
    app = app_with(stopped, prepare=prepared)
    async with running(app) as pilot:
        await open_generate(pilot)
        await pilot.press("r")
        await until(pilot, lambda: prepared.settings)
        assert prepared.settings[0].goal == 300
        assert prepared.settings[0].budget_usd == 1.0


async def test_a_run_of_another_process_is_watched_not_touched(stopped: Stored) -> None:
    prepared = Prepared()
    session = FakeSession(replace(stopped, busy="Process 12", ended_at=None), prepare=prepared)
    app = app_with(session=session)
    async with running(app) as pilot:
        screen = await open_generate(pilot)
        await shows(pilot, "Process 12 is generating here")
        await pilot.press("r", "space", "s")
        await pilot.pause()
        assert prepared.settings == []
        assert session.held.snapshot is not None
        session.held = replace(session.held, snapshot=replace(session.held.snapshot, kept=140))
        screen.read()
        await until(pilot, lambda: "140 of 300 kept" in screen_text(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50), (40, 10), (20, 5)])
@pytest.mark.parametrize("part", ["live", "stored", "setup"])
async def test_generate_stands_at_every_size(size: tuple[int, int], part: str, stopped: Stored) -> None:
    app = app_with(None if part == "setup" else stopped, run=FakeRun() if part == "live" else None)
    async with running(app, size) as pilot:
        await open_generate(pilot)
        await pilot.press("tab", "down", "v")
        await pilot.resize_terminal(120, 36)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert isinstance(app.screen, GenerateScreen)
