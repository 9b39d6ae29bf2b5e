"""What a teacher said of rows when it was asked: kept until a person accepts or declines it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any, cast

from alpaca_tui.store.curated import Change, Done, SuggestionKind, SuggestionRow, SuggestionState
from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import storable
from alpaca_tui.store.revisions import record_changes

# What was accepted stands open again once its operation is taken back.
_STATE = "CASE WHEN s.state = 'accepted' AND o.state <> 'done' THEN 'open' ELSE s.state END"
_SUGGESTION = f"""
SELECT s.id, s.example_id, s.completion_id, s.kind, s.at, s.verdict, s.reason, s.output, {_STATE},
  s.revised <> e.revised
FROM suggestion s JOIN example e ON e.id = s.example_id LEFT JOIN operation o ON o.id = s.operation_id
"""


class Suggestions:
    """The part of the store that holds a teacher's proposals."""

    _db: Database

    def add_suggestion(
        self,
        example_id: int,
        kind: SuggestionKind,
        *,
        revised: int,
        completion_id: int | None,
        verdict: str = "",
        reason: str = "",
        output: str | None = None,
    ) -> int:
        """Keep what the teacher said of the row as it was at `revised`; returns the suggestion's id. What it
        said of the row before, when asked the same, and nobody decided on, gives way to it."""
        with self._db.write() as db:
            db.execute(
                "UPDATE suggestion SET state = 'declined' WHERE example_id = ? AND kind = ? AND state = 'open'",
                (example_id, kind),
            )
            cursor = db.execute(
                "INSERT INTO suggestion (example_id, completion_id, kind, at, revised, verdict, reason, output) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(example_id, completion_id, kind, time.time(), revised, storable(verdict)),
                    *(storable(reason), storable(output) if output is not None else None),
                ),
            )
            return cast(int, cursor.lastrowid)

    def suggestions(
        self, *, state: SuggestionState | None = "open", example_id: int | None = None, limit: int = 1_000
    ) -> list[SuggestionRow]:
        """Suggestions for rows that are there, oldest first: of one state (None: of any), of one row."""
        where, values = ["e.withdrawn = 0", "e.deleted = 0"], list[Any]()
        if state is not None:
            where.append(f"{_STATE} = ?")
            values.append(state)
        if example_id is not None:
            where.append("s.example_id = ?")
            values.append(example_id)
        with self._db.read() as db:
            rows = db.execute(
                f"{_SUGGESTION} WHERE {' AND '.join(where)} ORDER BY s.id LIMIT ?", (*values, limit)
            ).fetchall()
        return [_suggestion(row) for row in rows]

    def count_suggestions(self) -> int:
        """How many wait for a decision, of rows that are there."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT count(*) FROM suggestion s JOIN example e ON e.id = s.example_id "
                "LEFT JOIN operation o ON o.id = s.operation_id "
                f"WHERE e.withdrawn = 0 AND e.deleted = 0 AND {_STATE} = 'open'"
            ).fetchone()
        return int(row[0])

    def times_asked(self, example_id: int, kind: SuggestionKind) -> int:
        """How often the teacher was asked this of the row."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT count(*) FROM suggestion WHERE example_id = ? AND kind = ?", (example_id, kind)
            ).fetchone()
        return int(row[0])

    def accept_suggestions(self, title: str, accepted: Sequence[tuple[SuggestionRow, Change]]) -> Done:
        """Change rows as the teacher proposed, as one operation of the teacher's, and mark the suggestions
        accepted, in one transaction. Raises Conflict where a row is no longer as its change expects."""
        with self._db.write() as db:
            operation = record_changes(db, title, [change for _, change in accepted], "teacher")
            for suggestion, _ in accepted:
                _close(db, suggestion.id, "accepted", operation.id if operation is not None else None)
        return Done(operation)

    def close_suggestion(
        self, suggestion_id: int, state: SuggestionState, operation_id: int | None = None
    ) -> None:
        """Accepted (by which operation) or declined; `open` puts it back."""
        with self._db.write() as db:
            _close(db, suggestion_id, state, operation_id)


def _close(
    db: sqlite3.Connection, suggestion_id: int, state: SuggestionState, operation_id: int | None
) -> None:
    db.execute(
        "UPDATE suggestion SET state = ?, operation_id = ? WHERE id = ?",
        (state, operation_id, suggestion_id),
    )


def _suggestion(row: Any) -> SuggestionRow:
    values = list(row)
    values[9] = bool(values[9])
    return SuggestionRow(*values)
