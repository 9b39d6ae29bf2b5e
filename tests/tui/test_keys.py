"""The key table: one truth for dispatch, footer, help and palette."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from alpaca_tui.tui import keys
from alpaca_tui.tui.app import AlpacaApp
from alpaca_tui.tui.screens.dataset.ask_form import AskDialog
from alpaca_tui.tui.screens.dataset.asking import AskingScreen
from alpaca_tui.tui.screens.dataset.dialogs import Chooser, LineDialog, LookFirst
from alpaca_tui.tui.screens.dataset.duplicates import DuplicatesScreen
from alpaca_tui.tui.screens.dataset.editor import EditorScreen
from alpaca_tui.tui.screens.dataset.exporting import ExportScreen
from alpaca_tui.tui.screens.dataset.filter import FilterField
from alpaca_tui.tui.screens.dataset.importing import ImportScreen
from alpaca_tui.tui.screens.dataset.lint import LintScreen
from alpaca_tui.tui.screens.dataset.operations import OperationsScreen
from alpaca_tui.tui.screens.dataset.review import ReviewScreen
from alpaca_tui.tui.screens.dataset.screen import DatasetScreen
from alpaca_tui.tui.screens.dataset.splitting import SplitScreen
from alpaca_tui.tui.screens.dataset.statistics import StatisticsScreen
from alpaca_tui.tui.screens.dialogs import ErrorDialog, QuestionDialog, TextDialog
from alpaca_tui.tui.screens.generate.again import RulesDialog
from alpaca_tui.tui.screens.generate.answers import AnswersScreen
from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen
from alpaca_tui.tui.screens.generate.completion import CompletionScreen
from alpaca_tui.tui.screens.generate.screen import GenerateScreen
from alpaca_tui.tui.screens.generate.setup import Setup
from alpaca_tui.tui.screens.generate.tune import TuneDialog
from alpaca_tui.tui.screens.help import HelpScreen, key_lines, page
from alpaca_tui.tui.screens.home import HomeScreen
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.table import PagedTable

OWNERS: dict[str, list[type]] = {
    "app": [AlpacaApp],
    "home": [HomeScreen],
    "generate": [GenerateScreen],
    "setup": [Setup],
    "candidates": [CandidatesScreen],
    "completion": [CompletionScreen],
    "answers": [AnswersScreen],
    "dataset": [DatasetScreen],
    "find": [FilterField],
    "editor": [EditorScreen, SplitScreen],
    "texts": [EditorScreen],
    "review": [ReviewScreen],
    "operations": [OperationsScreen],
    "lint": [LintScreen],
    "twins": [DuplicatesScreen],
    "ask-form": [AskDialog],
    "ask": [AskingScreen],
    "statistics": [StatisticsScreen],
    "transfer": [ImportScreen, ExportScreen],
    "chooser": [Chooser],
    "window": [Chooser, LineDialog, LookFirst],
    "list": [LineView, PagedTable],
    "dialog": [ErrorDialog, QuestionDialog, TextDialog],
    "tune": [TuneDialog, RulesDialog],
    "help": [HelpScreen],
}


def test_ids_are_unique_and_every_area_has_an_owner() -> None:
    assert [count for count in Counter(key.id for key in keys.KEYS).values() if count > 1] == []
    assert {key.area for key in keys.KEYS} == set(OWNERS)


@pytest.mark.parametrize("key", keys.KEYS, ids=lambda key: key.id)
def test_every_key_does_something_that_exists(key: keys.Key) -> None:
    name = re.sub(r"\(.*", "", key.action)
    owners = OWNERS[key.area]
    if name.startswith("app."):
        owners, name = [AlpacaApp], name.removeprefix("app.")
    for owner in owners:
        assert hasattr(owner, f"action_{name}"), f"{owner.__name__} has no action {name}"
    assert key.help.endswith(".")


@pytest.mark.parametrize("area", OWNERS)
def test_a_key_means_one_thing_in_its_area(area: str) -> None:
    used = Counter(name for key in keys.of_area(area) for name in key.keys)
    doubled = {name for name, count in used.items() if count > 1}
    assert doubled <= ({"space", "p"} if area == "generate" else set()), (
        "only pause and go-on share their keys"
    )


def test_no_screen_key_is_taken_by_the_lists_on_it() -> None:
    of_lists = {name for key in keys.of_area("list") for name in key.keys}
    areas = ("app", "home", "generate", "candidates", "completion", "answers")
    of_dataset = ("dataset", "operations", "lint", "ask", "statistics")
    for area in (*areas, *of_dataset):
        own = {name for key in keys.of_area(area) for name in key.keys}
        assert not own & of_lists, area


def test_every_action_of_a_screen_is_in_the_palette_or_moves_about() -> None:
    for key in keys.KEYS:
        if key.area in ("home", "generate", "setup"):
            assert key.command or key.group == "Moving about" or key.id == "setup.cancel", key.id
        if key.command:
            assert re.match(r"^[a-z-]+: [A-Z]", key.command), key.command


def test_keys_are_shown_as_people_write_them() -> None:
    assert keys.display("ctrl+p") == "^p"
    assert keys.display("question_mark") == "?"
    assert keys.display("f1") == "F1"
    assert keys.display("R") == "R"


@pytest.mark.parametrize(
    "screen",
    [
        HomeScreen,
        GenerateScreen,
        CandidatesScreen,
        CompletionScreen,
        AnswersScreen,
        DatasetScreen,
        EditorScreen,
        ReviewScreen,
        OperationsScreen,
        LintScreen,
        DuplicatesScreen,
        AskingScreen,
        StatisticsScreen,
        ImportScreen,
    ],
)
def test_every_screen_has_a_help_page_and_its_keys_in_it(screen: type) -> None:
    assert len(page(screen.HELP_PAGE)) > 100
    shown = "\n".join(line.text for line in key_lines(screen.AREAS))
    for key in keys.of_area(screen.AREAS[0]):
        assert key.help in shown
        assert key.all_shown in shown
