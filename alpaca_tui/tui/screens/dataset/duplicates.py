"""Near-duplicates: groups of a kept row and its duplicates, side by side with their differences.

The search runs in the background over the rows of the filter; every decision is one operation. Knows the
search and the edits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from alpaca_tui.text import plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, columns
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset.detail import diff_lines, paragraph
from alpaca_tui.tui.screens.dataset.dialogs import LineDialog
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.curation.duplicates import Compared, Group
    from alpaca_tui.store.curated import Done
    from alpaca_tui.store.rows import ExampleRow
    from alpaca_tui.store.store import Store

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the search compares, and above which score rows are duplicates."""

    threshold: float = 0.7
    compared: Compared = "instruction"


class GroupList(LineView):
    """The groups, the biggest first; a line's key is the place."""

    def __init__(self) -> None:
        super().__init__(id="groups", classes="pane", selectable=True, always_show_cursor=True)
        self.border_title = "Searching…"
        self.groups: list[Group] = []
        self.texts: dict[int, str] = {}
        self.told = ""

    def build(self, width: int, height: int) -> list[Line]:
        if self.told:
            return [Line.of((self.told, "info"))]
        if not self.groups:
            return [
                Line.of(("No near-duplicates.", "success")),
                BLANK,
                Line.of((" s ", "key"), ("sets a lower threshold", "muted")),
            ]
        lines: list[Line] = []
        for place, group in enumerate(self.groups):
            score = max(one.score for one in group.duplicates)
            text = self.texts.get(cast("int", group.kept), str(group.kept))
            lines.append(
                Line.of(
                    (f"{len(group.duplicates) + 1:>3} ", "duplicate"),
                    (f"{score:.2f} ", "muted"),
                    (preview(text, width - 9), "plain"),
                    key=place,
                )
            )
        return lines


