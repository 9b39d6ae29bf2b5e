"""The app's grip on the rooms: the workspace, the live run if there is one, and what is stored.

Everything here that touches disk or network blocks and says so: screens call it in thread workers. Knows
no widget, so that tests and screens may put a fake run in its place.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from alpaca_tui.errors import UserError

if TYPE_CHECKING:
    from alpaca_tui.curation.assist import Asked, AskSettings, Progress
    from alpaca_tui.finetune.tokens import TokenizerProcess
    from alpaca_tui.generation.events import Snapshot, StopReason
    from alpaca_tui.generation.rejudge import RejudgeResult
    from alpaca_tui.generation.settings import GenerationSettings
    from alpaca_tui.store.store import Store
    from alpaca_tui.workspace import Workspace


class Run(Protocol):
    """One generation run, as `generation.engine.Generation` is one. Every method but `wait` and `close`
    returns at once and may be called from the screen's thread."""

    def start(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self, reason: StopReason = ...) -> None: ...
    def set_concurrency(self, number: int) -> None: ...
    def set_temperature(self, temperature: float | None) -> None: ...
    def set_threshold(self, threshold: float) -> None: ...
    def snapshot(self) -> Snapshot: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def close(self) -> None: ...


class Question(Protocol):
    """A question to the teacher about rows, as `curation.assist.Asking` is one. `stop` returns at once."""

    settings: AskSettings

    @property
    def rows(self) -> list[Asked]: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
    def progress(self) -> Progress: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What the workspace holds, for Home and for a Generate screen without a live run.

    snapshot: the last run as a stopped one, None where there never was a run. config: its settings.
    busy: who else is generating in this workspace right now ("" for nobody). unmeasured: imported rows whose
    nearest score is still to be computed.
    """

    snapshot: Snapshot | None = None
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    started_at: float | None = None
    ended_at: float | None = None
    kept: int = 0
    with_input: int = 0
    imported: int = 0
    unmeasured: int = 0
    rows: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    candidates: int = 0
    completions: int = 0
    busy: str = ""

    @property
    def empty(self) -> bool:
        return self.rows == 0 and self.snapshot is None


class Twins:
    """Instructions by their key in the novelty pool, remembered."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._seeds_of: object = None

    def texts(self, store: Store, keys: Sequence[str], config: Mapping[str, Any]) -> dict[str, str]:
        """The instructions of `keys`; seeds are those of the run `config` describes. Blocks."""
        self._load_seeds(config)
        for key in keys:
            if key not in self._known and key.startswith("row:") and key[4:].isdigit():
                row = store.example(int(key[4:]))
                if row is not None:
                    self._known[key] = row.instruction
        return {key: self._known[key] for key in keys if key in self._known}

    def _load_seeds(self, config: Mapping[str, Any]) -> None:
        from alpaca_tui.generation.seeds import load_builtin, load_file

        source = config.get("seeds_file")
        if self._seeds_of == (source,):
            return
        self._seeds_of = (source,)
        try:
            seeds = load_file(Path(str(source))) if source else load_builtin()
        except UserError:
            seeds = []  # the file has gone since: the key alone is shown
        self._known.update((f"seed:{seed.id}", seed.instruction) for seed in seeds)


Prepare = Callable[["Workspace", "GenerationSettings"], Run]
PrepareQuestion = Callable[["Workspace", "AskSettings", Sequence[int]], Question]


def _prepare(workspace: Workspace, settings: GenerationSettings) -> Run:
    from alpaca_tui.generation.opening import prepare

    return prepare(workspace, settings)


class Rejudging:
    """Everything the teacher wrote, judged under other rules and not yet applied. Nobody else generates in
    the workspace until it is applied or closed. now, then: candidates by verdict."""

    def __init__(self, workspace: Workspace, settings: GenerationSettings) -> None:
        from alpaca_tui.generation.opening import seeds_in_force
        from alpaca_tui.generation.rejudge import judge_again

        self._settings = settings
        with contextlib.ExitStack() as resources:
            resources.enter_context(workspace.generation_lock())
            self._store = resources.enter_context(workspace.open_store())
            tally = self._store.tally()
            self._judged = judge_again(
                self._store,
                seeds_in_force(workspace, settings.seeds_file)[0],
                settings.filter_rules(),
                threshold=settings.threshold,
                parser=settings.parser,
            )
            self._resources = resources.pop_all()
        self.now = {
            "duplicate": tally.duplicates,
            "filtered": sum(tally.filtered.values()),
            "truncated": tally.truncated,
            "surplus": tally.surplus,
        }
        self.now["kept"] = max(tally.candidates - sum(self.now.values()), 0)
        self.then = {verdict.value: count for verdict, count in self._judged.verdicts.items()}

    def apply(self) -> RejudgeResult:
        """Let the dataset follow. Raises UserError."""
        from alpaca_tui.generation.rejudge import keep

        with self._resources:
            return keep(self._store, self._judged, self._settings)

    def close(self) -> None:
        """Leave everything as it is."""
        self._resources.close()


def _prepare_question(workspace: Workspace, settings: AskSettings, rows: Sequence[int]) -> Question:
    from alpaca_tui.curation.assist import prepare

    return prepare(workspace, settings, rows)


