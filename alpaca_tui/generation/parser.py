"""A teacher's answer read as tasks: the one import for everyone outside this room.

`TolerantParser` (the default) reads text as it streams; `parse_faithful` applies the rules of the 2023
release to a whole answer. Knows no teacher, no store and no screen.
"""

from __future__ import annotations

from alpaca_tui.generation.task import Task

__all__ = ["Task"]
