"""What is stored is shown as it was left: by us, by another process, or by a run that was killed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from alpaca_tui.generation.events import StopReason
from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.tui.session import Session, Stored, Twins
from alpaca_tui.tui.stored import LOCK_NAME, busy, read_stored
from alpaca_tui.workspace import Workspace
from tests.tui.conftest import app_with, running, screen_text, until
from tests.tui.fakes import FakeRun
from tests.tui.filled import begin, fill


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def test_no_store_is_an_empty_workspace_and_reading_makes_none(workspace: Workspace) -> None:
    session = Session(workspace)
    assert session.read() == Stored()
    assert session.stored is not None
    assert session.stored.empty
    assert not workspace.root.exists()


def test_the_last_run_is_shown_as_it_ended(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        fill(store, 6)
        stored = read_stored(workspace, store, Twins())
    view = stored.snapshot
    assert view is not None
    assert (view.state, view.stopped_because, view.goal, view.kept) == ("stopped", StopReason.USER, 300, 18)
    assert (view.duplicates, view.filtered, view.completions) == (6, {"forbidden-word": 6}, 6)
    assert view.money.spent == pytest.approx(6 * 0.0014)
    assert view.money.forecast == pytest.approx(6 * 0.0014 * 300 / 18)
    assert view.elapsed_s == 61.5
    assert sum(view.histogram) == 24
    assert view.acceptance == (0.6,) * 6
    assert [entry.kind for entry in view.log] == ["note", "fault"]
    assert len(view.recent) == 30
    assert view.recent[-1].task.instruction.endswith("(29)"), "the newest is last"
    twin = next(task for task in view.recent if task.verdict == "duplicate")
    assert twin.twin.startswith("Explain why the sky looks red")
    assert stored.with_input > 0
    assert not stored.empty


def test_a_killed_run_has_no_word_for_its_end(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        fill(store, 1, stopped=None)
        view = read_stored(workspace, store, Twins()).snapshot
    assert view is not None
    assert view.state == "stopped"
    assert view.stopped_because is None


def test_money_that_is_unknown_stays_unknown(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        run_id = fill(store, 1)
        completion = begin(store, run_id, 2)
        store.fail_completion(
            completion,
            error="x",
            kind="transient",
            partial="",
            attempts=1,
            cost_usd=None,
            prompt_tokens=1,
            completion_tokens=1,
        )
        stored = read_stored(workspace, store, Twins())
    assert stored.cost_usd is None
    assert stored.snapshot is not None
    assert stored.snapshot.money.spent is None
    assert stored.snapshot.money.forecast is None


def test_rows_without_a_run_are_no_empty_workspace(workspace: Workspace) -> None:
    from alpaca_tui.store.rows import ImportedRow

    with workspace.open_store() as store:
        store.add_imported([ImportedRow("Name a bird.", "", "Wren.")], "file.json")
        stored = read_stored(workspace, store, Twins())
    assert stored.snapshot is None
    assert stored.imported == 1
    assert not stored.empty


def test_twins_know_rows_and_seeds_and_admit_what_they_do_not(workspace: Workspace, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(
        json.dumps(
            {
                "id": "s1",
                "name": "n",
                "instruction": "Name a tree, any tree.",
                "instances": [{"input": "", "output": "Oak."}],
                "is_classification": False,
            }
        )
    )
    with workspace.open_store() as store:
        run_id = fill(store, 1)
        assert run_id
        twins = Twins()
        found = twins.texts(store, ["row:1", "row:999", "seed:s1", "odd"], {"seeds_file": str(seeds)})
        assert found == {
            "row:1": "Explain why the sky looks red at sunset to a ten-year-old. (0)",
            "seed:s1": "Name a tree, any tree.",
        }
        assert Twins().texts(store, ["seed:s1"], {"seeds_file": "/gone"}) == {}
        builtin = Twins().texts(store, ["seed:seed_task_1"], {})
        assert all(builtin.values())


# --- who else is at work


def hold(workspace: Workspace, pid: int, host: str) -> None:
    workspace.root.mkdir(parents=True, exist_ok=True)
    (workspace.root / LOCK_NAME).write_text(json.dumps({"pid": pid, "host": host, "started_at": 1.0}))


def test_a_living_holder_is_named_and_a_dead_one_forgotten(workspace: Workspace) -> None:
    assert busy(workspace) == ""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        hold(workspace, child.pid, socket.gethostname())
        assert busy(workspace) == f"Process {child.pid}"
    finally:
        child.communicate()
    assert busy(workspace) == ""
    hold(workspace, os.getpid(), socket.gethostname())
    assert busy(workspace) == ""
    hold(workspace, 1, "another-machine")
    assert busy(workspace) == "A process on another-machine"
    (workspace.root / LOCK_NAME).write_text("{not json")
    assert busy(workspace) == ""


def test_the_lock_file_is_the_one_a_run_holds(workspace: Workspace) -> None:
    with workspace.generation_lock():
        holder = json.loads((workspace.root / LOCK_NAME).read_text())
    assert holder["pid"] == os.getpid()
    assert holder["host"] == socket.gethostname()


# --- the session


def test_beginning_closes_what_was_before_and_ending_waits(workspace: Workspace) -> None:
    runs = [FakeRun(), FakeRun()]
    session = Session(workspace, prepare=lambda _workspace, _settings: runs.pop(0))
    first = session.begin(GenerationSettings())
    second = session.begin(GenerationSettings())
    assert first.closed  # type: ignore[attr-defined]
    assert session.run is second
    assert session.live
    assert session.end(StopReason.INTERRUPTED)
    assert second.orders == ["start", ("stop", StopReason.INTERRUPTED)]  # type: ignore[attr-defined]
    assert not session.live
    session.close()


async def test_quit_and_reopen_shows_the_same(workspace: Workspace) -> None:
    with workspace.open_store() as store:
        fill(store, 8)
    shown: list[str] = []
    for _ in range(2):
        app = app_with(session=Session(workspace))
        async with running(app) as pilot:
            await pilot.press("2")
            await until(pilot, lambda app=app: "24 of 300 kept" in screen_text(app))
            await pilot.pause(0.1)
            shown.append(screen_text(app))
        app.session.close()
    assert shown[0] == shown[1]


def test_an_earlier_run_is_given_up_when_the_next_begins(workspace: Workspace) -> None:
    session = Session(workspace, prepare=lambda _workspace, _settings: FakeRun())
    first = session.begin(GenerationSettings())
    vars(first)["itself"] = first  # as an engine's threads and callbacks know it
    seen = weakref.ref(first)
    del first
    session.begin(GenerationSettings())
    assert seen() is None


@pytest.mark.slow
async def test_a_run_with_the_demo_teacher_from_form_to_goal(workspace: Workspace) -> None:
    """The real engine, the real store, the real demo teacher, driven by keys."""
    app = app_with(session=Session(workspace))
    async with running(app) as pilot:
        await pilot.press("d")
        await until(pilot, lambda: "Goal reached" in screen_text(app), 90)
        await until(pilot, lambda: app.session.run is None, 20)
        await pilot.press("c")
        await until(pilot, lambda: "✓ kept 100" in screen_text(app), 10)
    app.session.close()
    with workspace.open_store() as store:
        assert store.tally().kept == 100
        run = store.last_run()
        assert run is not None
        assert run.stopped_because == "goal"
