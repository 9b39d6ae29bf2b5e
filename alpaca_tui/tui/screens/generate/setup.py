"""The set-up form on the screen: fields, their faults as one types, what the run will take, and Start.

Knows `form` (which knows the settings) and nothing of how a run is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Collapsible, Input, Select

from alpaca_tui.text import plural
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Line
from alpaca_tui.tui.screens.generate import form
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain


class FieldRow(Vertical):
    """A label, its control, and what is wrong with it."""

    def __init__(self, item: form.Field) -> None:
        super().__init__(id=f"row-{item.name.replace('_', '-')}", classes="field")
        self.item = item

    def compose(self) -> Iterable[Widget]:
        item = self.item
        control_id = f"field-{item.name.replace('_', '-')}"
        with Horizontal(classes="line"):
            yield Plain(item.label, classes="label")
            if item.kind == "choice":
                yield Select(item.choices, value=item.default, allow_blank=False, compact=True, id=control_id)
            else:
                yield Input(str(item.default), placeholder=item.placeholder, compact=True, id=control_id)
        yield Plain("", classes="fault")

    def fault(self, message: str) -> None:
        """Show what is wrong, or nothing."""
        row = self.query_one(".fault", Plain)
        row.say(f"{glyphs['fault']} {message}" if message else "")
        self.set_class(bool(message), "-fault")

    @property
    def value(self) -> str:
        control = self.query_one(".line > Input, .line > Select")
        return str(control.value)  # type: ignore[attr-defined]

    @value.setter
    def value(self, value: str) -> None:
        control = self.query_one(".line > Input, .line > Select")
        assert isinstance(control, Input | Select)
        if control.value != value:
            control.value = value


class Forecast(LineView):
    """What the run would roughly take."""

    def __init__(self) -> None:
        super().__init__(id="forecast", classes="pane")
        self.border_title = "This run would take"
        self.rows: list[tuple[str, str]] = []

    def build(self, width: int, height: int) -> list[Line]:
        return [Line.of((f"{name:<9}", "muted"), (value, "plain")) for name, value in self.rows]


class Setup(Vertical):
    """The form. Posts `Start` with values that have no fault, or `Cancelled`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("setup")

    class Start(Message):
        def __init__(self, values: form.Values) -> None:
            super().__init__()
            self.values = values

    class Cancelled(Message):
        pass

    def __init__(self) -> None:
        super().__init__(id="setup")
        self.kept = 0

    def compose(self) -> Iterable[Widget]:
        groups = {group.id: group for group in form.GROUPS}
        with VerticalScroll(id="form", can_focus=False):
            with Horizontal(id="form-columns"):
                with Vertical(classes="column"):
                    for name in ("teacher-group", "goal-group"):
                        yield from self._group(groups[name])
                with Vertical(classes="column"):
                    yield from self._group(groups["prompt-group"])
                    yield Forecast()
            with Collapsible(title="Advanced: prompt, limits, endpoint, parser", id="advanced"), Horizontal(
                classes="two"
            ):
                fields = groups["advanced-group"].fields
                for half in (fields[:5], fields[5:]):
                    with Vertical(classes="column"):
                        for item in half:
                            yield FieldRow(item)
            with Collapsible(title="Filter rules", id="rules"):
                yield Vertical(id="rule-list")
        with Horizontal(id="form-foot"):
            yield Plain("", id="form-hint")
            yield Button("Start", id="start")

    def _group(self, group: form.Group) -> Iterable[Widget]:
        box = Vertical(id=group.id, classes="pane group")
        box.border_title = group.title
        with box:
            for item in group.fields:
                yield FieldRow(item)
                if item.name == "model":
                    yield Plain("", id="key-line")

    # --- values

    @property
    def values(self) -> form.Values:
        """The form as it stands."""
        out: form.Values = {row.item.name: row.value for row in self.query(FieldRow)}
        for box in self.query(Checkbox):
            out[form.RULE_PREFIX + (box.name or "")] = box.value
        return out

    def fill(self, values: Mapping[str, str | bool], kept: int) -> None:
        """Show `values`; `kept` tasks are in the workspace already."""
        self.kept = kept
        for row in self.query(FieldRow):
            row.value = str(values.get(row.item.name, row.item.default))
        for box in self.query(Checkbox):
            box.value = bool(values.get(form.RULE_PREFIX + (box.name or ""), True))
        self.recheck()

    async def show_rules(self, rules: Mapping[str, str]) -> None:
        """The filter rules to choose from: id and what each rejects."""
        place = self.query_one("#rule-list")
        if place.children:
            return
        from textual.content import Content

        await place.mount(
            *(
                Checkbox(Content(f"{rule:<24}{words}"), True, name=rule, compact=True, id=f"rule-{rule}")
                for rule, words in rules.items()
            )
        )

    def recheck(self) -> None:
        """Read every field anew: faults beside them, fields that mean nothing hidden, the forecast."""
        values = self.values
        checked = form.check(values)
        for row in self.query(FieldRow):
            row.display = form.in_force(values, row.item.name)
            row.fault(checked.errors.get(row.item.name, ""))
        self._key_line(str(values["teacher"]))
        forecast = self.query_one(Forecast)
        forecast.rows = form.forecast(values, self.kept, self._price(values, checked))
        forecast.redraw()
        off = len(checked.off)
        title = f"Filter rules: {'all on' if not off else plural(off, 'rule') + ' off'}"
        rules = self.query_one("#rules", Collapsible)
        if rules.title != title:
            rules.title = title

    @staticmethod
    def _price(values: Mapping[str, Any], checked: form.Checked) -> tuple[float, float] | None:
        if checked.settings.get("price"):
            return checked.settings["price"]
        if values.get("teacher") != "openai":
            return None
        from alpaca_tui.teacher.pricing import find_price

        known = find_price(str(values.get("model", "")).strip(), "openai")
        return (known.input, known.output) if known is not None else None

    def _key_line(self, teacher: str) -> None:
        """Whether a key is there, never what it is."""
        line = self.query_one("#key-line", Plain)
        line.display = teacher != "demo"
        there = bool(os.environ.get("OPENAI_API_KEY", "").strip())
        if teacher == "openai":
            text = f"{glyphs['yes']} OPENAI_API_KEY is set" if there else f"{glyphs['no']} OPENAI_API_KEY is not set: export it, then start alpaca-tui again"
        else:
            text = f"{glyphs['yes']} OPENAI_API_KEY is set" if there else f"{glyphs['dot']} OPENAI_API_KEY is not set; many own servers need none"
        line.say(text)
        line.set_class(teacher == "openai" and not there, "-missing")

    # --- events

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    def _changed(self) -> None:
        if self.is_mounted:
            self.recheck()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for node in event.widget.ancestors_with_self:
            if isinstance(node, FieldRow):
                self.query_one("#form-hint", Plain).say(node.item.hint)
                return
        if isinstance(event.widget, Button):
            self.query_one("#form-hint", Plain).say("Everything can be stopped and continued later; nothing is lost.")

    @on(Input.Submitted)
    def action_next_field(self) -> None:
        self.screen.focus_next()

    def action_previous_field(self) -> None:
        self.screen.focus_previous()

    def action_defaults(self) -> None:
        self.fill(form.defaults(), self.kept)

    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        values = self.values
        checked = form.check(values)
        if checked.errors:
            self.recheck()
            first = self.query_one(f"#row-{next(iter(checked.errors)).replace('_', '-')}", FieldRow)
            for node in first.ancestors:
                if isinstance(node, Collapsible):
                    node.collapsed = False
            self.call_after_refresh(first.query_one(".line > Input, .line > Select").focus)
            return
        self.post_message(self.Start(values))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())
