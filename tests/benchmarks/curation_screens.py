"""The Dataset screen in a real pseudo-terminal, from within: keys go in through the terminal, and a key's time
ends when the frame that shows what it did has been written to the terminal.

A frame shows what a key did when every row in view has been drawn since (rows still on their way are not) with
the cursor where it must be. Beside it, a plain Textual `DataTable` that holds all rows.
Run by `bench_curation`, which holds the other end of the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import psutil
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.pilot import Pilot
from textual.widgets import DataTable

from alpaca_tui.store.store import Store
from alpaca_tui.tui.app import AlpacaApp
from alpaca_tui.tui.session import Session
from alpaca_tui.workspace import Workspace

TIMEOUT_S = 60.0
SEARCHES = ("climate change", "python function", "write a haiku", "the capital of france", "sort numbers")
FILTERS = (
    "flag:cut-off",
    "words(output)<3",
    "nearest>0.6",
    "input:none",
    '"climate change"',
    "verb:write and words(output)>150",
    "is:flagged and -flag:arithmetic",
    'flag:empty-output or (input:none and words(output)<3) and -tag:checked and nearest>0.6 and created>2026-01-01 and "climate change"',
)
ORDERS = ("nearest", "instruction", "flags", "output", "rating", "status")


class Frames:
    """Tells when a frame that shows something awaited has reached the terminal."""

    def __init__(self) -> None:
        self.shows: Callable[[], bool] | None = None
        self.queued = self.written = 0
        self._awaited_at: int | None = None
        self._seen: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._at = 0.0

    async def seconds(self, shows: Callable[[], bool], act: Callable[[], object]) -> float:
        """From `act` until a frame is written while `shows` holds."""
        self._seen, self._loop = asyncio.Event(), asyncio.get_running_loop()
        self._awaited_at = None
        self.shows = shows
        begun = time.perf_counter()
        act()
        async with asyncio.timeout(TIMEOUT_S):
            await self._seen.wait()
        return self._at - begun

    def frame(self) -> None:
        """A frame is on its way to the terminal (on the loop's thread)."""
        self.queued += 1
        if self.shows is not None and self.shows():
            self.shows = None
            self._awaited_at = self.queued

    def flushed(self) -> None:
        """Everything queued so far up to `written` has reached the terminal (on the driver's thread)."""
        if self._awaited_at is not None and self.written >= self._awaited_at:
            self._awaited_at = None
            self._at = time.perf_counter()
            if self._loop is not None and self._seen is not None:
                self._loop.call_soon_threadsafe(self._seen.set)


FRAMES = Frames()


class _File:
    """The terminal, as the driver's thread writes to it."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> int:
        FRAMES.written += 1
        return self._file.write(text)

    def flush(self) -> None:
        self._file.flush()
        FRAMES.flushed()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class MeasuredDriver(LinuxDriver):
    """Textual's own driver, its frames counted."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file = cast(Any, _File(self._file))

    def write(self, data: str) -> None:
        FRAMES.frame()  # before it is queued, or the other thread could be done with it first
        super().write(data)


class Keyboard:
    """Presses keys at the other end of the terminal, with a person's pauses between them."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._rng = random.Random(1)

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    async def timed(self, keys: str, shows: Callable[[], bool]) -> float:
        await self.pause()
        return await FRAMES.seconds(shows, lambda: self.press(keys))

    async def pause(self) -> None:
        """Between a held key's repeat and a quick hand: the next key falls anywhere into what goes on."""
        await asyncio.sleep(self._rng.uniform(0.02, 0.12))


def memory() -> dict[str, int]:
    found = psutil.Process().memory_info().rss
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    return {"rss": found, "peak": peak}


# --- our screen


class Scene:
    """The Dataset screen and what is asked of it."""

    def __init__(self, app: AlpacaApp, keyboard: Keyboard) -> None:
        self.app = app
        self.keyboard = keyboard
        self.shown: str | None = None
        self.asked = 0
        self.answered = 0

    @property
    def screen(self) -> Any:
        return self.app.screen

    @property
    def table(self) -> Any:
        return self.screen.table

    def painted(self) -> bool:
        """Every row in view has been drawn as it is now."""
        from alpaca_tui.tui.screens.dataset.screen import DatasetScreen

        if not isinstance(self.screen, DatasetScreen) or not self.screen.is_mounted:
            return False
        table = self.table
        top = table.scroll_offset.y
        bottom = min(top + table.scrollable_content_region.height - 1, table.row_count)
        return table.row_count > 0 and all(place in table._strips for place in range(top, bottom))

    def at(self, place: int) -> Callable[[], bool]:
        return lambda: self.painted() and self.table.cursor == place

    def on_id(self, id: int) -> Callable[[], bool]:
        return lambda: self.painted() and self.table.cursor_id == id

    async def open(self) -> float:
        return await self.keyboard.timed("3", self.painted)

    def watch_answers(self) -> None:
        """Know when the rows of the last question are on the screen."""
        screen = self.screen
        reload, show = screen.reload, screen._show

        def reloading(**options: Any) -> None:
            self.asked += 1
            reload(**options)

        def showing(found: Any, query: str) -> None:
            show(found, query)
            self.answered, self.shown = self.asked, query

        screen.reload, screen._show = reloading, showing

    def answered_with(self, query: str, asked: int) -> Callable[[], bool]:
        def shows() -> bool:
            if self.shown != query or self.asked <= asked or self.answered < self.asked:
                return False
            return self.table.row_count == 0 or self.painted()

        return shows

    async def moves(self, times: int) -> dict[str, list[float]]:
        """Scrolling, paging, jumping."""
        table, keyboard = self.table, self.keyboard
        rows, page = table.row_count, table.scrollable_content_region.height - 2
        rng = random.Random(2)
        laps: dict[str, list[float]] = {"scroll": [], "page": [], "ends": [], "jump": []}
        for _ in range(times):
            laps["scroll"].append(await keyboard.timed("j", self.at(table.cursor + 1)))
        for _ in range(times):
            place = min(table.cursor + page, rows - 1)
            laps["page"].append(await keyboard.timed("\x04", self.at(place)))
        for _ in range(times // 6):
            laps["ends"].append(await keyboard.timed("G", self.at(rows - 1)))
            laps["ends"].append(await keyboard.timed("g", self.at(0)))
        for _ in range(times // 3):
            id = table.ids[rng.randrange(rows)]
            keyboard.press("#")
            await until(lambda: self.app.screen is not screen_of(table))
            await asyncio.sleep(0.05)
            keyboard.press(str(id))
            await asyncio.sleep(0.1)
            laps["jump"].append(await keyboard.timed("\r", self.on_id(id)))
        return laps

    async def searches(self) -> list[float]:
        """Every key of some searches, each until its rows are on the screen."""
        laps: list[float] = []
        self.keyboard.press("/")
        await asyncio.sleep(0.3)
        for search in SEARCHES:
            await self.clear()
            typed = ""
            for sign in search:
                typed += sign
                if typed.strip() != typed:  # the filter is the same as before
                    self.keyboard.press(sign)
                    await asyncio.sleep(0.1)
                    continue
                laps.append(await self.keyboard.timed(sign, self.answered_with(typed, self.asked)))
        await self.clear()
        return laps

    async def clear(self) -> None:
        from alpaca_tui.tui.screens.dataset.filter import FilterBar

        if self.screen.look.query:
            await self.question(lambda: self.screen.query_one(FilterBar).put(""), "")

    async def filters(self) -> list[tuple[str, float, int]]:
        from alpaca_tui.tui.screens.dataset.filter import FilterBar

        laps: list[tuple[str, float, int]] = []
        bar = self.screen.query_one(FilterBar)
        for query in FILTERS:
            await self.clear()
            await asyncio.sleep(0.5)
            took = await self.question(lambda query=query: bar.put(query), query)
            laps.append((query, took, self.table.row_count))
        await self.clear()
        return laps

    async def sorts(self) -> list[tuple[str, float]]:
        from alpaca_tui.tui.widgets.table import PagedTable

        laps: list[tuple[str, float]] = []
        for order in (*ORDERS, "id"):
            await asyncio.sleep(0.5)
            click = PagedTable.HeaderClicked(self.table, order)
            laps.append((order, await self.question(lambda click=click: self.table.post_message(click), "")))
        return laps[:-1]

    async def question(self, act: Callable[[], object], query: str) -> float:
        await self.keyboard.pause()
        return await FRAMES.seconds(self.answered_with(query, self.asked), act)


def screen_of(widget: Any) -> Any:
    return widget.screen


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not holds():
            await asyncio.sleep(0.005)


def ours(workspace: Path, out: Path, terminal: int, times: int) -> None:
    """Open the screen and measure; `times` 0: only how long opening takes."""
    session = Session(Workspace(workspace))
    app = AlpacaApp(session, theme="alpaca-dark")
    app.driver_class = MeasuredDriver
    result: dict[str, Any] = {}

    async def measure(_pilot: Pilot[Any]) -> None:
        await until(lambda: session.stored is not None)
        await asyncio.sleep(0.5)
        scene = Scene(app, Keyboard(terminal))
        result["memory_home"] = memory()
        result["open"] = await scene.open()
        if times:
            await asyncio.sleep(3.0)
            result["memory_open"] = memory()
            scene.watch_answers()
            result["moves"] = await scene.moves(times)
            result["searches"] = await scene.searches()
            result["filters"] = await scene.filters()
            result["sorts"] = await scene.sorts()
            await asyncio.sleep(2.0)
        result["memory"] = memory()
        out.write_text(json.dumps(result))
        app.exit(0)

    app.run(auto_pilot=measure)
    session.close()


# --- the plain table


class PlainTable(DataTable[Any]):
    """A `DataTable` that knows whether it has drawn its cursor where it is now."""

    drawn_at = -1

    def render_lines(self, crop: Any) -> Any:
        strips = super().render_lines(crop)
        self.drawn_at = self.cursor_row
        return strips


class PlainApp(App[int]):
    """All rows in a `DataTable`, with the columns that ours shows at first."""

    BINDINGS = [
        ("j", "table('cursor_down')"),
        ("ctrl+d", "table('page_down')"),
        ("G", "table('scroll_bottom')"),
        ("g", "table('scroll_top')"),
    ]

    def compose(self) -> Any:
        yield PlainTable(cursor_type="row")

    def action_table(self, name: str) -> None:
        getattr(self.query_one(PlainTable), f"action_{name}")()


def plain(workspace: Path, out: Path, terminal: int, times: int) -> None:
    """The same rows in a `DataTable`."""
    app = PlainApp()
    app.driver_class = MeasuredDriver
    result: dict[str, Any] = {}

    async def measure(_pilot: Pilot[Any]) -> None:
        await asyncio.sleep(0.5)
        keyboard = Keyboard(terminal)
        table = app.query_one(PlainTable)

        def fill() -> None:
            for title in ("row", "instruction", "input", "output", "finds", "near", "stars"):
                table.add_column(title)
            with Workspace(workspace).open_store() as store:
                table.add_rows(_all_rows(store))

        def at(place: int) -> Callable[[], bool]:
            return lambda: table.row_count > 0 and table.cursor_row == place == table.drawn_at

        result["open"] = await FRAMES.seconds(at(0), lambda: app.call_later(fill))
        laps: dict[str, list[float]] = {"scroll": [], "page": [], "ends": []}
        await asyncio.sleep(1.0)
        for _ in range(times):
            laps["scroll"].append(await keyboard.timed("j", at(table.cursor_row + 1)))
        for _ in range(times):
            before = table.cursor_row
            moved = lambda before=before: table.cursor_row > before and table.drawn_at == table.cursor_row  # noqa: E731
            laps["page"].append(await keyboard.timed("\x04", moved))
        for _ in range(times // 6):
            laps["ends"].append(await keyboard.timed("G", at(table.row_count - 1)))
            laps["ends"].append(await keyboard.timed("g", at(0)))
        result["moves"] = laps
        result["memory"] = memory()
        out.write_text(json.dumps(result))
        app.exit(0)

    app.run(auto_pilot=measure)


def _all_rows(store: Store) -> Sequence[tuple[Any, ...]]:
    ids = store.example_ids()
    return [
        (row.id, row.instruction, row.input, row.output, row.flags, row.nearest_score, row.rating)
        for start in range(0, len(ids), 2_000)
        for row in store.example_lines(ids[start : start + 2_000])
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("who", choices=["ours", "plain"])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("terminal", type=int)
    parser.add_argument("times", type=int)
    options = parser.parse_args()
    {"ours": ours, "plain": plain}[options.who](
        options.workspace, options.out, options.terminal, options.times
    )


if __name__ == "__main__":
    main()
