"""The table that holds only the pages in view, and how views grow and shrink without a layout of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from alpaca_tui.curation.query import parse, terms
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from alpaca_tui.tui.paint import Line
from alpaca_tui.tui.screens.dataset.columns import cells_of
from alpaca_tui.tui.theme import with_our_variables
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.table import PAGE_ROWS, Column, PagedTable


def test_columns_share_what_is_left() -> None:
    table: PagedTable[Any] = PagedTable(
        [Column("a", 3), Column("b", share=3), Column("c", share=1)], lambda row, sizes: [], id
    )
    assert table.widths(25) == [3, 15, 5]
    assert sum(table.widths(100)) + 2 == 100
    assert min(table.widths(2)) >= 1


class _Rows(App[None]):
    """A table of numbers; remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def compose(self) -> ComposeResult:
        yield PagedTable([Column("n", share=1)], lambda row, sizes: [[(str(row), "plain")]], lambda row: row)

    def get_css_variables(self) -> dict[str, str]:
        variables = with_our_variables(super().get_css_variables(), ansi=False)
        self.theme_variables = variables
        return variables

    def on_paged_table_wanted(self, event: PagedTable.Wanted) -> None:
        self.asked.append(event.page)
        event.table.give(event.page, list(event.ids), event.generation)


async def test_pages_that_hold_the_same_rows_as_before_are_not_asked_for_again() -> None:
    app = _Rows()
    async with app.run_test(size=(40, 20)) as pilot:
        table = app.query_one(PagedTable)
        table.set_ids(range(PAGE_ROWS), page=list(range(PAGE_ROWS)))
        await pilot.pause()
        assert app.asked == []
        assert table.row == 0
        table.set_ids(range(5 * PAGE_ROWS))  # all of them, of which the first were known
        await pilot.pause()
        assert (app.asked, table.row) == ([], 0)
        table.move_to(3 * PAGE_ROWS)
        await pilot.pause()
        assert set(app.asked) <= {2, 3}
        asked = len(app.asked)
        table.set_ids([id for id in range(5 * PAGE_ROWS) if id != 2 * PAGE_ROWS])  # all behind it moved up
        await pilot.pause()
        assert len(app.asked) > asked
        assert table.row == 3 * PAGE_ROWS
        assert str(3 * PAGE_ROWS) in table.render_line(table.cursor - table.scroll_offset.y + 1).text


