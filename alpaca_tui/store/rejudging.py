"""A rejudge applied: other rules read the stored answers again, and the dataset follows, in one transaction.

Nothing is lost. A candidate with the same texts keeps its id and its row; one the new reading lacks is
superseded; a row whose candidate is no longer kept is withdrawn; both come back when the rules do. Rows a
person rescued or edited stay whatever the rules say. Replaying the same verdicts changes nothing.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import storable
from alpaca_tui.store.rows import CandidateIn, Rejudged, RejudgeReport, row_key
from alpaca_tui.store.verdicts import (
    count_verdicts,
    dump_top,
    insert_candidate,
    insert_example,
    names_places,
    novelty_values,
    place_key,
    resolved,
    stored_key,
)

_OLD = """
SELECT c.id, c.instruction, c.input, c.output,
  c.position, c.number, c.verdict, c.rule, c.detail, c.score, c.nearest, c.top, c.mean,
  c.rescued, c.superseded, e.id, e.withdrawn, e.edited
FROM candidate c LEFT JOIN example e ON e.candidate_id = c.id
WHERE c.completion_id = ? ORDER BY c.superseded, c.position, c.id
"""


@dataclass(slots=True)
class _Old:
    """A stored candidate with its row, if it ever had one. `judgement` is what a new verdict replaces."""

    id: int
    texts: tuple[str, str, str]
    judgement: tuple[Any, ...]
    rescued: bool
    superseded: bool
    example_id: int | None
    withdrawn: bool
    edited: bool

    @property
    def held(self) -> bool:
        """Whether a person's decision keeps the row."""
        return self.example_id is not None and not self.withdrawn and (self.rescued or self.edited)


class Rejudging:
    """The part of the store that applies a rejudge."""

    _db: Database

    def apply_rejudge(self, plan: Iterable[Rejudged]) -> RejudgeReport:
        """Replace the verdicts of the completions in `plan`, all or nothing. Others stay untouched.

        `plan` is consumed inside the transaction: work the verdicts out first, so that no other writer
        waits. ValueError for a completion that is not done.
        """
        totals = {field.name: 0 for field in dataclasses.fields(RejudgeReport)}
        rows: dict[str, str] = {}
        unnamed: list[tuple[int, CandidateIn]] = []
        with self._db.write() as db:
            for reading in plan:
                _apply(db, reading, rows, unnamed, totals)
            for candidate_id, candidate in unnamed:
                _name_neighbours(db, candidate_id, resolved(candidate, rows))
        return RejudgeReport(**totals)


def _apply(
    db: sqlite3.Connection,
    reading: Rejudged,
    rows: dict[str, str],
    unnamed: list[tuple[int, CandidateIn]],
    totals: dict[str, int],
) -> None:
    """One completion's new reading. rows: place key -> row key, so far. unnamed: candidates with a
    neighbour that gets its row only later in this transaction."""
    row = db.execute(
        "SELECT finish_order FROM completion WHERE id = ? AND state = 'done'", (reading.completion_id,)
    ).fetchone()
    if row is None:
        raise ValueError(f"completion {reading.completion_id} is not done")
    finish_order: int = row[0]
    left: dict[tuple[str, str, str], deque[_Old]] = defaultdict(deque)
    for old in map(_old, db.execute(_OLD, (reading.completion_id,)).fetchall()):
        left[old.texts].append(old)
    for candidate in reading.candidates:
        texts = (storable(candidate.instruction), storable(candidate.input), storable(candidate.output))
        twins = left.get(texts)
        known = resolved(candidate, rows)
        if twins:
            old = twins.popleft()
            candidate_id, example_id = old.id, _change(db, old, known, finish_order, totals)
        else:
            candidate_id = insert_candidate(db, reading.completion_id, known)
            example_id = None
            if candidate.verdict == "kept":
                example_id = insert_example(db, candidate_id, finish_order, candidate.position)
                totals["added"] += 1
        if names_places(known):
            unnamed.append((candidate_id, known))
        if example_id is not None:
            rows[place_key(reading.completion_id, candidate.position)] = row_key(example_id)
    for twins in left.values():
        for old in twins:
            _supersede(db, old, totals)
    db.execute("UPDATE completion SET judged = 1 WHERE id = ? AND judged = 0", (reading.completion_id,))
    count_verdicts(db, reading.completion_id)
    totals["completions"] += 1
    totals["candidates"] += len(reading.candidates)


def _change(
    db: sqlite3.Connection, old: _Old, candidate: CandidateIn, finish_order: int, totals: dict[str, int]
) -> int | None:
    """Give a stored candidate its new judgement; returns its row, if it has ever had one."""
    kept = candidate.verdict == "kept"
    if old.held and not kept:
        totals["held"] += 1
    new = (
        *(candidate.position, candidate.number, "kept" if old.held else candidate.verdict, candidate.rule),
        *(storable(candidate.detail), *novelty_values(candidate)),
    )
    if new != old.judgement or old.superseded:
        db.execute(
            "UPDATE candidate SET position = ?, number = ?, verdict = ?, rule = ?, detail = ?, score = ?, "
            "nearest = ?, top = ?, mean = ?, superseded = 0 WHERE id = ?",
            (*new, old.id),
        )
    if old.example_id is None:
        if not kept:
            return None
        totals["added"] += 1
        return insert_example(db, old.id, finish_order, candidate.position)
    if not old.edited and new[5:] != old.judgement[5:]:  # an edited row's novelty is that of its new text
        db.execute(
            "UPDATE example SET nearest_score = ?, nearest_key = ?, top = ?, mean_score = ? WHERE id = ?",
            (*new[5:], old.example_id),
        )
    if kept and old.withdrawn:
        db.execute(
            "UPDATE example SET withdrawn = 0, inspected = 0, pool_after = ?, pool_position = ? WHERE id = ?",
            (finish_order, candidate.position, old.example_id),
        )
        totals["restored"] += 1
    elif not kept and not old.withdrawn and not old.held:
        db.execute("UPDATE example SET withdrawn = 1, inspected = 0 WHERE id = ?", (old.example_id,))
        totals["withdrawn"] += 1
    return old.example_id


def _name_neighbours(db: sqlite3.Connection, candidate_id: int, candidate: CandidateIn) -> None:
    named = (stored_key(candidate.nearest), dump_top(candidate.top), candidate_id)
    db.execute("UPDATE candidate SET nearest = ?, top = ? WHERE id = ?", named)
    db.execute(
        "UPDATE example SET nearest_key = ?, top = ? WHERE candidate_id = ? AND edited = 0",
        named,
    )


def _supersede(db: sqlite3.Connection, old: _Old, totals: dict[str, int]) -> None:
    if not old.superseded:
        db.execute("UPDATE candidate SET superseded = 1 WHERE id = ?", (old.id,))
    if old.held:
        totals["held"] += 1
    elif old.example_id is not None and not old.withdrawn:
        db.execute("UPDATE example SET withdrawn = 1, inspected = 0 WHERE id = ?", (old.example_id,))
        totals["withdrawn"] += 1


def _old(row: Any) -> _Old:
    id, instruction, input, output, *judgement, rescued, superseded, example_id, withdrawn, edited = row
    return _Old(
        id,
        (instruction, input, output),
        tuple(judgement),
        bool(rescued),
        bool(superseded),
        example_id,
        bool(withdrawn),
        bool(edited),
    )
