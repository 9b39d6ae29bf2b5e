"""One row in full: its texts, what the lint says of them, its neighbours, its history.

Lines from plain values, and the pane that shows them. Foreign text is made safe by `wrap` and `Line.of`.
Knows rows and findings by their fields, no store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from alpaca_tui.text import one_line, plural, preview, visible
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.paint import BLANK, Line, Span, wrap
from alpaca_tui.tui.screens.dataset.columns import STATUS_SIGNS
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.curation.diff import Piece
    from alpaca_tui.curation.history import Version
    from alpaca_tui.curation.lint import Finding
    from alpaca_tui.curation.query import Term
    from alpaca_tui.store.rows import ExampleRow

Mode = Literal["row", "history", "prompt"]
_LONGEST_SHOWN = 20_000
"""Characters of one field that are drawn; the editor has the rest."""
_STYLES = {"error": "error", "warning": "warning", "info": "info"}


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything the pane shows of a row."""

    row: ExampleRow
    findings: Sequence[Finding] = ()
    neighbours: Sequence[tuple[str, float, str]] = ()
    """(key, score, instruction), nearest first."""
    versions: Sequence[Version] = ()
    prompt: Callable[[int], Sequence[Line]] | None = None


def paragraph(
    text: str, width: int, marks: Sequence[tuple[int, int, str]] = (), indent: int = 2
) -> list[Line]:
    """A text wrapped to `width` cells with stretches (start, end, style) standing out."""
    cut = len(text) > _LONGEST_SHOWN
    styled = _styled(text[:_LONGEST_SHOWN], marks)
    lines = [Line(((" " * indent, "plain"), *spans)) for spans in _wrapped(styled, max(width - indent, 1))]
    if cut:
        more = f"{words.count(len(text) - _LONGEST_SHOWN)} more characters: open the row to read them"
        lines.append(Line.of((" " * indent + more, "faint")))
    return lines


def diff_lines(pieces: Sequence[Piece], width: int, indent: int = 2) -> list[Line]:
    """A word difference, wrapped: what went is struck, what came is underlined."""
    text, marks, at = "", list[tuple[int, int, str]](), 0
    for piece in pieces:
        text += piece.text
        if piece.kind != "same":
            marks.append((at, at + len(piece.text), piece.kind))
        at += len(piece.text)
    return paragraph(text, width, marks, indent)


def _styled(text: str, marks: Sequence[tuple[int, int, str]]) -> list[Span]:
    """Spans of `text`; later marks give way to earlier ones."""
    out: list[Span] = []
    at = 0
    for start, end, style in sorted(marks):
        start, end = max(start, at), min(end, len(text))
        if end <= start:
            continue
        if start > at:
            out.append((text[at:start], "plain"))
        out.append((text[start:end], style))
        at = end
    out.append((text[at:], "plain"))
    return out


def _wrapped(spans: Sequence[Span], width: int) -> list[tuple[Span, ...]]:
    """Styled text broken as `wrap` breaks plain text: the break points are those of the whole."""
    shown = [(visible(text).expandtabs(4), style) for text, style in spans]
    lines = wrap("".join(text for text, _ in shown), width)
    out: list[tuple[Span, ...]] = []
    queue = [[text, style] for text, style in shown]
    for line in lines:
        row: list[Span] = []
        need = line
        while need and queue:
            text, style = queue[0]
            if not text:
                queue.pop(0)
                continue
            # Blanks and newlines at a break are in the source and not in the line.
            if text[0] != need[0]:
                queue[0][0] = text[1:]
                continue
            size = 0
            while size < min(len(text), len(need)) and text[size] == need[size]:
                size += 1
            row.append((text[:size], style))
            queue[0][0] = text[size:]
            need = need[size:]
        out.append(tuple(row))
    return out


