"""Reviews: going through rows one by one, to be resumed at any time, and what was decided.

The rows of a review are frozen when it begins; a decision and the status it gives the row are one
transaction. A re-check goes through rows decided before, without showing how.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from array import array
from collections.abc import Sequence
from typing import Any, cast

from alpaca_tui.store.curated import Agreement, Decision, ReviewKind, ReviewRow
from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import storable

_REVIEW = """
SELECT r.id, r.kind, r.started_at, r.ended_at, r.query, r.ids, r.position,
  (SELECT count(*) FROM review_decision d WHERE d.review_id = r.id AND d.decision = 'approved'),
  (SELECT count(*) FROM review_decision d WHERE d.review_id = r.id AND d.decision = 'rejected'),
  (SELECT count(*) FROM review_decision d WHERE d.review_id = r.id AND d.decision = 'skipped'),
  (SELECT total(seconds) FROM review_decision d WHERE d.review_id = r.id)
FROM review r
"""


class Reviews:
    """The part of the store that remembers reviews."""

    _db: Database

    def start_review(self, ids: Sequence[int], query: str, kind: ReviewKind = "review") -> ReviewRow:
        """A review of these rows, in this order."""
        packed = zlib.compress(array("q", ids).tobytes(), 1)
        with self._db.write() as db:
            cursor = db.execute(
                "INSERT INTO review (kind, started_at, query, ids) VALUES (?, ?, ?, ?)",
                (kind, time.time(), storable(query), packed),
            )
            return _one(db, cast(int, cursor.lastrowid))

    def open_review(self, kind: ReviewKind = "review") -> ReviewRow | None:
        """The last review that was not ended, to be resumed; None when there is none."""
        with self._db.read() as db:
            row = db.execute(
                f"{_REVIEW} WHERE r.kind = ? AND r.ended_at IS NULL ORDER BY r.id DESC LIMIT 1", (kind,)
            ).fetchone()
        return _review(row) if row else None

    def review(self, review_id: int) -> ReviewRow:
        """A review as it stands. ValueError if there is none."""
        with self._db.read() as db:
            return _one(db, review_id)

    def decide(
        self,
        review_id: int,
        example_id: int,
        decision: Decision,
        *,
        position: int,
        seconds: float,
        earlier: str,
        operation_id: int | None = None,
    ) -> None:
        """Record a decision and how far the review has come. `earlier`: the status before. Deciding a row
        again replaces the decision."""
        with self._db.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO review_decision VALUES (?, ?, ?, ?, ?, ?, ?)",
                (review_id, example_id, time.time(), seconds, decision, earlier, operation_id),
            )
            db.execute("UPDATE review SET position = ? WHERE id = ?", (position, review_id))

    def undecide(self, review_id: int, example_id: int) -> None:
        """Take a decision out of the record; the review goes on at that row."""
        with self._db.write() as db:
            db.execute(
                "DELETE FROM review_decision WHERE review_id = ? AND example_id = ?", (review_id, example_id)
            )

    def move_review(self, review_id: int, position: int) -> None:
        """Remember the place, whatever was decided."""
        with self._db.write() as db:
            db.execute("UPDATE review SET position = ? WHERE id = ?", (position, review_id))

    def decisions(self, review_id: int) -> dict[int, Decision]:
        """Row -> what was decided."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT example_id, decision FROM review_decision WHERE review_id = ?", (review_id,)
            ).fetchall()
        return {row[0]: row[1] for row in rows}

    def end_review(self, review_id: int) -> None:
        with self._db.write() as db:
            db.execute(
                "UPDATE review SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (time.time(), review_id)
            )

    def decided_rows(self) -> list[int]:
        """Rows that a review approved or rejected and that still stand so, for a re-check."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT DISTINCT d.example_id FROM review_decision d JOIN review r ON r.id = d.review_id "
                "JOIN example e ON e.id = d.example_id WHERE r.kind = 'review' AND e.withdrawn = 0 "
                "AND e.deleted = 0 AND e.status = d.decision ORDER BY d.example_id"
            ).fetchall()
        return [row[0] for row in rows]

    def agreement(self, review_id: int) -> Agreement:
        """How a re-check's decisions agree with the statuses the rows had; skipped ones count for nothing."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT example_id, earlier, decision FROM review_decision "
                "WHERE review_id = ? AND decision <> 'skipped' ORDER BY example_id",
                (review_id,),
            ).fetchall()
        changed = [(row[0], row[1], row[2]) for row in rows if row[1] != row[2]]
        return Agreement(len(rows), len(rows) - len(changed), changed)


def _one(db: sqlite3.Connection, review_id: int) -> ReviewRow:
    row = db.execute(f"{_REVIEW} WHERE r.id = ?", (review_id,)).fetchone()
    if row is None:
        raise ValueError(f"there is no review {review_id}")
    return _review(row)


def _review(row: Any) -> ReviewRow:
    ids: array[int] = array("q")
    ids.frombytes(zlib.decompress(row[5]))
    values = list(row)
    values[5] = ids
    return ReviewRow(*values)
