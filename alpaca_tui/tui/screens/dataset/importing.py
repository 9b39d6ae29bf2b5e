"""Import: a file is looked at as its name is typed: what it is, how its fields are read, its first rows.

Nothing is taken before it is said. Knows the readers, no widget of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Button, Input

from alpaca_tui.errors import UserError
from alpaca_tui.text import plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, wrap
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain
from alpaca_tui.tui.widgets.tick import Tick

if TYPE_CHECKING:
    from textual.timer import Timer

    from alpaca_tui.curation.importing import Imported
    from alpaca_tui.curation.interchange import Record, Refused

LOOK_DELAY_S = 0.25
_ROWS = 20
_SHOWN_REFUSALS = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a file told."""

    format: str
    encoding: str
    mapping: dict[str, str]
    columns: Sequence[str]
    rows: Sequence[Record | Refused]
    error: UserError | None = None


class PreviewPane(LineView):
    """The first rows as they would be taken; after an import, what was refused."""

    def __init__(self) -> None:
        super().__init__(id="preview", classes="pane")
        self.can_focus = True
        self.border_title = "Preview"
        self.seen: Seen | None = None
        self.report: Imported | None = None
        self.progress = ""

    def build(self, width: int, height: int) -> list[Line]:
        from alpaca_tui.curation.interchange import FORMATS

        if self.progress:
            return [Line.of((self.progress, "info"))]
        if self.report is not None:
            return self._reported(self.report, width)
        seen = self.seen
        if seen is None:
            asked = "Name a file: Alpaca JSON, JSON lines, CSV, Parquet, chats, a datasets folder…"
            return [Line.of((part, "muted")) for part in wrap(asked, width)]
        lines: list[Line] = []
        if seen.format:
            told = FORMATS[seen.format].title + (
                f"  {glyphs['dot']}  {seen.encoding}" if seen.encoding else ""
            )
            lines.append(Line.of((told, "bold")))
        if seen.columns:
            lines.append(Line.of(("fields   ", "muted"), preview(", ".join(seen.columns), width - 9)))
        if seen.mapping:
            pairs = "   ".join(f"{ours} {glyphs['change']} {theirs}" for ours, theirs in seen.mapping.items())
            lines.append(Line.of(("read as  ", "muted"), (pairs, "accent")))
        if seen.error is not None:
            lines += [BLANK, Line.of((f"{glyphs['fault']} {seen.error.title}", "error"))]
            for text in (seen.error.cause, seen.error.next_step):
                lines += [Line.of((part, "plain")) for part in wrap(text, width) if part]
        for row in seen.rows:
            lines += [BLANK, *_row_lines(row, width)]
        return lines

    def _reported(self, report: Imported, width: int) -> list[Line]:
        from alpaca_tui.curation.importing import where

        lines = [Line.of((f"{glyphs['yes']} {plural(report.added, 'row')} imported", "success"))]
        if report.refusals:
            lines += [BLANK, Line.of((f"{plural(report.refusals, 'row')} refused:", "warning"))]
            for bad in report.refused[:_SHOWN_REFUSALS]:
                for place, part in enumerate(wrap(f"{where(bad)}: {bad.reason}", width - 2, limit=3)):
                    lines.append(Line.of((("  " if not place else "    ") + part, "plain")))
            if report.refusals > _SHOWN_REFUSALS:
                lines.append(
                    Line.of((f"  and {plural(report.refusals - _SHOWN_REFUSALS, 'more', 'more')}", "muted"))
                )
        return [*lines, BLANK, Line.of((" esc ", "key"), ("goes to the table.", "muted"))]


def _row_lines(row: Record | Refused, width: int) -> list[Line]:
    from alpaca_tui.curation.importing import where
    from alpaca_tui.curation.interchange import Refused

    if isinstance(row, Refused):
        return [Line.of((f"{glyphs['no']} {where(row)}: {row.reason}", "error"))]
    lines = [Line.of((preview(row.instruction, width), "plain"))]
    if row.input:
        lines.append(Line.of(("  input   ", "faint"), (preview(row.input, width - 10), "muted")))
    lines.append(Line.of(("  output  ", "faint"), (preview(row.output, width - 10), "muted")))
    if row.extra:
        lines.append(Line.of(("  more    ", "faint"), (preview(", ".join(row.extra), width - 10), "faint")))
    return lines


