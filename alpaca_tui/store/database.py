"""One SQLite file, many threads: connections, transactions, and faults in plain words.

Every thread gets a connection of its own, closed when the thread ends or the database is closed. Writers
take turns: a lock inside the process, `BEGIN IMMEDIATE` between processes. Knows no tables but the schema's
version; what is asked of the tables stands in the modules beside this one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import regex

import alpaca_tui
from alpaca_tui.errors import UserError
from alpaca_tui.store import faults, mounts, schema

_CACHE_KIB = 4_096
"""Of a thread that reads: there are many, and the system caches the file for all of them."""
_WRITE_CACHE_KIB = 16_384
_LARGE_CACHE_KIB = 98_304
"""While a transaction changes a good part of the rows: what does not fit is written twice, and read again."""
_FOLD_EVERY_PAGES = 1_000
_HURRY_EVERY_S = 0.02
_LOG_LIMIT = 64 << 20
"""To so many bytes the log shrinks again after a large change."""
_REGEX_TIMEOUT_S = 0.25


class BrokenOff(Exception):  # noqa: N818 - nothing went wrong
    """Work in the background has given way."""


class _Handle:
    """A thread's connection. Dropped with the thread's locals, it closes the connection; `busy` is held
    while the thread uses it, for SQLite does not bear being closed under a running query."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.busy = threading.RLock()
        self.close = weakref.finalize(self, connection.close)


@cache
def has_full_text_search() -> bool:
    """Whether this Python's SQLite has FTS5."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return ("ENABLE_FTS5",) in connection.execute("PRAGMA compile_options").fetchall()


class Database:
    """The file at `path`. Use `read()` for queries and `write()` for one transaction."""

    def __init__(self, path: Path, *, create: bool, readonly: bool, busy_timeout_s: float = 10.0) -> None:
        """Open the file, check that it is ours and readable, bring its schema up to date.

        create: make it if it is missing. readonly: open without the right to write, and without needing
        it on disk. busy_timeout_s: how long to wait for another program's lock. Raises UserError.
        """
        self.path = path.absolute()
        self.readonly = readonly
        self._busy_timeout_s = busy_timeout_s
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self._handles_lock = threading.Lock()
        self._write_lock = threading.RLock()
        self._unhurried: sqlite3.Connection | None = None
        self._unhurried_lock = threading.Lock()
        self._closed = False
        self._network = mounts.is_network(self.path.parent)
        if sqlite3.sqlite_version_info < schema.MINIMUM_SQLITE:
            raise UserError(
                "This Python's SQLite is too old",
                f"It is {sqlite3.sqlite_version}; alpaca-tui needs 3.24 or newer.",
                "Use a Python built with a newer SQLite.",
            )
        if not has_full_text_search():
            raise UserError(
                "This Python's SQLite cannot search texts",
                "It was built without full-text search (FTS5), which the dataset needs.",
                "Use another Python: those of python.org and of the distributions have it.",
            )
        if self.path.is_dir():
            raise faults.not_ours(self.path, "a folder")
        if not self.path.exists() and (readonly or not create):
            raise faults.missing(self.path)
        # SQLite would open a file it may not write as if nothing were wrong, and fail at the first write.
        if not readonly and not (os.access(self.path.parent, os.W_OK) and _writable(self.path)):
            raise faults.read_only(self.path)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        with self._connection() as connection:
            version = schema.version_of(connection)
            tables = {
                str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            }
            application = int(connection.execute("PRAGMA application_id").fetchone()[0])
            if (tables or version) and application != schema.APPLICATION_ID:
                raise faults.not_ours(self.path, "the database of another program")
            if version > len(schema.STEPS):
                raise faults.newer_version(self.path, self._last_program(connection))
            if self.readonly:
                if version < len(schema.STEPS):
                    self._upgrade_by_another(version)
                return
            self._choose_journal(connection)
            _set_synchronous(connection)
            schema.upgrade(connection, alpaca_tui.__version__, time.time())

    def _upgrade_by_another(self, version: int) -> None:
        """A reader needs today's tables too: where the file may be written, a writer brings them."""
        try:
            if not version:
                raise faults.missing(self.path)
            Database(self.path, create=False, readonly=False, busy_timeout_s=self._busy_timeout_s).close()
        except UserError as error:
            raise UserError(
                "This workspace is empty or older than this version",
                f"{self.path} must be upgraded, and was opened read-only.",
                "Open it once with write access, for example with `alpaca-tui`.",
            ) from error

    @staticmethod
    def _last_program(connection: sqlite3.Connection) -> str:
        try:
            row = connection.execute("SELECT value FROM meta WHERE key = 'program'").fetchone()
        except sqlite3.OperationalError:  # a newer version may have arranged its tables otherwise
            return ""
        return str(row[0]) if row else ""

    def _choose_journal(self, connection: sqlite3.Connection) -> None:
        wanted = "delete" if self._network else "wal"
        mode = str(connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0])
        if self._network and mode == "wal":
            raise faults.busy(self.path)

    @property
    def journal_mode(self) -> str:
        """`wal`, or `delete` on file systems that cannot do it."""
        with self.read() as connection:
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        """This thread's connection, with faults explained; `close` waits until the block is left."""
        with self._explained():
            handle = self._handle()
            with handle.busy:
                if self._closed:
                    raise RuntimeError(f"{self.path} has been closed")
                yield handle.connection

    def _handle(self) -> _Handle:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is not None:
            return handle
        handle = _Handle(self._connect())
        with self._handles_lock:
            if self._closed:
                handle.close()
                raise RuntimeError(f"{self.path} has been closed")
            self._handles.add(handle)
        self._local.handle = handle
        return handle

    def _connect(self) -> sqlite3.Connection:
        uri = self.path.as_uri() + ("?mode=ro" if self.readonly else "?mode=rwc")
        connection = self._connect_to(uri)
        if self.readonly:
            try:
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                # A folder where nothing may be written has no place for the log's shared memory. With no
                # log lying there the file alone is the whole truth, and nobody can be writing it.
                connection.close()
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                    raise
                log = self.path.with_name(self.path.name + "-wal")
                if log.exists() and log.stat().st_size > 0:
                    raise
                connection = self._connect_to(uri + "&immutable=1")
        return connection

    def _connect_to(self, uri: str) -> sqlite3.Connection:
        # Closed from whichever thread closes the database, hence check_same_thread; used by one only.
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.create_function("word_count", 1, word_count, deterministic=True)
        connection.create_function("bit_count", 1, int.bit_count, deterministic=True)
        connection.create_function("regexp_c", 2, partial(matches, ignore_case=False))
        connection.create_function("regexp_i", 2, partial(matches, ignore_case=True))
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
        _set_synchronous(connection)
        return connection

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            explained = faults.explain(error, self.path)
            if explained is None:
                raise
            raise explained from error

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection]:
        """This thread's connection for queries. Fetch what you need inside: a half-read query would
        hold a snapshot open and keep the log from shrinking."""
        with self._connection() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """What this thread reads in the block is the state of one moment, whatever others write meanwhile. Not
        for long: until it ends the log cannot shrink, and where there is no such log writers wait."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    @contextmanager
    def write(
        self, *, large: bool = False, then: Callable[[], None] | None = None, hurry: bool = True
    ) -> Generator[sqlite3.Connection]:
        """One transaction: committed when the block ends, rolled back when it raises. large: of many rows; once
        it is made `then` is called in the background, and what is left in the log is folded into the file.
        hurry: what is being done in the background (`write_unhurried`) is broken off for it."""
        with self._turn(hurry=hurry), self._connection() as connection, _roomy(connection, large=large):
            if connection.in_transaction:
                raise RuntimeError("a store transaction was begun inside another one")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if (
                    connection.in_transaction
                ):  # SQLite itself rolls back on some faults, a full disk among them
                    connection.execute("ROLLBACK")
                raise
        if large:
            threading.Thread(target=self._tidy, args=(then,), name="alpaca-tidy", daemon=True).start()

    @contextmanager
    def write_unhurried(self) -> Generator[sqlite3.Connection]:
        """A transaction for work in the background: when somebody else in this program wants to write it is rolled
        back, and raises BrokenOff."""
        with self.write(hurry=False) as connection:
            with self._unhurried_lock:
                self._unhurried = connection
            try:
                yield connection
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                    raise BrokenOff from error
                raise
            finally:
                with self._unhurried_lock:
                    self._unhurried = None

    @contextmanager
    def _turn(self, *, hurry: bool) -> Generator[None]:
        """This thread's turn to write. Between two of its statements nothing of the work in the background can be
        interrupted, so that it is told again and again."""
        while not self._write_lock.acquire(timeout=_HURRY_EVERY_S if hurry else -1):
            with self._unhurried_lock:
                if self._unhurried is not None:
                    self._unhurried.interrupt()
        try:
            yield
        finally:
            self._write_lock.release()

    def _tidy(self, then: Callable[[], None] | None) -> None:
        """What may be done after a large change: nothing depends on it. The log is folded into the file as far
        as nobody reads from it."""
        with suppress(UserError, RuntimeError):
            if then is not None:
                then()
            with self._connection() as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close every thread's connection; the last one out folds the log into the file. Idempotent."""
        with self._handles_lock:
            self._closed = True
            handles = list(self._handles)
            self._handles.clear()
        for handle in handles:
            with handle.busy:
                handle.close()


