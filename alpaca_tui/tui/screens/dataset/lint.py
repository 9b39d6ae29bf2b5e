"""Lint: every rule with what it finds in the rows of a filter; the rows, and the fixes, one key away.

The counts come from what was read into the store; a fix reads the rows again and shows what it would change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from alpaca_tui.text import plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, Span, sides, wrap
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset import fixing
from alpaca_tui.tui.screens.dataset.detail import paragraph
from alpaca_tui.tui.screens.dataset.dialogs import LookFirst
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.curation.lint import Finding, Rule
    from alpaca_tui.store.curated import Done
    from alpaca_tui.store.rows import ExampleRow

_EXAMPLES = 6
_EXCERPT_LINES = 4
_SHOWN_DIFFERENCES = 12
_SEVERITIES = (("error", "Errors"), ("warning", "Warnings"), ("info", "Hints"))


class RuleList(LineView):
    """Every rule, the worst first; a line's key is the rule's id."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        super().__init__(id="rules", classes="pane", selectable=True, always_show_cursor=True)
        self.border_title = "Rules"
        self._rules = rules
        self.counts: Mapping[str, int] | None = None

    def build(self, width: int, height: int) -> list[Line]:
        counts = self.counts
        lines: list[Line] = []
        for severity, title in _SEVERITIES:
            rules = [rule for rule in self._rules.values() if rule.severity == severity]
            if counts is not None:
                rules.sort(key=lambda rule: -counts.get(rule.id, 0))
            total = sum(counts.get(rule.id, 0) for rule in rules) if counts is not None else 0
            lines += [BLANK] if lines else []
            lines.append(
                Line.of(
                    (f"{glyphs['lint-' + severity]} {title}", severity), (f"  {words.count(total)}", "muted")
                )
            )
            for rule in rules:
                count = counts.get(rule.id, 0) if counts is not None else 0
                style = "plain" if count else "faint"
                left: list[Span] = [(f"  {rule.id}", style)]
                if rule.fixable and count:
                    left.append(("  F", "key"))
                shown = words.count(count) if counts is not None else glyphs["ellipsis"]
                lines.append(sides(left, [(shown, "bold" if count else "faint")], width, rule.id))
        return lines


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows a rule is broken by."""

    rule: str
    rows: list[tuple[ExampleRow, Finding]]


def excerpt(text: str, found: Finding, style: str, width: int) -> list[Line]:
    """The lines of a text that show what was found in it."""
    start, end = found.start, found.end
    if start is None or end is None:
        return paragraph(text[:260], width)[:_EXCERPT_LINES]
    # Of what stands before it only its own line: the lines above could push it out of sight.
    line = text.rfind("\n", 0, start) + 1
    first = max(line, start - 60)
    last = min(end + 60, first + 260)
    return paragraph(text[first:last], width, [(start - first, end - first, style)])[:_EXCERPT_LINES]


class RulePane(LineView):
    """What a rule is about, and rows that break it."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        super().__init__(id="rule", classes="pane")
        self.can_focus = True
        self._rules = rules
        self.rule = ""
        self.sample: Sample | None = None

    def build(self, width: int, height: int) -> list[Line]:
        rule = self._rules.get(self.rule)
        if rule is None:
            return []
        lines = [Line.of((rule.title, "bold"))]
        lines += [Line.of((part, "muted")) for part in wrap(rule.explanation, width)]
        if rule.fixable:
            told = wrap("shows what its fix would change, then makes it for all.", width - 3)
            lines += [
                Line.of((" F " if not place else "   ", "key"), (part, "muted"))
                for place, part in enumerate(told)
            ]
        lines.append(BLANK)
        if self.sample is None or self.sample.rule != self.rule:
            return lines
        for row, found in self.sample.rows:
            text: str = getattr(row, found.field)
            place, told = f"row {row.id}", wrap(f"{found.field}: {found.message}", width - 2)
            if len(told) == 1 and cell_len(place + told[0]) + 2 <= width:
                lines.append(Line.of((place, "title"), (f"  {told[0]}", "muted")))
            else:
                lines += [Line.of((place, "title")), *(Line.of((f"  {part}", "muted")) for part in told)]
            lines += (
                excerpt(text, found, rule.severity, width)
                if text.strip()
                else paragraph(row.instruction, width)[:_EXCERPT_LINES]
            )
            lines.append(BLANK)
        if not self.sample.rows:
            lines.append(Line.of(("No row of these breaks it.", "success")))
        return lines


