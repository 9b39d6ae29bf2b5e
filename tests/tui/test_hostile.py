"""Text from a teacher, a file or a server is only text: no markup, no escape, no crash, in any place it shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.generation.events import LogLine, TaskView, Verdict
from alpaca_tui.generation.task import Task
from alpaca_tui.tui.screens.dialogs import Choice, ErrorDialog, QuestionDialog, TextDialog
from alpaca_tui.tui.screens.generate.answers import AnswersScreen
from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen
from alpaca_tui.tui.screens.generate.completion import CompletionScreen
from alpaca_tui.tui.session import Session
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, running, screen_text, until
from tests.tui.fakes import FakeRun, snapshot, stream
from tests.tui.filled import CONFIG, answer, candidate

HOSTILE = (
    "closing [/b] tag",
    "[b unfinished",
    "b[i] = [red] + c[0]",
    "[@click=app.quit]click me[/]",
    "[link=https://example.org]here[/link]",
    "\x1b[31mred\x1b[0m and \x1b]0;title\x07 and \x9b5m",
    "\x1b]52;c;aGFjaw==\x07",
    "null\x00bell\x07back\x08",
    "right\u202eto left\u2066",
    "line one\nline two\r\nline\rthree\u2028four",
    "zero\u200bwidth\ufeffjoin\u200der",
    "$markup {braces} %s \\[ ]",
    "漢字と絵文字🦙🏽‍🌾 ﷽",
    "\ud800 lone surrogate",
    "a" * 3000,
    "",
)
DANGEROUS = {*map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u202e", "\u2066", "\u2028"}


def assert_harmless(app: Any) -> None:
    """Nothing on the screen has power over a terminal."""
    shown = screen_text(app).replace("\n", "")
    assert not DANGEROUS & set(shown)


def hostile_task(text: str, verdict: Verdict) -> TaskView:
    return TaskView(Task(1, text, text, text), verdict, reason=text, score=0.8, twin=text, completion_id=1)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_the_dashboard_shows_hostile_text_as_text(text: str) -> None:
    tasks = tuple(hostile_task(text, verdict) for verdict in Verdict)
    view = snapshot(
        server=text,
        model=text,
        recent=tasks,
        streams=(
            replace(stream(1, 0, tail=text), tasks=tasks),
            replace(stream(2, 0, tail=text), problem=text, waiting_s=2.0),
        ),
        log=(LogLine(1.0, "fault", text), LogLine(2.0, text, text)),
        filtered={text or "rule": 3},
    )
    run = FakeRun(view)
    app = app_with(run=run)
    async with running(app, (200, 50)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("Dashboard") and "of 300 kept" in screen_text(app))
        assert_harmless(app)
        run.now = replace(view, state="paused")
        await pilot.pause(0.2)
        assert_harmless(app)


async def test_brackets_are_shown_letter_by_letter() -> None:
    text = "b[i] = [red] + c[0]"
    app = app_with(run=FakeRun(snapshot(recent=(hostile_task(text, Verdict.KEPT),), streams=())))
    async with running(app, (200, 50)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: text in screen_text(app))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_windows_and_toasts_show_hostile_text_as_text(text: str) -> None:
    app = app_with()
    async with running(app) as pilot:
        app.say(text or "x", title=text)
        for window in (
            ErrorDialog(UserError(text or "x", text, text)),
            QuestionDialog(text or "x", text, [Choice("a", "Stay")]),
            TextDialog(text or "x", text),
        ):
            await app.push_screen(window)
            await pilot.pause()
            assert_harmless(app)
            assert app.screen is window
            await pilot.press("escape")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_browsing_shows_hostile_text_as_text(text: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    with workspace.open_store() as store:
        run_id = store.start_run(
            {**CONFIG, "model": text, "answering_model": text, "topic": text, "language": text or "x"}
        )
        store.log(run_id, "fault", text)
        row = candidate(0, text, "kept", output=text, input=text)
        twin = replace(candidate(1, text, "duplicate", output=text), detail=text, top=(("row:1", 0.9),))
        answer(
            store,
            run_id,
            1,
            [row, twin, replace(candidate(2, text, "filtered"), detail=text, rule="too-long")],
            text=text or "x",
        )
        store.end_run(run_id, "user", {"detail": text})
    app = app_with(session=Session(workspace))
    async with running(app) as pilot:
        assert_harmless(app)
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("Dashboard"))
        await pilot.pause()
        assert_harmless(app)
        screen = CandidatesScreen()
        await app.push_screen(screen)
        await until(pilot, lambda: screen.table.row is not None)
        for _ in range(3):
            await pilot.press("j")
            await pilot.pause()
            assert_harmless(app)
        await pilot.press("slash")
        screen.query_one("#search").value = text.replace("\n", " ")
        await pilot.pause(0.3)
        await app.push_screen(AnswersScreen())
        await pilot.pause(0.1)
        assert_harmless(app)
        await app.push_screen(CompletionScreen(1))
        for _ in range(3):
            await pilot.pause(0.1)
            assert_harmless(app)
            await pilot.press("]")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_the_form_takes_hostile_settings(text: str) -> None:
    from alpaca_tui.tui.session import Stored

    config = {
        **CONFIG,
        "topic": text,
        "model": text,
        "language": text,
        "seeds_file": text,
        "prompt_file": text,
        "teacher": text,
    }
    app = app_with(Stored(config=config))
    async with running(app) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("Setup"))
        await pilot.pause()
        assert_harmless(app)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert_harmless(app)


def test_fields_hold_plain_lines_only() -> None:
    from alpaca_tui.tui.widgets.field import plain_line

    assert plain_line("a\x1b[31m\tb\r\nc\u2028d\u202ee\ud800") == "a[31m b c de"
    assert plain_line("漢字 🧑‍🌾 می‌خواهم") == "漢字 🧑‍🌾 می‌خواهم"


async def test_pasted_text_is_made_plain() -> None:
    from textual.events import Paste
    from textual.widgets import Input

    app = app_with()
    async with running(app) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("#field-topic"))
        field = app.screen.query_one("#field-topic", Input)
        field.focus()
        await pilot.pause()
        field.post_message(Paste("cook\x1b]0;x\x07ing"))
        await until(pilot, lambda: field.value)
        assert field.value == "cook]0;xing"


async def test_a_workspace_with_a_hostile_name_can_be_worked_in(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "a [/b] \x1b[31m name")
    app = app_with(session=Session(workspace))
    async with running(app) as pilot:
        await pilot.pause()
        assert_harmless(app)
        app.show_error(ValueError("[/b] \x1b[31m"))
        await pilot.pause()
        assert_harmless(app)


async def test_foreign_text_is_never_read_as_markup_by_any_plain() -> None:
    from alpaca_tui.tui.widgets.plain import Plain

    plain = Plain("[/b] [@click=app.quit]x[/]")
    assert "[@click=app.quit]" in str(plain.content)
