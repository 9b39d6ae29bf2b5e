"""Everything the teacher wrote, task by task: kept, duplicate, filtered, cut off, surplus.

The rejection drawer: a rejected task can be read in full, compared with its twin, and rescued. Rows come
from the store page by page. Knows the session's store, no engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from alpaca_tui.text import fit, one_line, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Line, Span
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.generate import details
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.table import Column, PagedTable

if TYPE_CHECKING:
    from textual.timer import Timer

    from alpaca_tui.store.rows import CandidateRow, Tally

LISTS = ("all", "kept", "duplicate", "filtered", "truncated", "surplus")
REFRESH_EVERY_S = 2.0
SEARCH_DELAY_S = 0.15


class Lists(LineView):
    """The lists and how many are in each; the chosen one stands out."""

    def __init__(self) -> None:
        super().__init__(id="lists")
        self.current = "all"
        self.rule = ""
        self.search = ""
        self.counts: dict[str, int] = {}
        self.found: int | None = None

    def build(self, width: int, height: int) -> list[Line]:
        spans: list[Span] = []
        for name in LISTS:
            count = self.counts.get(name)
            sign = "" if name == "all" else glyphs[name] + " "
            number = f" {words.short(count)}" if count is not None else ""
            label = f" {sign}{words.VERDICT_WORDS.get(name, name)}{number} "
            style = "chip" if name == self.current else ("muted" if name == "all" else name)
            spans.append((label, style))
        if self.rule:
            spans.append((f"  rule {self.rule}", "accent"))
        if self.found is not None and self.search:
            total = self.counts.get(self.current, 0)
            spans.append((f"  {words.count(self.found)} of {words.count(total)}", "accent"))
        return [Line.of(*spans)]


class Detail(LineView):
    """The candidate under the cursor, in full."""

    def __init__(self) -> None:
        super().__init__(id="detail", classes="pane")
        self.can_focus = True
        self.border_title = "Candidate"
        self.row: CandidateRow | None = None
        self.twins: dict[str, str] = {}

    def build(self, width: int, height: int) -> Sequence[Line]:
        if self.row is None:
            return []
        return details.candidate(self.row, self.twins, width)


class CandidatesScreen(RoomScreen):
    """The drawer."""

    CSS_PATH = "candidates.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("candidates", "list")
    HELP_PAGE = "candidates"
    HELP_TITLE = "Candidates"
    BINDINGS: ClassVar[list[BindingType]] = bindings("candidates")
    AUTO_FOCUS = "#table"

    def __init__(self, *, verdict: str = "", rule: str = "") -> None:
        super().__init__()
        self.verdict = verdict or "all"
        self.rule = rule
        self.search = ""
        self.twins: dict[str, str] = {}
        self._typing: Timer | None = None

    def body(self) -> Iterable[Widget]:
        yield Lists()
        yield TextField(placeholder="search in instruction, input and output", id="search", compact=True)
        with Horizontal(id="drawer"):
            yield PagedTable["CandidateRow"](
                [Column("", 2), Column("near", 5), Column("instruction", share=3), Column("why", share=2)],
                self._cells,
                lambda row: row.id,
                id="table",
                classes="pane",
            )
            yield Detail()

    def on_mount(self) -> None:
        lists = self.query_one(Lists)
        lists.current, lists.rule = self.verdict, self.rule
        self.set_interval(REFRESH_EVERY_S, self.reload)
        self.reload()

    @property
    def table(self) -> PagedTable[CandidateRow]:
        return cast("PagedTable[CandidateRow]", self.query_one("#table", PagedTable))

    # --- rows

    def reload(self, *, fresh: bool = False) -> None:
        """Read the ids and counts anew, off the loop. fresh: also forget the rows held."""
        if not self.is_current:
            return
        verdict = cast(Any, None if self.verdict == "all" else self.verdict)
        rule, search = self.rule or None, self.search or None

        def job() -> tuple[list[int], dict[str, int]]:
            store = self.session.store()
            if store is None:
                return [], {}
            tally = store.tally()
            counts = {
                "kept": kept_candidates(tally),
                "duplicate": tally.duplicates,
                "filtered": sum(tally.filtered.values()),
                "truncated": tally.truncated,
                "surplus": tally.surplus,
            }
            counts["all"] = sum(counts.values())
            return store.candidate_ids(verdict, rule, search), counts

        def show(found: tuple[list[int], dict[str, int]]) -> None:
            ids, counts = found
            if fresh:
                self.table.forget()
            self.table.set_ids(ids, keep_cursor=not fresh)
            lists = self.query_one(Lists)
            lists.current, lists.rule, lists.counts = self.verdict, self.rule, counts
            lists.search, lists.found = self.search, len(ids)
            lists.redraw()
            if not ids:
                self._show(None, {})
            self.table.border_title = f"{words.count(len(ids))} shown" if ids else "Nothing in this list"

        self.in_thread("candidates.ids", job, show)

    def on_paged_table_wanted(self, event: PagedTable.Wanted) -> None:
        table, page, generation, ids = event.table, event.page, event.generation, event.ids

        def job() -> list[CandidateRow]:
            store = self.session.store()
            rows = store.candidates_by_id(ids) if store is not None else []
            self.twins.update(
                self.session.instructions(
                    [row.nearest for row in rows if row.nearest and row.verdict == "duplicate"]
                )
            )
            return rows

        def failed(error: BaseException) -> None:
            table.refused(page, generation)
            self.alpaca.show_error(error)

        self.in_thread(
            f"candidates.page.{page}", job, lambda rows: table.give(page, rows, generation), failed=failed
        )

    def on_paged_table_moved(self, event: PagedTable.Moved) -> None:
        row: CandidateRow | None = event.row
        if row is None:
            return

        def job() -> dict[str, str]:
            return self.session.instructions(
                [key for key, _ in row.top] or ([row.nearest] if row.nearest else [])
            )

        self._show(row, self.query_one(Detail).twins)
        self.in_thread("candidates.twins", job, lambda twins: self._show(row, twins))

    def _show(self, row: CandidateRow | None, twins: dict[str, str]) -> None:
        detail = self.query_one(Detail)
        if detail.row is not row:
            detail.scroll_to(y=0, animate=False)
        detail.row, detail.twins = row, twins
        detail.redraw()
        self.refresh_bindings()

    def _cells(self, row: CandidateRow, sizes: Sequence[int]) -> list[list[Span]]:
        return candidate_cells(row, self.twins.get(row.nearest or "", row.nearest or ""), sizes)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "rescue":
            row = self.table.row if self.is_mounted else None
            return row is not None and row.verdict != "kept" and row.verdict != "truncated"
        if action in ("copy", "answer"):
            return self.is_mounted and self.table.row is not None
        return True

    def action_next_tab(self, by: int) -> None:
        self.verdict = LISTS[(LISTS.index(self.verdict) + by) % len(LISTS)]
        self.rule = ""
        self.reload(fresh=True)

    def action_search(self) -> None:
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        self.search = event.value.strip()
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(SEARCH_DELAY_S, lambda: self.reload(fresh=True))

    @on(Input.Submitted, "#search")
    def _searched(self) -> None:
        self.table.focus()

    def action_close(self) -> None:
        field = self.query_one("#search", Input)
        if field.display:
            field.value = ""
            field.display = False
            self.table.focus()
            return
        self.dismiss()

    def action_copy(self) -> None:
        row = self.table.row
        if row is not None:
            self.alpaca.copy(details.candidate_json(row), "the candidate as JSON")

    def action_answer(self) -> None:
        row = self.table.row
        if row is not None:
            self._open(row)

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        self._open(event.row)

    def _open(self, row: CandidateRow) -> None:
        from alpaca_tui.tui.screens.generate.completion import CompletionScreen

        self.alpaca.push_screen(CompletionScreen(row.completion_id, candidate_id=row.id))

    def action_rescue(self) -> None:
        row = self.table.row
        if row is None:
            return

        def job() -> int:
            return self.session.rescue(row.id)

        def done(_example: int) -> None:
            self.alpaca.say(f"Kept by hand: {preview(row.instruction, 60)}")
            self.reload(fresh=False)
            self.table.forget()

        self.in_thread("candidates.rescue", job, done)

    def action_again(self) -> None:
        from alpaca_tui.tui.screens.generate.again import judge_again

        judge_again(self.alpaca, lambda: self.reload(fresh=True))


def kept_candidates(tally: Tally) -> int:
    """How many candidates stand as kept, whatever became of their rows later."""
    others = tally.duplicates + sum(tally.filtered.values()) + tally.truncated + tally.surplus
    return max(tally.candidates - others, 0)


def candidate_cells(row: CandidateRow, twin: str, sizes: Sequence[int]) -> list[list[Span]]:
    """A candidate's cells: sign, score, instruction, why. `twin` is its nearest instruction, where known."""
    name = str(row.verdict)
    why: list[Span]
    if row.rescued:
        why = [("rescued by hand", "accent")]
    elif name == "filtered":
        why = [(one_line(row.detail or (row.rule or "")), "muted")]
    elif name == "duplicate":
        why = [(f"{glyphs['duplicate']} {one_line(twin)}", "muted")]
    elif name == "truncated":
        why = [("cut off", "muted")]
    elif name == "surplus":
        why = [("more than the goal needed", "muted")]
    else:
        why = [("", "plain")]
    score: Span = (
        f"{row.score:.2f}" if row.score is not None else "–",
        "duplicate" if name == "duplicate" else "faint",
    )
    text = row.instruction or row.output or "(empty)"
    return [[(glyphs[name], name)], [score], [(fit(text, sizes[2]), "plain")], why]
