"""How many rows a view scrolls over, changed without laying the whole screen out anew.

Textual lays out the screen whenever a `virtual_size` changes, and paints most of it again; but as long as the
scrollbar neither comes nor goes, nothing but its thumb is different. A view whose scrollbar is always there
(`overflow-y: scroll`) scrolls over at least as many rows as it is high, so that the bar has no thumb then.
"""

from __future__ import annotations

from typing import cast

from textual.geometry import Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView


def set_length(view: ScrollView, rows: int) -> None:
    """Let `view` scroll over so many rows; what it shows must be refreshed by whoever changed it."""
    height, before = view.container_size.height, view.virtual_size
    overflow = cast("str", view.styles.overflow_y)  # pyright: ignore[reportUnknownMemberType]
    if overflow == "scroll":
        rows = max(rows, height)
    fresh = Size(0, rows)
    if fresh == before:
        return
    comes_or_goes = overflow == "auto" and (before.height > height) != (rows > height)
    if not height or comes_or_goes:
        view.virtual_size = fresh
        return
    view.set_reactive(cast("Reactive[Size]", ScrollView.virtual_size), fresh)
    if view.show_vertical_scrollbar:
        view.vertical_scrollbar.window_virtual_size = rows
    view.scroll_y = view.validate_scroll_y(view.scroll_y)
