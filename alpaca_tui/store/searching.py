"""Nobody searches an index that is behind the texts: who asks it has it catch up first.

A large change leaves that to a thread that follows it, in parts between which others can write; whoever searches
meanwhile, or after a program that was killed before it had done so, takes the parts that are left.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

from alpaca_tui.errors import UserError
from alpaca_tui.store import fulltext
from alpaca_tui.store.database import BrokenOff, Database

_ATTEMPTS = 3
_PAUSE_S = 0.5


def asks_index(where: str) -> bool:
    """Whether a condition is asked of the full-text index."""
    return "example_text" in where


def catch_up(database: Database) -> None:
    """Have the index hold what the rows hold. Raises UserError where it is behind and nothing may be written; in
    one moment (`searchable_moment`), where that could not be seen to before it."""
    with database.read() as db:
        if not fulltext.behind(db):
            return
        if db.in_transaction:
            raise _cannot(database)
    if database.readonly:
        _caught_up_by_another(database)
        return
    while _is_behind(database):
        with database.write(hurry=False) as db:  # who is at it already does the same
            fulltext.settle(db)


def catch_up_unhurried(database: Database) -> None:
    """The same in the background: it gives way to everybody who wants to write."""
    while _is_behind(database):
        try:
            with database.write_unhurried() as db:
                fulltext.settle(db)
        except BrokenOff:
            time.sleep(_PAUSE_S)


def _is_behind(database: Database) -> bool:
    with database.read() as db:
        return fulltext.behind(db)


@contextmanager
def searchable_moment(database: Database) -> Generator[None]:
    """`Database.snapshot`, of a moment at which the index is not behind, where that is possible: who does not search
    needs no index."""
    for attempt in range(_ATTEMPTS):
        with suppress(UserError):
            catch_up(database)
        with database.snapshot():
            with database.read() as db:
                late = fulltext.behind(db)
            if late and attempt < _ATTEMPTS - 1:
                continue  # another program has changed much in between
            yield
            return


def _caught_up_by_another(database: Database) -> None:
    """A reader cannot write: where the file may be written, a writer does it."""
    try:
        with_right = Database(database.path, create=False, readonly=False)
        try:
            catch_up(with_right)
        finally:
            with_right.close()
    except UserError as error:
        raise _cannot(database) from error


def _cannot(database: Database) -> UserError:
    return UserError(
        "The texts of this workspace cannot be searched yet",
        f"{database.path} was changed, its search index is behind, and from here it may only be read.",
        "Open it once with write access, for example with `alpaca-tui`.",
    )