class Session:
    """One workspace, at most one live run of ours, at most one question about rows."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        prepare: Prepare = _prepare,
        prepare_question: PrepareQuestion = _prepare_question,
    ) -> None:
        self.workspace = workspace
        self._prepare = prepare
        self._prepare_question = prepare_question
        self._store: Store | None = None
        self._lock = threading.Lock()
        self._twins = Twins()
        self._measuring = False
        self._tokenizer: TokenizerProcess | None = None
        self._leaks: Mapping[str, str] | None = None
        self.run: Run | None = None
        self.question: Question | None = None
        self.stored: Stored | None = None

    # --- the live run (cheap)

    def snapshot(self) -> Snapshot | None:
        """The run of ours as it is now, also after it stopped; None before the first one."""
        return self.run.snapshot() if self.run is not None else None

    @property
    def live(self) -> bool:
        """A run of ours is going on: leaving now would stop it."""
        return self.run is not None and self.run.snapshot().state != "stopped"

    @property
    def asking(self) -> bool:
        """A question about rows is being asked: leaving now would stop it."""
        return self.question is not None and not self.question.progress().stopped

    # --- blocking: in thread workers only

    def begin(self, settings: GenerationSettings) -> Run:
        """Prepare and start a run. Raises UserError."""
        run = self._prepare(self.workspace, settings)
        old, self.run = self.run, run
        if old is not None:
            old.close()
            del old
        # What is loaded by now stays: a full collection that walks it all would hold the screen up for a
        # tenth of a second, every few seconds of a busy run. What an earlier run left is thawed, and goes.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        run.start()
        return run

    def ask(self, settings: AskSettings, rows: Sequence[int]) -> Question:
        """Begin to ask the teacher about rows. An earlier question must have ended. Raises UserError."""
        self.settle_question()
        self.question = self._prepare_question(self.workspace, settings, rows)
        self.question.start()
        return self.question

    def settle_question(self) -> None:
        """Let go of the workspace's lock once the question has been asked; what it came to stays to be seen."""
        if self.question is not None:
            self.question.close()

    def end(self, reason: StopReason, timeout: float = 30.0) -> bool:
        """Stop what is live and wait for it; False when the run did not stop in time."""
        self.settle_question()
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

    def ensure_store(self) -> Store:
        """The workspace's store, made if there is none yet. Raises UserError."""
        with self._lock:
            if self._store is None:
                self._store = self.workspace.open_store()
            return self._store

    def read(self) -> Stored:
        """What the workspace holds now; also left in `stored`. Raises UserError."""
        from alpaca_tui.tui.stored import read_stored

        self.stored = read_stored(self.workspace, self.store(), self._twins)
        if self.stored.unmeasured and not self._measuring:
            from alpaca_tui.generation.measuring import start_measuring

            start_measuring(self.workspace)
        self._measuring = self.stored.unmeasured > 0
        return self.stored

    def retire(self) -> None:
        """Let go of a run that has stopped; what it left is read first, so that nothing flickers."""
        run = self.run
        if run is None:
            return
        run.close()
        self.read()
        self.run = None

    def instructions(self, keys: Sequence[str]) -> dict[str, str]:
        """The instructions behind keys of the novelty pool (`seed:ID`, `row:ID`), as far as they are known."""
        store = self.store()
        return self._twins.texts(store, keys, self.stored.config if self.stored else {}) if store else {}

    def leaks(self) -> Mapping[str, str]:
        """Prompts that no row should be: the seeds of the last run, as the lint's `Context` wants them."""
        from alpaca_tui.curation.lint import leak_index
        from alpaca_tui.generation.opening import seeds_of_last_run

        if self._leaks is None:
            store = self.store()
            seeds = seeds_of_last_run(self.workspace, store) if store is not None else []
            self._leaks = leak_index((seed.instruction, seed.input, f"seed {seed.id}") for seed in seeds)
        return self._leaks

    def seed_texts(self) -> dict[str, str]:
        """Instruction by key of the seeds rows may have as neighbours."""
        from alpaca_tui.generation.opening import seeds_of_last_run

        store = self.store()
        seeds = seeds_of_last_run(self.workspace, store) if store is not None else []
        return {f"seed:{seed.id}": seed.instruction for seed in seeds}

    def tokenizer(self, name: str) -> TokenizerProcess:
        """The tokenizer of a name, in a process of its own that stays for the next question. Raises UserError."""
        from alpaca_tui.finetune.tokens import TokenizerProcess

        with self._lock:
            if self._tokenizer is not None and self._tokenizer.name != name:
                self._tokenizer.close()
                self._tokenizer = None
            if self._tokenizer is None:
                self._tokenizer = TokenizerProcess(name)
            return self._tokenizer

    def last_config(self) -> Mapping[str, Any] | None:
        """The settings of the last run; None where there was none."""
        store = self.store()
        run = store.last_run() if store is not None else None
        return run.config if run is not None else None

    def judge_again(self, settings: GenerationSettings) -> Rejudging:
        """Judge everything stored under other rules, changing nothing yet. Raises UserError."""
        return Rejudging(self.workspace, settings)

    def rescue(self, candidate_id: int) -> int:
        """Keep a rejected candidate by hand; its row's id. Raises UserError."""
        from alpaca_tui.generation.rescue import rescue

        store = self.store()
        if store is None:
            raise LookupError("there is no store to rescue from")
        return rescue(store, candidate_id)

    def close(self) -> None:
        """Let go of everything; the run must have ended."""
        self.settle_question()
        with self._lock:
            if self._tokenizer is not None:
                self._tokenizer.close()
                self._tokenizer = None
            if self._store is not None:
                self._store.close()
                self._store = None
