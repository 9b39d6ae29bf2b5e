"""Review: one task at a time through a frozen list, decided on single keys; it can be left and resumed.

A re-check shows rows decided before, without the decision, and tells how often one agrees with oneself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.widget import Widget

from alpaca_tui.text import plural
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, Span, sides
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset.detail import Subject, row_lines
from alpaca_tui.tui.screens.dialogs import Choice, QuestionDialog
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.curation.lint import Context
    from alpaca_tui.store.curated import Agreement, Decision, ReviewKind, ReviewRow
    from alpaca_tui.store.rows import ReviewStatus
    from alpaca_tui.store.store import Store
    from alpaca_tui.tui.screens.dataset.screen import DatasetScreen

RECHECK_ROWS = 20
_IDLE_S = 120.0
"""A pause longer than this is not counted as time spent on a row."""


@dataclass(slots=True)
class Step:
    """Something done here, to be taken back: at which place of the review, to which row. decided: a decision, not
    an edit. before: the row's status before a decision. operation: what it came to, None for nothing; before
    and operation are known when it was stored, which jobs in order wait for."""

    place: int
    row: int
    decided: bool = False
    before: ReviewStatus = "pending"
    operation: int | None = None


class Progress(LineView):
    """How far the review has come, what was decided, at what pace."""

    def __init__(self) -> None:
        super().__init__(id="review-progress")
        self.review: ReviewRow | None = None
        self.position = 0

    def build(self, width: int, height: int) -> list[Line]:
        review = self.review
        if review is None:
            return [Line.of(("Reading…", "faint"))]
        total = len(review.ids)
        decided = review.approved + review.rejected + review.skipped
        at = min(self.position + 1, total)
        left: list[Span] = [
            (" Re-check " if review.kind == "recheck" else " Review ", "chip"),
            (f"  {words.count(at)} of {words.count(total)}", "bold"),
        ]
        if review.kind == "review":
            left += [
                (f"   {glyphs['approved']} {review.approved}", "kept"),
                (f"  {glyphs['rejected']} {review.rejected}", "error"),
                (f"  {glyphs['open']} {review.skipped}", "muted"),
            ]
        right: list[Span] = []
        if decided >= 3 and review.seconds > 0:
            each = review.seconds / decided
            right = [
                (f"{each:.0f} s a task, {words.duration(each * (total - self.position))} to go", "muted")
            ]
        bar = glyphs.bar(self.position / max(total, 1), max(width - 2, 1))
        track = glyphs["track"] * max(width - 2 - len(bar), 0)
        return [sides(left, right, width), Line.of((" ", "plain"), (bar, "primary"), (track, "track"))]


class Task(LineView):
    """The task under review."""

    def __init__(self) -> None:
        super().__init__(id="review-task", classes="pane")
        self.can_focus = True
        self.subject: Subject | None = None
        self.blind = False
        self.over: Sequence[Line] = ()

    def build(self, width: int, height: int) -> Sequence[Line]:
        if self.over:
            return self.over
        if self.subject is None:
            return []
        lines = row_lines(self.subject, (), width)
        # The first lines tell the status, which a re-check must not show.
        return lines[lines.index(BLANK) + 1 :] if self.blind else lines


class ReviewScreen(RoomScreen):
    """A review going on. `changed` is called when it is left."""

    CSS_PATH = "review.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("review",)
    HELP_PAGE = "review"
    HELP_TITLE = "Review"
    BINDINGS: ClassVar[list[BindingType]] = bindings("review")
    AUTO_FOCUS = "#review-task"

    def __init__(
        self, review: ReviewRow, changed: Callable[[int | None], None], context: Context | None
    ) -> None:
        super().__init__()
        self.review = review
        self.position = review.position
        self._changed = changed
        self._lint_context = context
        self._since = time.monotonic()
        self._undo: list[Step] = []
        """What was done here, the last one last."""

    def body(self) -> Iterable[Widget]:
        yield Progress()
        yield Task()

    def on_mount(self) -> None:
        self._show()

    # --- what is shown

    @property
    def row(self) -> int | None:
        """The row under review; None at the end."""
        return self.review.ids[self.position] if self.position < len(self.review.ids) else None

    def _show(self) -> None:
        id = self.row
        self._since = time.monotonic()

        def job() -> tuple[ReviewRow, Subject | None, Agreement | None]:
            from alpaca_tui.curation.inspection import context_of
            from alpaca_tui.tui.screens.dataset import loading

            store = self.session.ensure_store()
            self._lint_context = self._lint_context or context_of(store, self.session.leaks())
            review = store.review(self.review.id)
            agreement = None
            if id is None and review.kind == "recheck":
                agreement = store.agreement(review.id)
            if id is None:
                store.end_review(review.id)
            subject = loading.subject(self.session, id, "row", self._lint_context) if id is not None else None
            return review, subject, agreement

        def show(found: tuple[ReviewRow, Subject | None, Agreement | None]) -> None:
            self.review, subject, agreement = found
            progress, task = self.query_one(Progress), self.query_one(Task)
            progress.review, progress.position = self.review, self.position
            task.subject, task.blind = subject, self.review.kind == "recheck"
            task.over = self._ended(agreement) if id is None else ()
            task.border_title = f"Row {id}" if id is not None else "Done"
            task.scroll_to(y=0, animate=False)
            for view in (progress, task):
                view.redraw()
            self.refresh_bindings()

        self.in_thread("review.show", job, show)

    def _ended(self, agreement: Agreement | None) -> list[Line]:
        review = self.review
        if agreement is not None:
            lines = [
                Line.of(("The re-check is done.", "bold")),
                BLANK,
                Line.of(
                    f"You decided {agreement.same} of {agreement.decided} rows as you did before ",
                    (f"({words.percent(agreement.same, agreement.decided)}).", "accent"),
                ),
            ]
            lines += [
                Line.of((f"  row {id}", "title"), f"  {before} {glyphs['change']} {after}")
                for id, before, after in agreement.changed[:30]
            ]
            if agreement.changed:
                lines += [
                    BLANK,
                    Line.of(("The rows keep their first status: open those above and decide.", "muted")),
                ]
            return lines
        return [
            Line.of(("The review is done.", "bold")),
            BLANK,
            Line.of((f"{glyphs['approved']} {plural(review.approved, 'row')} approved", "kept")),
            Line.of((f"{glyphs['rejected']} {plural(review.rejected, 'row')} rejected", "error")),
            Line.of((f"{glyphs['open']} {plural(review.skipped, 'row')} skipped", "muted")),
            BLANK,
            Line.of((" c ", "key"), ("re-checks a sample blind: do you agree with yourself?", "muted")),
            Line.of((" esc ", "key"), ("goes back to the table.", "muted")),
        ]

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("decide", "edit", "fix", "stars", "rendered"):
            return self.row is not None
        if action == "undo":
            return bool(self._undo)
        return True

    def action_decide(self, decision: str) -> None:
        id, place = self.row, self.position
        if id is None:
            return
        seconds = min(time.monotonic() - self._since, _IDLE_S)
        review = self.review
        chosen = cast("Decision", decision)
        step = self._begin(decided=True)
        self.position += 1

        def job() -> None:
            from alpaca_tui.curation import edits

            store = self.session.ensure_store()
            row = store.example(id)
            step.before = row.status if row is not None else "pending"
            if chosen != "skipped" and review.kind == "review":
                operation = edits.set_status(store, [id], chosen).operation
                step.operation = operation.id if operation is not None else None
            store.decide(
                review.id,
                id,
                chosen,
                position=place + 1,
                seconds=seconds,
                earlier=step.before,
                operation_id=step.operation,
            )

        self.in_order(job)
        self.in_order(lambda: None, lambda _done: self._show())

    def _begin(self, *, decided: bool = False) -> Step:
        """Note at once what is being done, so that an undo typed after it finds it however long it takes."""
        assert self.row is not None
        step = Step(self.position, self.row, decided)
        self._undo.append(step)
        self.refresh_bindings()
        return step

    def action_undo(self) -> None:
        if not self._undo:
            self.alpaca.say("Nothing was done here yet", severity="warning")
            return
        step = self._undo.pop()
        self.position = step.place
        review = self.review

        def job() -> str:
            return _take_back(self.session.ensure_store(), review.id, step)

        def done(told: str) -> None:
            if told:
                self.alpaca.say(told, severity="warning")
            self._show()

        self.in_order(job, done)

    def action_stars(self, stars: int) -> None:
        id = self.row
        if id is None:
            return
        step = self._begin()

        def job() -> None:
            from alpaca_tui.curation import edits

            operation = edits.rate(self.session.ensure_store(), [id], stars).operation
            step.operation = operation.id if operation is not None else None

        self.in_order(job, lambda _done: self._show())

    def action_edit(self) -> None:
        from alpaca_tui.tui.screens.dataset.editor import Draft, EditorScreen

        subject = self.query_one(Task).subject
        if subject is None:
            return

        def saved(_id: int) -> None:
            if editor.operation is not None:
                self._begin().operation = editor.operation.id
            self._show()

        editor = EditorScreen(Draft.of(subject.row), saved, self._lint_context)
        self.alpaca.push_screen(editor)

    def action_fix(self) -> None:
        from alpaca_tui.curation.fixes import fix_all
        from alpaca_tui.tui.screens.dataset import fixing
        from alpaca_tui.tui.screens.dataset.dialogs import LookFirst

        subject = self.query_one(Task).subject
        if subject is None:
            return
        row = subject.row
        fixed, rules = fix_all(row.instruction, row.input, row.output)
        fields = fixing.changed_fields(row, fixed)
        if not fields:
            self.alpaca.say("Nothing here has a safe fix", severity="warning")
            return

        def answered(yes: bool | None) -> None:
            if not yes:
                return
            step = self._begin()

            def job() -> None:
                operation = fixing.save_fix(self.session.ensure_store(), row, fields, rules).operation
                step.operation = operation.id if operation is not None else None

            self.in_order(job, lambda _done: self._show())

        self.alpaca.push_screen(
            LookFirst(
                f"Fix row {row.id}: {', '.join(rules)}",
                lambda width: fixing.difference(row, fields, width),
                f"Make {plural(len(rules), 'fix', 'fixes')}",
            ),
            answered,
        )

    def action_rendered(self) -> None:
        from alpaca_tui.tui.screens.dataset.rendered import RenderedDialog

        subject = self.query_one(Task).subject
        if subject is not None:
            self.alpaca.push_screen(RenderedDialog(subject.row))

    def action_recheck(self) -> None:
        def job() -> ReviewRow | None:
            store = self.session.ensure_store()
            rows = store.decided_rows()
            if not rows:
                return None
            sample = random.Random().sample(rows, min(RECHECK_ROWS, len(rows)))
            return store.start_review(sample, "", "recheck")

        def begin(review: ReviewRow | None) -> None:
            if review is None:
                self.alpaca.say("Nothing was decided yet: there is nothing to re-check", severity="warning")
                return
            self.review, self.position = review, 0
            self._undo.clear()
            self._show()

        self.in_order(job, begin)

    def action_scroll(self, by: int) -> None:
        self.query_one(Task).scroll_relative(y=by * 3, animate=False)

    def action_close(self) -> None:
        position, review = self.position, self.review

        def job() -> None:
            if position < len(review.ids):
                self.session.ensure_store().move_review(review.id, position)

        self.dismiss()
        self.in_order(job, lambda _done: self._changed(self.row))


def _take_back(store: Store, review: int, step: Step) -> str:
    """Undo what was done; what stands in the way, "" for nothing. An operation done since then is not undone
    with it: a decision's row gets its status of before instead."""
    if step.decided:
        store.undecide(review, step.row)
        store.move_review(review, step.place)
    if step.operation is None:
        return ""
    last = store.next_undo()
    if last is not None and last.id == step.operation:
        store.undo()
        return ""
    if not step.decided:
        return "Other rows were changed since: undo this one from its history"
    from alpaca_tui.curation import edits

    edits.set_status(store, [step.row], step.before)
    return f"Other rows were changed since: this one is {step.before} again"


