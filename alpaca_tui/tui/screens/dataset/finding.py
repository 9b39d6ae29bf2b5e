"""Finding rows from the table: the filter, facets, order, columns, saved views, jumps and marks.

Knows the table, the filter line and the facets; asks for rows through `reload`.
"""

from __future__ import annotations

from typing import Any

from textual import on

from alpaca_tui.tui.screens.dataset.acts import RowActs
from alpaca_tui.tui.screens.dataset.columns import KINDS, ORDERS, Look
from alpaca_tui.tui.screens.dataset.dialogs import Chooser, ColumnChooser, Item, LineDialog
from alpaca_tui.tui.screens.dataset.facets import FacetKey, FacetList
from alpaca_tui.tui.screens.dataset.filter import FilterBar, FilterField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.table import PagedTable

REMEMBER_DELAY_S = 1.0
TYPED_DELAY_S = 0.04
_DOWN_FIRST = frozenset({"nearest", "flags", "rating", "created", "edited", "tokens", "output", "input"})
"""What is sorted downwards at first."""


class FindActs(RowActs):
    """What finds rows; `DatasetScreen` is one of these. ready: the table's looks have been read."""

    look: Look
    ready: bool
    _last_marked: int | None

    def set_columns(self) -> None:
        raise NotImplementedError

    def remember(self) -> None:
        """Leave the table's looks and the place in the workspace."""
        raise NotImplementedError

    def title_rows(self) -> None:
        """Say over the table how many rows there are."""
        raise NotImplementedError

    def later(self, name: str, delay: float, what: Any) -> None:
        """Do something after a while, once: a newer call of the same name replaces an older one."""
        raise NotImplementedError

    def not_later(self, name: str) -> None:
        """What was to be done after a while is not to be done."""
        raise NotImplementedError

    @on(FilterBar.Typed)
    def _typed(self, event: FilterBar.Typed) -> None:
        if self.ready and event.text != self.look.query:
            self.look.query = event.text
            self.reload()
            self.later("remember", REMEMBER_DELAY_S, self.remember)

    @on(FilterField.Left)
    def _left_filter(self, event: FilterField.Left) -> None:
        if event.clear:
            self.query_one(FilterBar).put("")
        self.table.focus()

    def action_find(self) -> None:
        self.query_one(FilterBar).field.focus()

    @on(LineView.Opened, "#facets")
    def _facet(self, event: LineView.Opened) -> None:
        from alpaca_tui.curation.query import conjoin, holds, without

        if isinstance(event.key, FacetKey):
            query, term = self.look.query, event.key.query
            self.query_one(FilterBar).put(
                without(query, term) if holds(query, term) else conjoin(query, term)
            )

    def action_facets(self) -> None:
        view = self.query_one(FacetList)
        self.look.facets = not view.has_focus
        self.set_class(not self.look.facets, "-no-facets")
        # Where there is little room they take the place of the row beside the table, for as long as they are used.
        self.set_class(self.look.facets, "-showing-facets")
        self.call_after_refresh(self.set_columns)
        if self.look.facets:
            self.call_after_refresh(view.focus)
        else:
            self.table.focus()
        self.later("remember", 0, self.remember)

    def action_sort(self) -> None:
        items = [Item(name, title) for name, title in ORDERS.items()]

        def chosen(name: str | None) -> None:
            if name:
                self._sort(name)

        self.alpaca.push_screen(
            Chooser("Sort by (again: the other way round)", items, chosen=self.look.order), chosen
        )

    @on(PagedTable.HeaderClicked, "#rows")
    def _header(self, event: PagedTable.HeaderClicked) -> None:
        if KINDS[event.name].order:
            self._sort(KINDS[event.name].order)

    def _sort(self, order: str) -> None:
        self.look.descending = not self.look.descending if order == self.look.order else order in _DOWN_FIRST
        self.look.order = order
        self.set_columns()
        self.reload(go_to=self.table.cursor_id if self.table.cursor else None)
        self.remember()

    def action_columns(self) -> None:
        def width_of(name: str) -> str:
            return f"{self.look.widths[name]} wide" if name in self.look.widths else ""

        names = [*self.look.columns, *(name for name in KINDS if name not in self.look.columns)]
        items = [Item(name, KINDS[name].title, width_of(name), name in self.look.columns) for name in names]

        def widen(name: str, by: int) -> int:
            self.look.widen(name, by)
            self.set_columns()
            return self.look.widths[name]

        def chosen(text: str | None) -> None:
            self.look.columns = tuple((text or "").split()) or self.look.columns
            self.set_columns()
            self.remember()

        self.alpaca.push_screen(ColumnChooser(items, widen), chosen)

    def action_views(self) -> None:
        def job() -> dict[str, str]:
            return self.session.ensure_store().saved_views()

        def show(views: dict[str, str]) -> None:
            items = [Item(f"view:{name}", name, query) for name, query in views.items()]
            if self.look.query:
                items.append(Item("save", "Save the filter in force…", self.look.query))

            def dropped(id: str) -> None:
                self.in_order(lambda: self.session.ensure_store().drop_view(id.removeprefix("view:")))

            def chosen(id: str | None) -> None:
                if id == "save":
                    self._save_view()
                elif id:
                    self.query_one(FilterBar).put(views[id.removeprefix("view:")])

            if not items:
                self.alpaca.say("No saved filters yet: type a filter, then save it here")
                return
            self.alpaca.push_screen(
                Chooser("Saved filters", items, drop=dropped, hint="enter opens  d drops  esc closes"), chosen
            )

        self.in_thread("dataset.views", job, show)

    def _save_view(self) -> None:
        query = self.look.query

        def named(name: str | None) -> None:
            if name:
                self.in_order(
                    lambda: self.session.ensure_store().save_view(name, query),
                    lambda _done: self.alpaca.say(f"Saved as {name}"),
                )

        self.alpaca.push_screen(LineDialog("Save the filter", f"A name for: {query}"), named)

    def action_jump(self) -> None:
        """Go to the row of a number; the table goes along while it is typed, and back where it is given up."""
        before = self.table.cursor_id

        def check(text: str) -> str:
            return (
                "" if text.isascii() and text.isdigit() and len(text) < 19 else "A row's number, such as 120."
            )

        def typed(text: str) -> None:
            if text and not check(text):
                self.later("jump", TYPED_DELAY_S, lambda: self.table.go_to(int(text)))

        def chosen(text: str | None) -> None:
            self.not_later("jump")
            if text is None and before is not None:
                self.table.go_to(before)
            elif text and not self.table.go_to(int(text)):
                self.alpaca.say(f"Row {text} is not among the rows shown", severity="warning")

        dialog = LineDialog("Jump to a row", "The row's number.", check=check, typed=typed)
        self.alpaca.push_screen(dialog, chosen)

    def action_flagged(self, by: int) -> None:
        ids, cursor = self.table.ids, self.table.cursor

        def job() -> int | None:
            store = self.session.ensure_store()
            rest = ids[cursor + 1 :] if by > 0 else ids[:cursor][::-1]
            place = store.first_flagged(rest)
            return rest[place] if place is not None else None

        def show(id: int | None) -> None:
            if id is None:
                self.alpaca.say("No more findings in this direction")
            else:
                self.table.go_to(id)

        self.in_thread("dataset.flagged", job, show)

    # --- marks

    def action_mark(self) -> None:
        id = self.table.cursor_id
        if id is not None:
            self.marks.symmetric_difference_update({id})
            self._last_marked = id
            self.marks_changed()
            self.table.action_cursor_down()

    def action_mark_all(self) -> None:
        everything = set(self.table.ids)
        self.marks = set() if self.marks >= everything else everything
        self.marks_changed()

    def action_mark_range(self) -> None:
        id = self.table.cursor_id
        if id is None:
            return
        ids = list(self.table.ids)
        start = ids.index(self._last_marked) if self._last_marked in ids else self.table.cursor
        low, high = sorted((start, self.table.cursor))
        self.marks.update(ids[low : high + 1])
        self._last_marked = id
        self.marks_changed()

    def marks_changed(self) -> None:
        self.table.redraw()
        self.title_rows()