class Pair(LineView):
    """The kept row beside one of its duplicates, what differs standing out."""

    def __init__(self) -> None:
        super().__init__(id="pair", classes="pane")
        self.can_focus = True
        self.rows: tuple[ExampleRow, ExampleRow] | None = None
        self.score = 0.0
        self.which: tuple[int, int] = (0, 0)

    def build(self, width: int, height: int) -> Sequence[Line]:
        if self.rows is None:
            return []
        from alpaca_tui.curation.diff import word_diff

        one, other = self.rows
        half = max((width - 3) // 2, 10)
        at, of = self.which
        lines: list[Line] = [
            *columns(
                [
                    [Line.of((f"row {one.id}", "bold"), ("  the first", "muted"))],
                    [
                        Line.of(
                            (f"row {other.id}", "bold"),
                            (f"  {self.score:.2f}  twin {at + 1} of {of}", "duplicate"),
                        )
                    ],
                ],
                [half, half],
                3,
            ),
            BLANK,
        ]
        for name in ("instruction", "input", "output"):
            old: str = getattr(one, name)
            new: str = getattr(other, name)
            if not old and not new:
                continue
            lines.append(
                Line.of(
                    (name.capitalize(), "title"), ("  the same", "faint") if old == new else ("", "plain")
                )
            )
            left = paragraph(old, half, indent=0)
            right = (
                diff_lines(word_diff(old, new), half, 0)
                if name != "output"
                else paragraph(new, half, indent=0)
            )
            lines += [*columns([left, right], [half, half], 3), BLANK]
        return lines


class DuplicatesScreen(RoomScreen):
    """The groups over the rows of a filter."""

    CSS_PATH = "duplicates.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("twins", "list")
    HELP_PAGE = "twins"
    HELP_TITLE = "Near-duplicates"
    BINDINGS: ClassVar[list[BindingType]] = bindings("twins")
    AUTO_FOCUS = "#groups"

    def __init__(self, query: str) -> None:
        super().__init__()
        self._query = query
        self.settings = Settings()
        self._stop = Event()
        self._other = 0
        self._kept_all: set[int | str] = set()

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="twins"):
            yield GroupList()
            yield Pair()

    def on_mount(self) -> None:
        self.search()

    def on_unmount(self) -> None:
        self._stop.set()

    # --- the search

    def search(self) -> None:
        """Search the rows of the filter anew, in the background."""
        view, settings = self.query_one(GroupList), self.settings
        self._stop.set()
        stop = self._stop = Event()
        view.told = "Searching…"
        view.redraw()

        def progress(done: int) -> None:
            view.told = f"{words.count(done)} rows compared…"
            self.alpaca.call_later(view.redraw)

        def job() -> tuple[list[Group], dict[int, str]]:
            from alpaca_tui.curation.duplicates import compared_text, find_duplicates

            texts: dict[int, str] = {}

            def rows() -> Iterable[tuple[int, str]]:
                for row in self._rows(self.session.ensure_store()):
                    texts[row.id] = row.instruction
                    yield row.id, compared_text(row.instruction, row.input, settings.compared)

            found = find_duplicates(rows(), settings.threshold, progress=progress, stop=stop)
            groups = found.groups()
            named = {group.kept for group in groups} | {
                one.row for group in groups for one in group.duplicates
            }
            return groups, {id: text for id, text in texts.items() if id in named}

        def show(found: tuple[list[Group], dict[int, str]]) -> None:
            view.told = ""
            view.groups = [group for group in found[0] if group.kept not in self._kept_all]
            view.texts = found[1]
            rows = sum(len(group.duplicates) for group in view.groups)
            over = f"over {settings.threshold:g}" + (", with inputs" if settings.compared == "prompt" else "")
            view.border_title = f"{plural(len(view.groups), 'group')}, {plural(rows, 'duplicate')} {over}"
            view.redraw()
            self._other = 0
            self._show()

        self.in_thread("twins.search", job, show)

    def _rows(self, store: Store) -> Iterable[ExampleRow]:
        from alpaca_tui.curation.inspection import flags_of
        from alpaca_tui.curation.query import compile_sql, parse

        sql = compile_sql(parse(self._query), flags_of(store))
        ids = store.example_ids(sql.where, sql.values)
        for start in range(0, len(ids), _PAGE):
            yield from store.examples_by_id(ids[start : start + _PAGE])

    # --- what is shown

    @property
    def group(self) -> Group | None:
        view = self.query_one(GroupList)
        place = view.cursor
        return view.groups[place] if isinstance(place, int) and place < len(view.groups) else None

    @on(LineView.Moved, "#groups")
    def _moved(self) -> None:
        self._other = 0
        self._show()

    def _show(self) -> None:
        group, pair = self.group, self.query_one(Pair)
        self.refresh_bindings()
        if group is None:
            pair.rows = None
            pair.redraw()
            return
        twin = group.duplicates[self._other]

        def show(rows: list[ExampleRow]) -> None:
            if len(rows) == 2:
                pair.rows = (rows[0], rows[1])
                pair.score, pair.which = twin.score, (self._other, len(group.duplicates))
                pair.border_title = plural(len(group.duplicates) + 1, "row") + " of one kind"
                pair.scroll_to(y=0, animate=False)
                pair.redraw()

        ids = [cast("int", group.kept), twin.row]
        self.in_thread("twins.pair", lambda: self.session.ensure_store().examples_by_id(ids), show)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("keep_one", "keep_this", "keep_all", "merge", "other"):
            return self.is_mounted and self.group is not None
        if action == "keep_one_everywhere":
            return self.is_mounted and bool(self.query_one(GroupList).groups)
        return True

    def action_other(self, by: int) -> None:
        group = self.group
        if group is not None:
            self._other = (self._other + by) % len(group.duplicates)
            self._show()

    def _delete(self, title: str, ids: Sequence[int], group: Group | None) -> None:
        def job() -> Done:
            return self.session.ensure_store().operate_on(title, ids, {"deleted": True})

        def done(_result: Done) -> None:
            self.alpaca.say(f"{title}  (u undoes)")
            if group is not None:
                self._drop(group)

        self.in_order(job, done)

    def _drop(self, group: Group) -> None:
        """The group is decided: off the list, the cursor on the next one."""
        view = self.query_one(GroupList)
        view.groups = [other for other in view.groups if other is not group]
        view.redraw()
        self._other = 0
        self._show()

    def action_keep_one(self) -> None:
        group = self.group
        if group is not None:
            ids = [one.row for one in group.duplicates]
            self._delete(f"Keep row {group.kept} of {plural(len(ids) + 1, 'near-duplicate')}", ids, group)

    def action_keep_this(self) -> None:
        group = self.group
        if group is not None:
            kept = group.duplicates[self._other].row
            ids = [cast("int", group.kept), *(one.row for one in group.duplicates if one.row != kept)]
            self._delete(f"Keep row {kept} of {plural(len(ids) + 1, 'near-duplicate')}", ids, group)

    def action_keep_all(self) -> None:
        group = self.group
        if group is not None:
            self._kept_all.add(group.kept)
            self._drop(group)

    def action_keep_one_everywhere(self) -> None:
        view = self.query_one(GroupList)
        ids = [one.row for group in view.groups for one in group.duplicates]

        def job() -> Done:
            return self.session.ensure_store().operate_on(
                f"Delete {plural(len(ids), 'near-duplicate')}", ids, {"deleted": True}
            )

        def done(result: Done) -> None:
            if result.operation is not None:
                self.alpaca.say(f"{result.operation.title}  (u undoes)")
            self.search()

        self.in_order(job, done)

    def action_merge(self) -> None:
        from alpaca_tui.tui.screens.dataset.editor import Draft, EditorScreen

        group, rows = self.group, self.query_one(Pair).rows
        if group is None or rows is None:
            return
        kept, other = rows
        fields = {
            "instruction": kept.instruction,
            "input": kept.input or other.input,
            "output": kept.output
            if kept.output.strip() == other.output.strip()
            else f"{kept.output}\n\n{other.output}".strip(),
            "tags": tuple(sorted({*kept.tags, *other.tags})),
            "note": kept.note or other.note,
        }
        draft = Draft(kept.id, fields, kept.revised, f"Row {kept.id}, merged with row {other.id}")

        def saved(_id: int) -> None:
            ids = [one.row for one in group.duplicates]
            self._delete(f"Merge {plural(len(ids) + 1, 'row')} into row {kept.id}", ids, group)

        self.alpaca.push_screen(EditorScreen(draft, saved, base=kept))

    def action_threshold(self) -> None:
        def check(text: str) -> str:
            parts = text.split()
            try:
                good = 0 <= float(parts[0]) <= 1 and parts[1:] in ([], ["prompt"])
            except (ValueError, IndexError):
                good = False
            return "" if good else "A number from 0 to 1, and `prompt` behind it to compare inputs too."

        def chosen(text: str | None) -> None:
            if text:
                number, *rest = text.split()
                self.settings = Settings(float(number), "prompt" if rest else "instruction")
                self.search()

        now = f"{self.settings.threshold:g}" + (" prompt" if self.settings.compared == "prompt" else "")
        self.alpaca.push_screen(
            LineDialog(
                "Threshold",
                "ROUGE-L above which rows are duplicates; `prompt` behind it compares inputs too.",
                now,
                check=check,
            ),
            chosen,
        )

    def action_undo(self) -> None:
        def done(operation: object) -> None:
            self.alpaca.say("Taken back" if operation else "Nothing to undo")
            self.search()

        self.in_order(lambda: self.session.ensure_store().undo(), done)

    def action_close(self) -> None:
        self.dismiss()
