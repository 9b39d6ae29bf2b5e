"""The window before the teacher is asked about rows: which question, whom, for how much at most.

What it would take is worked out from the rows' own texts before anything is sent. Knows the settings, sends
nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Select

from alpaca_tui.text import plural
from alpaca_tui.tui import words
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.screens.dialogs import titled
from alpaca_tui.tui.screens.generate import form
from alpaca_tui.tui.screens.generate.setup import FieldRow
from alpaca_tui.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from alpaca_tui.curation.assist import AskSettings
    from alpaca_tui.store.curated import SuggestionKind

QUESTION = form.Field(
    "kind",
    "Question",
    "What the teacher is asked about each row.",
    kind="choice",
    default="judge",
    choices=(
        ("Judge: is the answer right?", "judge"),
        ("Correct: what would be right?", "correct"),
        ("Rewrite: a better answer", "rewrite"),
    ),
)
NAMES = ("teacher", "url", "model", "price", "budget_usd", "token_budget", "concurrency")
_HINT = "Answers are shown as differences. No row changes before you accept one."


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one question about the rows takes. rows: those still to be asked about; left: those with an open
    answer. tokens: of the prompts, about; of the answers, at most."""

    rows: int
    left: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Before:
    """What the window begins with. open: answers that wait for a decision. values: the form's."""

    rows: int
    open: int
    values: Mapping[str, str | bool]


class AskDialog(Dialog["AskSettings | str | None"]):
    """Gives back the settings to ask with, "open" for the answers that are there, None for neither.

    work_out: the forecast of a kind of question; it blocks."""

    AREAS: ClassVar[tuple[str, ...]] = ("ask-form",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("ask-form")
    AUTO_FOCUS = "#field-kind"

    def __init__(self, title: str, before: Before, work_out: Callable[[SuggestionKind], Forecast]) -> None:
        super().__init__()
        self.heading = title
        self.before = before
        self._work_out = work_out
        self._forecasts: dict[str, Forecast] = {}

    def compose(self) -> ComposeResult:
        with titled(Vertical(classes="dialog ask"), self.heading, "ctrl+s asks  esc closes"):
            if self.before.rows:
                values = self.before.values
                for item in (QUESTION, *(form.FIELDS[name] for name in NAMES)):
                    yield FieldRow(item, values.get(item.name))
                yield Plain("", id="takes", classes="text")
            yield Plain(_HINT, classes="hint")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                if self.before.open:
                    yield Button(f"{plural(self.before.open, 'open answer')}", id="open")
                if self.before.rows:
                    yield Button("Ask", id="ask")

    def on_mount(self) -> None:
        if self.before.rows:
            self._changed()
        else:
            self.query_one("#open").focus()

    @property
    def values(self) -> dict[str, str | bool]:
        """The form as it stands."""
        return {**form.defaults(), **{row.item.name: row.value for row in self.query(FieldRow)}}

    def read(self) -> AskSettings | None:
        """The settings, or None where a field will not do; the fault is then shown."""
        from alpaca_tui.curation.assist import AskSettings

        values = self.values
        checked = form.check(values)
        for row in self.query(FieldRow):
            row.display = form.in_force(values, row.item.name)
            row.fault(checked.errors.get(row.item.name, ""))
        if any(name in checked.errors for name in NAMES):
            return None
        kind = cast("SuggestionKind", values["kind"])
        given: dict[str, Any] = {
            name: checked.settings.get(name) for name in NAMES if name in AskSettings.__dataclass_fields__
        }
        return AskSettings(kind, **given)

    @on(Input.Changed)
    @on(Select.Changed)
    def _changed(self) -> None:
        if not self.query("#takes"):
            return
        self.read()
        kind = str(self.values["kind"])
        if kind in self._forecasts:
            self._say(self._forecasts[kind])
            return

        def show(found: Forecast) -> None:
            self._forecasts[kind] = found
            if self.is_mounted:
                self._changed()

        self.query_one("#takes", Plain).say("Counting…")
        self.in_thread("ask.forecast", lambda: self._work_out(cast("SuggestionKind", kind)), show)

    def _say(self, forecast: Forecast) -> None:
        values = self.values
        told = f"{plural(forecast.rows, 'row')}: about {words.short(forecast.tokens_in)} tokens there, at most {words.short(forecast.tokens_out)} back"
        price = form.known_price(values, form.check(values))
        if values["teacher"] == "demo":
            told += "; costs nothing."
        elif price is not None:
            most = (forecast.tokens_in * price[0] + forecast.tokens_out * price[1]) / 1e6
            told += f"; at most {words.dollars(most)}."
        else:
            told += "; its price is not known."
        if forecast.left:
            told += (
                f" {plural(forecast.left, 'row')} with an open answer to this question "
                f"{'is' if forecast.left == 1 else 'are'} left out."
            )
        self.query_one("#takes", Plain).say(told)

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next()

    @on(Button.Pressed, "#ask")
    def action_ask(self) -> None:
        settings = self.read() if self.before.rows else None
        if settings is not None:
            self.dismiss(settings)

    @on(Button.Pressed, "#open")
    def _open(self) -> None:
        self.dismiss("open")

    @on(Button.Pressed, "#cancel")
    def action_close(self) -> None:
        self.dismiss(None)