def facts(row: ExampleRow) -> list[Span]:
    """Number, status, stars, tags and origin in a line."""
    sign, style = STATUS_SIGNS[row.status]
    spans: list[Span] = [(f"row {row.id}", "bold"), (f"  {glyphs[sign]} {row.status}", style)]
    if row.deleted:
        spans.append(("  deleted", "error"))
    if row.rating:
        spans.append((f"  {glyphs['star'] * row.rating}", "accent"))
    if row.tags:
        spans.append((f"  {' '.join(row.tags)}", "accent"))
    whom = row.model or row.teacher or (one_line(row.origin).rsplit("/", 1)[-1] if row.origin else "")
    spans.append((f"  {row.source}{' ' + glyphs['dot'] + ' ' + preview(whom, 24) if whom else ''}", "muted"))
    if row.split:
        spans.append((f"  {row.split}", "muted"))
    if row.edited:
        by = {"fix": "by a fix", "teacher": "by the teacher"}.get(row.edited_by, "by hand")
        spans.append((f"  edited {by}", "info"))
    return spans


def row_lines(subject: Subject, terms: Sequence[Term], width: int) -> list[Line]:
    """The row's texts, findings standing out in them and explained below, its neighbours."""
    row = subject.row
    out = [*_facts_wrapped(facts(row), width), BLANK]
    for name in ("instruction", "input", "output"):
        text: str = getattr(row, name)
        size = plural(len(text.split()), "word") if text else ""
        out.append(Line.of((name.capitalize(), "title"), (f"  {size}", "faint")))
        if not text.strip():
            out.append(Line.of(("  (none)" if name == "input" else "  (empty)", "faint")))
        else:
            out += paragraph(text, width, _marks(text, name, subject.findings, terms))
        out.append(BLANK)
    if row.note:
        out += [Line.of((f"{glyphs['memo']} Note", "title")), *paragraph(row.note, width), BLANK]
    out += finding_lines(subject.findings, width)
    out += _neighbours(subject, width)
    if row.extra:
        out += [BLANK, Line.of(("Other fields", "title"))]
        for name, value in row.extra.items():
            shown = json.dumps(value, ensure_ascii=False)
            out += paragraph(f"{name}: {preview(shown, 400)}", width)
    return out


def _facts_wrapped(spans: Sequence[Span], width: int) -> list[Line]:
    """Facts on as many lines as they need."""
    lines: list[list[Span]] = [[]]
    used = 0
    for text, style in spans:
        size = len(text)
        if used and used + size > width:
            lines.append([])
            text, used = text.lstrip(), 0
        lines[-1].append((text, style))
        used += size
    return [Line.of(*line) for line in lines]


def _marks(
    text: str, name: str, findings: Sequence[Finding], terms: Sequence[Term]
) -> list[tuple[int, int, str]]:
    from alpaca_tui.curation.query import highlights

    marks = [(start, end, "match") for start, end in highlights(text, terms, name)] if terms else []
    for found in findings:
        whole = found.start is None or found.end is None or found.end - found.start >= len(text.strip())
        if found.field == name and not whole and found.start is not None and found.end is not None:
            marks.append((found.start, found.end, _STYLES[found.severity]))
    return marks


def finding_lines(findings: Sequence[Finding], width: int) -> list[Line]:
    """Each finding with its rule, and what the rule is about."""
    from alpaca_tui.curation.lint import RULES

    out: list[Line] = []
    explained: set[str] = set()
    for found in findings:
        style = _STYLES[found.severity]
        sign = glyphs[f"lint-{found.severity}"]
        fix = (
            f"  F {'→' if not glyphs.ascii else '->'} {one_line(found.suggestion)}"
            if found.suggestion
            else ""
        )
        head: list[Span] = [
            (f"{sign} {found.rule}", style),
            (visible(f"  {found.field}: {found.message}"), "plain"),
            (visible(fix), "kept"),
        ]
        out += [
            Line(((" " * (2 if place else 0), "plain"), *spans))
            for place, spans in enumerate(_wrapped(head, max(width - 2, 1)))
        ]
        if found.rule not in explained:
            explained.add(found.rule)
            out += [
                Line.of((f"  {part}", "muted"))
                for part in wrap(RULES[found.rule].explanation, max(width - 2, 1))
            ]
    return [*out, BLANK] if out else []