def open_review(screen: DatasetScreen) -> None:
    """Begin a review of the rows shown, or go on with the one that was left."""
    ids, query = list(screen.table.ids), screen.look.query
    alpaca = screen.alpaca

    def leave(row: int | None) -> None:
        screen.reload(go_to=row)

    def start(kind: ReviewKind = "review") -> None:
        def job() -> ReviewRow:
            store = screen.session.ensure_store()
            old = store.open_review(kind)
            if old is not None:
                store.end_review(old.id)
            return store.start_review(ids, query, kind)

        def begin(review: ReviewRow) -> None:
            alpaca.push_screen(ReviewScreen(review, leave, screen.context))

        alpaca.in_order(job, begin)

    def ask(old: ReviewRow | None) -> None:
        # One that was left with nothing decided is worth no question.
        if old is None or old.position >= len(old.ids) or not (old.approved + old.rejected + old.skipped):
            start()
            return
        of = f"of {old.query}" if old.query else "of all rows"

        def answered(choice: str | None) -> None:
            if choice == "resume":
                alpaca.push_screen(ReviewScreen(old, leave, screen.context))
            elif choice == "new":
                start()

        alpaca.push_screen(
            QuestionDialog(
                "Go on with the last review?",
                f"A review {of} stands at {words.count(old.position)} of {words.count(len(old.ids))}.",
                [
                    Choice("resume", "Go on"),
                    Choice("new", f"Review the {words.count(len(ids))} shown"),
                    Choice("none", "Back"),
                ],
                escape="none",
            ),
            answered,
        )

    alpaca.in_thread("review.open", lambda: screen.session.ensure_store().open_review(), ask)
