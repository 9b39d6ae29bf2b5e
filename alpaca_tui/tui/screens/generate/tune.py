"""Changing a run while it runs: temperature, novelty threshold, requests at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input

from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.screens.base import Dialog
from alpaca_tui.tui.screens.dialogs import titled
from alpaca_tui.tui.screens.generate import form
from alpaca_tui.tui.screens.generate.setup import FieldRow
from alpaca_tui.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from alpaca_tui.generation.events import Snapshot

NAMES = ("temperature", "threshold", "concurrency")


class TuneDialog(Dialog[dict[str, Any]]):
    """Returns what was changed, by the settings' names; an empty dict for nothing."""

    AREAS: ClassVar[tuple[str, ...]] = ("tune",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("tune")

    def __init__(self, view: Snapshot) -> None:
        super().__init__()
        self.before: dict[str, Any] = {
            "temperature": view.temperature,
            "threshold": view.threshold,
            "concurrency": view.concurrency,
        }

    def compose(self) -> ComposeResult:
        with titled(Vertical(classes="dialog tune"), "Tune the run"):
            for name in NAMES:
                value = self.before[name]
                yield FieldRow(form.FIELDS[name], "" if value is None else f"{value:g}")
            yield Plain(
                "Applies to requests and verdicts from now on; earlier ones stay as they are.", classes="hint"
            )
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Apply", id="apply")

    def on_mount(self) -> None:
        self.query_one("#field-temperature").focus()

    def _read(self) -> dict[str, Any] | None:
        """The values, or None where one of them will not do (the fault is then shown)."""
        checked = form.check(
            {**form.defaults(), **{row.item.name: row.value for row in self.query(FieldRow)}}
        )
        for row in self.query(FieldRow):
            row.fault(checked.errors.get(row.item.name, ""))
        if any(name in checked.errors for name in NAMES):
            return None
        return {name: checked.settings[name] for name in NAMES}

    @on(Input.Changed)
    def _changed(self) -> None:
        self._read()

    @on(Input.Submitted)
    @on(Button.Pressed, "#apply")
    def action_apply(self) -> None:
        values = self._read()
        if values is not None:
            self.dismiss({name: value for name, value in values.items() if value != self.before[name]})

    @on(Button.Pressed, "#cancel")
    def action_close(self) -> None:
        self.dismiss({})
