"""Pictures of Dataset and of everything that opens from it, at two sizes.

After a wanted change: `pytest tests/tui/test_snapshots_dataset.py --snapshot-update`, then look at every picture.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from alpaca_tui.curation import edits
from alpaca_tui.tui.screens.dataset.detail import Detail
from alpaca_tui.tui.screens.dataset.duplicates import DuplicatesScreen, GroupList
from alpaca_tui.tui.screens.dataset.editor import EditorScreen
from alpaca_tui.tui.screens.dataset.facets import FacetList
from alpaca_tui.tui.screens.dataset.filter import FilterBar
from alpaca_tui.tui.screens.dataset.importing import PreviewPane
from alpaca_tui.tui.screens.dataset.lint import LintScreen, RuleList, RulePane
from alpaca_tui.tui.screens.dataset.operations import OperationList
from alpaca_tui.tui.screens.dataset.review import ReviewScreen
from alpaca_tui.tui.screens.dataset.screen import DatasetScreen
from alpaca_tui.tui.screens.dataset.statistics import ComparisonScreen, StatisticsScreen
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, screen_text, until
from tests.tui.dataset import ROWS, fill
from tests.tui.fakes import NOON
from tests.tui.test_snapshots import AtHome, both_sizes

Compare = Callable[..., bool]
Before = Callable[[Pilot[Any]], Awaitable[None]]


@pytest.fixture
def curated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AtHome:
    """The usual defects, some decisions, at noon."""
    monkeypatch.setattr(time, "time", lambda: NOON)
    with Workspace(tmp_path).open_store() as store:
        fill(store)
        edits.set_status(store, [1], "approved")
        edits.set_status(store, [8], "rejected")
        edits.rate(store, [1], 5)
        edits.change_tags(store, [2, 11], add=["check"], remove=[])
        edits.save(store, 2, {"output": "fig kiwi apple banana"}, expected=None)
        edits.set_note(store, [2], "Where does the banana come from?")
    return AtHome(tmp_path)


def steps(*keys: str, then: Callable[[Any, Pilot[Any]], Awaitable[None]] | None = None) -> Before:
    """Open Dataset with every row read, put the cursor on row 2, press keys, then do more."""

    async def before(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await until(pilot, lambda: app.session.stored is not None)
        await pilot.press("3")
        await until(
            pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.table.row_count == len(ROWS)
        )
        screen = app.screen
        await until(pilot, lambda: screen.standing is not None and not screen.standing.unread)
        await until(pilot, lambda: screen.query_one(FacetList).facets is not None)
        screen.show_query("", 2)
        await until(pilot, lambda: screen.table.cursor_id == 2 and screen.table.row is not None)
        await until(pilot, lambda: screen.query_one(Detail).subject.row.id == 2)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.1)
        if then is not None:
            await then(app, pilot)
        await settled(pilot)

    return before


async def settled(pilot: Pilot[Any]) -> None:
    """Until nothing has changed on the screen for a while."""
    app: Any = pilot.app
    last, since = "", time.monotonic()
    while time.monotonic() - since < 0.6:
        await pilot.pause(0.05)
        text = screen_text(app)
        if text != last:
            last, since = text, time.monotonic()


def shows(*words: str) -> Callable[[Any, Pilot[Any]], Awaitable[None]]:
    """Wait for words."""

    async def then(app: Any, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: all(word in screen_text(app) for word in words), 20)

    return then


def opens(screen: type, ready: Callable[[Any], object] = lambda _screen: True) -> Any:
    """Wait for a screen."""

    async def then(app: Any, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: isinstance(app.screen, screen) and ready(app.screen), 20)

    return then


PICTURES: dict[str, Before] = {
    "browser": steps(),
    "history": steps("h", then=shows("1 min ago")),
    "facets": steps("f"),
    "columns": steps("c"),
    "sort": steps("s"),
    "jump": steps("number_sign"),
    "stars": steps("asterisk"),
    "tags": steps("t"),
    "operations": steps("o", then=opens(object, lambda screen: screen.query_one(OperationList).operations)),
    "editor": steps("e", then=opens(EditorScreen)),
    "review": steps("r", then=opens(ReviewScreen, lambda screen: screen.row)),
    "lint": steps("l", then=opens(LintScreen, lambda screen: screen.query_one(RulePane).sample)),
    "rendered": steps("m"),
    "statistics": steps("S", then=opens(StatisticsScreen)),
    "twins": steps("w", then=opens(DuplicatesScreen, lambda screen: screen.query_one(GroupList).groups)),
    "export": steps("X", then=shows("neither deleted nor rejected")),
    "views": steps("b"),
}


@both_sizes
@pytest.mark.parametrize("name", PICTURES)
def test_dataset(snap_compare: Compare, curated: AtHome, name: str, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(session=curated), terminal_size=size, run_before=PICTURES[name])


@both_sizes
def test_a_filter_with_its_finds(snap_compare: Compare, curated: AtHome, size: tuple[int, int]) -> None:
    async def then(app: Any, pilot: Pilot[Any]) -> None:
        app.screen.query_one(FilterBar).put("north or flag:noinput-text")
        await until(pilot, lambda: app.screen.table.row_count == 4)

    assert snap_compare(app_with(session=curated), terminal_size=size, run_before=steps(then=then))


@both_sizes
def test_a_filter_with_a_fault(snap_compare: Compare, curated: AtHome, size: tuple[int, int]) -> None:
    async def then(app: Any, pilot: Pilot[Any]) -> None:
        await pilot.press("slash")
        app.screen.query_one(FilterBar).put("flag:empty-outptu and words(output)<3")
        await until(pilot, lambda: "empty-output" in screen_text(app).replace("empty-outptu", ""))

    assert snap_compare(app_with(session=curated), terminal_size=size, run_before=steps(then=then))


@both_sizes
def test_marked_rows(snap_compare: Compare, curated: AtHome, size: tuple[int, int]) -> None:
    assert snap_compare(
        app_with(session=curated), terminal_size=size, run_before=steps("space", "space", "j", "space")
    )


@both_sizes
def test_the_prompt_in_tokens(
    snap_compare: Compare,
    curated: AtHome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    pytest.importorskip("transformers")
    from alpaca_tui.curation.counting import choose, count_tokens
    from alpaca_tui.finetune.tokens import TokenizerProcess
    from tests.support.tiny_tokenizers import llama_like

    monkeypatch.chdir(tmp_path)
    llama_like().save_pretrained("tiny")
    with Workspace(tmp_path).open_store() as store, TokenizerProcess("tiny") as tokenizer:
        choose(store, tokenizer, 128)
        count_tokens(store, tokenizer, 128)
    assert snap_compare(
        app_with(session=curated), terminal_size=size, run_before=steps("P", then=shows("tiny", "128"))
    )


@both_sizes
def test_fixing_a_rule(snap_compare: Compare, curated: AtHome, size: tuple[int, int]) -> None:
    async def then(app: Any, pilot: Pilot[Any]) -> None:
        await until(
            pilot, lambda: isinstance(app.screen, LintScreen) and app.screen.query_one(RuleList).counts
        )
        app.screen.query_one(RuleList).move_to("noinput-text")
        await pilot.press("F")
        await until(pilot, lambda: "Fix noinput-text" in screen_text(app))

    assert snap_compare(app_with(session=curated), terminal_size=size, run_before=steps("l", then=then))


@both_sizes
def test_splitting_a_row(snap_compare: Compare, curated: AtHome, size: tuple[int, int]) -> None:
    async def then(app: Any, pilot: Pilot[Any]) -> None:
        app.screen.show_query("", 10)
        await until(pilot, lambda: app.screen.table.cursor_id == 10)
        await pilot.press("B")
        await until(pilot, lambda: "Name a fish" in screen_text(app))

    assert snap_compare(app_with(session=curated), terminal_size=size, run_before=steps(then=then))


@both_sizes
def test_two_datasets_side_by_side(snap_compare: Compare, curated: AtHome, size: tuple[int, int]) -> None:
    async def then(app: Any, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: isinstance(app.screen, StatisticsScreen))
        await app.push_screen(ComparisonScreen("", "seeds"))
        await until(pilot, lambda: "Only here" in screen_text(app) or "Root verbs" in screen_text(app), 30)

    assert snap_compare(app_with(session=curated), terminal_size=size, run_before=steps("S", then=then))


@both_sizes
def test_an_import_looked_at(
    snap_compare: Compare,
    curated: AtHome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    (tmp_path / "more.json").write_text(
        json.dumps(
            [{"prompt": "Count to three.", "answer": "1 2 3", "by": "me"}, {"prompt": "", "answer": "x"}]
        )
    )
    monkeypatch.chdir(tmp_path)

    async def then(app: Any, pilot: Pilot[Any]) -> None:
        app.screen.query_one("#file").value = "more.json"
        await until(pilot, lambda: app.screen.query_one(PreviewPane).seen is not None)

    assert snap_compare(app_with(session=curated), terminal_size=size, run_before=steps("i", then=then))


@both_sizes
def test_an_empty_dataset(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: pilot.app.session.stored is not None)  # type: ignore[attr-defined]
        await pilot.press("3")
        await until(pilot, lambda: "imports a file" in screen_text(pilot.app))
        await settled(pilot)

    with Workspace(tmp_path).open_store():
        pass
    assert snap_compare(app_with(session=AtHome(tmp_path)), terminal_size=size, run_before=before)


def test_the_browser_in_light(snap_compare: Compare, curated: AtHome) -> None:
    app = app_with(session=curated, theme="alpaca-light")
    assert snap_compare(app, terminal_size=(120, 36), run_before=steps())


def test_the_browser_in_ascii(snap_compare: Compare, curated: AtHome) -> None:
    app = app_with(session=curated, ascii_only=True)
    assert snap_compare(app, terminal_size=(120, 36), run_before=steps())


def test_the_browser_with_much_room(snap_compare: Compare, curated: AtHome) -> None:
    assert snap_compare(app_with(session=curated), terminal_size=(200, 50), run_before=steps())


def test_statistics_with_much_room(snap_compare: Compare, curated: AtHome) -> None:
    assert snap_compare(
        app_with(session=curated),
        terminal_size=(200, 50),
        run_before=steps("S", then=opens(StatisticsScreen)),
    )
