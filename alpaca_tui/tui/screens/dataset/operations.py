"""Everything that was done to the dataset, newest first, and the way back to any point of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from alpaca_tui.text import one_line, plural
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Line, Span, sides
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.store.curated import Operation

_MOST = 500
_BY = {"user": "", "fix": "a fix", "teacher": "the teacher"}


class OperationList(LineView):
    """The operations; what was taken back stands above what stands."""

    def __init__(self) -> None:
        super().__init__(id="operations", classes="pane", selectable=True)
        self.border_title = "Operations"
        self.operations: list[Operation] | None = None

    def build(self, width: int, height: int) -> list[Line]:
        if self.operations is None:
            return [Line.of(("Reading…", "faint"))]
        if not self.operations:
            return [Line.of(("Nothing was done yet.", "muted"))]
        lines: list[Line] = []
        here = next((entry.id for entry in self.operations if entry.state == "done"), None)
        for entry in self.operations:
            undone = entry.state == "undone"
            dropped = entry.state == "dropped"
            style = "faint" if undone or dropped else "plain"
            left: list[Span] = [
                (f"{glyphs['cursor'] if entry.id == here else ' '} ", "primary"),
                (one_line(entry.title), "bold" if entry.id == here else style),
            ]
            if _BY[entry.who]:
                left.append((f"  by {_BY[entry.who]}", "info"))
            if undone:
                left.append(("  taken back, can be done again", "warning"))
            if dropped:
                left.append(("  taken back for good", "faint"))
            right = [(f"{plural(entry.rows, 'row')}  {words.ago(entry.at)}", "muted")]
            lines.append(sides(left, right, width, entry.id))
        return lines


class OperationsScreen(RoomScreen):
    """The list; `changed` is called when something was taken back or done again."""

    AREAS: ClassVar[tuple[str, ...]] = ("operations", "list")
    HELP_PAGE = "operations"
    HELP_TITLE = "Operations"
    BINDINGS: ClassVar[list[BindingType]] = bindings("operations")
    AUTO_FOCUS = "#operations"

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._changed = changed

    def body(self) -> Iterable[Widget]:
        yield OperationList()

    def on_mount(self) -> None:
        self.query_one(OperationList).styles.height = "1fr"
        self._read()

    def _read(self) -> None:
        def show(found: list[Operation]) -> None:
            view = self.query_one(OperationList)
            view.operations = found
            view.redraw()
            self.refresh_bindings()

        self.in_thread("operations.read", lambda: self.session.ensure_store().operations(limit=_MOST), show)

    def _walk(self, step: Callable[[], object]) -> None:
        def done(_result: object) -> None:
            self._read()
            self._changed()

        self.in_order(step, done)

    def action_undo(self) -> None:
        self._walk(lambda: self.session.ensure_store().undo())

    def action_redo(self) -> None:
        self._walk(lambda: self.session.ensure_store().redo())

    @on(LineView.Opened)
    def _opened(self) -> None:
        self.action_go()

    def action_go(self) -> None:
        view = self.query_one(OperationList)
        target = view.cursor
        entry = next((item for item in view.operations or () if item.id == target), None)
        if entry is None or entry.state == "dropped":
            return

        def walk() -> None:
            store = self.session.ensure_store()
            if entry.state == "undone":
                while (ahead := store.next_redo()) is not None and ahead.id <= entry.id:
                    store.redo()
            else:
                while (last := store.next_undo()) is not None and last.id > entry.id:
                    store.undo()

        self.alpaca.say(f"Going to: {one_line(entry.title)}")
        self._walk(walk)

    def action_close(self) -> None:
        self.dismiss()
