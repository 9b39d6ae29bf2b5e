"""Small windows: an error, a question, a long text. They look alike and Escape always closes them.

A question's default is the answer that loses nothing. Knows `UserError` and no room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button

from alpaca_tui.errors import UserError
from alpaca_tui.text import one_line
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.widgets.plain import Plain


def titled(widget: Vertical, title: str, subtitle: str = "") -> Vertical:
    """Set border titles from words that may be foreign: Content, never markup."""
    from textual.content import Content

    widget.border_title = Content(one_line(title))  # type: ignore[assignment]
    if subtitle:
        widget.border_subtitle = Content(one_line(subtitle))  # type: ignore[assignment]
    return widget


class ErrorDialog(Dialog[None]):
    """What happened, why, what to do next."""

    AREAS: ClassVar[tuple[str, ...]] = ("dialog",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("dialog")

    def __init__(self, error: UserError) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        box = Vertical(classes="dialog -error")
        with titled(box, f"{glyphs['fault']} {self.error.title}", "c copies  esc closes"):
            with VerticalScroll(can_focus=False):
                if self.error.cause:
                    yield Plain(self.error.cause, classes="text")
                if self.error.next_step:
                    yield Plain(self.error.next_step, classes="next")
            with Horizontal(classes="buttons"):
                yield Button("Close", id="close")

    def on_mount(self) -> None:
        self.query_one("#close").focus()

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        self.dismiss()

    def action_copy(self) -> None:
        parts = (self.error.title, self.error.cause, self.error.next_step)
        self.alpaca.copy("\n".join(part for part in parts if part), "the message")


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question; `id` is what the dialog returns."""

    id: str
    label: str


class QuestionDialog(Dialog[str]):
    """A question with buttons; the first choice is the safe one and has the focus. Escape gives it too, or the
    one named by `escape` where the first one does something.

    extra: shown between the text and the buttons."""

    AREAS: ClassVar[tuple[str, ...]] = ("dialog",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("dialog")

    def __init__(
        self,
        title: str,
        text: str,
        choices: Sequence[Choice],
        *,
        extra: Widget | None = None,
        escape: str = "",
    ) -> None:
        super().__init__()
        self.question = title
        self.text = text
        self.choices = tuple(choices)
        self._extra = extra
        self._escape = escape or self.choices[0].id

    def compose(self) -> ComposeResult:
        with titled(Vertical(classes="dialog -warning"), self.question):
            yield Plain(self.text, classes="text")
            if self._extra is not None:
                yield self._extra
            with Horizontal(classes="buttons"):
                for choice in self.choices:
                    yield Button(choice.label, id=choice.id)

    def on_mount(self) -> None:
        self.query_one(f"#{self.choices[0].id}").focus()

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id or self.choices[0].id)

    def action_close(self) -> None:
        self.dismiss(self._escape)

    def action_copy(self) -> None:
        self.alpaca.copy(f"{self.question}\n{self.text}", "the question")


class TextDialog(Dialog[None]):
    """A text too long for its line."""

    AREAS: ClassVar[tuple[str, ...]] = ("dialog",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("dialog")

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.heading = title
        self.text = text

    def compose(self) -> ComposeResult:
        with (
            titled(Vertical(classes="dialog"), self.heading, "c copies  esc closes"),
            VerticalScroll(),
        ):
            yield Plain(self.text, classes="text")

    def action_close(self) -> None:
        self.dismiss()

    def action_copy(self) -> None:
        self.alpaca.copy(self.text, "the text")
