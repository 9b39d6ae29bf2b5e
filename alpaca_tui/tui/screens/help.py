"""Help for the screen one is on: its page, then its keys, both from where they are kept once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Markdown

from alpaca_tui.text import fit
from alpaca_tui.tui.keys import bindings, help_groups
from alpaca_tui.tui.paint import BLANK, Line
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.screens.dialogs import titled
from alpaca_tui.tui.widgets.lines import LineView


def page(name: str) -> str:
    """The help text of a screen (Markdown), without its keys."""
    return (resources.files("alpaca_tui.tui") / "help" / f"{name}.md").read_text("utf-8")


def key_lines(areas: Sequence[str]) -> list[Line]:
    """The keys of `areas`, by heading."""
    out: list[Line] = []
    for group, keys in help_groups(areas):
        out += [BLANK, Line.of((group, "title"))]
        for key in keys:
            out.append(Line.of((f"  {fit(key.all_shown, 18)}", "key"), (f" {key.help}", "plain")))
    return out


class KeyTable(LineView):
    """The keys, generated from the key table."""

    def __init__(self, areas: Sequence[str]) -> None:
        super().__init__(id="key-table")
        self.areas = areas

    def build(self, width: int, height: int) -> list[Line]:
        return key_lines(self.areas)


class HelpScreen(Dialog[None]):
    """The help window."""

    AREAS: ClassVar[tuple[str, ...]] = ("help",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, title: str, name: str, areas: Sequence[str]) -> None:
        super().__init__()
        self.heading = title
        self.text = page(name)
        self.areas_shown = (*areas, "app")

    def compose(self) -> ComposeResult:
        with (
            titled(Vertical(classes="dialog help"), f"Help: {self.heading}", "esc closes"),
            VerticalScroll(id="help-text"),
        ):
            yield Markdown(self.text)
            yield KeyTable(self.areas_shown)

    def on_mount(self) -> None:
        self.query_one("#help-text").focus()

    def action_close(self) -> None:
        self.dismiss()

    def action_scroll(self, by: int) -> None:
        self.query_one("#help-text").scroll_relative(y=by * 2, animate=False)
