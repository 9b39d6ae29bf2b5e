"""Export: the rows of the filter to a file, in the format its name asks for; counted before it is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Button, Input

from alpaca_tui.text import plural, preview
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, wrap
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain
from alpaca_tui.tui.widgets.tick import Tick

if TYPE_CHECKING:
    from alpaca_tui.curation.export import Exported
    from alpaca_tui.store.curated import Facets


class ExportPane(LineView):
    """What will be written, then what was."""

    def __init__(self) -> None:
        super().__init__(id="preview", classes="pane")
        self.border_title = "What is written"
        self.query_text = ""
        self.facets: Facets | None = None
        self.format = ""
        self.done: Exported | None = None

    def build(self, width: int, height: int) -> list[Line]:
        from alpaca_tui.curation.interchange import FORMATS

        if self.done is not None:
            return [
                Line.of((f"{glyphs['yes']} {plural(rows, 'row')}", "success"), f"  {name}")
                for name, rows in self.done.files.items()
            ]
        if self.facets is None:
            return [Line.of(("Counting…", "muted"))]
        rejected = self.facets.counts.get("status", {}).get("rejected", 0)
        rows = self.facets.total - rejected
        of = f" that match {preview(self.query_text, 60)}" if self.query_text else ""
        lines = [Line.of((plural(rows, "row"), "bold"), f"{of}, neither deleted nor rejected")]
        if rejected:
            stay = "stays" if rejected == 1 else "stay"
            lines.append(Line.of((f"{plural(rejected, 'rejected row')} {stay} out", "muted")))
        flags = self.facets.counts.get("flag", {})
        from alpaca_tui.curation.lint import RULES

        errors = {rule: count for rule, count in flags.items() if RULES[rule].severity == "error"}
        if errors:
            told = ", ".join(f"{rule} {count:,}" for rule, count in errors.items())
            text = f"{glyphs['warning']} errors of the lint among them: {told}"
            lines += [BLANK, *(Line.of((part, "warning")) for part in wrap(text, width))]
        lines += [BLANK, Line.of(("as ", "muted"), FORMATS[self.format].title if self.format else "…")]
        return lines


class ExportScreen(RoomScreen):
    """A name, a format, and whether rows are held back for evaluation."""

    CSS_PATH = "transfer.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("transfer",)
    HELP_PAGE = "transfer"
    HELP_TITLE = "Export"
    BINDINGS: ClassVar[list[BindingType]] = bindings("transfer")

    def __init__(self, query: str) -> None:
        super().__init__()
        self._query = query
        self._busy = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="transfer"):
            with Horizontal(classes="row"):
                yield Plain("File", classes="label")
                yield TextField("alpaca_data.json", id="file", compact=True)
            with Horizontal(classes="row"):
                yield Plain("Split", classes="label")
                yield TextField(placeholder="none; or train=0.95,eval=0.05", id="split", compact=True)
            with Horizontal(classes="row"):
                yield Plain("", classes="label")
                yield Tick("with the other fields the rows came with", id="extra", compact=True)
                yield Button("Export", id="go")
            yield ExportPane()

    def on_mount(self) -> None:
        field = self.query_one("#file", Input)
        field.focus()
        field.cursor_position = len(field.value)
        pane = self.query_one(ExportPane)
        pane.query_text = self._query
        self._named()

        def job() -> Facets:
            from alpaca_tui.tui.screens.dataset import loading

            return loading.count(self.session.ensure_store(), self._query, loading.cancellation())

        def show(facets: Facets) -> None:
            pane.facets = facets
            pane.redraw()

        self.in_thread("export.count", job, show)

    @property
    def path(self) -> Path:
        """Where to write; a bare name lies in the workspace's `exports`."""
        path = Path(self.query_one("#file", Input).value.strip()).expanduser()
        return path if len(path.parts) > 1 else self.session.workspace.root / "exports" / path

    @on(Input.Changed, "#file")
    def _named(self) -> None:
        pane = self.query_one(ExportPane)
        pane.format = format_of(self.path) or ""
        pane.done = None
        pane.redraw()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one("#go").focus()

    @on(Button.Pressed, "#go")
    def action_go(self) -> None:
        path, split = self.path, self.query_one("#split", Input).value.strip()
        format = format_of(path)
        if self._busy or not path.name:
            return
        if format is None:
            self.alpaca.say(
                "The ending of the name says the format: .json, .jsonl, .csv, .tsv, .parquet",
                severity="warning",
            )
            return
        extra = self.query_one("#extra", Tick).value or None
        self._busy = True

        def job() -> Exported:
            from alpaca_tui.curation.export import Plan, export
            from alpaca_tui.curation.inspection import flags_of
            from alpaca_tui.curation.query import compile_sql, parse
            from alpaca_tui.curation.splits import assign, read_shares

            store = self.session.ensure_store()
            sql = compile_sql(parse(self._query), flags_of(store))
            shares = read_shares(split) if split else {}
            if shares:
                assign(
                    store, [row.id for row in store.iter_examples(where=sql.where, values=sql.values)], shares
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            seeds = self.session.seed_texts() if format == "regen" else {}
            plan = Plan(format, sql, extra, seeds=seeds, split=bool(shares), splits=tuple(shares))
            return export(store, path, plan)

        def done(exported: Exported) -> None:
            self._busy = False
            pane = self.query_one(ExportPane)
            pane.done = exported
            pane.redraw()
            self.alpaca.say(f"{plural(exported.rows, 'row')} exported")

        def failed(error: BaseException) -> None:
            self._busy = False
            self.alpaca.show_error(error)

        self.in_order(job, done, failed=failed)

    def action_close(self) -> None:
        self.dismiss()


def format_of(path: Path) -> str | None:
    """The format a name asks for; None for none we know."""
    from alpaca_tui.curation.interchange import FORMATS

    if path.name == "regen.json":
        return "regen"
    return next((id for id, known in FORMATS.items() if path.suffix.lower() in known.suffixes), None)
