"""A table over any number of rows that holds only the pages one has seen lately.

It scrolls over a list of ids (an index vector) and asks its owner for rows by id, a page at a time, in a
thread; a row that has not come yet shows as a blank. Drawn through the Line API: nothing is measured or
laid out a row at a time. Knows nothing of what the rows are.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, Span, cells, clip, pad, safe
from alpaca_tui.tui.palette import styles
from alpaca_tui.tui.widgets.length import set_length
from alpaca_tui.tui.widgets.lines import under_cursor
from alpaca_tui.tui.widgets.reach import app_of

PAGE_ROWS = 100
KEPT_PAGES = 12
Row = TypeVar("Row")
Fetch = Callable[[Sequence[int]], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading and its width in cells; a `share` > 0 gets that part of what is left instead.

    name: what a click on the heading tells the owner. right: its cells stand at the right edge."""

    title: str
    width: int = 0
    share: int = 0
    name: str = ""
    right: bool = False


class PagedTable(ScrollView, Generic[Row], can_focus=True):
    """Rows by id. `row_id(row)` names a row; `cells(row)` gives its cells, one a column.

    The owner answers `Wanted` by fetching those ids (off the loop) and calling `give`.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    class Wanted(Message):
        """Rows of these ids are needed for the screen; `generation` must be given back."""

        def __init__(self, table: PagedTable[Any], page: int, ids: Sequence[int], generation: int) -> None:
            super().__init__()
            self.table = table
            self.page = page
            self.ids = ids
            self.generation = generation

        @property
        def control(self) -> PagedTable[Any]:
            return self.table

    class Moved(Message):
        """The cursor stands on another row (None: there is none, or it has not come yet)."""

        def __init__(self, table: PagedTable[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> PagedTable[Any]:
            return self.table

    class Opened(Message):
        """Enter on a row."""

        def __init__(self, table: PagedTable[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> PagedTable[Any]:
            return self.table

    class HeaderClicked(Message):
        """A click on a column's heading; `name` is the column's."""

        def __init__(self, table: PagedTable[Any], name: str) -> None:
            super().__init__()
            self.table = table
            self.name = name

        @property
        def control(self) -> PagedTable[Any]:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[Row, Sequence[int]], Sequence[Sequence[Span]]],
        row_id: Callable[[Row], int],
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._cells = cells
        self._row_id = row_id
        self._ids: array[int] = array("q")
        self._pages: OrderedDict[int, dict[int, Row]] = OrderedDict()
        self._asked: set[int] = set()
        self._stale: set[int] = set()
        self._sorted: tuple[str, bool] = ("", False)
        self._generation = 0
        self._strips: dict[int, Strip] = {}
        self._styles: dict[str, Style] = {}
        self._width = 0
        self._widths: tuple[int, list[int]] = (0, [])
        self.cursor = 0
        self._when_empty: tuple[Line, ...] = ()

    # --- rows

    @property
    def row_count(self) -> int:
        return len(self._ids)

    @property
    def row(self) -> Row | None:
        """The row under the cursor, if it has come."""
        return self._row(self.cursor)

    @property
    def ids(self) -> Sequence[int]:
        """The ids it scrolls over, in order; not to be changed."""
        return self._ids

    @property
    def cursor_id(self) -> int | None:
        """The id of the row under the cursor, whether the row has come or not."""
        return self._ids[self.cursor] if self.cursor < len(self._ids) else None

    def go_to(self, id: int) -> bool:
        """Put the cursor on the row of an id; False where it is not among the rows."""
        try:
            self.move_to(self._ids.index(id))
        except ValueError:
            return False
        return True

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; `cells` must give as many cells."""
        self._columns = tuple(columns)
        self._widths = (0, [])
        self.redraw()

    def when_empty(self, lines: Sequence[Line]) -> None:
        """What is said where there are no rows, in the middle of the table."""
        if self._when_empty != tuple(lines):
            self._when_empty = tuple(lines)
            self.redraw()

    def show_order(self, name: str, *, descending: bool) -> None:
        """Mark the heading of the column the rows are sorted by."""
        self._sorted = (name, descending)
        self.refresh()

    def redraw(self) -> None:
        """Draw every row anew, from what is held."""
        self._strips.clear()
        self.refresh()

    def renew(self) -> None:
        """Ask for the rows anew where they are seen; until they come, the old ones stay on the screen."""
        self._generation += 1
        self._asked.clear()
        self._stale = set(self._pages)
        self.redraw()

    def set_ids(self, ids: Sequence[int], page: Sequence[Row] = (), *, keep_cursor: bool = True) -> None:
        """Scroll over other rows. The cursor stays on its row where that is still there (but a cursor on
        the first row stays first). page: the rows of the first page, where they are at hand."""
        fresh = array("q", ids)
        if fresh == self._ids:
            return
        on = self._ids[self.cursor] if self.cursor < len(self._ids) else None
        offset = self.cursor - round(self.scroll_y)
        self._keep_pages(fresh)
        self._ids = fresh
        if page:
            self._pages[0] = {self._row_id(row): row for row in page}
        set_length(self, len(fresh) + 1)
        place = 0
        if keep_cursor and self.cursor > 0 and on is not None:
            try:
                place = fresh.index(on)
            except ValueError:
                place = min(self.cursor, max(len(fresh) - 1, 0))
        self._strips.pop(self.cursor, None)
        self._strips.pop(place, None)
        self.cursor = place
        self.scroll_to(y=max(place - offset, 0) if place else 0, animate=False)
        self.refresh()
        self._tell()

    def _keep_pages(self, fresh: array[int]) -> None:
        """Before other ids: drop the pages that will be of other rows; what was asked for of those is void."""

        def same(page: int) -> bool:
            part = slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)
            return self._ids[part] == fresh[part]

        if not all(map(same, self._asked)):
            self._generation += 1
            self._asked.clear()
        for page in [page for page in self._pages if not same(page)]:
            del self._pages[page]
            self._stale.discard(page)
        self._strips = {
            place: strip for place, strip in self._strips.items() if place // PAGE_ROWS in self._pages
        }

    def forget(self) -> None:
        """Drop every row held; they are asked for anew when they are seen."""
        self._generation += 1
        self._pages.clear()
        self._asked.clear()
        self._stale.clear()
        self._strips.clear()
        self.refresh()

    def give(self, page: int, rows: Sequence[Row], generation: int) -> None:
        """The rows of a page, as asked for by `Wanted`."""
        if generation != self._generation:
            return
        self._asked.discard(page)
        self._stale.discard(page)
        self._pages[page] = {self._row_id(row): row for row in rows}
        while len(self._pages) > KEPT_PAGES:
            old, _ = self._pages.popitem(last=False)
            for place in range(old * PAGE_ROWS, (old + 1) * PAGE_ROWS):
                self._strips.pop(place, None)
        for place in range(page * PAGE_ROWS, (page + 1) * PAGE_ROWS):
            self._strips.pop(place, None)
        self.refresh()
        if page == self.cursor // PAGE_ROWS:
            self._tell()

    def refused(self, page: int, generation: int) -> None:
        """The rows of a page could not be fetched; they will be asked for again when they are next seen."""
        if generation == self._generation:
            self._asked.discard(page)

    def _row(self, place: int) -> Row | None:
        if not 0 <= place < len(self._ids):
            return None
        page = place // PAGE_ROWS
        rows = self._pages.get(page)
        if (rows is None or page in self._stale) and page not in self._asked:
            self._asked.add(page)
            ids = self._ids[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
            self.post_message(self.Wanted(self, page, ids, self._generation))
        if rows is None:
            return None
        self._pages.move_to_end(page)
        return rows.get(self._ids[place])

    # --- drawing

    def widths(self, width: int) -> list[int]:
        """The columns' widths in a table of `width` cells; one blank between columns."""
        if self._widths[0] != width:
            self._widths = width, self._divided(width)
        return self._widths[1]

    def _divided(self, width: int) -> list[int]:
        free = (
            width
            - (len(self._columns) - 1)
            - sum(column.width for column in self._columns if not column.share)
        )
        shares = sum(column.share for column in self._columns)
        out = [
            max(free * column.share // shares, 1) if column.share else column.width
            for column in self._columns
        ]
        slack = width - (len(self._columns) - 1) - sum(out)
        for place, column in enumerate(self._columns):
            if column.share and slack > 0:
                out[place] += slack
                break
        return out

    def style_of(self, name: str) -> Style:
        if not self._styles:
            self._styles = styles(app_of(self).theme_variables, self.background_colors[1])
        return self._styles[name]

    def render_lines(self, crop: Region) -> list[Strip]:
        self._width = self.scrollable_content_region.width  # once for all lines
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self._width
        if y == 0:
            return self._header(width)
        place = y - 1 + self.scroll_offset.y
        strip = self._strips.get(place)
        if strip is None or strip.cell_length != width:
            strip = self._draw(place, width)
            if self._row(place) is not None or place >= len(self._ids):
                self._strips[place] = strip
        return strip

    def _header(self, width: int) -> Strip:
        spans: list[Span] = []
        name, descending = self._sorted
        for column, size in zip(self._columns, self.widths(width), strict=True):
            heading = ((column.title, "faint"),)
            if name and column.name == name:
                sign = glyphs["down" if descending else "up"]
                heading = ((f"{column.title}{sign}", "key"),)
            spans += [*_placed(clip(heading, size), size, column), (" ", "plain")]
        return self._strip(Line(tuple(spans)), width)

    def _draw(self, place: int, width: int) -> Strip:
        row = self._row(place)
        if row is None:
            line = self._absent(place, width) if place >= len(self._ids) else Line.of((" …", "faint"))
        else:
            sizes = self.widths(width)
            spans: list[Span] = []
            cells_of_row = self._cells(row, sizes)
            for cell, size, column in zip(cells_of_row, sizes, self._columns, strict=True):
                safe_cell = clip([(safe(text), style) for text, style in cell], size)
                spans += [*_placed(safe_cell, size, column), (" ", "plain")]
            line = Line(tuple(spans[:-1]))
        strip = self._strip(line, width)
        if place == self.cursor and place < len(self._ids):
            strip = under_cursor(
                strip, self.style_of("cursor" if self.has_focus else "cursor-blurred"), self.style_of("plain")
            )
        return strip

    def _absent(self, place: int, width: int) -> Line:
        """The line at a place where no row is."""
        told = self._when_empty
        if self._ids or not told:
            return BLANK
        at = place - max((self.scrollable_content_region.height - 1 - len(told)) // 2, 0)
        if not 0 <= at < len(told):
            return BLANK
        spans = clip(told[at].spans, width)
        return Line.of((" " * max((width - cells(spans)) // 2, 0), "plain"), *spans)

    def _strip(self, line: Line, width: int) -> Strip:
        """A line, whose text is safe, as wide as the table."""
        strip = Strip([Segment(text, self.style_of(style)) for text, style in line.spans if text])
        return (
            strip if strip.cell_length == width else strip.adjust_cell_length(width, self.style_of("plain"))
        )

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self._strips.clear()
        self.refresh()

    def on_resize(self) -> None:
        set_length(self, len(self._ids) + 1)  # which depends on the height
        self._strips.clear()
        self.refresh()

    # --- cursor

    def move_to(self, place: int) -> None:
        """Put the cursor on a row and bring it into view."""
        if not self._ids:
            return
        place = min(max(place, 0), len(self._ids) - 1)
        old, self.cursor = self.cursor, place
        self._strips.pop(old, None)
        self._strips.pop(place, None)
        top, rows = round(self.scroll_y), max(self.scrollable_content_region.height - 1, 1)
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + rows:
            self.scroll_to(y=place - rows + 1, animate=False)
        else:  # nothing but the cursor is another
            width = self.scrollable_content_region.width
            self.refresh(
                *(Region(0, 1 + at - top, width, 1) for at in {old, place} if top <= at < top + rows)
            )
        for near in (place - PAGE_ROWS // 2, place + PAGE_ROWS // 2):
            self._row(near)  # the page that the cursor comes to next is asked for before it is seen
        if old != place:
            self._tell()

    def _tell(self) -> None:
        self.post_message(self.Moved(self, self.row))

    def action_cursor_up(self) -> None:
        self.move_to(self.cursor - 1)

    def action_cursor_down(self) -> None:
        self.move_to(self.cursor + 1)

    def action_page_up(self) -> None:
        self.move_to(self.cursor - max(self.scrollable_content_region.height - 2, 1))

    def action_page_down(self) -> None:
        self.move_to(self.cursor + max(self.scrollable_content_region.height - 2, 1))

    def action_cursor_home(self) -> None:
        self.move_to(0)

    def action_cursor_end(self) -> None:
        self.move_to(len(self._ids) - 1)

    def action_open(self) -> None:
        if self.row is not None:
            self.post_message(self.Opened(self, self.row))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < 1:
            self._header_clicked(offset.x)
            return
        place = offset.y - 1 + self.scroll_offset.y
        if place >= len(self._ids):
            return
        if place == self.cursor and event.chain >= 2:
            self.action_open()
        else:
            self.move_to(place)

    def _header_clicked(self, x: int) -> None:
        start = 0
        for column, size in zip(
            self._columns, self.widths(self.scrollable_content_region.width), strict=True
        ):
            if start <= x < start + size and column.name:
                self.post_message(self.HeaderClicked(self, column.name))
                return
            start += size + 1


def _placed(spans: Sequence[Span], size: int, column: Column) -> tuple[Span, ...]:
    """A cell in its column: at the left edge or the right one."""
    if not column.right:
        return pad(spans, size)
    missing = size - cells(spans)
    return ((" " * missing, "plain"), *spans) if missing > 0 else tuple(spans)
