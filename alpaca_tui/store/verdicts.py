"""Candidates and their verdicts: one transaction a completion, nothing the teacher wrote is thrown away.

A kept candidate becomes an example in the same transaction. Knows how verdicts are stored, not how they
are reached.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from alpaca_tui.store import fulltext
from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import dump, load_top, storable
from alpaca_tui.store.rows import CandidateIn, CandidateRow, CandidateVerdict, VerdictIds, row_key

AFTER_ALL = 1 << 30  # pool_position of what joined the pool by hand: behind every candidate judged before
_IDS_AT_ONCE = 500
_JUDGED = frozenset({"kept", "duplicate", "filtered"})
_CANDIDATE = """
SELECT c.id, c.completion_id, c.position, c.number, c.instruction, c.input, c.output,
  c.verdict, c.rule, c.detail, c.score, c.nearest, c.top, c.mean, c.rescued, c.superseded, e.id
FROM candidate c LEFT JOIN example e ON e.candidate_id = c.id AND e.withdrawn = 0
"""
_INSERT_CANDIDATE = """
INSERT INTO candidate (completion_id, position, number, instruction, input, output, verdict, rule, detail,
  score, nearest, top, mean) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_EXAMPLE = """
INSERT INTO example (source, teacher, model, completion_id, candidate_id, created_at, nearest_score,
  nearest_key, mean_score, pool_after, pool_position, instruction, input, output, top,
  words_instruction, words_input, words_output, chars_instruction, chars_input, chars_output)
SELECT 'generated', p.server, p.model, c.completion_id, c.id, ?, c.score, c.nearest, c.mean, ?, ?,
  c.instruction, c.input, c.output, c.top, word_count(c.instruction), word_count(c.input),
  word_count(c.output), length(c.instruction), length(c.input), length(c.output)
FROM candidate c JOIN completion p ON p.id = c.completion_id WHERE c.id = ?
"""


def insert_candidate(db: sqlite3.Connection, completion_id: int, candidate: CandidateIn) -> int:
    """One candidate row; its id."""
    cursor = db.execute(
        _INSERT_CANDIDATE,
        (
            *(completion_id, candidate.position, candidate.number, storable(candidate.instruction)),
            *(storable(candidate.input), storable(candidate.output), candidate.verdict, candidate.rule),
            *(storable(candidate.detail), *novelty_values(candidate)),
        ),
    )
    return cast(int, cursor.lastrowid)


def place_key(completion_id: int, position: int) -> str:
    """How a judgement names a row that has no id yet: by the place of its candidate."""
    return f"at:{completion_id}:{position}"


def names_places(candidate: CandidateIn) -> bool:
    """Whether a neighbour is named by place."""
    return any(key.startswith("at:") for key in (candidate.nearest or "", *(key for key, _ in candidate.top)))


def resolved(candidate: CandidateIn, rows: Mapping[str, str]) -> CandidateIn:
    """`candidate` with neighbours named by place (`place_key`) replaced by their row keys.

    rows: place key -> row key, of the rows assigned so far in this transaction.
    """
    if not names_places(candidate):
        return candidate
    return replace(
        candidate,
        nearest=None if candidate.nearest is None else rows.get(candidate.nearest, candidate.nearest),
        top=tuple((rows.get(key, key), score) for key, score in candidate.top),
    )


def insert_example(db: sqlite3.Connection, candidate_id: int, pool_after: int, pool_position: int) -> int:
    """The dataset row of a kept candidate; its id."""
    cursor = db.execute(_INSERT_EXAMPLE, (time.time(), pool_after, pool_position, candidate_id))
    example_id = cast(int, cursor.lastrowid)
    fulltext.add(db, example_id)
    return example_id


def novelty_values(candidate: CandidateIn) -> tuple[float | None, str | None, str, float | None]:
    """(score, nearest, top, mean) as they are stored."""
    return (candidate.score, stored_key(candidate.nearest), dump_top(candidate.top), candidate.mean)