async def test_the_page_the_cursor_comes_to_next_is_asked_for_before_it_is_seen() -> None:
    app = _Rows()
    async with app.run_test(size=(40, 20)) as pilot:
        table = app.query_one(PagedTable)
        table.set_ids(range(5 * PAGE_ROWS))
        await pilot.pause()
        assert set(app.asked) == {0}
        table.move_to(PAGE_ROWS - PAGE_ROWS // 2 + 1)
        await pilot.pause()
        assert set(app.asked) == {0, 1}


class _Numbers(LineView):
    """So many lines."""

    count = 0

    def build(self, width: int, height: int) -> Sequence[Line]:
        return [Line.of((str(number), "plain")) for number in range(self.count)]


class _Views(_Rows):
    CSS = """
    PagedTable { height: 10; scrollbar-size: 0 1; }
    _Numbers { height: 10; scrollbar-size: 0 1; }
    .always, PagedTable { overflow-y: scroll; }
    """

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield _Numbers(id="auto")
        yield _Numbers(id="always", classes="always")
        yield TextField(id="field", compact=True)

    def show(self, view: _Numbers, count: int) -> None:
        view.count = count
        view.redraw()


@pytest.fixture
def layouts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry a layout of the screen."""
    seen: list[int] = []
    lay_out = Screen._refresh_layout

    def counted(self: Screen[Any], *arguments: Any, **options: Any) -> Any:
        seen.append(1)
        return lay_out(self, *arguments, **options)

    monkeypatch.setattr(Screen, "_refresh_layout", counted)
    return seen


async def at_rest(pilot: Pilot[Any], layouts: list[int]) -> None:
    """Until what came before has been laid out; then nothing has been counted."""
    while layouts:
        layouts.clear()
        await pilot.pause(0.2)


async def test_rows_come_and_go_without_a_layout(layouts: list[int]) -> None:
    app = _Views()
    async with app.run_test(size=(40, 40)) as pilot:
        table = app.query_one(PagedTable)
        table.set_ids(range(5 * PAGE_ROWS))
        await pilot.pause()
        bar = table.vertical_scrollbar
        await at_rest(pilot, layouts)
        for count in (3 * PAGE_ROWS, 4, 0, 7 * PAGE_ROWS):
            table.set_ids(range(count))
            await pilot.pause()
            rows = max(count + 1, 10)
            assert (table.virtual_size.height, bar.window_virtual_size) == (rows, rows)
            assert table.max_scroll_y == rows - 10
            assert table.scroll_y <= table.max_scroll_y
        table.move_to(7 * PAGE_ROWS)
        await pilot.pause()
        assert table.scroll_y == table.max_scroll_y
        table.set_ids(range(2 * PAGE_ROWS), keep_cursor=False)
        await pilot.pause()
        assert table.scroll_y == 0
        assert not layouts


async def test_a_table_that_becomes_lower_scrolls_over_its_rows_and_no_further() -> None:
    app = _Views()
    async with app.run_test(size=(40, 60)) as pilot:
        table = app.query_one(PagedTable)
        table.styles.height = 20
        await pilot.pause()
        table.set_ids(range(12))
        await pilot.pause()
        assert table.max_scroll_y == 0
        table.styles.height = 10
        await pilot.pause()
        assert (table.virtual_size.height, table.max_scroll_y) == (13, 3)
        assert table.vertical_scrollbar.window_virtual_size == 13


async def test_lines_come_and_go_without_a_layout_unless_a_scrollbar_does(layouts: list[int]) -> None:
    app = _Views()
    async with app.run_test(size=(40, 40)) as pilot:
        always, auto = app.query_one("#always", _Numbers), app.query_one("#auto", _Numbers)
        app.show(always, 5)
        app.show(auto, 5)
        await at_rest(pilot, layouts)
        for count in (3, 40, 8, 200):
            app.show(always, count)
            await pilot.pause()
            assert always.max_scroll_y == max(count - 10, 0)
        app.show(auto, 9)
        await pilot.pause()
        assert not layouts
        app.show(auto, 20)
        await pilot.pause()
        assert layouts
        assert auto.show_vertical_scrollbar
        assert auto.max_scroll_y == 10
        await at_rest(pilot, layouts)
        app.show(auto, 30)
        await pilot.pause()
        assert auto.max_scroll_y == 20
        assert not layouts
        app.show(auto, 2)
        await pilot.pause()
        assert not auto.show_vertical_scrollbar


async def test_typing_lays_nothing_out_and_a_long_text_still_scrolls(layouts: list[int]) -> None:
    app = _Views()
    async with app.run_test(size=(20, 40)) as pilot:
        field = app.query_one("#field", Input)
        field.focus()
        await at_rest(pilot, layouts)
        await pilot.press(*"abcdefghijklmnopqrstuvwxyz")
        assert field.value.endswith("xyz")
        await pilot.pause()
        assert not layouts
        assert "xyz" in field.render_line(0).text


def test_a_word_that_is_cut_by_the_edge_is_not_taken_for_a_shorter_one(tmp_path: Path) -> None:
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(text, "", "x") for text in ("a category", "a cat sits")], "cats.json")
        rows = store.example_lines([1, 2])
    cells = [cells_of(row, ["instruction"], [4], {}, terms(parse("cat")))[0] for row in rows]
    assert [[text for text, style in spans if style == "match"] for spans in cells] == [[], ["cat"]]
