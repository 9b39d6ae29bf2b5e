"""Which directory is meant, what lies in it, and who may generate there."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alpaca_tui import workspace as module
from alpaca_tui.errors import UserError
from alpaca_tui.workspace import Workspace
from tests.conftest import REPOSITORY


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def default():
    return Path(os.environ["XDG_DATA_HOME"]) / "alpaca-tui" / "default"


def error_of(call, *arguments) -> UserError:
    with pytest.raises(UserError) as caught:
        call(*arguments)
    assert caught.value.cause
    assert caught.value.next_step
    return caught.value


def test_the_flag_comes_first(here, tmp_path, monkeypatch):
    monkeypatch.setenv("ALPACA_TUI_WORKSPACE", str(tmp_path / "other"))
    workspace = Workspace.resolve(Path("sub/w"))
    assert workspace.root == here / "sub" / "w"
    assert not workspace.root.exists()  # resolving touches nothing


def test_then_the_environment(here, tmp_path, monkeypatch):
    monkeypatch.setenv("ALPACA_TUI_WORKSPACE", str(tmp_path / "other"))
    assert Workspace.resolve().root == tmp_path / "other"
    monkeypatch.setenv("ALPACA_TUI_WORKSPACE", "~/w")
    assert Workspace.resolve().root == Path.home() / "w"
    monkeypatch.setenv("ALPACA_TUI_WORKSPACE", "")
    assert Workspace.resolve().root == here


def test_then_the_current_directory_if_it_is_empty_or_one(here, default):
    assert Workspace.resolve().root == here
    (here / "thesis.tex").touch()
    assert Workspace.resolve().root == default
    (here / "alpaca.db").touch()
    assert Workspace.resolve().root == here


def test_a_directory_that_holds_only_our_own_things_still_counts_as_empty(here, default):
    (here / "logs").mkdir()
    (here / "config.toml").touch()
    assert Workspace.resolve().root == here
    (here / "alpaca.db").mkdir()
    assert Workspace.resolve().root == default


def test_a_current_directory_that_cannot_serve(here, default, monkeypatch):
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)
    assert Workspace.resolve().root == default
    monkeypatch.undo()
    monkeypatch.chdir(here)
    here.rmdir()
    assert Workspace.resolve().root.name == "default"


def test_a_file_is_no_workspace(here):
    (here / "file").touch()
    assert "must be a folder" in error_of(Workspace.resolve, here / "file").title
    assert error_of(Workspace.resolve, Path("a\0b"))
    assert error_of(Workspace.resolve, Path("~nobody-of-that-name/w"))


def test_what_lies_where(tmp_path):
    workspace = Workspace.resolve(tmp_path / "w")
    assert [
        path.relative_to(workspace.root).as_posix()
        for path in (
            workspace.db_path,
            workspace.runs_dir,
            workspace.exports_dir,
            workspace.logs_dir,
            workspace.config_path,
        )
    ] == ["alpaca.db", "runs", "exports", "logs", "config.toml"]


def test_opening_makes_the_workspace(tmp_path):
    workspace = Workspace.resolve(tmp_path / "a" / "b")
    assert workspace.is_new
    assert "no workspace" in error_of(lambda: workspace.open_store(readonly=True)).title
    assert "no workspace" in error_of(lambda: workspace.open_store(create=False)).title
    assert not workspace.root.exists()
    with workspace.open_store() as store:
        store.start_run({})
    assert not workspace.is_new
    with workspace.open_store(readonly=True) as store:
        assert store.last_run() is not None


def test_a_workspace_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert "cannot be made" in error_of(Workspace(tmp_path / "file" / "w").open_store).title

    def refuse(self, **named):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "read-only" in error_of(Workspace(tmp_path / "w").open_store).cause


HOLDER = """
import sys
from pathlib import Path
from alpaca_tui.workspace import Workspace
with Workspace(Path(sys.argv[1])).generation_lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_and_a_dead_one_lets_go(tmp_path):
    workspace = Workspace(tmp_path / "w")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        error = error_of(workspace.generation_lock().__enter__)
        assert "Another run" in error.title
        assert f"Process {holder.pid} on {os.uname().nodename}, started 20" in error.cause
        assert f"kill {holder.pid}" in error.next_step
        with workspace.open_store() as store:  # others may read and write
            store.start_run({})
    finally:
        holder.kill()
        holder.communicate()
    assert (workspace.root / "generation.lock").exists()
    with workspace.generation_lock():
        pass


def test_the_lock_holds_within_a_process_too_and_can_be_taken_again(tmp_path):
    workspace = Workspace(tmp_path)
    for _ in range(2):
        with workspace.generation_lock():
            assert f"Process {os.getpid()}" in error_of(workspace.generation_lock().__enter__).cause
        with pytest.raises(KeyError), workspace.generation_lock():
            raise KeyError


@pytest.mark.parametrize("left", [b"", b"{torn", b"[]", b'{"pid": "x", "host": 7}', b"\xff\x00" * 3000])
def test_whatever_a_lock_file_holds(tmp_path, left):
    path = tmp_path / "generation.lock"
    path.write_bytes(left)
    workspace = Workspace(tmp_path)
    with path.open("rb+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "Another process" in error_of(workspace.generation_lock().__enter__).cause
    with workspace.generation_lock():
        assert b'"pid"' in path.read_bytes()


def test_a_file_system_without_locks_is_refused_clearly(tmp_path, monkeypatch):
    def no_locks(descriptor, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(module.fcntl, "flock", no_locks)
    assert "cannot lock" in error_of(Workspace(tmp_path).generation_lock().__enter__).title


def test_a_lock_file_that_cannot_be_written(tmp_path):
    (tmp_path / "generation.lock").mkdir()
    assert "Nothing can be generated" in error_of(Workspace(tmp_path).generation_lock().__enter__).title