def stored_key(key: str | None) -> str | None:
    """A pool key as it is stored: the id of a user's seed task may hold anything."""
    return None if key is None else storable(key)


def dump_top(top: Sequence[tuple[str, float]]) -> str:
    return dump(list(top)) if top else ""


def pool_now(db: sqlite3.Connection) -> int:
    """The finish order up to which completions have been judged: what joins the pool now joins after it."""
    row = db.execute("SELECT max(finish_order) FROM completion WHERE finish_order IS NOT NULL AND judged = 1")
    return row.fetchone()[0] or 0


def count_verdicts(db: sqlite3.Connection, completion_id: int) -> None:
    """Bring a completion's `kept_count` and `judged_count` in line with its candidates."""
    row = db.execute(
        "SELECT ifnull(sum(verdict = 'kept'), 0), "
        "ifnull(sum(verdict IN ('kept', 'duplicate', 'filtered')), 0) "
        "FROM candidate WHERE completion_id = ? AND superseded = 0",
        (completion_id,),
    ).fetchone()
    db.execute("UPDATE completion SET kept_count = ?, judged_count = ? WHERE id = ?", (*row, completion_id))


class Verdicts:
    """The part of the store that speaks of candidates."""

    _db: Database

    def record_verdicts(self, completion_id: int, candidates: Sequence[CandidateIn]) -> list[VerdictIds]:
        """All candidates of a done completion, and an example for each kept one, in one transaction.

        A neighbour kept in this very completion has no id yet: name it by `place_key`.
        Returns their ids in the same order. ValueError if the completion is not done, or judged already.
        """
        ids: list[VerdictIds] = []
        kept = sum(candidate.verdict == "kept" for candidate in candidates)
        judged = sum(candidate.verdict in _JUDGED for candidate in candidates)
        with self._db.write() as db:
            changed = db.execute(
                "UPDATE completion SET judged = 1, kept_count = ?, judged_count = ? "
                "WHERE id = ? AND state = 'done' AND judged = 0",
                (kept, judged, completion_id),
            ).rowcount
            if changed != 1:
                raise ValueError(f"completion {completion_id} is not waiting to be judged")
            order = db.execute(
                "SELECT finish_order FROM completion WHERE id = ?", (completion_id,)
            ).fetchone()[0]
            rows: dict[str, str] = {}
            for candidate in candidates:
                candidate_id = insert_candidate(db, completion_id, resolved(candidate, rows))
                example_id = None
                if candidate.verdict == "kept":
                    example_id = insert_example(db, candidate_id, order, candidate.position)
                    rows[place_key(completion_id, candidate.position)] = row_key(example_id)
                ids.append(VerdictIds(candidate_id, example_id))
        return ids

    def promote(
        self,
        candidate_id: int,
        *,
        rescued: bool = False,
        score: float | None = None,
        nearest: str | None = None,
        top: Sequence[tuple[str, float]] = (),
        mean: float | None = None,
    ) -> int:
        """Keep a candidate that was not: a surplus one because the goal rose, or any by hand (`rescued`).

        One that a rejudge superseded can only be kept by hand, and counts as rescued. A rescued one
        keeps the rules' objection in `rule` and `detail`, and stays through every rejudge.
        `score` and so on replace the stored judgement where given. Returns the example's id; promoting
        twice gives the same row. ValueError if there is no such candidate.
        """
        with self._db.write() as db:
            row = db.execute("SELECT completion_id FROM candidate WHERE id = ?", (candidate_id,)).fetchone()
            if row is None:
                raise ValueError(f"there is no candidate {candidate_id}")
            db.execute(
                "UPDATE candidate SET verdict = 'kept', rescued = max(rescued, superseded, ?) WHERE id = ?",
                (rescued, candidate_id),
            )
            if score is not None:
                db.execute(
                    "UPDATE candidate SET score = ?, nearest = ?, top = ?, mean = ? WHERE id = ?",
                    (score, stored_key(nearest), dump_top(top), mean, candidate_id),
                )
            count_verdicts(db, row[0])
            existing = db.execute(
                "SELECT id, deleted, withdrawn FROM example WHERE candidate_id = ?", (candidate_id,)
            ).fetchone()
            if existing is None:
                return insert_example(db, candidate_id, pool_now(db), AFTER_ALL)
            example_id, deleted, withdrawn = existing
            if withdrawn:
                db.execute(
                    "UPDATE example SET withdrawn = 0, inspected = 0, pool_after = ?, pool_position = ? WHERE id = ?",
                    (pool_now(db), AFTER_ALL, example_id),
                )
            if deleted:
                db.execute("UPDATE example SET deleted = 0, inspected = 0 WHERE id = ?", (example_id,))
            return example_id

    def candidates(
        self,
        completion_id: int | None = None,
        verdict: CandidateVerdict | None = None,
        rule: str | None = None,
        search: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[CandidateRow]:
        """One completion's candidates by position, or a page of all, newest first.

        search: text the instruction, input or output holds (ASCII letters in any case). before: the id
        of the last row of the page before. Superseded candidates are left out.
        """
        where, values = _where(completion_id, verdict, rule, search, before)
        order = "c.position, c.id" if completion_id is not None else "c.id DESC"
        query = f"{_CANDIDATE} WHERE {where} ORDER BY {order} LIMIT ?"
        with self._db.read() as db:
            rows = db.execute(query, (*values, limit)).fetchall()
        return [_candidate(row) for row in rows]

    def candidate_ids(
        self, verdict: CandidateVerdict | None = None, rule: str | None = None, search: str | None = None
    ) -> list[int]:
        """The ids `candidates` would give, all of them, newest first: what a table scrolls over."""
        where, values = _where(None, verdict, rule, search, None)
        with self._db.read() as db:
            rows = db.execute(f"SELECT c.id FROM candidate c WHERE {where}", values).fetchall()
        return sorted((row[0] for row in rows), reverse=True)

    def candidates_by_id(self, ids: Sequence[int]) -> list[CandidateRow]:
        """The candidates of `ids`, in that order; ids that do not exist are left out."""
        found: dict[int, CandidateRow] = {}
        with self._db.read() as db:
            for start in range(0, len(ids), _IDS_AT_ONCE):
                part = ids[start : start + _IDS_AT_ONCE]
                query = f"{_CANDIDATE} WHERE c.id IN ({', '.join('?' * len(part))})"
                found.update((row[0], _candidate(row)) for row in db.execute(query, tuple(part)))
        return [found[one] for one in ids if one in found]

    def candidate(self, candidate_id: int) -> CandidateRow | None:
        with self._db.read() as db:
            row = db.execute(_CANDIDATE + "WHERE c.id = ?", (candidate_id,)).fetchone()
        return _candidate(row) if row else None


def _where(
    completion_id: int | None,
    verdict: CandidateVerdict | None,
    rule: str | None,
    search: str | None,
    before: int | None,
) -> tuple[str, list[object]]:
    """The condition (on `candidate c`) and its values."""
    conditions, values = ["c.superseded = 0"], list[object]()
    # Of the indexes that fit, the narrowest must be taken: `+` keeps the planner off the others.
    for condition, value in (
        ("c.completion_id = ?", completion_id),
        ("c.rule = ?" if completion_id is None else "+c.rule = ?", rule),
        ("c.verdict = ?" if completion_id is None and rule is None else "+c.verdict = ?", verdict),
        ("c.id < ?", before),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if search:
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        fields = (f"c.{field} LIKE ? ESCAPE '\\'" for field in ("instruction", "input", "output"))
        conditions.append(f"({' OR '.join(fields)})")
        values += [storable(pattern)] * 3
    return " AND ".join(conditions), values


def _candidate(row: Any) -> CandidateRow:
    values = list(row)
    values[12] = load_top(values[12])
    values[14:16] = map(bool, values[14:16])  # rescued, superseded
    return CandidateRow(*values)
