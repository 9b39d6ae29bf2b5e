"""All of a file or none of it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alpaca_tui import atomic
from alpaca_tui.atomic import atomic_text_writer, atomic_write_bytes, atomic_write_text, atomic_writer
from alpaca_tui.errors import UserError
from tests.conftest import REPOSITORY


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def error_of(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        atomic_write_bytes(path, b"new")
    assert str(path) in caught.value.title
    assert caught.value.cause
    assert caught.value.next_step
    return caught.value


def test_writing_and_replacing(tmp_path):
    path = tmp_path / "file"
    atomic_write_text(path, "eins\nzwei\r\nüñ✓\U0001f600")
    assert path.read_bytes().decode() == "eins\nzwei\r\nüñ✓\U0001f600"
    atomic_write_bytes(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert names(tmp_path) == ["file"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def torn() -> None:
        with atomic_text_writer(path) as file:
            file.write("new" * 10_000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        torn()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_until_the_end_everyone_sees_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_writer(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_permissions_of_a_file_are_kept_and_a_new_one_has_the_usual_ones(tmp_path):
    secret, fresh, plain = tmp_path / "secret", tmp_path / "fresh", tmp_path / "plain"
    secret.touch(0o640)
    secret.chmod(0o640)
    atomic_write_text(secret, "x")
    assert secret.stat().st_mode & 0o777 == 0o640
    atomic_write_text(fresh, "x")
    plain.touch()
    assert fresh.stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "file", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "real" / "other")
    atomic_write_bytes(dangling, b"new")
    assert names(tmp_path / "real") == ["file", "other"]


def test_a_device_is_written_to_directly(tmp_path):
    script = "from alpaca_tui.atomic import *; from pathlib import Path; atomic_write_text(Path('/dev/stdout'), 'out')"
    result = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=True)
    assert result.stdout == b"out"


def test_a_very_long_name(tmp_path):
    path = tmp_path / ("n" * 250)
    atomic_write_bytes(path, b"x")
    assert names(tmp_path) == [path.name]
    assert "too long" in error_of(tmp_path / ("n" * 300)).cause


def test_faults_of_the_path(tmp_path):
    (tmp_path / "file").touch()
    assert "does not exist" in error_of(tmp_path / "missing" / "x").cause
    assert "not a folder" in error_of(tmp_path / "file" / "x").cause
    assert "is a folder" in error_of(tmp_path).cause
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not write"),
        (errno.EIO, "refused"),
    ],
)
def test_faults_of_the_disk(tmp_path, monkeypatch, number, word):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def broken(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", broken)
    assert word in error_of(path).cause
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_full_device():
    with pytest.raises(UserError, match="full"):
        atomic_write_bytes(Path("/dev/full"), b"x" * 100_000)
    with pytest.raises(UserError, match="full"), atomic_text_writer(Path("/dev/full")) as file:
        file.write("x" * 100_000)


def test_a_fault_that_is_not_of_the_file_passes(tmp_path):
    with pytest.raises(ConnectionError), atomic_writer(tmp_path / "file"):
        raise ConnectionError(errno.ECONNRESET, "not ours")
    assert names(tmp_path) == []


@pytest.mark.parametrize("folder", [False, True])
def test_what_a_program_killed_long_ago_left_is_cleared_away(tmp_path: Path, folder: bool) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    target = tmp_path / "data [1].json"

    def left(name: str, age: float) -> Path:
        path = tmp_path / name
        if folder:
            path.mkdir()
            (path / "part").write_text("half")
        else:
            path.write_text("half")
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    old = left(f".data [1].json.{gone.pid}.0123abcd.tmp", 7200)
    kept = [
        left(f".data [1].json.{gone.pid}.0123abce.tmp", 60),  # it may be another machine's
        left(f".data [1].json.{os.getpid()}.0123abcd.tmp", 7200),
        left(f".data 1.json.{gone.pid}.0123abcd.tmp", 7200),
        left(f".data [1].json.{gone.pid}.notes.tmp", 7200),
    ]
    atomic_write_text(target, "whole")
    assert not old.exists()
    assert all(path.exists() for path in kept)
    assert target.read_text() == "whole"
