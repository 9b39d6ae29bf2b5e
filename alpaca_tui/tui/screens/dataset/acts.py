"""What the person does to rows from the table: each act one call of `curation.edits`, off the event loop.

An act is for the marked rows, else for the row under the cursor. Knows the screen it belongs to, its table
and its windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from alpaca_tui.text import plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset import detail as detail_lines
from alpaca_tui.tui.screens.dataset.dialogs import Chooser, LineDialog, stars_items
from alpaca_tui.tui.screens.dataset.editor import Draft, EditorScreen

if TYPE_CHECKING:
    from alpaca_tui.curation.lint import Context
    from alpaca_tui.store.curated import Done, Operation, RowLine
    from alpaca_tui.store.rows import ExampleRow
    from alpaca_tui.store.store import Store
    from alpaca_tui.tui.widgets.table import PagedTable

Act = Callable[["Store"], "Done"]


class RowActs(RoomScreen):
    """The acts; `DatasetScreen` is one of these."""

    marks: set[int]
    context: Context | None
    unsettled = False
    """Something was done of which the line below the filter does not know yet: what can be undone is unsure."""

    @property
    def table(self) -> PagedTable[RowLine]:
        raise NotImplementedError

    def reload(self, *, go_to: int | None = None) -> None:
        """Read the ids and the rows in view anew."""
        raise NotImplementedError

    def marks_changed(self) -> None:
        raise NotImplementedError

    # --- how an act is done

    def targets(self) -> list[int]:
        """The rows an act is for."""
        if self.marks:
            return sorted(self.marks)
        id = self.table.cursor_id
        return [id] if id is not None else []

    def act(self, act: Act, *, then: Callable[[Done], None] | None = None, drop_marks: bool = True) -> None:
        """Do something to rows, say what was done, show the rows as they are now."""

        def job() -> Done:
            return act(self.session.ensure_store())

        def done(result: Done) -> None:
            self.unsettled = True
            if drop_marks and self.marks:
                self.marks.clear()
                self.marks_changed()
            if result.operation is not None:
                self.alpaca.say(f"{result.operation.title}  (u undoes)")
            self.reload()
            if then is not None:
                then(result)

        self.unsettled = True
        self.in_order(job, done)

    def _on_targets(self, act: Callable[[Store, Sequence[int]], Done]) -> None:
        ids = self.targets()
        if len(ids) > 2_000:
            self.alpaca.say(f"Changing {plural(len(ids), 'row')}…")
        if ids:
            self.act(lambda store: act(store, ids))

    def _with_row(self, then: Callable[[ExampleRow], None]) -> None:
        """The row under the cursor in full."""
        id = self.table.cursor_id
        if id is None:
            return

        def show(row: ExampleRow | None) -> None:
            if row is not None:
                then(row)

        self.in_thread("dataset.row", lambda: self.session.ensure_store().example(id), show)

    # --- status, stars, tags, note

    def action_status(self, status: str) -> None:
        from alpaca_tui.curation import edits

        alone = not self.marks
        self._on_targets(lambda store, ids: edits.set_status(store, ids, cast("Any", status)))
        if alone:
            self.table.action_cursor_down()

    def action_rate(self) -> None:
        from alpaca_tui.curation import edits

        def chosen(stars: str | None) -> None:
            if stars:
                self._on_targets(lambda store, ids: edits.rate(store, ids, int(stars) or None))

        if self.targets():
            self.alpaca.push_screen(Chooser(f"Stars for {self._named()}", stars_items(), chosen="5"), chosen)

    def action_tag(self) -> None:
        from alpaca_tui.curation import edits

        def written(text: str | None) -> None:
            parts = (text or "").replace(",", " ").split()
            add = [part.lstrip("+") for part in parts if not part.startswith("-")]
            remove = [part[1:] for part in parts if part.startswith("-") and part[1:]]
            if add or remove:
                self._on_targets(lambda store, ids: edits.change_tags(store, ids, add=add, remove=remove))

        if self.targets():
            self.alpaca.push_screen(
                LineDialog(f"Tag {self._named()}", "Tags to add, divided by blanks; -tag takes one off."),
                written,
            )

    def action_note(self) -> None:
        from alpaca_tui.curation import edits

        def written(text: str | None) -> None:
            if text is not None:
                self._on_targets(lambda store, ids: edits.set_note(store, ids, text))

        def ask(row: ExampleRow) -> None:
            old = row.note if len(self.targets()) == 1 else ""
            self.alpaca.push_screen(
                LineDialog(f"Note on {self._named()}", "An empty line takes the note off.", old), written
            )

        self._with_row(ask)

    def _named(self) -> str:
        ids = self.targets()
        return f"row {ids[0]}" if len(ids) == 1 else plural(len(ids), "row")

    # --- rows come and go

    def action_delete(self) -> None:
        from alpaca_tui.curation import edits

        row = self.table.row
        back = row is not None and row.deleted
        self._on_targets(edits.undelete if back else edits.delete)

    def action_add(self) -> None:
        self.alpaca.push_screen(EditorScreen(Draft.empty(), self._saved, self.context))

    def action_duplicate(self) -> None:
        from alpaca_tui.curation import edits

        id = self.table.cursor_id
        if id is None:
            return

        def made(result: Done) -> None:
            if result.added:
                self.reload(go_to=result.added[0])
                self.edit_row(result.added[0])

        self.act(lambda store: edits.duplicate(store, id), then=made)

    def action_split(self) -> None:
        from alpaca_tui.curation import edits
        from alpaca_tui.tui.screens.dataset.splitting import SplitScreen

        def ask(row: ExampleRow) -> None:
            parts = edits.suggest_split(edits.Part(row.instruction, row.input, row.output))

            def cut(chosen: Sequence[edits.Part]) -> None:
                self.act(
                    lambda store: edits.split(store, row.id, chosen[0], chosen[1:], expected=row.revised)
                )

            self.alpaca.push_screen(SplitScreen(row.id, parts, cut))

        self._with_row(ask)

    # --- the texts

    def action_edit(self) -> None:
        id = self.table.cursor_id
        if id is not None:
            self.edit_row(id)

    def edit_row(self, id: int) -> None:
        """Open the editor on a row."""

        def open_it(row: ExampleRow | None) -> None:
            if row is not None:
                self.alpaca.push_screen(EditorScreen(Draft.of(row), self._saved, self.context))

        self.in_thread("dataset.row", lambda: self.session.ensure_store().example(id), open_it)

    def _saved(self, id: int) -> None:
        self.alpaca.say(f"Row {id} saved  (u undoes)")
        self.reload(go_to=id)

    def action_external(self) -> None:
        def edit(row: ExampleRow) -> None:
            from alpaca_tui.curation import edits
            from alpaca_tui.errors import UserError
            from alpaca_tui.tui.external import edit_texts

            texts = (row.instruction, row.input, row.output)
            try:
                with self.alpaca.suspend():
                    edited = edit_texts(texts)
            except UserError as error:
                self.alpaca.show_error(error)
                return
            fields = {
                name: new
                for name, old, new in zip(("instruction", "input", "output"), texts, edited, strict=True)
                if new != old
            }
            if fields:
                self.act(lambda store: edits.save(store, row.id, fields, expected=row.revised))

        self._with_row(edit)

    def action_fix(self) -> None:
        from alpaca_tui.tui.screens.dataset.fixing import fix_row

        self._with_row(lambda row: fix_row(self, row))

    def action_ask(self) -> None:
        from alpaca_tui.tui.screens.dataset.asking import ask_teacher

        ask_teacher(self)

    def action_copy(self) -> None:
        self._with_row(lambda row: self.alpaca.copy(detail_lines.row_json(row), "the row as JSON"))

    def action_rendered(self) -> None:
        from alpaca_tui.tui.screens.dataset.rendered import RenderedDialog

        def show(row: ExampleRow) -> None:
            self.alpaca.push_screen(RenderedDialog(row))

        self._with_row(show)

    # --- back and forth

    def action_undo(self) -> None:
        self._walk("undo")

    def action_redo(self) -> None:
        self._walk("redo")

    def _walk(self, way: Literal["undo", "redo"]) -> None:
        def job() -> tuple[Operation | None, list[int]]:
            store = self.session.ensure_store()
            operation = store.undo() if way == "undo" else store.redo()
            return operation, store.affected(operation.id, 1) if operation is not None else []

        def done(result: tuple[Operation | None, list[int]]) -> None:
            operation, ids = result
            self.unsettled = True
            if operation is None:
                self.alpaca.say(f"Nothing to {way}", severity="warning")
                return
            verb = "Taken back" if way == "undo" else "Done again"
            rows = f", {words.count(operation.rows)} rows" if operation.rows > 1 else ""
            self.alpaca.say(f"{verb}: {preview(operation.title, 60)}{rows}")
            self.reload(go_to=ids[0] if operation.rows == 1 and ids else None)

        self.unsettled = True
        self.in_order(job, done)
