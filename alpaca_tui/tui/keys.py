"""The one key table: it drives dispatch, the footer, the help and the palette.

A key that is not here does not exist. `command` is the palette's `area: Verb`. Knows no screen and no
widget; `bindings` is the only bridge to Textual (imported when asked for, so that the command line can
print the table without it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alpaca_tui.tui.keymaps.dataset import DATASET
from alpaca_tui.tui.keymaps.general import EVERYWHERE, SHARED
from alpaca_tui.tui.keymaps.generate import GENERATE
from alpaca_tui.tui.keymaps.key import Key, display

if TYPE_CHECKING:
    from textual.binding import BindingType

__all__ = ["BY_ACTION", "BY_ID", "KEYS", "Key", "bindings", "display", "help_groups", "of_area"]

KEYS: tuple[Key, ...] = (*EVERYWHERE, *GENERATE, *DATASET, *SHARED)

BY_ID = {key.id: key for key in KEYS}
BY_ACTION = {(key.area, key.action): key for key in KEYS}


def of_area(area: str) -> list[Key]:
    return [key for key in KEYS if key.area == area]


def bindings(*areas: str) -> list[BindingType]:
    """The areas' keys as Textual bindings, in the table's order."""
    from textual.binding import Binding

    return [
        Binding(
            ",".join(key.keys),
            key.action,
            key.label,
            show=key.show,
            key_display=key.shown,
            priority=key.priority,
            tooltip=key.help,
            id=key.id,
        )
        for area in areas
        for key in of_area(area)
    ]


def help_groups(areas: Sequence[str]) -> list[tuple[str, list[Key]]]:
    """The keys of `areas` by heading, for the help: the screen's own first."""
    groups: dict[str, list[Key]] = {}
    for area in areas:
        for key in of_area(area):
            groups.setdefault(key.group, []).append(key)
    return list(groups.items())
