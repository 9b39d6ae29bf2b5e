"""Help for the screen one is on: its page, then its keys, both from where they are kept once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Markdown

from alpaca_tui.tui.keys import bindings, help_groups
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.screens.dialogs import titled


def page(name: str) -> str:
    """The help text of a screen (Markdown), without its keys."""
    return (resources.files("alpaca_tui.tui") / "help" / f"{name}.md").read_text("utf-8")


def key_table(areas: Sequence[str]) -> str:
    """The keys of `areas` as Markdown tables, one a group."""
    parts: list[str] = []
    for group, keys in help_groups(areas):
        rows = [f"| {_cell(key.all_shown)} | {_cell(key.help)} |" for key in keys]
        parts.append(f"### {group}\n\n| Key | What it does |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return "".join("\\" + character if character in "|\\[]*_`<" else character for character in text)


class HelpScreen(Dialog[None]):
    """The help window."""

    AREAS: ClassVar[tuple[str, ...]] = ("help",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, title: str, name: str, areas: Sequence[str]) -> None:
        super().__init__()
        self.heading = title
        self.text = f"{page(name)}\n\n## Keys\n\n{key_table((*areas, 'app'))}"

    def compose(self) -> ComposeResult:
        with titled(Vertical(classes="dialog help"), f"Help: {self.heading}", "esc closes"), VerticalScroll(id="help-text"):
            yield Markdown(self.text)

    def on_mount(self) -> None:
        self.query_one("#help-text").focus()

    def action_close(self) -> None:
        self.dismiss()

    def action_scroll(self, by: int) -> None:
        self.query_one("#help-text").scroll_relative(y=by * 2, animate=False)
