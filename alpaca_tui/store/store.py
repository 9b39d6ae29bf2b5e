"""`Store`: the one object the other rooms hold. What it can do stands in the parts it is made of."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from alpaca_tui.errors import UserError
from alpaca_tui.store.browsing import Browsing
from alpaca_tui.store.completions import Completions
from alpaca_tui.store.database import Database
from alpaca_tui.store.examples import Examples
from alpaca_tui.store.imports import Imports
from alpaca_tui.store.inspections import Inspections
from alpaca_tui.store.rejudging import Rejudging
from alpaca_tui.store.reviews import Reviews
from alpaca_tui.store.revisions import Revisions
from alpaca_tui.store.runs import Runs
from alpaca_tui.store.searching import catch_up, searchable_moment
from alpaca_tui.store.suggestions import Suggestions
from alpaca_tui.store.tallies import Tallies
from alpaca_tui.store.verdicts import Verdicts


class Store(
    Runs,
    Completions,
    Verdicts,
    Rejudging,
    Examples,
    Imports,
    Browsing,
    Revisions,
    Inspections,
    Reviews,
    Suggestions,
    Tallies,
):
    """A workspace's database. Thread-safe; every method is one transaction; faults are UserErrors."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @classmethod
    def open(
        cls, path: Path, *, create: bool = True, readonly: bool = False, busy_timeout_s: float = 10.0
    ) -> Store:
        """Open the database at `path`, making or upgrading it where needed and allowed.

        Raises UserError: missing, not ours, damaged, read-only, locked, of a newer version.
        """
        return cls(Database(path, create=create, readonly=readonly, busy_timeout_s=busy_timeout_s))

    @property
    def path(self) -> Path:
        return self._db.path

    @property
    def readonly(self) -> bool:
        return self._db.readonly

    @property
    def journal_mode(self) -> str:
        """`wal`, or `delete` where the file system cannot do it."""
        return self._db.journal_mode

    def snapshot(self) -> AbstractContextManager[None]:
        """What this thread reads in the block is the state of one moment; it must not write there."""
        return searchable_moment(self._db)

    def catch_up(self) -> None:
        """Have the search index follow changes that have left it behind; searches do so by themselves."""
        catch_up(self._db)

    def close(self) -> None:
        """Close every thread's connection. Idempotent."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self.readonly:
            with suppress(UserError, RuntimeError):  # the next search does it
                self.catch_up()
        self.close()
