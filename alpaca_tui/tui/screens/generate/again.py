"""Other rules for what the teacher has already written: chosen here, tried without a change, then applied.

Knows the form's fields for threshold and parser, and the filter rules' names; judging is the session's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input

from alpaca_tui.text import plural
from alpaca_tui.tui import words
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.screens.dialogs import Choice, QuestionDialog, titled
from alpaca_tui.tui.screens.generate import form
from alpaca_tui.tui.screens.generate.setup import FieldRow
from alpaca_tui.tui.widgets.plain import Plain
from alpaca_tui.tui.widgets.tick import Tick

if TYPE_CHECKING:
    from alpaca_tui.generation.rejudge import RejudgeResult
    from alpaca_tui.generation.settings import GenerationSettings
    from alpaca_tui.tui.app import AlpacaApp
    from alpaca_tui.tui.session import Rejudging

_FIELDS = ("threshold", "parser")


class RulesDialog(Dialog["GenerationSettings | None"]):
    """Gives back the last run's settings with other rules, None where it is closed."""

    AREAS: ClassVar[tuple[str, ...]] = ("tune",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("tune")
    AUTO_FOCUS = "#field-threshold"

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._config = config

    def compose(self) -> ComposeResult:
        from alpaca_tui.generation.filters import RULES

        values = form.from_config(self._config)
        with titled(Vertical(classes="dialog again"), "Judge again", "ctrl+s tries it  esc closes"):
            for name in _FIELDS:
                yield FieldRow(form.FIELDS[name], values.get(name))
            with VerticalScroll(classes="rules", can_focus=False):
                for rule, told in RULES.items():
                    on = bool(values.get(form.RULE_PREFIX + rule, True))
                    yield Tick(Content(f"{rule:<24}{told}"), on, name=rule, compact=True)
            yield Plain("Every stored answer is judged anew; nobody is asked. You see first.", classes="hint")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Try it", id="try")

    @on(Input.Submitted)
    @on(Button.Pressed, "#try")
    def action_apply(self) -> None:
        from alpaca_tui.generation.settings import GenerationSettings

        rows = {row.item.name: row for row in self.query(FieldRow)}
        checked = form.check({**form.defaults(), **{name: row.value for name, row in rows.items()}})
        for name, row in rows.items():
            row.fault(checked.errors.get(name, ""))
        if any(name in checked.errors for name in _FIELDS):
            return
        base = GenerationSettings.from_json(dict(self._config))
        off = tuple(box.name for box in self.query(Tick) if box.name and not box.value)
        filters = type(base.filters).from_json({**base.filters.to_json(), "off": off})
        chosen = {name: checked.settings[name] for name in _FIELDS}
        self.dismiss(GenerationSettings.build(**{**dict(base), **chosen, "filters": filters}))

    @on(Button.Pressed, "#cancel")
    def action_close(self) -> None:
        self.dismiss(None)


def judge_again(app: AlpacaApp, changed: Callable[[], None]) -> None:
    """Ask for the rules, judge, show what would come of it, apply it when told to; then call `changed`."""

    def ask(config: Mapping[str, Any] | None) -> None:
        if config is None:
            app.say("No teacher has answered here yet", severity="warning")
            return
        app.push_screen(RulesDialog(config), chosen)

    def chosen(settings: GenerationSettings | None) -> None:
        if settings is not None:
            app.say("Judging again…")
            app.in_thread("again.judge", lambda: app.session.judge_again(settings), look)

    def look(trial: Rejudging) -> None:
        def answered(choice: str | None) -> None:
            if choice == "apply":
                app.in_order(trial.apply, done)
            else:
                app.in_order(trial.close)

        app.push_screen(
            QuestionDialog(
                "Under these rules",
                "\n".join(f"{name:<16}{now:>9} now, {then:>9} then" for name, now, then in differences(trial))
                + "\n\nRows you rescued or edited stay. The old rules bring everything back.",
                [Choice("leave", "Leave it"), Choice("apply", "Apply")],
            ),
            answered,
        )

    def done(result: RejudgeResult) -> None:
        came, went = result.changes.added + result.changes.restored, result.changes.withdrawn
        app.say(f"{plural(came, 'row')} came, {words.count(went)} went; {words.count(result.kept)} are kept")
        changed()

    app.in_thread("again.config", app.session.last_config, ask)


def differences(trial: Rejudging) -> list[tuple[str, str, str]]:
    """(verdict, how many now, how many then)."""
    names = {
        "kept": "kept",
        "duplicate": "near-duplicates",
        "filtered": "filtered",
        "truncated": "cut off",
        "surplus": "surplus",
    }
    return [
        (told, words.count(trial.now.get(name, 0)), words.count(trial.then.get(name, 0)))
        for name, told in names.items()
    ]