@contextmanager
def _roomy(connection: sqlite3.Connection, *, large: bool) -> Generator[None]:
    """A larger cache for the block, and no folding of the log in a large one; the memory is given back."""
    connection.execute(f"PRAGMA cache_size = -{_LARGE_CACHE_KIB if large else _WRITE_CACHE_KIB}")
    if large:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if large:
            connection.execute(f"PRAGMA wal_autocheckpoint = {_FOLD_EVERY_PAGES}")


def word_count(text: str) -> int:
    """Words as blanks divide them: how lengths are measured everywhere."""
    return len(text.split())


def matches(pattern: str, text: str, *, ignore_case: bool) -> bool:
    """Whether a regular expression is found in a text. A pattern that explodes gives up on that text instead
    of holding the whole program."""
    compiled = _compiled(pattern, ignore_case)
    try:
        return compiled.search(text, timeout=_REGEX_TIMEOUT_S, concurrent=True) is not None
    except TimeoutError:
        return False


@lru_cache(maxsize=32)
def _compiled(pattern: str, ignore_case: bool) -> Any:
    return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)


def _writable(path: Path) -> bool:
    # Asked in this order: another program may make the file between the two questions.
    return not path.exists() or os.access(path, os.W_OK)


def _set_synchronous(connection: sqlite3.Connection) -> None:
    # NORMAL with a write-ahead log: a killed process loses nothing, a power cut at most the last moments,
    # and the file stays consistent. Without that log only FULL gives the last part.
    mode = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
