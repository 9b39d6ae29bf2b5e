"""Small windows of Dataset: a list to choose from, a line to write, a text to look at before it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input

from alpaca_tui.text import preview
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Line, Span
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.screens.dialogs import titled
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain


@dataclass(slots=True)
class Item:
    """A line to choose. `on`: switched on (None: there is nothing to switch)."""

    id: str
    label: str
    note: str = ""
    on: bool | None = None


class _Items(LineView):
    def __init__(self, items: list[Item]) -> None:
        super().__init__(id="items", selectable=True, always_show_cursor=True)
        self.items = items

    def build(self, width: int, height: int) -> list[Line]:
        lines: list[Line] = []
        for item in self.items:
            box = "" if item.on is None else f"[{'x' if item.on else ' '}] "
            spans: list[Span] = [
                (" ", "plain"),
                (box, "primary" if item.on else "faint"),
                (preview(item.label, width - 2 - len(box)), "plain"),
                (f"  {item.note}" if item.note else "", "muted"),
            ]
            lines.append(Line.of(*spans, key=item.id).fit(width))
        return lines


class Chooser(Dialog[str]):
    """Enter gives back an item's id, Escape nothing. drop: called with the id of an item that may go."""

    AREAS: ClassVar[tuple[str, ...]] = ("chooser", "window", "list")
    BINDINGS: ClassVar[list[BindingType]] = bindings("chooser", "window")
    AUTO_FOCUS = "#items"

    def __init__(
        self,
        title: str,
        items: Sequence[Item],
        *,
        chosen: str = "",
        drop: Callable[[str], None] | None = None,
        hint: str = "enter chooses  esc closes",
    ) -> None:
        super().__init__()
        self.heading = title
        self.items = list(items)
        self._chosen = chosen
        self._drop = drop
        self._hint = hint

    def compose(self) -> ComposeResult:
        with titled(Vertical(classes="dialog chooser"), self.heading, self._hint):
            yield _Items(self.items)

    def on_mount(self) -> None:
        view = self.query_one(_Items)
        view.styles.height = min(max(len(self.items), 1), 16)
        view.call_after_refresh(view.move_to, self._chosen)

    @on(LineView.Opened)
    def _taken(self, event: LineView.Opened) -> None:
        self.dismiss(str(event.key))

    def action_close(self) -> None:
        self.dismiss("")

    def action_switch(self) -> None:
        view = self.query_one(_Items)
        for item in self.items:
            if item.id == view.cursor and item.on is not None:
                item.on = not item.on
        view.redraw()

    def action_drop(self) -> None:
        view = self.query_one(_Items)
        if self._drop is not None and view.cursor is not None:
            self._drop(str(view.cursor))
            self.items[:] = [item for item in self.items if item.id != view.cursor]
            view.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "drop":
            return self._drop is not None
        if action == "switch":
            return any(item.on is not None for item in self.items)
        return True


class ColumnChooser(Chooser):
    """Columns on and off; `+` and `-` make the one under the cursor wider and narrower."""

    def __init__(self, items: Sequence[Item], widen: Callable[[str, int], int]) -> None:
        super().__init__("Columns", items, hint="space on/off  +/- width  esc done")
        self._widen = widen

    def on_key(self, event: object) -> None:
        character = getattr(event, "character", None)
        view = self.query_one(_Items)
        if character in ("+", "=", "-") and view.cursor is not None:
            width = self._widen(str(view.cursor), -2 if character == "-" else 2)
            for item in self.items:
                if item.id == view.cursor:
                    item.note = f"{width} wide"
            view.redraw()

    @on(LineView.Opened)
    def _switched(self, event: LineView.Opened) -> None:
        event.stop()
        self.action_switch()

    def action_close(self) -> None:
        self.dismiss(" ".join(item.id for item in self.items if item.on))


class LineDialog(Dialog[str | None]):
    """A line to write. check: what is wrong with a text, "" for nothing; typed: told of every text on the way.
    None: closed without an answer."""

    AREAS: ClassVar[tuple[str, ...]] = ("dialog",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("window")

    def __init__(
        self,
        title: str,
        text: str,
        value: str = "",
        *,
        check: Callable[[str], str] | None = None,
        typed: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__()
        self.heading = title
        self.text = text
        self._value = value
        self._check = check
        self._typed = typed

    def compose(self) -> ComposeResult:
        with titled(Vertical(classes="dialog line"), self.heading, "enter does it  esc closes"):
            yield Plain(self.text, classes="text")
            yield TextField(self._value, id="line", compact=True)
            yield Plain("", id="fault")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if self._typed is not None:
            self._typed(event.value.strip())

    @on(Input.Submitted)
    def _done(self, event: Input.Submitted) -> None:
        fault = self._check(event.value.strip()) if self._check is not None else ""
        if fault:
            self.query_one("#fault", Plain).say(fault)
        else:
            self.dismiss(event.value.strip())

    def action_close(self) -> None:
        self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action not in ("drop", "switch")


class _Sheet(LineView):
    def __init__(self, draw: Callable[[int], Sequence[Line]]) -> None:
        super().__init__(id="sheet", selectable=True)
        self._draw_lines = draw

    def build(self, width: int, height: int) -> Sequence[Line]:
        return self._draw_lines(width)


class LookFirst(Dialog[bool]):
    """Something to look at before it is done: True when it shall be done."""

    AREAS: ClassVar[tuple[str, ...]] = ("dialog", "list")
    BINDINGS: ClassVar[list[BindingType]] = bindings("window")

    def __init__(self, title: str, draw: Callable[[int], Sequence[Line]], label: str, note: str = "") -> None:
        super().__init__()
        self.heading = title
        self.label = label
        self.note = note
        self._draw_lines = draw

    def compose(self) -> ComposeResult:
        with titled(Vertical(classes="dialog sheet"), self.heading, "enter does it  esc closes"):
            yield _Sheet(self._draw_lines)
            if self.note:
                yield Plain(self.note, classes="hint")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(self.label, id="do")

    def on_mount(self) -> None:
        self.query_one("#do").focus()

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "do")

    def action_close(self) -> None:
        self.dismiss(False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action not in ("drop", "switch")


def stars_items() -> list[Item]:
    """1 to 5 stars, and none."""
    return [
        *(Item(str(number), glyphs["star"] * number, "") for number in range(5, 0, -1)),
        Item("0", "no stars"),
    ]
