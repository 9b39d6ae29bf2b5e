"""Runs (whoever asks a teacher has one) and their log: one row an invocation, one entry a change, a fault, a note."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, cast

from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import dump, load_object, public, storable
from alpaca_tui.store.rows import LogRow, RunRow

_RUN = "SELECT id, started_at, ended_at, config, stopped_because, totals FROM run"


class Runs:
    """The part of the store that speaks of runs."""

    _db: Database

    def start_run(self, config: Mapping[str, Any], purpose: str = "generate") -> int:
        """A new run with its settings (JSON-like, no secrets: ValueError). Returns its id."""
        body = dump(public(config))
        with self._db.write() as db:
            cursor = db.execute(
                "INSERT INTO run (started_at, config, purpose) VALUES (?, ?, ?)", (time.time(), body, purpose)
            )
            return cast(int, cursor.lastrowid)

    def end_run(self, run_id: int, stopped_because: str, totals: Mapping[str, Any]) -> None:
        """The run is over: why (a stop reason), and its totals for the record."""
        body = dump(public(totals, "totals"))
        with self._db.write() as db:
            db.execute(
                "UPDATE run SET ended_at = ?, stopped_because = ?, totals = ? WHERE id = ?",
                (time.time(), stopped_because, body, run_id),
            )

    def runs(self, purpose: str = "generate") -> list[RunRow]:
        """Every run of that purpose, oldest first."""
        with self._db.read() as db:
            rows = db.execute(_RUN + " WHERE purpose = ? ORDER BY id", (purpose,)).fetchall()
        return [_run(row) for row in rows]

    def last_run(self, purpose: str = "generate") -> RunRow | None:
        with self._db.read() as db:
            row = db.execute(_RUN + " WHERE purpose = ? ORDER BY id DESC LIMIT 1", (purpose,)).fetchone()
        return _run(row) if row else None

    def log(self, run_id: int | None, kind: str, message: str, data: Mapping[str, Any] | None = None) -> None:
        """Add an entry; `kind` is `change`, `fault` or `note`."""
        body = None if data is None else dump(public(data, "data"))
        with self._db.write() as db:
            db.execute(
                "INSERT INTO log_entry (run_id, at, kind, message, data) VALUES (?, ?, ?, ?, ?)",
                (run_id, time.time(), kind, storable(message), body),
            )

    def log_entries(self, run_id: int | None = None, limit: int = 200) -> list[LogRow]:
        """The newest `limit` entries (of one run, or of all), oldest first."""
        where, values = ("WHERE run_id = ?", (run_id, limit)) if run_id is not None else ("", (limit,))
        query = f"SELECT id, run_id, at, kind, message, data FROM log_entry {where} ORDER BY id DESC LIMIT ?"
        with self._db.read() as db:
            rows = db.execute(query, values).fetchall()
        return [
            LogRow(
                id, run, at, kind, message, None if data is None else cast(dict[str, Any], json.loads(data))
            )
            for id, run, at, kind, message, data in reversed(rows)
        ]


def _run(row: Any) -> RunRow:
    id, started_at, ended_at, config, stopped_because, totals = row
    return RunRow(id, started_at, ended_at, load_object(config), stopped_because, load_object(totals))
