"""The dataset as a dictionary, with whole copies for undo: what the store's operations must equal."""

from __future__ import annotations

from typing import Any

Rows = dict[int, dict[str, Any]]


class PlainList:
    """Rows by id, and every state before and after them."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.past: list[Rows] = []
        self.future: list[Rows] = []

    def operate(self, after: Rows) -> bool:
        """Whether that is an operation: one that changes nothing is none."""
        if after == self.rows:
            return False
        self.past.append(self.rows)
        self.future.clear()
        self.rows = after
        return True

    def undo(self) -> bool:
        if not self.past:
            return False
        self.future.append(self.rows)
        self.rows = self.past.pop()
        return True

    def redo(self) -> bool:
        if not self.future:
            return False
        self.past.append(self.rows)
        self.rows = self.future.pop()
        return True
