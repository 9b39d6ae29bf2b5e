"""The set-up form on the screen: fields, their faults as one types, what the run will take, and Start.

Knows `form` (which knows the settings) and nothing of how a run is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import ClassVar, cast

from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Collapsible, Input, Select

from alpaca_tui.text import plural
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Line
from alpaca_tui.tui.screens.generate import form
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain
from alpaca_tui.tui.widgets.tick import Tick


class FieldRow(Vertical):
    """A label, its control, and what is wrong with it."""

    def __init__(self, item: form.Field, value: str | bool | None = None) -> None:
        super().__init__(id=f"row-{item.name.replace('_', '-')}", classes="field")
        self.item = item
        self._first = str(item.default if value is None else value)

    def compose(self) -> Iterable[Widget]:
        item = self.item
        control_id = f"field-{item.name.replace('_', '-')}"
        with Horizontal(classes="line"):
            yield Plain(item.label, classes="label")
            if item.kind == "choice":
                yield Select(item.choices, value=self._first, allow_blank=False, compact=True, id=control_id)
            else:
                yield TextField(self._first, placeholder=item.placeholder, compact=True, id=control_id)

    @property
    def control(self) -> Input | Select[str] | None:
        """The field itself; None before it is made."""
        for found in self.query(".line > Input, .line > Select"):
            return cast("Input | Select[str]", found)
        return None

    @property
    def value(self) -> str:
        control = self.control
        return self._first if control is None else str(control.value)

    def fault(self, message: str) -> None:
        """Show what is wrong, or nothing. The line for it is made when it is first needed."""
        shown = self.query(".fault")
        if message and not shown:
            self.mount(Plain(f"{glyphs['fault']} {message}", classes="fault"))
        for line in shown.results(Plain):
            line.say(f"{glyphs['fault']} {message}" if message else "")
        self.set_class(bool(message), "-fault")


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

    class Defaults(Message):
        pass

    def __init__(self, values: Mapping[str, str | bool], kept: int, rules: Mapping[str, str]) -> None:
        """values: what the fields start with. kept: tasks kept here already. rules: the filter rules, id
        and what each rejects."""
        super().__init__(id="setup")
        self._values: form.Values = {**form.defaults(), **values}
        self.kept = kept
        self._rules = rules
        self._recheck_pending = False

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
            yield Collapsible(title="Advanced: prompt, limits, endpoint, parser", id="advanced")
            yield Collapsible(title="Filter rules", id="rules")
        with Horizontal(id="form-foot"):
            yield Plain("", id="form-hint")
            yield Button("Start", id="start")

    def _group(self, group: form.Group) -> Iterable[Widget]:
        box = Vertical(id=group.id, classes="pane group")
        box.border_title = group.title
        with box:
            for item in group.fields:
                yield FieldRow(item, self._values.get(item.name))
                if item.name == "model":
                    yield Plain("", id="key-line")

    def on_mount(self) -> None:
        self.recheck()

    async def on_collapsible_expanded(self, event: Collapsible.Expanded) -> None:
        """What is folded away is made when it is first unfolded: a form opens faster without it."""
        await self._unfold(event.collapsible)

    async def _unfold(self, fold: Collapsible) -> None:
        place = fold.query_one(Collapsible.Contents)
        if place.children:
            return
        if fold.id == "rules":
            await place.mount(*(self._rule_box(rule, words) for rule, words in self._rules.items()))
            return
        fields = next(group for group in form.GROUPS if group.id == "advanced-group").fields
        columns = [
            Vertical(*(FieldRow(item, self._values.get(item.name)) for item in half), classes="column")
            for half in (fields[:5], fields[5:])
        ]
        await place.mount(Horizontal(*columns, classes="two"))
        self.recheck()

    def _rule_box(self, rule: str, words: str) -> Tick:
        on = bool(self._values.get(form.RULE_PREFIX + rule, True))
        return Tick(Content(f"{rule:<24}{words}"), on, name=rule, compact=True, id=f"rule-{rule}")

    # --- values

    @property
    def values(self) -> form.Values:
        """The form as it stands; fields that are folded away keep what they had."""
        out = dict(self._values)
        out.update({row.item.name: row.value for row in self.query(FieldRow)})
        out.update({form.RULE_PREFIX + (box.name or ""): box.value for box in self.query(Tick)})
        return out

    def recheck(self) -> None:
        """Read every field anew: faults beside them, fields that mean nothing hidden, the forecast."""
        self._recheck_pending = False
        if not self.query("#key-line"):
            return  # the form is on its way out: a change had asked for this check just before
        values = self.values
        checked = form.check(values)
        for row in self.query(FieldRow):
            row.display = form.in_force(values, row.item.name)
            row.fault(checked.errors.get(row.item.name, ""))
        self._key_line(str(values["teacher"]))
        forecast = self.query_one(Forecast)
        forecast.rows = form.forecast(values, self.kept, form.known_price(values, checked))
        forecast.redraw()
        off = len(checked.off)
        title = f"Filter rules: {'all on' if not off else plural(off, 'rule') + ' off'}"
        rules = self.query_one("#rules", Collapsible)
        if rules.title != title:
            rules.title = title

    def _key_line(self, teacher: str) -> None:
        """Whether a key is there, never what it is."""
        line = self.query_one("#key-line", Plain)
        line.display = teacher != "demo"
        there = bool(os.environ.get("OPENAI_API_KEY", "").strip())
        if teacher == "openai":
            text = (
                f"{glyphs['yes']} OPENAI_API_KEY is set"
                if there
                else f"{glyphs['no']} OPENAI_API_KEY is not set: export it, then start alpaca-tui again"
            )
        else:
            text = (
                f"{glyphs['yes']} OPENAI_API_KEY is set"
                if there
                else f"{glyphs['dot']} OPENAI_API_KEY is not set; many own servers need none"
            )
        line.say(text)
        line.set_class(teacher == "openai" and not there, "-missing")

    # --- events

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    def _changed(self) -> None:
        """One check for a burst of changes."""
        if not self._recheck_pending:
            self._recheck_pending = True
            self.call_after_refresh(self.recheck)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for node in event.widget.ancestors_with_self:
            if isinstance(node, FieldRow):
                self.query_one("#form-hint", Plain).say(node.item.hint)
                return
        if isinstance(event.widget, Button):
            self.query_one("#form-hint", Plain).say(
                "Everything can be stopped and continued later; nothing is lost."
            )

    @on(Input.Submitted)
    def action_next_field(self) -> None:
        self.screen.focus_next()

    def action_previous_field(self) -> None:
        self.screen.focus_previous()

    def action_defaults(self) -> None:
        self.post_message(self.Defaults())

    @on(Button.Pressed, "#start")
    async def action_start(self) -> None:
        values = self.values
        checked = form.check(values)
        if not checked.errors:
            self.post_message(self.Start(values))
            return
        name = next(iter(checked.errors))
        if not self.query(f"#row-{name.replace('_', '-')}"):
            fold = self.query_one("#advanced", Collapsible)
            fold.collapsed = False
            await self._unfold(fold)
        self.recheck()
        control = self.query_one(f"#row-{name.replace('_', '-')}", FieldRow).control
        if control is not None:
            self.call_after_refresh(control.focus)

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())
