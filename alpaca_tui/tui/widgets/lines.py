"""A view over prepared lines: the one widget behind every live pane.

It draws through Textual's Line API: only lines that changed are redrawn, nothing is laid out anew, and
no text is ever read as markup. A line with a key can be walked to with the cursor and opened. Knows
nothing of what the lines mean.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, safe
from alpaca_tui.tui.palette import styles
from alpaca_tui.tui.widgets.length import set_length
from alpaca_tui.tui.widgets.reach import app_of


def under_cursor(strip: Strip, cursor: Style, plain: Style) -> Strip:
    """`strip` with the cursor's background and weight. Colours keep their meaning, and what has a background
    of its own keeps it."""
    segments = [
        Segment(
            part.text,
            part.style + cursor if part.style and part.style.bgcolor == plain.bgcolor else part.style,
        )
        for part in strip
    ]
    return Strip(segments, strip.cell_length)


class LineView(ScrollView, can_focus=True):
    """Subclasses implement `build(width, height)`; `redraw()` calls it and shows the difference."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    class Opened(Message):
        """Enter (or a second click) on a line with a key."""

        def __init__(self, view: LineView, key: Hashable) -> None:
            super().__init__()
            self.view = view
            self.key = key

        @property
        def control(self) -> LineView:
            return self.view

    class Moved(Message):
        """The cursor stands on another thing."""

        def __init__(self, view: LineView, key: Hashable) -> None:
            super().__init__()
            self.view = view
            self.key = key

        @property
        def control(self) -> LineView:
            return self.view

    def __init__(
        self,
        *,
        id: str | None = None,
        classes: str | None = None,
        selectable: bool = False,
        always_show_cursor: bool = False,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.can_focus = selectable
        self.selectable = selectable
        self.always_show_cursor = always_show_cursor
        self.cursor: Hashable = None
        self._lines: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._styles: dict[str, Style] = {}
        self._touched = False

    # --- content

    def build(self, width: int, height: int) -> Sequence[Line]:
        """The lines to show in an area of `width` x `height` cells; more lines than `height` scroll."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Build the lines anew and repaint those that differ."""
        size = self.scrollable_content_region.size
        grows = self.styles.height is not None and self.styles.height.is_auto
        if size.width <= 0 or (size.height <= 0 and not grows) or not self.is_mounted:
            return
        fresh = list(self.build(size.width, size.height))
        old = self._lines
        old_cursor = self.cursor
        self._lines = fresh
        self._settle_cursor(old)
        length_changed = len(fresh) != len(old)
        set_length(self, len(fresh))
        if length_changed and grows:
            self.refresh(layout=True)
        changed = [
            index
            for index in range(max(len(fresh), len(old)))
            if (fresh[index] if index < len(fresh) else None) != (old[index] if index < len(old) else None)
            or (old_cursor != self.cursor and self._key_at(index) in (old_cursor, self.cursor))
        ]
        for index in changed:
            self._strips.pop(index, None)
        self._refresh_rows(changed, size)

    def _refresh_rows(self, rows: Sequence[int], size: Size) -> None:
        """Repaint those of `rows` (line indices) that are on the screen."""
        top = self.scroll_offset.y
        seen = [row - top for row in rows if top <= row < top + size.height]
        if len(seen) > size.height * 0.6:
            self.refresh()
            return
        for row in seen:
            self.refresh(Region(0, row, size.width, 1))

    def _key_at(self, index: int) -> Hashable:
        return self._lines[index].key if 0 <= index < len(self._lines) else None

    # --- drawing

    def style_of(self, name: str) -> Style:
        if not self._styles:
            self._styles = styles(app_of(self).theme_variables, self.background_colors[1])
        return self._styles[name]

    @property
    def cursor_visible(self) -> bool:
        return self.selectable and (self.has_focus or self.always_show_cursor)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        strip = self._strips.get(index)
        if strip is None or strip.cell_length != width:
            strip = self._strips[index] = self._draw(index, width)
        return strip

    def _draw(self, index: int, width: int) -> Strip:
        line = self._lines[index] if index < len(self._lines) else BLANK
        segments = [Segment(safe(text), self.style_of(style)) for text, style in line.spans if text]
        strip = Strip(segments).adjust_cell_length(width, self.style_of("plain"))
        if line.key is not None and line.key == self.cursor and self.cursor_visible:
            strip = under_cursor(
                strip, self.style_of("cursor" if self.has_focus else "cursor-blurred"), self.style_of("plain")
            )
        return strip

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    def on_resize(self) -> None:
        self._strips.clear()
        self.redraw()

    def on_mount(self) -> None:
        self.call_after_refresh(self.redraw)

    def on_show(self) -> None:
        self.redraw()

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self._strips.clear()
        self.refresh()

    # --- cursor

    def keys(self) -> list[Hashable]:
        """The keys in order, each once."""
        return list(dict.fromkeys(line.key for line in self._lines if line.key is not None))

    def _settle_cursor(self, old: Sequence[Line]) -> None:
        """Keep the cursor on its thing; where that is gone, on what now stands in its place. An untouched
        cursor stays on the first thing."""
        keys = self.keys()
        if not keys:
            self.cursor = None
        elif not self._touched or self.cursor is None:
            self.cursor = keys[0]
        elif self.cursor not in keys:
            before = list(dict.fromkeys(line.key for line in old if line.key is not None))
            place = before.index(self.cursor) if self.cursor in before else 0
            self.cursor = keys[min(place, len(keys) - 1)]

    def move_to(self, key: Hashable) -> None:
        """Put the cursor on `key` and bring it into view."""
        keys = self.keys()
        if key not in keys:
            return
        old, self.cursor = self.cursor, key
        self._touched = key != keys[0]
        rows = [
            index for index, line in enumerate(self._lines) if line.key is not None and line.key in (old, key)
        ]
        for row in rows:
            self._strips.pop(row, None)
        size = self.scrollable_content_region.size
        self._refresh_rows(rows, size)
        mine = [row for row in rows if self._lines[row].key == key]
        top, height = self.scroll_offset.y, size.height
        if mine[0] < top:
            self.scroll_to(y=0 if key == keys[0] else mine[0], animate=False)
        elif mine[-1] >= top + height:
            self.scroll_to(y=mine[-1] - height + 1, animate=False)
        if old != key:
            self.post_message(self.Moved(self, key))

    def _step(self, by: int) -> None:
        keys = self.keys()
        if not keys:
            self.scroll_relative(y=by, animate=False)
            return
        place = keys.index(self.cursor) if self.cursor in keys else 0
        self.move_to(keys[min(max(place + by, 0), len(keys) - 1)])

    def action_cursor_up(self) -> None:
        self._step(-1)

    def action_cursor_down(self) -> None:
        self._step(1)

    def action_page_up(self) -> None:
        self._step(-max(self.scrollable_content_region.height - 1, 1))

    def action_page_down(self) -> None:
        self._step(max(self.scrollable_content_region.height - 1, 1))

    def action_cursor_home(self) -> None:
        self._step(-len(self._lines))

    def action_cursor_end(self) -> None:
        self._step(len(self._lines))

    def action_open(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        if not self.selectable:
            return
        offset = event.get_content_offset(self)
        if offset is None:
            return
        key = self._key_at(offset.y + self.scroll_offset.y)
        if key is None:
            return
        if key == self.cursor and event.chain >= 2:
            self.post_message(self.Opened(self, key))
        else:
            self.move_to(key)
