"""What SQLite says, in words a user can act on. Knows error codes; knows no tables."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from alpaca_tui.errors import UserError

_DISK_NEARLY_FULL = 2 * 1024 * 1024  # bytes; SQLite reports some failed writes on a full disk as I/O errors


def newer_version(path: Path, program: str) -> UserError:
    made_by = f"alpaca-tui {program}" if program else "a newer alpaca-tui"
    return UserError(
        "This workspace was made by a newer version of alpaca-tui",
        f"{path} was last written by {made_by}; this version cannot read it and has not touched it.",
        "Upgrade with `pip install --upgrade alpaca-tui`, or choose another folder with --workspace.",
    )


def not_ours(path: Path, found: str) -> UserError:
    return UserError(
        "This is not an alpaca-tui workspace",
        f"{path} is {found}. Nothing was changed.",
        "Move that file away, or choose another folder with --workspace.",
    )


def missing(path: Path) -> UserError:
    return UserError(
        "There is no workspace here",
        f"{path} does not exist.",
        "Check --workspace, or make data first with `alpaca-tui generate` or `alpaca-tui import`.",
    )


def read_only(path: Path) -> UserError:
    return UserError(
        "The workspace is read-only",
        f"{path} cannot be written to.",
        "Give yourself write permission on the folder and the files in it, "
        "or choose another folder with --workspace.",
    )


def disk_full(path: Path) -> UserError:
    return UserError(
        "The disk is full",
        f"There is no room left to write {path}. Everything stored so far is safe.",
        "Free some space and run the same command again: it continues where it stopped.",
    )


def damaged(path: Path, detail: str) -> UserError:
    return UserError(
        "The workspace database is damaged",
        f"{path} cannot be read ({detail}). It was left as it is.",
        "Restore it from a backup, or save what can be saved: "
        f"`sqlite3 {path.name} .recover | sqlite3 rescued.db`, then put rescued.db in its place.",
    )


def busy(path: Path) -> UserError:
    return UserError(
        "The workspace is locked by another program",
        f"Something else holds {path} and did not let go in time.",
        "Close other programs that use this workspace (a database browser, a backup), then try again.",
    )


def explain(error: sqlite3.Error, path: Path) -> UserError | None:
    """The UserError for a fault of the file, the disk or another program; None where SQLite complains
    about what we asked of it, which is a bug of ours and must stay visible as one."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    detail = str(error)
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return disk_full(path)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return read_only(path)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return busy(path)
        case sqlite3.SQLITE_NOTADB:
            return not_ours(path, "no SQLite database")
        case sqlite3.SQLITE_CORRUPT:
            return damaged(path, detail)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_AUTH | sqlite3.SQLITE_NOLFS:
            return _input_output(path, detail)
        case _:
            return None


def _input_output(path: Path, detail: str) -> UserError:
    try:
        nearly_full = shutil.disk_usage(path.parent).free < _DISK_NEARLY_FULL
    except OSError:
        nearly_full = False
    if nearly_full:
        return disk_full(path)
    return UserError(
        "The workspace cannot be read or written",
        f"The system refused access to {path} ({detail}).",
        "Check that the folder exists, that the disk is mounted and that you may read and write there.",
    )
