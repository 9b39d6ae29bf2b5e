"""Datasets brought in: every row of a file in one transaction, as an operation that can be undone."""

from __future__ import annotations

import time
from collections.abc import Iterable

from alpaca_tui.store import counters, fulltext
from alpaca_tui.store.database import Database
from alpaca_tui.store.encoding import dump, storable
from alpaca_tui.store.examples import insert_by_hand
from alpaca_tui.store.revisions import record_import
from alpaca_tui.store.rows import ImportedRow, ImportReport
from alpaca_tui.store.verdicts import pool_now
from alpaca_tui.text import plural


class Imports:
    """The part of the store that takes files in."""

    _db: Database

    def add_imported(self, rows: Iterable[ImportedRow], origin: str) -> ImportReport:
        """Every row of a file, all or nothing; `origin` says which file. Fields of other names stay with the
        row; the nearest score is left open for `set_novelty`, what the row tells for an inspection."""
        added = first = last = 0
        name = storable(origin)
        with self._db.write(large=True) as db:
            common = {
                "source": "imported",
                "origin": name,
                "at": time.time(),
                "after": pool_now(db),
                "tags": "",
                "revised": 0,
            }
            with counters.paused(db):
                for row in rows:
                    last = insert_by_hand(
                        db,
                        {
                            **common,
                            "instruction": storable(row.instruction),
                            "input": storable(row.input),
                            "output": storable(row.output),
                            "extra": dump(dict(row.extra)) if row.extra else "",
                        },
                    )
                    first = first or last
                    added += 1
            if added:
                counters.count(db, "id BETWEEN ? AND ?", (first, last))
                fulltext.add_range(db, first, last)
                short = name.replace("\\", "/").rsplit("/", 1)[-1]
                record_import(db, f"Import {plural(added, 'row')} from {short}", added, first, last)
        return ImportReport(added, first, last)
