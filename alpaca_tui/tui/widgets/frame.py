"""The frame every screen shares: the bar of rooms at the top and the bar of keys at the bottom.

Both are one line, drawn through the Line API; both can be clicked. Knows the key table and what the app
says of the live run, no room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from rich.cells import cell_len
from textual import events

from alpaca_tui.tui.keymaps.key import display
from alpaca_tui.tui.keys import BY_ID, KEYS
from alpaca_tui.tui.paint import Line, Span, cells, clip, sides
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.reach import app_of

ROOMS = ("home", "generate", "dataset")


def _shown(id: str, name: str) -> str:
    """A key as people write it; Textual has a name of its own for some signs of the table."""
    key = BY_ID.get(id)
    return key.shown if key is not None and name not in key.keys else display(name)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A clickable stretch of the line."""

    start: int
    end: int
    action: str


class TopBar(LineView):
    """Brand, rooms, the live run and where we are."""

    def __init__(self) -> None:
        super().__init__(id="topbar")
        self._spots: list[_Spot] = []

    def build(self, width: int, height: int) -> list[Line]:
        app = app_of(self)
        self._spots = []
        left: list[Span] = [(" alpaca-tui ", "brand"), (" ", "plain")]
        here = app.current_room
        for room in ROOMS:
            key = BY_ID[f"app.{room}"]
            start = cells(left)
            text = f" {key.shown} {key.label} "
            left.append((text, "chip" if room == here else "muted"))
            self._spots.append(_Spot(start, start + cell_len(text), key.action))
        right: list[Span] = [*app.run_summary()]
        room_left = width - cells(left) - cells(right) - 4
        place = app.place(max(room_left, 0))
        if place:
            right += [("  " if right else "", "plain"), (place, "faint")]
        right.append((" ", "plain"))
        return [sides(left, right, width, gap=2)]

    def on_click(self, event: events.Click) -> None:
        for spot in self._spots:
            if spot.start <= event.x < spot.end:
                self.call_later(app_of(self).run_action, spot.action)


class KeyBar(LineView):
    """The keys that work here and now, fitted to the width: the screen's own first, help never dropped."""

    OWN_AT_LEAST = 3
    """So many of the screen's own keys come before the palette's and the quit key."""
    DROP_ORDER = ("app.palette", "app.quit")

    def __init__(self) -> None:
        super().__init__(id="keybar")
        self._spots: list[_Spot] = []

    def on_mount(self) -> None:
        super().on_mount()
        cast(Any, self.screen).bindings_updated_signal.subscribe(self, self._changed)

    def on_unmount(self) -> None:
        cast(Any, self.screen).bindings_updated_signal.unsubscribe(self)

    def _changed(self, _screen: object) -> None:
        self.call_after_refresh(self.redraw)

    def entries(self) -> list[tuple[str, str, str, str, bool]]:
        """(id, key, label, Textual key, enabled) of every shown key in force, in the table's order. Of an action's
        keys the first that works here: in a text field letters and signs type."""
        found: dict[str, tuple[str, str, str, str, bool]] = {}
        field = self.screen.focused
        in_force: dict[str, dict[str, bool]] = {}
        for name, (_, binding, enabled, _) in self.screen.active_bindings.items():
            shown = _shown(binding.id or "", name)
            types = (
                field is not None
                and not binding.priority
                and len(shown) == 1
                and field.check_consume_key(name, shown)
            )
            if binding.show and binding.id in BY_ID and not types:
                in_force.setdefault(binding.id, {})[name] = enabled
        for id, names in in_force.items():
            key = BY_ID[id]
            name = next((name for name in key.keys if name in names), next(iter(names)))
            found[id] = (id, _shown(id, name), key.label, name, names[name])
        order = {key.id: place for place, key in enumerate(KEYS)}
        return sorted(found.values(), key=lambda entry: (entry[0].startswith("app."), order[entry[0]]))

    def build(self, width: int, height: int) -> list[Line]:
        entries = self.entries()
        own = [entry for entry in entries if not entry[0].startswith("app.")]
        general = [entry for entry in entries if entry[0].startswith("app.")]
        while len(own) > self.OWN_AT_LEAST and self._width(own) + self._width(general) > width:
            own.pop()
        for name in self.DROP_ORDER:
            if self._width(own) + self._width(general) > width:
                general = [entry for entry in general if entry[0] != name]
        while own and self._width(own) + self._width(general) > width:
            own.pop()
        self._spots = []
        left = self._spans(own, 0)
        right = self._spans(general, width - self._width(general))
        if cells(left) + cells(right) > width:
            return [Line(clip(right, width))]
        return [Line((*left, (" " * (width - cells(left) - cells(right)), "plain"), *right))]

    @staticmethod
    def _width(entries: list[tuple[str, str, str, str, bool]]) -> int:
        return sum(cell_len(key) + cell_len(label) + 3 for _, key, label, _, _ in entries)

    def _spans(self, entries: list[tuple[str, str, str, str, bool]], start: int) -> list[Span]:
        out: list[Span] = []
        at = start
        for _, shown, label, key, enabled in entries:
            size = cell_len(shown) + cell_len(label) + 3
            out += [
                (f" {shown}", "key" if enabled else "faint"),
                (f" {label} ", "muted" if enabled else "faint"),
            ]
            self._spots.append(_Spot(at, at + size, key))
            at += size
        return out

    def on_click(self, event: events.Click) -> None:
        for spot in self._spots:
            if spot.start <= event.x < spot.end:
                app_of(self).simulate_key(spot.action)
