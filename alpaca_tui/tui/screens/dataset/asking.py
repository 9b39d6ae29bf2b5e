"""Ask the teacher: its answers stream in, and a person accepts or declines each, seen as a difference.

The question goes on while the screen is away; answers nobody has decided on wait here for the next time.
Knows the session's question and the suggestions in the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from alpaca_tui.text import plural, preview
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset.answered import AnswerList, AnswerPane, AskedLine, Entry
from alpaca_tui.tui.screens.dataset.dialogs import LookFirst
from alpaca_tui.tui.screens.dataset.editor import Draft, EditorScreen
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.curation.assist import AskSettings
    from alpaca_tui.store.curated import Done, SuggestionRow
    from alpaca_tui.store.rows import ExampleRow
    from alpaca_tui.tui.screens.dataset.acts import RowActs
    from alpaca_tui.tui.screens.dataset.ask_form import Before, Forecast

LOOK_EVERY_S = 0.2
_MOST = 10_000
_SHOWN_DIFFERENCES = 12


class AskingScreen(RoomScreen):
    """The answers, the one under the cursor beside them."""

    CSS_PATH = "asking.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("ask", "list")
    HELP_PAGE = "ask"
    HELP_TITLE = "Ask the teacher"
    BINDINGS: ClassVar[list[BindingType]] = bindings("ask")
    AUTO_FOCUS = "#asked"

    def __init__(self) -> None:
        super().__init__()
        self._open: Sequence[SuggestionRow] = ()
        self._answered = -1
        self._read: frozenset[int] = (
            frozenset()
        )  # answers of the question that were there at the last reading

    def body(self) -> Iterable[Widget]:
        yield AskedLine()
        with Horizontal(id="asking"):
            yield AnswerList()
            yield AnswerPane()

    def on_mount(self) -> None:
        self.set_interval(LOOK_EVERY_S, self._look)
        self.reload()

    def on_screen_resume(self) -> None:
        self.reload()

    # --- what there is

    def reload(self) -> None:
        """Read the open answers and the beginnings of their rows anew."""

        def job() -> tuple[list[SuggestionRow], dict[int, str], frozenset[int]]:
            store = self.session.ensure_store()
            asked = self.session.question.rows if self.session.question is not None else []
            known = frozenset(one.suggestion for one in asked if one.suggestion is not None)
            found = store.suggestions(limit=_MOST)
            ids = list(dict.fromkeys([*(one.row for one in asked), *(one.example_id for one in found)]))
            return found, {line.id: line.instruction for line in store.example_lines(ids)}, known

        def show(found: tuple[list[SuggestionRow], dict[int, str], frozenset[int]]) -> None:
            view = self.query_one(AnswerList)
            self._open, view.texts, self._read = found
            self._list()
            self._show_answer()

        self.in_thread("ask.read", job, show)

    def _look(self) -> None:
        """Follow the question while it is asked."""
        question = self.session.question
        if not self.is_current or question is None:
            return
        progress = question.progress()
        if progress.answered != self._answered:
            self._answered = progress.answered
            self.reload()
        line = self.query_one(AskedLine)
        if line.progress != progress or self.session.asking:
            self._list()
            self.query_one(AnswerPane).redraw()

    def _list(self) -> None:
        """The list and the line above it, as things stand."""
        question = self.session.question
        by_id = {one.id: one for one in self._open}
        entries: list[Entry] = []
        for asked in question.rows if question is not None else ():
            one = by_id.pop(asked.suggestion, None) if asked.suggestion is not None else None
            decided = one is None and asked.suggestion in self._read
            if not decided:
                entries.append(Entry(("asked", asked.row), asked.row, one, asked))
        entries += [Entry(("open", one.id), one.example_id, one) for one in by_id.values()]
        view, line = self.query_one(AnswerList), self.query_one(AskedLine)
        view.entries = entries
        view.border_title = plural(len(self._open), "open answer") if self._open else "Answers"
        view.redraw()
        line.open = len(self._open)
        if question is not None:
            from alpaca_tui.curation.suggested import VERBS

            line.progress, line.verb = question.progress(), VERBS[question.settings.kind]
        line.redraw()
        self.refresh_bindings()

    @on(LineView.Moved, "#asked")
    def _show_answer(self) -> None:
        entry, pane = self.query_one(AnswerList).entry, self.query_one(AnswerPane)
        moved = entry is None or pane.entry is None or pane.entry.key != entry.key
        pane.entry = entry
        self.refresh_bindings()
        if entry is None:
            pane.row = None
            pane.redraw()
            return

        def show(row: ExampleRow | None) -> None:
            if pane.entry is entry:
                pane.row = row
                pane.border_title = f"Row {entry.row}"
                if moved:
                    pane.scroll_to(y=0, animate=False)
                pane.redraw()

        self.in_thread("ask.row", lambda: self.session.ensure_store().example(entry.row), show)

    @property
    def _decidable(self) -> tuple[SuggestionRow, ExampleRow] | None:
        """The answer shown, with the row as it is shown."""
        pane = self.query_one(AnswerPane)
        if pane.entry is None or pane.entry.suggestion is None or pane.row is None:
            return None
        return (pane.entry.suggestion, pane.row) if pane.row.id == pane.entry.row else None

    # --- deciding

    def action_accept(self) -> None:
        decided = self._decidable
        if decided is not None:
            self._accept([decided])

    def _accept(self, decided: Sequence[tuple[SuggestionRow, ExampleRow]]) -> None:
        def job() -> Done:
            from alpaca_tui.curation.suggested import accept

            return accept(self.session.ensure_store(), decided)

        def done(result: Done) -> None:
            if result.operation is not None:
                self.alpaca.say(f"{result.operation.title}  (u undoes)")
            self.reload()

        def failed(error: BaseException) -> None:
            self.alpaca.show_error(error)
            self.reload()

        self.in_order(job, done, failed=failed)

    def action_accept_all(self) -> None:
        """Every open answer like the one shown: the same question, the same verdict; after a look."""
        decided = self._decidable
        if decided is None:
            return
        like = decided[0]

        def job() -> list[tuple[SuggestionRow, ExampleRow]]:
            from alpaca_tui.curation.suggested import proposal

            store = self.session.ensure_store()
            alike = {
                one.example_id: one
                for one in store.suggestions(limit=_MOST)
                if (one.kind, one.verdict) == (like.kind, like.verdict) and proposal(one) and not one.stale
            }
            return [(alike[row.id], row) for row in store.examples_by_id(list(alike))]

        self.in_thread("ask.alike", job, self._look_first)

    def _look_first(self, alike: Sequence[tuple[SuggestionRow, ExampleRow]]) -> None:
        from alpaca_tui.curation.suggested import VERBS, proposal
        from alpaca_tui.tui.screens.dataset.fixing import difference

        if not alike:
            self.alpaca.say("There is nothing to accept", severity="warning")
            return
        kind, verdict = alike[0][0].kind, alike[0][0].verdict

        def draw(width: int) -> list[Line]:
            out: list[Line] = []
            for one, row in alike[:_SHOWN_DIFFERENCES]:
                out.append(
                    Line.of((f"row {row.id}", "bold"), (f"  {preview(row.instruction, width - 14)}", "muted"))
                )
                if one.reason:
                    out.append(Line.of((f"  {preview(one.reason, width - 2)}", "info")))
                out += difference(row, proposal(one), width)
            if len(alike) > _SHOWN_DIFFERENCES:
                out.append(Line.of((f"… and {plural(len(alike) - _SHOWN_DIFFERENCES, 'row')} more", "muted")))
                out.append(BLANK)
            return out

        def answered(yes: bool | None) -> None:
            if yes:
                self._accept(alike)

        said = f", all {verdict}" if verdict else ""
        self.alpaca.push_screen(
            LookFirst(
                f"{VERBS[kind]} {plural(len(alike), 'row')}{said}",
                draw,
                f"Accept {plural(len(alike), 'answer')}",
            ),
            answered,
        )

    def action_decline(self) -> None:
        decided = self._decidable
        if decided is None:
            return
        one = decided[0]
        self.in_order(
            lambda: self.session.ensure_store().close_suggestion(one.id, "declined"),
            lambda _none: self.reload(),
        )

    def action_edit(self) -> None:
        """The row in the editor, as the teacher would have it; saving it accepts the answer."""
        decided = self._decidable
        if decided is None:
            return
        one, row = decided
        draft = Draft.of(row)
        if one.output is not None:
            title = f"Row {row.id}, as the teacher would have it"
            draft = Draft(row.id, {**draft.fields, "output": one.output}, row.revised, title)

        def saved(_id: int) -> None:
            def job() -> None:
                store = self.session.ensure_store()
                last = store.next_undo()
                store.close_suggestion(one.id, "accepted", last.id if last is not None else None)

            self.in_order(job, lambda _none: self.reload())

        self.alpaca.push_screen(EditorScreen(draft, saved, base=row))

    def action_undo(self) -> None:
        def done(operation: object) -> None:
            self.alpaca.say("Taken back" if operation else "Nothing to undo")
            self.reload()

        self.in_order(lambda: self.session.ensure_store().undo(), done)

    # --- going about

    def action_stop(self) -> None:
        if self.session.question is not None:
            self.alpaca.command(self.session.question.stop)

    @on(LineView.Opened, "#asked")
    async def _opened(self) -> None:
        await self.action_show()

    async def action_show(self) -> None:
        entry = self.query_one(AnswerList).entry
        if entry is not None:
            await self.alpaca.show_dataset("", entry.row)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        if action == "stop":
            return self.session.asking
        decided = self._decidable
        if action in ("accept", "accept_all"):
            from alpaca_tui.curation.suggested import proposal

            return decided is not None and bool(proposal(decided[0]))
        if action in ("decline", "edit"):
            return decided is not None
        return True

    def action_close(self) -> None:
        if self.session.asking:
            self.alpaca.say("The teacher goes on answering; T comes back here")
        self.dismiss()


def ask_teacher(screen: RowActs) -> None:
    """Ask about the rows an act is for: a window first, then the answers. While a question is being asked,
    straight to its answers."""
    from alpaca_tui.tui.screens.dataset.ask_form import AskDialog

    app, session, ids = screen.alpaca, screen.session, screen.targets()
    if session.asking:
        app.push_screen(AskingScreen())
        return

    def open_form(before: Before) -> None:
        if not before.rows and not before.open:
            app.say("There is no row to ask about", severity="warning")
            return
        what = f"row {ids[0]}" if len(ids) == 1 else plural(len(ids), "row")
        title = f"Ask the teacher about {what}" if ids else "The teacher's answers"
        app.push_screen(AskDialog(title, before, lambda kind: _work_out(screen, ids, kind)), answered)

    def show(_begun: object = None) -> None:
        app.push_screen(AskingScreen())

    def answered(settings: AskSettings | str | None) -> None:
        if isinstance(settings, str):
            show()
        elif settings is not None:
            app.say("Asking the teacher…")
            app.in_order(lambda: _ask(screen, ids, settings), show)

    app.in_thread("ask.before", lambda: _before(screen, ids), open_form)


def _before(screen: RowActs, ids: Sequence[int]) -> Before:
    """The last question's settings, else the last run's, else the person's own."""
    from alpaca_tui.config import load_settings
    from alpaca_tui.curation.assist import PURPOSE
    from alpaca_tui.tui.screens.dataset.ask_form import Before
    from alpaca_tui.tui.screens.generate import form

    store = screen.session.ensure_store()
    last = store.last_run(PURPOSE)
    run = last or store.last_run()
    own = load_settings(screen.session.workspace.root)
    mine = {
        "teacher": own.teacher,
        "model": own.model,
        "budget_usd": own.budget_usd,
        "concurrency": own.concurrency,
    }
    values = form.from_config(run.config if run is not None else mine)
    values["kind"] = str(last.config.get("kind", "judge")) if last is not None else "judge"
    return Before(len(ids), len(store.suggestions(limit=_MOST)), values)


def _to_ask(screen: RowActs, ids: Sequence[int], kind: str) -> list[int]:
    """Rows without an open answer to the question; all of them where each has one, to be asked anew."""
    from alpaca_tui.curation.suggested import unanswered

    rows = unanswered(screen.session.ensure_store(), kind, ids)  # type: ignore[arg-type]
    return rows or list(ids)


def _work_out(screen: RowActs, ids: Sequence[int], kind: str) -> Forecast:
    from alpaca_tui.curation.assist import forecast
    from alpaca_tui.tui.screens.dataset.ask_form import Forecast

    store, rows = screen.session.ensure_store(), _to_ask(screen, ids, kind)
    there = back = 0
    for start in range(0, len(rows), 1_000):
        prompts, answers = forecast(kind, store.examples_by_id(rows[start : start + 1_000]))  # type: ignore[arg-type]
        there, back = there + prompts, back + answers
    return Forecast(len(rows), len(ids) - len(rows), there, back)


def _ask(screen: RowActs, ids: Sequence[int], settings: AskSettings) -> None:
    screen.session.ask(settings, _to_ask(screen, ids, settings.kind))
