"""One answer of the teacher in full: what was asked, what came, what became of each task, what it cost.

An answer still being written shows its text as it comes. Knows the session, no engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Line, Span
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.generate import details, panes
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.generation.events import StreamView
    from alpaca_tui.store.rows import CandidateRow, CompletionRow

TABS = (("tasks", "Tasks"), ("answer", "Answer"), ("prompt", "Prompt"))
REFRESH_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Loaded:
    """An answer as stored."""

    row: CompletionRow | None = None
    candidates: Sequence[CandidateRow] = ()
    twins: dict[str, str] = field(default_factory=dict[str, str])
    request: dict[str, Any] | None = None
    older: int | None = None
    newer: int | None = None


class Facts(LineView):
    """The figures of the answer."""

    def __init__(self) -> None:
        super().__init__(id="answer-facts", classes="pane")
        self.loaded = Loaded()

    def build(self, width: int, height: int) -> list[Line]:
        return details.facts(self.loaded.row, width) if self.loaded.row is not None else []


class Tabs(LineView):
    """Which view of the answer is shown."""

    def __init__(self) -> None:
        super().__init__(id="answer-tabs")
        self.current = "tasks"

    def build(self, width: int, height: int) -> list[Line]:
        spans: list[Span] = [
            (f" {label} ", "chip" if name == self.current else "muted") for name, label in TABS
        ]
        return [Line.of(*spans, ("  [ ]", "key"), (" turn", "faint"))]


class Body(LineView):
    """The text of the chosen view."""

    def __init__(self) -> None:
        super().__init__(id="answer-body", classes="pane", selectable=True)
        self.loaded = Loaded()
        self.current = "tasks"
        self.stream: StreamView | None = None

    def build(self, width: int, height: int) -> list[Line]:
        row = self.loaded.row
        if row is None:
            return []
        writing = row.state == "in_flight"
        if self.current == "prompt":
            return details.prompt(self.loaded.request, row.spoke, width)
        if self.current == "answer":
            text = self.stream.tail if writing and self.stream is not None else row.text
            return details.answer(text, width, writing=writing)
        if writing:
            tasks = self.stream.tasks if self.stream is not None else ()
            waiting = [Line.of(("Tasks appear here as they are written.", "muted"))]
            return [panes.task_line(task, width) for task in tasks] or waiting
        return details.tasks(self.loaded.candidates, self.loaded.twins, width)


class CompletionScreen(RoomScreen):
    """One answer."""

    CSS_PATH = "completion.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("completion", "list")
    HELP_PAGE = "answer"
    HELP_TITLE = "One answer"
    BINDINGS: ClassVar[list[BindingType]] = bindings("completion")
    AUTO_FOCUS = "#answer-body"

    def __init__(self, completion_id: int, *, candidate_id: int | None = None) -> None:
        super().__init__()
        self.completion_id = completion_id
        self.candidate_id = candidate_id
        self.loaded = Loaded()

    def body(self) -> Iterable[Widget]:
        with Vertical(id="answer-room"):
            yield Facts()
            yield Tabs()
            yield Body()

    def on_mount(self) -> None:
        self.set_interval(REFRESH_EVERY_S, self._tick)
        self.reload()

    def _tick(self) -> None:
        if not self.is_current:
            return
        row = self.loaded.row
        if row is None or row.state == "in_flight" or (row.state == "done" and not row.judged):
            self.reload()

    def reload(self) -> None:
        """Read the answer, off the loop."""
        wanted = self.completion_id

        def job() -> Loaded:
            store = self.session.store()
            row = store.completion(wanted) if store is not None else None
            if store is None or row is None:
                return Loaded()
            candidates = store.candidates(completion_id=wanted, limit=1000)
            keys = [row.nearest for row in candidates if row.nearest]
            older = store.completion(wanted - 1)
            newer = store.completion(wanted + 1)
            return Loaded(
                row,
                candidates,
                self.session.instructions(keys),
                store.completion_request(wanted),
                older.id if older else None,
                newer.id if newer else None,
            )

        self.in_thread("completion.read", job, self._show)

    def _show(self, loaded: Loaded) -> None:
        self.loaded = loaded
        facts, body = self.query_one(Facts), self.query_one(Body)
        facts.loaded = body.loaded = loaded
        row = loaded.row
        if row is not None:
            kind = "" if row.purpose == "generate" else f" {glyphs['dot']} {row.purpose}"
            facts.border_title = f"Answer #{row.index}{kind}"
        view = self.session.snapshot()
        body.stream = (
            next((s for s in view.streams if s.completion_id == self.completion_id), None) if view else None
        )
        facts.redraw()
        body.redraw()
        if self.candidate_id is not None and any(one.id == self.candidate_id for one in loaded.candidates):
            body.move_to(self.candidate_id)
            self.candidate_id = None
        self.refresh_bindings()

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "walk":
            return (self.loaded.older if parameters == (-1,) else self.loaded.newer) is not None or None
        return True

    def action_walk(self, by: int) -> None:
        other = self.loaded.older if by < 0 else self.loaded.newer
        if other is not None:
            self.completion_id = other
            self.query_one(Body).scroll_to(y=0, animate=False)
            self.reload()

    def action_next_tab(self, by: int) -> None:
        names = [name for name, _ in TABS]
        tabs, body = self.query_one(Tabs), self.query_one(Body)
        tabs.current = body.current = names[(names.index(tabs.current) + by) % len(names)]
        body.scroll_to(y=0, animate=False)
        tabs.redraw()
        body.redraw()

    def action_copy(self) -> None:
        row = self.loaded.row
        if row is None:
            return
        body = self.query_one(Body)
        if body.current == "tasks" and isinstance(body.cursor, int):
            for candidate in self.loaded.candidates:
                if candidate.id == body.cursor:
                    self.alpaca.copy(details.candidate_json(candidate), "the task as JSON")
                    return
        if body.current == "prompt":
            text = details.prompt_text(self.loaded.request or {}, row.spoke)
            self.alpaca.copy(text, "the prompt")
            return
        self.alpaca.copy(row.text, "the raw answer")

    @on(LineView.Opened, "#answer-body")
    def _opened(self) -> None:
        self.action_copy()

    def action_close(self) -> None:
        self.dismiss()