class LintScreen(RoomScreen):
    """The rules over the rows of a filter."""

    CSS_PATH = "lint.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("lint", "list")
    HELP_PAGE = "lint"
    HELP_TITLE = "Lint"
    BINDINGS: ClassVar[list[BindingType]] = bindings("lint")
    AUTO_FOCUS = "#rules"

    def __init__(self, query: str) -> None:
        from alpaca_tui.curation.lint import RULES

        super().__init__()
        self._query = query
        self._rules = RULES
        self._stop = Event()

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="lint"):
            yield RuleList(self._rules)
            yield RulePane(self._rules)

    def on_mount(self) -> None:
        self.read()

    def on_unmount(self) -> None:
        self._stop.set()

    def read(self) -> None:
        """Read what is unread, then count."""

        def job() -> tuple[dict[str, int], int]:
            from alpaca_tui.curation.inspection import context_of, inspect
            from alpaca_tui.tui.screens.dataset import loading

            store = self.session.ensure_store()
            if not store.readonly:
                inspect(store, context_of(store, self.session.leaks()), stop=self._stop)
            facets = loading.count(store, self._query, loading.cancellation())
            return dict(facets.counts.get("flag", {})), facets.total

        def show(found: tuple[dict[str, int], int]) -> None:
            counts, total = found
            view = self.query_one(RuleList)
            view.counts = counts
            of = f" with {preview(self._query, 40)}" if self._query else ""
            view.border_title = f"Rules over {plural(total, 'row')}{of}"
            view.redraw()
            worst = next((rule for rule in list(view.keys()) if counts.get(str(rule))), None)
            if worst is not None and not counts.get(str(view.cursor)):
                view.move_to(worst)
            self._show_rule()
            self.refresh_bindings()

        self.in_thread("lint.read", job, show)

    @on(LineView.Moved, "#rules")
    def _show_rule(self) -> None:
        pane, rule = self.query_one(RulePane), str(self.query_one(RuleList).cursor or "")
        pane.rule = rule
        pane.border_title = rule
        pane.scroll_to(y=0, animate=False)
        pane.redraw()
        self.refresh_bindings()

        def job() -> Sample:
            return self._sample(rule, _EXAMPLES)

        def show(sample: Sample) -> None:
            pane.sample = sample
            pane.redraw()

        if rule:
            self.in_thread("lint.sample", job, show)

    def _sample(self, rule: str, most: int) -> Sample:
        from alpaca_tui.curation.inspection import context_of, findings_of

        store = self.session.ensure_store()
        context = context_of(store, self.session.leaks())
        rows = store.examples_by_id(self._ids(rule, most))
        found = (
            (row, next((one for one in findings_of(store, row, context) if one.rule == rule), None))
            for row in rows
        )
        return Sample(rule, [(row, one) for row, one in found if one is not None])

    def _ids(self, rule: str, most: int | None = None) -> list[int]:
        from alpaca_tui.curation.inspection import flags_of
        from alpaca_tui.curation.query import compile_sql, conjoin, parse

        store = self.session.ensure_store()
        sql = compile_sql(parse(conjoin(self._query, f"flag:{rule}")), flags_of(store))
        return list(store.example_ids(sql.where, sql.values, limit=most))

    # --- keys

    @property
    def _rule(self) -> Rule | None:
        return self._rules.get(str(self.query_one(RuleList).cursor or ""))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted or action not in ("fix", "show"):
            return True
        rule, counts = self._rule, self.query_one(RuleList).counts or {}
        some = rule is not None and counts.get(rule.id, 0) > 0
        return some and (action == "show" or (rule is not None and rule.fixable))

    @on(LineView.Opened, "#rules")
    async def _opened(self) -> None:
        await self.action_show()

    async def action_show(self) -> None:
        from alpaca_tui.curation.query import conjoin

        rule = self._rule
        if rule is not None:
            await self.alpaca.show_dataset(conjoin(self._query, f"flag:{rule.id}"))

    def action_again(self) -> None:
        def job() -> None:
            self.session.ensure_store().void_inspections(-1)

        self.query_one(RuleList).counts = None
        self.query_one(RuleList).redraw()
        self.in_order(job, lambda _done: self.read())

    def action_fix(self) -> None:
        rule = self._rule
        if rule is None or not rule.fixable:
            self.alpaca.say("This rule has no safe fix", severity="warning")
            return

        def job() -> tuple[int, list[tuple[ExampleRow, dict[str, str]]], int]:
            return self._what_it_would_do(rule.id)

        def show(found: tuple[int, list[tuple[ExampleRow, dict[str, str]]], int]) -> None:
            self._ask(rule, *found)

        self.in_thread("lint.fix", job, show)

    def _what_it_would_do(self, rule: str) -> tuple[int, list[tuple[ExampleRow, dict[str, str]]], int]:
        """How many rows the fix changes, the first of them, and how many it leaves alone."""
        from alpaca_tui.curation.fixes import fix

        store = self.session.ensure_store()
        shown: list[tuple[ExampleRow, dict[str, str]]] = []
        count = left = 0
        ids = self._ids(rule)
        for start in range(0, len(ids), 1_000):
            for row in store.examples_by_id(ids[start : start + 1_000]):
                fixed = fix(rule, row.instruction, row.input, row.output)
                fields = fixing.changed_fields(row, fixed) if fixed is not None else {}
                if not fields:
                    left += 1
                    continue
                count += 1
                if len(shown) < _SHOWN_DIFFERENCES:
                    shown.append((row, fields))
        return count, shown, left

    def _ask(self, rule: Rule, count: int, shown: list[tuple[ExampleRow, dict[str, str]]], left: int) -> None:
        if not count:
            self.alpaca.say(f"Nothing of {rule.id} here can be fixed safely", severity="warning")
            return

        def draw(width: int) -> list[Line]:
            out: list[Line] = []
            for row, fields in shown:
                out.append(
                    Line.of((f"row {row.id}", "bold"), (f"  {preview(row.instruction, width - 14)}", "muted"))
                )
                out += fixing.difference(row, fields, width)
            if count > len(shown):
                out.append(Line.of((f"… and {plural(count - len(shown), 'row')} more", "muted")))
            return out

        note = (
            f"{plural(left, 'row')} with this finding cannot be fixed safely and stay as they are."
            if left
            else ""
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self._fix(rule.id)

        self.alpaca.push_screen(
            LookFirst(f"Fix {rule.id} in {plural(count, 'row')}", draw, f"Fix {plural(count, 'row')}", note),
            answered,
        )

    def _fix(self, rule: str) -> None:
        def job() -> Done:
            from alpaca_tui.curation.mending import fix_rows

            return fix_rows(self.session.ensure_store(), self._ids(rule), rule)

        def done(result: Done) -> None:
            if result.operation is not None:
                self.alpaca.say(
                    f"{result.operation.title}: {plural(result.operation.rows, 'row')}  (u in the table undoes)"
                )
            self.read()

        self.in_order(job, done)

    def action_close(self) -> None:
        self.dismiss()
