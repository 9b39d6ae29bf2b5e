"""Candidates and answers over a real store: pages, lists, search, rescue, one answer in full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from alpaca_tui.store.store import Store
from alpaca_tui.tui.screens.generate.answers import AnswersScreen
from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen, Detail
from alpaca_tui.tui.screens.generate.completion import Body, CompletionScreen
from alpaca_tui.tui.session import Session
from alpaca_tui.tui.widgets.table import KEPT_PAGES, PAGE_ROWS
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, running, screen_text, shows, until
from tests.tui.fakes import FakeRun, snapshot, stream
from tests.tui.filled import answer, begin, candidate, fill


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.open_store() as store:
        yield store


def app_over(workspace: Workspace, **options: Any) -> Any:
    return app_with(session=Session(workspace), **options)


async def open_candidates(pilot: Any, **options: Any) -> CandidatesScreen:
    screen = CandidatesScreen(**options)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.table.row is not None)
    return screen


async def test_lists_have_counts_and_turn_with_the_arrows(workspace: Workspace, store: Store) -> None:
    fill(store, 6)
    app = app_over(workspace)
    async with running(app) as pilot:
        await pilot.press("c")
        await until(
            pilot, lambda: isinstance(app.screen, CandidatesScreen) and app.screen.table.row is not None
        )
        await shows(pilot, "all 30", "✓ kept 18", "≈ duplicate 6", "✗ filtered 6", "⋯ cut off 0")
        await pilot.press("right", "l")
        table = app.screen.table
        await until(pilot, lambda: table.row_count == 6 and table.row is not None)
        assert table.row.verdict == "duplicate"
        await pilot.press("[")
        await until(pilot, lambda: table.row_count == 18)


async def test_the_right_side_shows_the_candidate_with_its_twin(workspace: Workspace, store: Store) -> None:
    fill(store, 2)
    app = app_over(workspace)
    async with running(app) as pilot:
        screen = await open_candidates(pilot, verdict="duplicate")
        await until(pilot, lambda: screen.query_one(Detail).twins)
        await shows(pilot, "Instruction", "0.83  Explain why the sky looks red at")
        assert "≈ Explain why the sky" in screen_text(app), "the twin's words stand in the table, not its key"


async def test_search_counts_what_it_finds_and_escape_clears_it(workspace: Workspace, store: Store) -> None:
    fill(store, 6)
    app = app_over(workspace)
    async with running(app) as pilot:
        screen = await open_candidates(pilot)
        await pilot.press("slash", *"haiku", "enter")
        await until(pilot, lambda: screen.table.row_count == 2)
        await shows(pilot, "2 of 30")
        assert app.focused is screen.table
        await pilot.press("escape")
        await until(pilot, lambda: screen.table.row_count == 30)
        assert app.screen is screen
        assert screen.query_one("#search", Input).value == ""
        await pilot.press("escape")
        assert app.screen is not screen


async def test_search_takes_wildcards_and_quotes_as_text(workspace: Workspace, store: Store) -> None:
    run = fill(store, 1)
    answer(store, run, 2, [candidate(0, "What does 100 % of 'x_y' mean?", "kept")])
    app = app_over(workspace)
    async with running(app) as pilot:
        screen = await open_candidates(pilot)
        for typed, found in (("0 % of 'x_y'", 1), ("%", 1), ("_", 1), ("\\", 0)):
            screen.query_one("#search", Input).value = typed
            await until(pilot, lambda found=found: screen.table.row_count == found)


async def test_a_rejected_candidate_is_rescued(workspace: Workspace, store: Store) -> None:
    fill(store, 2)
    kept = store.tally().kept
    app = app_over(workspace)
    async with running(app) as pilot:
        screen = await open_candidates(pilot, verdict="filtered")
        row = screen.table.row
        assert row is not None
        await pilot.press("R")
        await until(pilot, lambda: store.tally().kept == kept + 1)
        rescued = store.candidate(row.id)
        assert rescued is not None
        assert rescued.rescued
        assert rescued.verdict == "kept"
        await until(pilot, lambda: screen.table.row_count == 1)
        assert any("Kept by hand" in toast.message for toast in app._notifications)


async def test_what_is_kept_cannot_be_rescued(workspace: Workspace, store: Store) -> None:
    fill(store, 1)
    kept = store.tally().kept
    app = app_over(workspace)
    async with running(app) as pilot:
        await open_candidates(pilot, verdict="kept")
        await pilot.press("R")
        await pilot.pause()
        assert store.tally().kept == kept
        assert "Rescue" not in screen_text(app).splitlines()[-1]


async def test_a_long_list_holds_a_few_pages_only(workspace: Workspace, store: Store) -> None:
    run = fill(store, 1)
    tasks = [candidate(n, f"Task number {n} of a long list", "kept") for n in range(5_000)]
    answer(store, run, 2, tasks)
    app = app_over(workspace)
    async with running(app) as pilot:
        screen = await open_candidates(pilot)
        table = screen.table
        asked: list[int] = []
        fetch = store.candidates_by_id
        screen.session.store().candidates_by_id = lambda ids: (asked.append(len(ids)), fetch(ids))[1]  # type: ignore[method-assign, union-attr]
        assert table.row_count == 5_005
        assert table.row is not None
        assert table.row.instruction == "Task number 4999 of a long list"
        await pilot.press("G")
        await until(pilot, lambda: table.row is not None)
        assert table.row.instruction.endswith("(0)")
        for _ in range(40):
            await pilot.press("pageup")
        await until(pilot, lambda: table.row is not None)
        assert max(asked) <= PAGE_ROWS
        assert sum(len(page) for page in table._pages.values()) <= PAGE_ROWS * KEPT_PAGES
        assert len(table._strips) <= PAGE_ROWS * KEPT_PAGES


async def test_the_cursor_stays_on_its_row_when_new_ones_come(workspace: Workspace, store: Store) -> None:
    run = fill(store, 3)
    app = app_over(workspace)
    async with running(app) as pilot:
        screen = await open_candidates(pilot)
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: screen.table.row is not None)
        on = screen.table.row.id
        answer(store, run, 4, [candidate(n, f"A newer task, number {n}", "kept") for n in range(5)])
        screen.reload()
        await until(pilot, lambda: screen.table.row_count == 20 and screen.table.row is not None)
        assert screen.table.row.id == on


async def test_a_page_that_cannot_be_read_is_explained_and_asked_for_again(
    workspace: Workspace, store: Store
) -> None:
    from alpaca_tui.errors import UserError
    from alpaca_tui.tui.screens.dialogs import ErrorDialog

    fill(store, 1)
    app = app_over(workspace)
    async with running(app) as pilot:
        own = app.session.store()
        good = own.candidates_by_id
        own.candidates_by_id = lambda ids: (_ for _ in ()).throw(
            UserError("The store cannot be read", "Broken.", "Mend it.")
        )
        screen = CandidatesScreen()
        await app.push_screen(screen)
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        own.candidates_by_id = good
        await pilot.press("escape")
        await until(pilot, lambda: screen.table.row is not None)


# --- one answer


async def test_an_answer_in_full(workspace: Workspace, store: Store) -> None:
    fill(store, 3)
    app = app_over(workspace)
    async with running(app) as pilot:
        await app.push_screen(CompletionScreen(2))
        await until(pilot, lambda: "req-2" in screen_text(app))
        await shows(
            pilot,
            "done, complete",
            "880 in, 2,100 out",
            "$0.0014",
            "12.5 s, first word after 0.6 s",
            "3 of 5 judged",
            '✗ filtered  forbidden-word  contains "map"',
        )
        await pilot.press("]")
        await shows(pilot, "4. Instruction: ")
        await pilot.press("]")
        await shows(pilot, "Invent twenty tasks, please.")
        await shows(pilot, "temperature 1.0, max_tokens 3072")
        await pilot.press("comma")
        await until(pilot, lambda: "Answer #1" in screen_text(app))
        await pilot.press(".", ".")
        await until(pilot, lambda: "Answer #3" in screen_text(app))


async def test_an_answer_opens_at_the_candidate_it_was_asked_for(workspace: Workspace, store: Store) -> None:
    fill(store, 2)
    app = app_over(workspace)
    async with running(app, (100, 24)) as pilot:
        screen = await open_candidates(pilot)
        await pilot.press("j", "j")
        await until(pilot, lambda: screen.table.row is not None)
        wanted = screen.table.row
        await pilot.press("enter")
        await until(
            pilot,
            lambda: (
                isinstance(app.screen, CompletionScreen) and app.screen.query_one(Body).cursor == wanted.id
            ),
        )


async def test_an_answer_in_flight_shows_what_is_written_and_then_its_verdicts(
    workspace: Workspace, store: Store
) -> None:
    run_id = fill(store, 1, stopped=None)
    completion = begin(store, run_id, 2)
    run = FakeRun(snapshot(streams=(stream(completion, 2, tail="7. Instruction: Name a"),)))
    app = app_over(workspace)
    app.session.run = run
    async with running(app) as pilot:
        screen = CompletionScreen(completion)
        await app.push_screen(screen)
        await until(pilot, lambda: "being written" in screen_text(app))
        await pilot.press("]")
        await shows(pilot, "7. Instruction: Name a▌")
        store.finish_completion(
            completion,
            text="7. Instruction: Name a bird.",
            finish_reason="cancelled",
            spoke="chat",
            prompt_tokens=1,
            completion_tokens=2,
            usage_estimated=True,
            cost_usd=None,
            latency_s=1.0,
            first_token_s=None,
            attempts=2,
            model="m",
            request_id=None,
        )
        store.record_verdicts(completion, [candidate(0, "Name a bird.", "kept")])
        await until(pilot, lambda: "cut off by us" in screen_text(app))
        await shows(pilot, "7. Instruction: Name a bird.", "(estimated)", "Cost      unknown")


async def test_a_failed_request_says_why(workspace: Workspace, store: Store) -> None:
    run_id = fill(store, 1)
    completion = begin(store, run_id, 2)
    store.fail_completion(
        completion,
        error="The server broke the connection.",
        kind="transient",
        partial="4. Instr",
        attempts=5,
        cost_usd=None,
        prompt_tokens=0,
        completion_tokens=0,
    )
    app = app_over(workspace)
    async with running(app) as pilot:
        await app.push_screen(AnswersScreen())
        await until(pilot, lambda: "The server broke the connection." in screen_text(app))
        await shows(pilot, "2 answers")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CompletionScreen))
        await until(pilot, lambda: "Fault" in screen_text(app))
        await shows(pilot, "5")


async def test_copying_gives_what_is_under_the_cursor(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 1)
    app = app_over(workspace)
    copied: list[tuple[str, str]] = []
    async with running(app) as pilot:
        monkeypatch.setattr(app, "copy", lambda text, what: copied.append((text, what)))
        screen = await open_candidates(pilot)
        await pilot.press("y")
        row = screen.table.row
        assert row is not None
        assert f'"instruction": "{row.instruction}"' in copied[-1][0]
        await pilot.press("a")
        await until(
            pilot, lambda: isinstance(app.screen, CompletionScreen) and app.screen.loaded.row is not None
        )
        await pilot.press("]", "y")
        assert copied[-1] == (store.completion(1).text, "the raw answer")  # type: ignore[union-attr]
        await pilot.press("]", "y")
        assert copied[-1][0] == "You invent tasks.\n\nInvent twenty tasks, please."


async def test_an_empty_workspace_has_empty_lists(workspace: Workspace) -> None:
    app = app_over(workspace)
    async with running(app) as pilot:
        await app.push_screen(CandidatesScreen())
        await until(pilot, lambda: "Nothing in this list" in screen_text(app))
        await pilot.press("G", "enter", "R", "y", "slash", "x", "escape", "escape")
        await app.push_screen(AnswersScreen())
        await until(pilot, lambda: "Nothing has been asked yet" in screen_text(app))


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (40, 10), (20, 5)])
async def test_lists_and_answers_stand_at_every_size(
    size: tuple[int, int], workspace: Workspace, store: Store
) -> None:
    fill(store, 2)
    app = app_over(workspace)
    async with running(app, size) as pilot:
        for screen in (CandidatesScreen(), CompletionScreen(1), AnswersScreen()):
            await app.push_screen(screen)
            await pilot.press("j", "G", "]")
            await pilot.resize_terminal(120, 36)
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.screen is screen
