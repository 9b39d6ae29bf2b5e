"""Every request this workspace ever sent, newest first: its state, yield, price and pace.

Knows the session's store, no engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from alpaca_tui.text import one_line, plural
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Span
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.generate import details
from alpaca_tui.tui.widgets.table import Column, PagedTable

if TYPE_CHECKING:
    from alpaca_tui.store.rows import CompletionRow

REFRESH_EVERY_S = 2.0
_SIGNS = {
    "in_flight": ("running", "primary"),
    "done": ("done", "kept"),
    "failed": ("fault", "error"),
    "lost": ("fault", "warning"),
}


class AnswersScreen(RoomScreen):
    """The list of answers."""

    CSS_PATH = "answers.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("answers", "list")
    HELP_PAGE = "answers"
    HELP_TITLE = "Answers"
    BINDINGS: ClassVar[list[BindingType]] = bindings("answers")
    AUTO_FOCUS = "#answers"

    def body(self) -> Iterable[Widget]:
        with Vertical(id="answers-room"):
            yield PagedTable["CompletionRow"](
                [
                    Column("", 1),
                    Column("answer", 7),
                    Column("sent", 8),
                    Column("kept", 7),
                    Column("tokens", 7),
                    Column("cost", 8),
                    Column("time", 6),
                    Column("model", share=1),
                    Column("how it ended", share=2),
                ],
                _cells,
                lambda row: row.id,
                id="answers",
                classes="pane",
            )

    def on_mount(self) -> None:
        self.set_interval(REFRESH_EVERY_S, self.reload)
        self.reload()

    @property
    def table(self) -> PagedTable[CompletionRow]:
        return cast("PagedTable[CompletionRow]", self.query_one("#answers", PagedTable))

    def reload(self) -> None:
        """Look for new requests, off the loop."""
        if not self.is_current:
            return

        def job() -> int:
            store = self.session.store()
            newest = store.completions(order="begin", limit=1) if store is not None else []
            return newest[0].id if newest else 0

        def show(last: int) -> None:
            self.table.set_ids(range(last, 0, -1))
            self.table.border_title = plural(last, "answer") if last else "Nothing has been asked yet"
            if self.session.live:
                self.table.forget()

        self.in_thread("answers.ids", job, show)

    def on_paged_table_wanted(self, event: PagedTable.Wanted) -> None:
        table, page, generation, ids = event.table, event.page, event.generation, event.ids

        def job() -> list[CompletionRow]:
            store = self.session.store()
            return (
                store.completions(order="begin", after=ids[0] + 1, limit=len(ids))
                if store is not None
                else []
            )

        def failed(error: BaseException) -> None:
            table.refused(page, generation)
            self.alpaca.show_error(error)

        self.in_thread(
            f"answers.page.{page}", job, lambda rows: table.give(page, rows, generation), failed=failed
        )

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        from alpaca_tui.tui.screens.generate.completion import CompletionScreen

        self.alpaca.push_screen(CompletionScreen(event.row.id))

    def action_close(self) -> None:
        self.dismiss()


def _cells(row: CompletionRow, sizes: Sequence[int]) -> list[list[Span]]:
    sign, style = _SIGNS.get(row.state, ("note", "muted"))
    ended = details.FINISH_WORDS.get(row.finish_reason or "", row.finish_reason or "")
    if row.state != "done":
        ended = row.error or details.STATE_WORDS.get(row.state, row.state)
    tokens = row.prompt_tokens + row.completion_tokens
    judged = f"{row.kept_count}/{row.judged_count}" if row.judged else "–"
    return [
        [(glyphs[sign], style)],
        [(f"#{row.index}", "plain")],
        [(words.clock_time(row.started_at), "faint")],
        [(judged, "kept" if row.kept_count else "muted")],
        [(words.short(tokens) if tokens else "–", "muted")],
        [(words.dollars(row.cost_usd), "muted")],
        [(f"{row.latency_s:.1f} s" if row.latency_s is not None else "–", "muted")],
        [(one_line(row.answered_model or row.model), "muted")],
        [(one_line(ended), "error" if row.state == "failed" else "muted")],
    ]
