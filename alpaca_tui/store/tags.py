"""Tags as they are stored: words in alphabetical order, a blank on each side, so that one `LIKE` finds one."""

from __future__ import annotations

from collections.abc import Iterable

from alpaca_tui.store.encoding import storable


def joined_tags(tags: Iterable[str]) -> str:
    """`("b", "a")` -> `" a b "`; no tags: `""`. Blanks inside a tag become hyphens, case is folded."""
    words = sorted({"-".join(storable(tag).split()).lower() for tag in tags} - {""})
    return f" {' '.join(words)} " if words else ""