def _neighbours(subject: Subject, width: int) -> list[Line]:
    row = subject.row
    if row.nearest_score is None:
        return [Line.of(("Nearest", "title"), ("  not compared yet", "faint"))]
    mean = f"  mean {row.mean_score:.3f}" if row.mean_score is not None else ""
    out = [Line.of(("Nearest", "title"), (mean, "faint"))]
    for key, score, text in subject.neighbours:
        style = "duplicate" if score > 0.7 else "muted"
        for place, part in enumerate(wrap(text or key, max(width - 8, 1), limit=2)):
            out.append(Line.of((f"  {score:.2f}  " if not place else "        ", style), part))
    return out


def history_lines(subject: Subject, width: int) -> list[Line]:
    """Every version of the row, newest first, each with what it changed. A line's key is the version's number."""
    from alpaca_tui.curation.diff import word_diff

    out: list[Line] = [*_facts_wrapped(facts(subject.row), width), BLANK]
    if len(subject.versions) < 2:
        told = wrap("Nothing was ever changed in this row.", width)
        return [*out, *(Line.of((part, "muted")) for part in told)]
    before: Mapping[str, object] = {}
    blocks: list[list[Line]] = []
    for version in subject.versions:
        operation = version.operation
        title = operation.title if operation is not None else "as it came"
        spans: list[Span] = [
            (f"{glyphs['cursor'] if version.current else ' '} {version.number}  ", "primary"),
            (one_line(title), "bold" if version.current else "plain"),
        ]
        if operation is not None:
            spans.append((f"  {words.ago(operation.at)}", "muted"))
            if operation.who != "user":
                spans.append((f"  by {'a fix' if operation.who == 'fix' else 'the teacher'}", "info"))
            if operation.state != "done":
                spans.append(("  taken back", "warning"))
        block = [Line(Line.of(*spans).spans, version.number)]
        for name in version.changed:
            old, new = before.get(name), version.fields[name]
            if name in ("instruction", "input", "output", "note") and isinstance(old, str):
                block.append(Line.of((f"    {name}", "muted"), key=version.number))
                block += [
                    Line(line.spans, version.number)
                    for line in diff_lines(word_diff(old, str(new)), width, 4)[:12]
                ]
            elif before:
                block.append(
                    Line.of(
                        (f"    {name}  ", "muted"),
                        f"{_shown(old)} {glyphs['change']} {_shown(new)}",
                        key=version.number,
                    )
                )
        if operation is None or operation.state == "done":
            before = version.fields
        blocks.append([*block, BLANK])
    for block in reversed(blocks):
        out += block
    return out


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"  # pyright: ignore[reportUnknownArgumentType]
    return "none" if value in (None, "") else str(value)


def row_json(row: ExampleRow) -> str:
    """The row as Alpaca JSON, for the clipboard."""
    return json.dumps(
        {"instruction": row.instruction, "input": row.input, "output": row.output},
        ensure_ascii=False,
        indent=2,
    )


@dataclass(slots=True)
class _Shown:
    mode: Mode = "row"
    subject: Subject | None = None
    terms: Sequence[Term] = field(default_factory=tuple)


class Detail(LineView):
    """The row under the cursor. In its history the versions can be walked to; Enter restores one."""

    def __init__(self) -> None:
        super().__init__(id="detail", classes="pane", selectable=True)
        self.border_title = "Row"
        self._shown = _Shown()

    @property
    def mode(self) -> Mode:
        return self._shown.mode

    @property
    def subject(self) -> Subject | None:
        return self._shown.subject

    def show(self, subject: Subject | None, terms: Sequence[Term] = (), mode: Mode | None = None) -> None:
        """Show a row, or another side of it."""
        old = self._shown
        self._shown = _Shown(mode or old.mode, subject, terms)
        same = old.subject is not None and subject is not None and old.subject.row.id == subject.row.id
        if not same or self._shown.mode != old.mode:
            self.scroll_to(y=0, animate=False)
        self.border_title = {"row": "Row", "history": "History", "prompt": "Prompt"}[self._shown.mode]
        self.redraw()

    def build(self, width: int, height: int) -> Sequence[Line]:
        subject = self._shown.subject
        if subject is None:
            return []
        if self._shown.mode == "history":
            return history_lines(subject, width)
        if self._shown.mode == "prompt":
            return subject.prompt(width) if subject.prompt else [Line.of(("Encoding…", "faint"))]
        return row_lines(subject, self._shown.terms, width)