class ImportScreen(RoomScreen):
    """A file, its fields, its first rows; then all of them."""

    CSS_PATH = "transfer.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("transfer",)
    HELP_PAGE = "transfer"
    HELP_TITLE = "Import"
    BINDINGS: ClassVar[list[BindingType]] = bindings("transfer")

    def __init__(self) -> None:
        super().__init__()
        self._typing: Timer | None = None
        self._busy = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="transfer"):
            with Horizontal(classes="row"):
                yield Plain("File", classes="label")
                yield TextField(placeholder="a path, or hf://OWNER/NAME", id="file", compact=True)
            with Horizontal(classes="row"):
                yield Plain("Fields", classes="label")
                yield TextField(
                    placeholder="found by themselves; else instruction=prompt,output=answer",
                    id="map",
                    compact=True,
                )
            with Horizontal(classes="row"):
                yield Plain("", classes="label")
                yield Tick("take the good rows even where others are refused", id="skip", compact=True)
                yield Button("Import", id="go")
            yield PreviewPane()

    def on_mount(self) -> None:
        self.query_one("#file").focus()

    @on(Input.Changed)
    def _typed(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(LOOK_DELAY_S, self._look)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one("#go").focus()

    def _given(self) -> tuple[str, str]:
        from pathlib import Path

        name = self.query_one("#file", Input).value.strip()
        if name and not name.startswith("hf://"):
            name = str(Path(name).expanduser())
        return name, self.query_one("#map", Input).value.strip()

    def _look(self) -> None:
        name, mapping = self._given()
        pane = self.query_one(PreviewPane)
        pane.report = None
        if not name or name.startswith("hf://"):  # the Hub is asked when the person says so
            pane.seen = None
            pane.redraw()
            return

        def show(seen: Seen) -> None:
            pane.seen = seen
            pane.redraw()

        self.in_thread("import.look", lambda: look_at(name, mapping), show)

    @on(Button.Pressed, "#go")
    def action_go(self) -> None:
        name, mapping = self._given()
        if not name or self._busy:
            return
        skip = self.query_one("#skip", Tick).value
        pane, app, store = self.query_one(PreviewPane), self.alpaca, self.session.ensure_store
        self._busy = True

        def progress(rows: int) -> None:
            pane.progress = f"{words.count(rows)} rows read…"
            app.call_later(pane.redraw)

        def job() -> Imported:
            from alpaca_tui.curation.importing import import_source

            return import_source(store(), open_given(name, mapping), skip_bad=skip, progress=progress)

        def done(report: Imported) -> None:
            app.say(
                f"{plural(report.added, 'row')} imported"
            )  # the import goes on where the window is closed
            if not self.gone:
                self._ended()
                pane.report = report
                pane.redraw()

        def failed(error: BaseException) -> None:
            from alpaca_tui.curation.importing import RefusedRowsError

            if not self.gone:
                self._ended()
            if isinstance(error, RefusedRowsError):
                error.next_step = "Mend them, or tick the box to take the others."
            pane.redraw()
            app.show_error(error)

        progress(0)
        app.in_order(job, done, failed=failed)

    def _ended(self) -> None:
        self._busy = False
        self.query_one(PreviewPane).progress = ""

    def action_close(self) -> None:
        if self._busy:
            self.alpaca.say("The import goes on; it can be undone when it is done")
        self.dismiss()


def open_given(name: str, mapping: str):  # noqa: ANN201 - the readers' own type, imported when needed
    """The dataset of that name, with the fields read as given. Raises UserError."""
    from alpaca_tui.curation.interchange import open_source

    pairs = dict(part.split("=", 1) for part in mapping.replace(" ", "").split(",") if "=" in part)
    return open_source(name, mapping=pairs or None)


def look_at(name: str, mapping: str) -> Seen:
    """What a file is and what its first rows say; what is wrong with it where it cannot be read."""
    try:
        source = open_given(name, mapping)
    except UserError as error:
        return Seen("", "", {}, (), (), error)
    try:
        rows: Sequence[Record | Refused] = source.preview(_ROWS)
        error = None
    except UserError as fault:
        rows, error = (), fault
    return Seen(source.format, source.encoding, dict(source.mapping or {}), source.columns, rows, error)
