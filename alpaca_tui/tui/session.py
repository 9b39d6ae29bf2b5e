"""The app's grip on the rooms: the workspace, the live run if there is one, and what is stored.

Everything here that touches disk or network blocks and says so: screens call it in thread workers. Knows
no widget, so that tests and screens may put a fake run in its place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from alpaca_tui.generation.events import Snapshot, StopReason
    from alpaca_tui.generation.settings import GenerationSettings
    from alpaca_tui.store import Store
    from alpaca_tui.workspace import Workspace


class Run(Protocol):
    """One generation run, as `generation.engine.Generation` is one. Every method but `wait` and `close`
    returns at once and may be called from the screen's thread."""

    def start(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self, reason: StopReason = ...) -> None: ...
    def set_concurrency(self, concurrency: int) -> None: ...
    def set_temperature(self, temperature: float | None) -> None: ...
    def set_threshold(self, threshold: float) -> None: ...
    def snapshot(self) -> Snapshot: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What the workspace holds, for Home and for a Generate screen without a live run.

    snapshot: the last run as a stopped one, None where there never was a run. config: its settings.
    busy: who else is generating in this workspace right now ("" for nobody).
    """

    snapshot: Snapshot | None = None
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    started_at: float | None = None
    ended_at: float | None = None
    kept: int = 0
    with_input: int = 0
    imported: int = 0
    rows: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    candidates: int = 0
    completions: int = 0
    busy: str = ""

    @property
    def empty(self) -> bool:
        return self.rows == 0 and self.snapshot is None


Prepare = Callable[["Workspace", "GenerationSettings"], Run]


def _prepare(workspace: Workspace, settings: GenerationSettings) -> Run:
    from alpaca_tui.generation.engine import Generation

    return Generation.prepare(workspace, settings)


class Session:
    """One workspace, at most one live run of ours."""

    def __init__(self, workspace: Workspace, *, prepare: Prepare = _prepare) -> None:
        self.workspace = workspace
        self._prepare = prepare
        self._store: Store | None = None
        self._lock = threading.Lock()
        self.run: Run | None = None

    # --- the live run (cheap)

    def snapshot(self) -> Snapshot | None:
        """The run of ours as it is now, also after it stopped; None before the first one."""
        return self.run.snapshot() if self.run is not None else None

    @property
    def live(self) -> bool:
        """A run of ours is going on: leaving now would stop it."""
        return self.run is not None and self.run.snapshot().state != "stopped"

    # --- blocking: in thread workers only

    def begin(self, settings: GenerationSettings) -> Run:
        """Prepare and start a run. Raises UserError."""
        run = self._prepare(self.workspace, settings)
        old, self.run = self.run, run
        if old is not None:
            old.close()
        run.start()
        return run

    def end(self, reason: StopReason, timeout: float = 30.0) -> bool:
        """Stop the live run, if any, and wait for it; False when it did not stop in time."""
        run = self.run
        if run is None:
            return True
        run.stop(reason)
        done = run.wait(timeout)
        run.close()
        return done

    def store(self) -> Store | None:
        """The workspace's store, opened on first use; None where there is none yet. Raises UserError."""
        with self._lock:
            if self._store is None and self.workspace.db_path.exists():
                self._store = self.workspace.open_store()
            return self._store

    def read(self) -> Stored:
        """What the workspace holds now. Raises UserError."""
        from alpaca_tui.tui.stored import read_stored

        return read_stored(self.workspace, self.store())

    def close(self) -> None:
        """Let go of everything; the run must have ended."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
