"""The editor of one row: its texts in text areas, tags and note below, what the lint says as one types.

Saving is one operation. Where the row was changed elsewhere meanwhile, the difference is shown and nothing
is overwritten without a word. Knows the store through `curation.edits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, TextArea

from alpaca_tui.text import plural
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset.detail import diff_lines, finding_lines
from alpaca_tui.tui.screens.dataset.shown import Shown
from alpaca_tui.tui.screens.dialogs import Choice, QuestionDialog
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.timer import Timer

    from alpaca_tui.curation.lint import Context, Finding
    from alpaca_tui.store.curated import Conflict, Done, Operation
    from alpaca_tui.store.rows import ExampleRow

TEXTS = ("instruction", "input", "output")
LINT_DELAY_S = 0.2
Saved = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Draft:
    """What the editor begins with. id: the row's, 0 for a new one. expected: its `revised` as it was read."""

    id: int
    fields: Mapping[str, Any]
    expected: int | None = None
    title: str = ""

    @classmethod
    def of(cls, row: ExampleRow) -> Draft:
        fields = {name: getattr(row, name) for name in (*TEXTS, "tags", "note")}
        return cls(row.id, fields, row.revised, f"Row {row.id}")

    @classmethod
    def empty(cls) -> Draft:
        return cls(0, {**dict.fromkeys(TEXTS, ""), "tags": (), "note": ""}, None, "A new row")


class Findings(LineView):
    """What the lint says of the texts as they stand."""

    def __init__(self) -> None:
        super().__init__(id="editor-findings", classes="pane")
        self.border_title = "Findings"
        self.found: list[Finding] = []

    def build(self, width: int, height: int) -> list[Line]:
        if not self.found:
            return [Line.of(("Nothing to say.", "faint"))]
        return finding_lines(self.found, width)


