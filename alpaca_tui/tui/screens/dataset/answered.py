"""What the teacher said of rows, as lines: the list of rows, one answer with its difference, how it goes.

Pure drawing: knows the suggestions and the question's progress, no screen and no store.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alpaca_tui.text import plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.paint import BLANK, Line, Span, sides
from alpaca_tui.tui.screens.dataset.detail import diff_lines, facts, paragraph
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.curation.assist import Asked, Progress
    from alpaca_tui.store.curated import SuggestionRow
    from alpaca_tui.store.rows import ExampleRow

_VERDICTS = {"right": ("yes", "success"), "wrong": ("no", "error"), "unsure": ("dot", "muted")}
_STATES = {"waiting": ("waiting", "faint"), "asked": ("running", "info"), "failed": ("fault", "warning")}
_NAMES = {"judge": "judgement", "correct": "correction", "rewrite": "new answer"}
_TAIL = 4_000
"""Characters of a coming answer that are drawn."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row the teacher was, is or will be asked about: its open answer, or how it stands with it."""

    key: Hashable
    row: int
    suggestion: SuggestionRow | None = None
    asked: Asked | None = None


class AnswerList(LineView):
    """The rows, in the order they were asked about; what was answered earlier below."""

    def __init__(self) -> None:
        super().__init__(id="asked", classes="pane", selectable=True, always_show_cursor=True)
        self.border_title = "Answers"
        self.entries: Sequence[Entry] | None = None
        self.texts: Mapping[int, str] = {}

    @property
    def entry(self) -> Entry | None:
        """The entry under the cursor."""
        return next((one for one in self.entries or () if one.key == self.cursor), None)

    def build(self, width: int, height: int) -> list[Line]:
        if self.entries is None:
            return [Line.of(("Reading…", "faint"))]
        if not self.entries:
            return [Line.of(("No answer waits for you.", "success"))]
        lines: list[Line] = []
        for entry in self.entries:
            sign, style, word = _standing(entry)
            spans: list[Span] = [
                (f"{sign} ", style),
                (f"{entry.row:>5} ", "muted"),
                (f"{word:<7} ", style),
                (preview(self.texts.get(entry.row, ""), max(width - 16, 1)), "plain"),
            ]
            lines.append(Line.of(*spans, key=entry.key))
        return lines


def _standing(entry: Entry) -> tuple[str, str, str]:
    """Sign, style and word of an entry."""
    one, asked = entry.suggestion, entry.asked
    if one is not None:
        if one.stale:
            return glyphs["warning"], "warning", "changed"
        if one.verdict in _VERDICTS:
            name, style = _VERDICTS[one.verdict]
            return glyphs[name], style, one.verdict
        return (glyphs["change"], "info", "new") if one.output is not None else (glyphs["dot"], "muted", "")
    name, style = _STATES.get(asked.state if asked is not None else "", ("dot", "muted"))
    word = {"asked": "asking", "failed": "failed"}.get(asked.state if asked is not None else "", "")
    return glyphs[name], style, word


class AnswerPane(LineView):
    """One answer: verdict, reason, what would change in the row; below, the task."""

    def __init__(self) -> None:
        super().__init__(id="answer", classes="pane")
        self.can_focus = True
        self.entry: Entry | None = None
        self.row: ExampleRow | None = None

    def build(self, width: int, height: int) -> list[Line]:
        entry, row = self.entry, self.row
        if entry is None:
            return []
        lines: list[Line] = [Line.of(*facts(row)), BLANK] if row is not None and row.id == entry.row else []
        if entry.suggestion is not None:
            lines += _said(entry.suggestion, row, width)
        elif entry.asked is not None:
            lines += _coming(entry.asked, width)
        if row is not None and row.id == entry.row:
            lines += _task(row, entry.suggestion, width)
        return lines


def _said(one: SuggestionRow, row: ExampleRow | None, width: int) -> list[Line]:
    from alpaca_tui.curation.diff import word_diff
    from alpaca_tui.curation.suggested import proposal

    sign, style = _VERDICTS.get(one.verdict, ("dot", "muted"))
    head: list[Span] = [(f"{_NAMES[one.kind].capitalize()}", "title")]
    if one.verdict:
        head.append((f"  {glyphs[sign]} {one.verdict}", style))
    lines = [Line.of(*head)]
    if one.reason:
        lines += paragraph(one.reason, width)
    if one.stale:
        text = f"{glyphs['warning']} The row was changed after the teacher read it."
        lines += [Line.of((text, "warning"))]
    change = proposal(one)
    lines.append(BLANK)
    if one.output is not None and row is not None:
        lines.append(Line.of(("Output", "title"), ("  as it would be", "faint")))
        lines += diff_lines(word_diff(row.output, one.output), width)
    elif "status" in change:
        lines.append(Line.of((" a ", "key"), (f"sets the status to {change['status']}.", "muted")))
    else:
        lines.append(Line.of(("There is nothing to accept here.", "muted")))
    return [*lines, BLANK]


def _coming(asked: Asked, width: int) -> list[Line]:
    if asked.state == "failed":
        return [
            Line.of((f"{glyphs['fault']} There is no answer", "warning")),
            *paragraph(asked.fault, width),
            BLANK,
        ]
    if asked.state == "waiting":
        return [Line.of(("Its turn has not come yet.", "muted")), BLANK]
    lines = [Line.of((f"{glyphs['running']} The teacher answers", "info"))]
    if asked.fault:
        lines += paragraph(asked.fault, width)
    return [*lines, *paragraph(asked.text[-_TAIL:] + glyphs["caret"], width), BLANK]


def _task(row: ExampleRow, one: SuggestionRow | None, width: int) -> list[Line]:
    """The task the answer is about; its output only where the difference does not show it."""
    names = ["instruction", "input"] + (["output"] if one is None or one.output is None else [])
    lines: list[Line] = []
    for name in names:
        text: str = getattr(row, name)
        if text.strip() or name == "output":
            lines.append(Line.of((name.capitalize(), "title")))
            lines += paragraph(text, width) if text.strip() else [Line.of(("  (empty)", "faint"))]
            lines.append(BLANK)
    return lines


class AskedLine(LineView):
    """How the question goes, and what it has cost."""

    def __init__(self) -> None:
        super().__init__(id="ask-progress")
        self.progress: Progress | None = None
        self.verb = ""
        self.open = 0

    def build(self, width: int, height: int) -> list[Line]:
        now = self.progress
        if now is None:
            return [
                Line.of((" Ask the teacher ", "chip"), (f"  {plural(self.open, 'open answer')}", "muted"))
            ]
        dot = f"  {glyphs['dot']}  "
        left: list[Span] = [
            (f" {self.verb} ", "chip"),
            (f"  {words.count(now.answered)} of {plural(now.total, 'row')} answered", "bold"),
        ]
        if now.failed:
            left.append((f"{dot}{words.count(now.failed)} without an answer", "warning"))
        if now.why:
            left.append((f"{dot}{now.why}", "warning"))
        elif not now.stopped:
            left.append((f"{dot}{words.count(now.in_flight)} in flight", "info"))
        cost = words.dollars(now.spent_usd) if now.spent_usd is not None else "cost unknown"
        right: list[Span] = [
            (f"{preview(now.model, 24)}  {words.short(now.tokens)} tokens  {cost} ", "muted")
        ]
        return [sides(left, right, width)]
