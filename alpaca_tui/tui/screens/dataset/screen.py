"""Dataset: every row of the workspace in a table; find, read, edit, review and mend them from here.

The screen holds ids and a few pages, never the dataset. It asks the store off the event loop and shows what
comes; what it does to rows stands in `acts.py`.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from alpaca_tui.text import plural
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, Span
from alpaca_tui.tui.screens.dataset.columns import ORDERS, Look, cells_of, signs
from alpaca_tui.tui.screens.dataset.detail import Detail, Mode, Subject
from alpaca_tui.tui.screens.dataset.dialogs import LineDialog
from alpaca_tui.tui.screens.dataset.facets import FacetList
from alpaca_tui.tui.screens.dataset.filter import FilterBar
from alpaca_tui.tui.screens.dataset.finding import FindActs
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.table import PagedTable

if TYPE_CHECKING:
    from textual.timer import Timer

    from alpaca_tui.curation.lint import Context
    from alpaca_tui.curation.query import Term
    from alpaca_tui.store.browsing import Cancellation
    from alpaca_tui.store.curated import Done, Facets, RowLine
    from alpaca_tui.tui.screens.dataset.loading import Found, Standing

LOOK_EVERY_S = 1.0
LOOK_DELAY_S = 0.3
DETAIL_DELAY_S = 0.03
FACETS_DELAY_S = 0.25
WHOLE_DELAY_S = 0.1
HURRY_S = 0.2
"""Between keys that follow each other so closely nothing is painted but what they ask for: the row beside the table
follows when they pause."""
SETTLE_DELAY_S = 2.0
REMEMBER_DELAY_S = 1.0
FIRST_ROWS = 300
"""So many rows of a new question are shown before all of them have been found."""


class DatasetScreen(FindActs):
    """The table and its company."""

    CSS_PATH = "dataset.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("dataset", "find", "list")
    HELP_PAGE = "dataset"
    HELP_TITLE = "Dataset"
    BINDINGS: ClassVar[list[BindingType]] = bindings("dataset")
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self.look = Look()
        self.marks: set[int] = set()
        self.context: Context | None = None
        self.standing: Standing | None = None
        self._terms: Sequence[Term] = ()
        self._found: int | None = None
        self._whole = True
        self._filtered = False  # the rows shown; a filter with a fault leaves those of before
        self._settled = False
        self._pulse: tuple[int, ...] | None = None  # of the store, when what is shown was read
        self._question: tuple[str, str, bool] | None = None
        self._values: dict[str, Sequence[str]] = {}
        self._searching: Cancellation | None = None
        self._counting: Cancellation | None = None
        self._last_marked: int | None = None
        self._reading = threading.Event()
        self._stop_reading = threading.Event()
        self._read = (0, 0)
        self._delays: dict[str, Timer] = {}
        self._moved_at = 0.0
        self._mode: Mode = "row"
        self._names = self.look.names(80)
        self._wanted: tuple[str | None, int | None] | None = None
        self.ready = False
        self._go_to: int | None = None

    def body(self) -> Iterable[Widget]:
        yield FilterBar(self._values_of)
        with Horizontal(id="dataset"):
            yield FacetList()
            yield PagedTable["RowLine"](
                self.look.table_columns(80),
                self._cells,
                lambda row: row.id,
                id="rows",
                classes="pane",
            )
            yield Detail()

    # --- opening

    def on_mount(self) -> None:
        from alpaca_tui.curation.lint import RULES

        self.query_one(FacetList).severities = {rule.id: rule.severity for rule in RULES.values()}
        self.set_interval(LOOK_EVERY_S, self._look_around)

        def job() -> Any:
            store = self.session.store()
            return store.setting("dataset/table") if store is not None else None

        self.in_thread("dataset.look", job, self._open)

    def _open(self, remembered: Any) -> None:
        self.look = Look.from_json(remembered)
        self.ready = True
        self.set_class(not self.look.facets, "-no-facets")
        self.call_after_refresh(self.set_columns)
        query, row = self._wanted or (None, None)
        self._wanted = None
        self.query_one(FilterBar).put(query if query is not None else self.look.query)
        self.reload(go_to=row or self.look.row or None)

    def show_query(self, query: str | None, row: int | None) -> None:
        """Show the rows of a filter and put the cursor on a row, as another screen asks for."""
        if not self.ready:
            self._wanted = (query, row)
            return
        if query is not None and query != self.look.query:
            self.query_one(FilterBar).put(query)
            self.look.query = query
        self.table.focus()
        self.reload(go_to=row)

    def on_screen_resume(self) -> None:
        if self.ready:
            self._look_around()  # which reloads where anything has changed meanwhile

    def on_resize(self) -> None:
        self.call_after_refresh(self.set_columns)

    def on_unmount(self) -> None:
        self._stop_reading.set()

    @property
    def table(self) -> PagedTable[RowLine]:
        return cast("PagedTable[RowLine]", self.query_one("#rows", PagedTable))

    def set_columns(self) -> None:
        if self.is_mounted:
            width = self.table.scrollable_content_region.width
            self._names = self.look.names(width)
            self.table.set_columns(self.look.table_columns(width))
            self.table.show_order(self.look.order, descending=self.look.descending)

    def _cells(self, row: RowLine, sizes: Sequence[int]) -> list[list[Span]]:
        masks = self.standing.masks if self.standing is not None else dict[str, int]()
        return [
            signs(row, marked=row.id in self.marks),
            *cells_of(row, self._names, sizes[1:], masks, self._terms),
        ]

    # --- rows

    def reload(self, *, go_to: int | None = None) -> None:
        """Read the ids anew and the rows in view; the cursor stays on its row where that is still there."""
        if not self.is_mounted or not self.ready:
            return
        from alpaca_tui.store.browsing import Cancellation

        # A newer question replaces an older one, but where that one was to go stays to be gone to.
        self._go_to = go_to if go_to is not None else self._go_to
        if self._searching is not None:
            self._searching.cancel()
        self._searching = Cancellation()
        self.not_later("whole")
        question = (self.look.query, self.look.order, self.look.descending)
        again, self._question = question == self._question, question
        if again:
            self.table.renew()
        self.later("busy", 0.25, lambda: self.table.add_class("-busy"))
        self._ask(self._searching, FIRST_ROWS if not again else None)

    def _ask(self, cancel: Cancellation, limit: int | None) -> None:
        """Ask for the ids; of another question the first ones come before all of them."""
        if cancel.cancelled:  # a timer that was stopped too late
            return
        from alpaca_tui.curation.query import QueryError
        from alpaca_tui.store.browsing import Cancelled
        from alpaca_tui.tui.screens.dataset import loading

        query, look, go_to = self.look.query, self.look, self._go_to

        def job() -> Found | None:
            store = self.session.store()
            if store is None:
                return None
            if limit is None:
                return loading.find(store, query, look, cancel)
            return loading.find_first(store, query, look, cancel, limit, go_to)

        def show(found: Found | None) -> None:
            self._show(found, query)
            if found is not None and not found.whole:
                self.later("whole", WHOLE_DELAY_S, lambda: self._ask(cancel, None))

        def failed(error: BaseException) -> None:
            if isinstance(error, Cancelled):
                return
            self._not_busy()
            if isinstance(error, QueryError):
                self.query_one(FilterBar).fault(error)
            else:
                self.alpaca.show_error(error)

        self.in_thread("dataset.ids", job, show, failed=failed)

    def _not_busy(self) -> None:
        self.not_later("busy")
        self.table.remove_class("-busy")

    def _show(self, found: Found | None, query: str) -> None:
        table = self.table
        terms = found.terms if found is not None else ()
        if terms != self._terms:
            self._terms = terms
            table.redraw()
        self._pulse = found.pulse if found is not None else None
        table.when_empty(_NO_FINDS if query else _NO_ROWS)
        had_rows = bool(table.row_count)
        if found is not None:
            table.set_ids(found.ids, found.page)
        else:
            table.set_ids([])
        self._found, self._whole = table.row_count, found is None or found.whole
        self._filtered = bool(query)
        if self._go_to is not None:
            table.go_to(self._go_to)
            self._go_to = self._go_to if not self._whole else None
        self.title_rows()
        # The rows first; what stands beside them in the frames after.
        if not table.row_count:
            self.query_one(Detail).show(None)
        else:
            self._detail_soon()
        if self._whole:
            if not self._settled:
                # What is loaded by now stays: a full collection that walks it all would hold a key up for a
                # tenth of a second.
                self._settled = True
                self.later("settle", SETTLE_DELAY_S, gc.freeze)
            self._not_busy()
            self.later("facets", FACETS_DELAY_S, lambda: self._count(query))
        self.later("look", LOOK_DELAY_S, lambda: self._look_around(always=True))
        if had_rows != bool(table.row_count):
            self.refresh_bindings()

    def title_rows(self) -> None:
        if self._found is None:
            return
        marked = f"  {glyphs['mark']} {words.count(len(self.marks))} marked" if self.marks else ""
        total = self.standing.rows if self.standing is not None else None
        of = f" of {words.count(total)}" if self._filtered and total is not None else ""
        self.table.border_title = f"{words.count(self._found)}{of if self._whole else '+'} {'row' if self._found == 1 else 'rows'}{marked}"

    def _count(self, query: str) -> None:
        from alpaca_tui.curation.query import QueryError
        from alpaca_tui.store.browsing import Cancellation, Cancelled
        from alpaca_tui.tui.screens.dataset import loading

        if self._counting is not None:
            self._counting.cancel()
        cancel = self._counting = Cancellation()

        def job() -> Facets | None:
            store = self.session.store()
            return loading.count(store, query, cancel) if store is not None else None

        def show(facets: Facets | None) -> None:
            view = self.query_one(FacetList)
            view.facets, view.query_text = facets, query
            view.redraw()

        def failed(error: BaseException) -> None:
            if not isinstance(error, Cancelled | QueryError):
                self.alpaca.show_error(error)

        self.in_thread("dataset.facets", job, show, failed=failed)

    @on(PagedTable.Wanted, "#rows")
    def _wanted_page(self, event: PagedTable.Wanted) -> None:
        table, page, generation, ids = event.table, event.page, event.generation, event.ids

        def job() -> Sequence[RowLine]:
            store = self.session.store()
            return store.example_lines(ids) if store is not None else []

        def failed(error: BaseException) -> None:
            table.refused(page, generation)
            self.alpaca.show_error(error)

        self.in_thread(
            f"dataset.page.{page}", job, lambda rows: table.give(page, rows, generation), failed=failed
        )

    # --- the line below the filter: what there is, what is going on, what can be undone

    def _look_around(self, *, always: bool = False) -> None:
        if not self.is_current or not self.ready:
            return
        from alpaca_tui.tui.screens.dataset import loading

        def job() -> Standing | None:
            store = self.session.store()
            return loading.standing(store) if store is not None else None

        def show(now: Standing | None) -> None:
            if now is None:
                self._say_standing()
                return
            old, self.standing = self.standing, now
            self.unsettled = False
            stale = self._pulse is not None and self._pulse != now.pulse
            if old is not None and old.pulse[:3] != now.pulse[:3]:
                self._values.clear()
            if old == now and not always and not stale:
                return
            self._say_standing()
            self.title_rows()
            self.refresh_bindings()
            if old is None or old.masks != now.masks:
                self.table.redraw()
            if stale and not always:  # else the look that is due within the second reloads
                self.reload()
            self._read_rows()

        self.in_thread("dataset.standing", job, show)

    def _values_of(self, field: str) -> Sequence[str]:
        """What a field is compared with, for completion; where it is not known yet it is looked up, and the
        filter line is told."""
        from alpaca_tui.tui.screens.dataset import loading

        if field not in self._values:
            self._values[field] = ()

            def job() -> list[str]:
                store = self.session.store()
                return loading.values_of(store, field) if store is not None else []

            def known(values: list[str]) -> None:
                self._values[field] = values
                self.query_one(FilterBar).propose()

            self.in_thread(f"dataset.values.{field}", job, known)
        return self._values[field]

    def _say_standing(self) -> None:
        now = self.standing
        dot = f"  {glyphs['dot']}  "
        if now is None or not now.rows:
            self.query_one(FilterBar).rest([])
            return
        order = ORDERS[self.look.order] + (", downwards" if self.look.descending else "")
        spans = [("   ", "plain"), (f"by {order}", "faint")]
        if now.unread:
            done, total = self._read
            share = f" {words.percent(done, total)}" if total else ""
            spans.append((f"{dot}{glyphs['running']} reading {words.count(now.unread)} rows{share}", "info"))
        if now.unmeasured:
            spans.append((f"{dot}{words.count(now.unmeasured)} to compare", "faint"))
        if now.answers:
            spans += [(dot, "faint"), ("T ", "key"), (plural(now.answers, "open answer"), "muted")]
        if now.undo is not None:
            spans += [(dot, "faint"), ("u ", "key"), (f"undoes: {now.undo.title}", "muted")]
        self.query_one(FilterBar).rest(spans)

    def _read_rows(self) -> None:
        """Have the lint read what it has not read yet, in the background."""
        store = self.session.store()
        if self.standing is None or not self.standing.unread or self._reading.is_set():
            return
        if store is None or store.readonly:
            return
        from alpaca_tui.curation.inspection import context_of, inspect

        self._reading.set()

        def progress(done: int, total: int) -> None:
            self._read = (done, total)

        def job() -> Context:
            try:
                context = context_of(store, self.session.leaks())
                inspect(store, context, progress=progress, stop=self._stop_reading)
                return context
            finally:
                self._reading.clear()

        def done(context: Context) -> None:
            self.context = context
            self._read = (0, 0)
            self.reload()

        self.in_thread("dataset.inspect", job, done)

    # --- the row under the cursor

    @on(PagedTable.Moved, "#rows")
    def _moved(self) -> None:
        self._detail_soon()
        self.later("remember", REMEMBER_DELAY_S, self.remember)

    def _detail_soon(self) -> None:
        """Show the row under the cursor beside the table: at once, unless the cursor is being hurried along."""
        now = time.monotonic()
        hurried, self._moved_at = now - self._moved_at < HURRY_S, now
        self.later("detail", HURRY_S if hurried else DETAIL_DELAY_S, self._show_detail)

    def _show_detail(self, mode: Mode | None = None) -> None:
        """mode: how from now on; a newer call must not forget it, whether this one has been answered or not."""
        self._mode = mode = mode or self._mode
        self.not_later("detail")
        id = self.table.cursor_id
        if id is None:
            return
        from alpaca_tui.tui.screens.dataset import loading

        def job() -> Subject | None:
            if self.context is None:
                from alpaca_tui.curation.inspection import context_of

                store = self.session.store()
                self.context = context_of(store, self.session.leaks()) if store is not None else None
            return loading.subject(self.session, id, mode, self.context) if self.context is not None else None

        self.in_thread(
            "dataset.detail", job, lambda subject: self.query_one(Detail).show(subject, self._terms, mode)
        )

    def action_detail(self, mode: str) -> None:
        self._show_detail("row" if self._mode == mode else cast("Mode", mode))

    @on(PagedTable.Opened, "#rows")
    def _opened(self) -> None:
        self.action_edit()

    @on(LineView.Opened, "#detail")
    def _version_opened(self, event: LineView.Opened) -> None:
        subject = self.query_one(Detail).subject
        if subject is None or self.query_one(Detail).mode != "history":
            return
        version = next((found for found in subject.versions if found.number == event.key), None)
        if version is None or version.current:
            return

        def restore(store: Any) -> Done:
            from alpaca_tui.curation.history import restore

            return restore(store, subject.row.id, version, expected=subject.row.revised)

        self.act(restore, drop_marks=False)

    def action_tokenizer(self) -> None:
        from alpaca_tui.curation.counting import choose, chosen, count_tokens

        def ask(now: str) -> None:
            self.alpaca.push_screen(
                LineDialog(
                    "Tokenizer",
                    "A model's folder, a tokenizer.json, or a name on the Hub; then the longest example in tokens.",
                    now,
                ),
                written,
            )

        def written(text: str | None) -> None:
            if not text:
                return
            name, _, length = text.strip().rpartition(" ")
            if not (name and length.isdigit()):
                name, length = text.strip(), "512"
            self.alpaca.say("Counting tokens…")

            def job() -> int:
                store, tokenizer = self.session.ensure_store(), self.session.tokenizer(name)
                choice = choose(store, tokenizer, max(int(length), 8))
                return count_tokens(store, tokenizer, choice.max_length, stop=self._stop_reading)

            def done(long: int) -> None:
                self.alpaca.say(f"Tokens counted: {plural(long, 'row')} longer than {length}")
                self.reload()

            self.in_thread("dataset.tokens", job, done)

        def read() -> str:
            choice = chosen(self.session.ensure_store())
            return f"{choice.name} {choice.max_length}" if choice is not None else ""

        self.in_thread("dataset.tokenizer", read, ask)

    # --- the other windows

    def action_operations(self) -> None:
        from alpaca_tui.tui.screens.dataset.operations import OperationsScreen

        self.alpaca.push_screen(OperationsScreen(self.reload))

    def action_review(self) -> None:
        from alpaca_tui.tui.screens.dataset.review import open_review

        open_review(self)

    def action_lint(self) -> None:
        from alpaca_tui.tui.screens.dataset.lint import LintScreen

        self.alpaca.push_screen(LintScreen(self.look.query))

    def action_twins(self) -> None:
        from alpaca_tui.tui.screens.dataset.duplicates import DuplicatesScreen

        self.alpaca.push_screen(DuplicatesScreen(self.look.query))

    def action_statistics(self) -> None:
        from alpaca_tui.tui.screens.dataset.statistics import StatisticsScreen

        self.alpaca.push_screen(StatisticsScreen(self.look.query))

    def action_import(self) -> None:
        from alpaca_tui.tui.screens.dataset.importing import ImportScreen

        self.alpaca.push_screen(ImportScreen())

    def action_export(self) -> None:
        from alpaca_tui.tui.screens.dataset.exporting import ExportScreen

        self.alpaca.push_screen(ExportScreen(self.look.query))

    def action_rejections(self) -> None:
        from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen

        self.alpaca.push_screen(CandidatesScreen(verdict="filtered"))

    def action_close(self) -> None:
        if self.marks:
            self.marks.clear()
            self.marks_changed()
        elif self._mode != "row":
            self._show_detail("row")
        elif not self.table.has_focus:
            self.remove_class("-showing-facets")
            self.call_after_refresh(self.set_columns)
            self.table.focus()
        elif self.look.query:
            self.query_one(FilterBar).put("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        here = self.table.cursor_id is not None
        if action in _NEEDS_ROW:
            return here or bool(self.marks)
        if action == "undo":
            return self.unsettled or (self.standing is not None and self.standing.undo is not None)
        if action == "redo":
            return self.unsettled or (self.standing is not None and self.standing.redo is not None)
        return True

    # --- small things

    def later(self, name: str, delay: float, what: Any) -> None:
        self.not_later(name)
        self._delays[name] = self.set_timer(max(delay, 0.001), what)

    def not_later(self, name: str) -> None:
        timer = self._delays.pop(name, None)
        if timer is not None:
            timer.stop()

    def remember(self) -> None:
        """Leave the table's looks and the place in the workspace."""
        self.look.row = self.table.cursor_id or 0
        value = self.look.to_json()

        def job() -> None:
            store = self.session.store()
            if store is not None and not store.readonly and store.setting("dataset/table") != value:
                store.set_setting("dataset/table", value)

        self.in_thread("dataset.remember", job)


_NO_ROWS = (
    Line.of(("There are no rows yet.", "bold")),
    BLANK,
    Line.of((" i ", "key"), ("imports a file            ", "muted")),
    Line.of((" 2 ", "key"), ("generates tasks           ", "muted")),
    Line.of((" A ", "key"), ("writes a row by hand      ", "muted")),
)
_NO_FINDS = (
    Line.of(("No row is like that.", "bold")),
    BLANK,
    Line.of((" esc ", "key"), ("clears the filter", "muted")),
)
_NEEDS_ROW = frozenset(
    [
        "edit",
        "status",
        "mark",
        "rate",
        "tag",
        "note",
        "duplicate",
        "split",
        "delete",
        "external",
        "fix",
        "copy",
        "rendered",
        "review",
        "twins",
        "mark_all",
        "mark_range",
        "jump",
        "flagged",
        "export",
    ]
)
