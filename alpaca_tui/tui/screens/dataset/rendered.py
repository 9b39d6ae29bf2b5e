"""A row's texts drawn: Markdown with its headings and lists, code with its colours. On demand, in a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Markdown

from alpaca_tui.text import visible
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.screens.dialogs import titled
from alpaca_tui.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from alpaca_tui.store.rows import ExampleRow

_LONGEST = 40_000
"""Characters that are drawn: a Markdown widget takes a widget a paragraph."""


class RenderedDialog(Dialog[None]):
    """The output drawn, under the prompt as plain words. Links are shown and not followed."""

    AREAS: ClassVar[tuple[str, ...]] = ("dialog",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("dialog")

    def __init__(self, row: ExampleRow) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        row = self._row
        with (
            titled(Vertical(classes="dialog rendered"), f"Row {row.id}, drawn", "c copies  esc closes"),
            VerticalScroll(),
        ):
            yield Plain(row.instruction, classes="next")
            if row.input:
                yield Plain(row.input, classes="hint")
            yield Markdown(visible(row.output[:_LONGEST]), open_links=False)

    def action_close(self) -> None:
        self.dismiss()

    def action_copy(self) -> None:
        self.alpaca.copy(self._row.output, "the output")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return True