class EditorScreen(RoomScreen):
    """Edit a row, or write a new one. `saved` is called with the row's id."""

    CSS_PATH = "editor.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("editor", "texts")
    HELP_PAGE = "editor"
    HELP_TITLE = "Editor"
    BINDINGS: ClassVar[list[BindingType]] = bindings("editor", "texts")

    def __init__(
        self, draft: Draft, saved: Saved, context: Context | None = None, *, base: ExampleRow | None = None
    ) -> None:
        super().__init__()
        self.draft = draft
        # What counts as changed is measured by the row as it is stored, where the draft proposes other words.
        self._stored = Draft.of(base).fields if base is not None else draft.fields
        self._saved = saved
        self._lint_context = context
        self._shown = {name: Shown(str(draft.fields[name])) for name in TEXTS}
        self._typing: Timer | None = None
        self._saving = False
        self.operation: Operation | None = None
        """What saving a row came to; None before, and where nothing changed."""

    def body(self) -> Iterable[Widget]:
        with Vertical(id="editor"):
            for name in TEXTS:
                area = TextArea(
                    self._shown[name].text,
                    id=f"edit-{name}",
                    classes="pane",
                    soft_wrap=True,
                    tab_behavior="focus",
                )
                area.border_title = name.capitalize()
                yield area
            with Horizontal(id="editor-facts"):
                yield Plain("tags", classes="label")
                yield TextField(" ".join(self.draft.fields["tags"]), id="edit-tags", compact=True)
                yield Plain("note", classes="label")
                yield TextField(self.draft.fields["note"], id="edit-note", compact=True)
            yield Findings()

    def on_mount(self) -> None:
        self.query_one("#edit-instruction", TextArea).border_subtitle = self.draft.title
        self.query_one("#edit-output" if self.draft.id else "#edit-instruction").focus()
        self._look()

    # --- what stands there

    def texts(self) -> dict[str, str]:
        """The three texts as they stand."""
        return {
            name: self._shown[name].read(self.query_one(f"#edit-{name}", TextArea).text) for name in TEXTS
        }

    def changed(self) -> dict[str, Any]:
        """The fields that are not as the draft had them."""
        now: dict[str, Any] = {
            **self.texts(),
            "tags": tuple(sorted(set(self.query_one("#edit-tags", Input).value.lower().split()))),
            "note": self.query_one("#edit-note", Input).value.strip(),
        }
        before = {
            **self._stored,
            "note": TextField().validate_value(str(self._stored["note"])).strip(),
        }
        return {name: value for name, value in now.items() if value != before[name]}

    @on(TextArea.Changed)
    @on(Input.Changed)
    def _typed(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(LINT_DELAY_S, self._look)

    def _look(self) -> None:
        from alpaca_tui.curation.lint import Context, lint_row

        texts = self.texts()
        for name, text in texts.items():
            self.query_one(f"#edit-{name}", TextArea).border_title = (
                f"{name.capitalize()}  {plural(len(text.split()), 'word')}" if text else name.capitalize()
            )
        view = self.query_one(Findings)
        view.found = lint_row(
            texts["instruction"], texts["input"], texts["output"], self._lint_context or Context()
        )
        view.redraw()

    # --- keys

    def action_save(self) -> None:
        fields = self.changed()
        if not fields and self.draft.id:
            self.dismiss()
            return
        self._save(fields, self.draft.expected)

    def _save(self, fields: Mapping[str, Any], expected: int | None) -> None:
        if self._saving:
            return
        self._saving = True
        draft, texts = self.draft, self.texts()

        def job() -> Done:
            from alpaca_tui.curation import edits

            store = self.session.ensure_store()
            if draft.id:
                return edits.save(store, draft.id, fields, expected=expected)
            done = edits.add(store, edits.Part(**texts))
            rest = {name: value for name, value in fields.items() if name in ("tags", "note") and value}
            if rest:
                edits.save(
                    store, done.added[0], rest, expected=None, title=f"Tags and note of row {done.added[0]}"
                )
            return done

        def done(result: Done) -> None:
            self._saving = False
            self.operation = result.operation
            self.dismiss()
            self._saved(draft.id or result.added[0])

        def failed(error: BaseException) -> None:
            from alpaca_tui.store.curated import Conflict

            self._saving = False
            if isinstance(error, Conflict):
                self._conflict(error, fields)
            else:
                self.alpaca.show_error(error)

        self.in_thread("editor.save", job, done, failed=failed)

    def _conflict(self, conflict: Conflict, fields: Mapping[str, Any]) -> None:
        theirs = conflict.theirs

        def answered(choice: str | None) -> None:
            if choice == "mine":
                self._save(fields, theirs.revised)
            elif choice == "theirs":
                self.dismiss()
                self._saved(theirs.id)

        self.alpaca.push_screen(
            QuestionDialog(
                conflict.title,
                f"{conflict.cause} Below: their version, with what you would change in it.",
                [
                    Choice("back", "Go on editing"),
                    Choice("theirs", "Take theirs"),
                    Choice("mine", "Save mine"),
                ],
                extra=DifferenceView(theirs, fields),
            ),
            answered,
        )

    def action_external(self) -> None:
        from alpaca_tui.errors import UserError
        from alpaca_tui.tui.external import edit_texts

        texts = self.texts()
        try:
            with self.alpaca.suspend():
                edited = edit_texts([texts[name] for name in TEXTS])
        except UserError as error:
            self.alpaca.show_error(error)
            return
        for name, text in zip(TEXTS, edited, strict=True):
            self._shown[name] = Shown(text)
            self.query_one(f"#edit-{name}", TextArea).text = self._shown[name].text

    def action_close(self) -> None:
        if not self.changed():
            self.dismiss()
            return

        def answered(choice: str | None) -> None:
            if choice == "drop":
                self.dismiss()
            elif choice == "save":
                self.action_save()

        self.alpaca.push_screen(
            QuestionDialog(
                "Save the changes?",
                f"{plural(len(self.changed()), 'field')} changed: {', '.join(self.changed())}.",
                [Choice("stay", "Go on editing"), Choice("save", "Save"), Choice("drop", "Drop them")],
            ),
            answered,
        )


class DifferenceView(LineView):
    """A row as it is now, and what would be changed in it."""

    def __init__(self, row: ExampleRow, fields: Mapping[str, Any]) -> None:
        super().__init__(id="difference", selectable=False)
        self.can_focus = True
        self._row = row
        self._fields = fields

    def build(self, width: int, height: int) -> list[Line]:
        from alpaca_tui.curation.diff import word_diff

        out: list[Line] = []
        for name, value in self._fields.items():
            old = getattr(self._row, name)
            out.append(Line.of((name.capitalize(), "title")))
            if isinstance(old, str):
                out += diff_lines(word_diff(old, str(value)), width)
            else:
                out.append(Line.of((f"  {' '.join(old) or 'none'} → {' '.join(value) or 'none'}", "plain")))
            out.append(BLANK)
        return out
