# pyright: basic
# torch and transformers are typed in parts only.
"""What a run says while it trains, and what it is told: metrics, status, samples; evaluate, save, stop.

Only the first process writes; all of them agree on stopping. Nothing that goes wrong with telling stops the training but
a full disk. Knows the run's folder and the Trainer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from alpaca_tui.finetune.metrics import MetricsWriter
from alpaca_tui.finetune.pace import Pace

if TYPE_CHECKING:
    from alpaca_tui.finetune.batching import Division
    from alpaca_tui.finetune.folder import RunFolder, Status
    from alpaca_tui.finetune.training.trainer import AlpacaTrainer

BEAT_S = 2.0


class Beat:
    """Keeps `status.json` fresh from a thread of its own, so that a long step or save does not look like a death."""

    def __init__(self, folder: RunFolder, status: Status, *, writes: bool = True) -> None:
        self._folder = folder
        self._writes = writes
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.status = status
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)
        if writes:
            self._write()
            self._thread.start()

    def change(self, *, now: bool = False, **values: Any) -> None:
        """now: write it at once."""
        with self._lock:
            self.status = self.status.changed(**values)
        if now and self._writes:
            self._write()

    def end(self, **values: Any) -> None:
        """The last word. Raises UserError where it cannot be written."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self.change(phase="ended", eta=None, **values)
        if self._writes:
            self._write()

    def _run(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self._write()
            except Exception:  # a full disk is met, and told of, where the run itself writes
                continue

    def _write(self) -> None:
        with self._lock:
            self.status = self.status.changed(beat=self.status.beat + 1, time=time.time())
            self._folder.write_status(self.status)


class Watch(TrainerCallback):
    """The Trainer's callback. evaluate_at, save_at, sample_at: steps from 1. sample: answers the fixed instructions
    now."""

    def __init__(
        self,
        folder: RunFolder,
        beat: Beat,
        *,
        division: Division,
        examples: int,
        steps: int,
        evaluate_at: Sequence[int],
        save_at: Sequence[int],
        sample_at: Sequence[int],
        patience: int,
        stop_asked: Callable[[], bool],
        sample: Callable[[], list[tuple[str, str, str]]],
    ) -> None:
        self._folder = folder
        self._beat = beat
        self._division = division
        self._examples = examples
        self._steps = steps
        self._evaluate_at = frozenset(evaluate_at)
        self._save_at = frozenset(save_at)
        self._sample_at = frozenset(sample_at)
        self._patience = patience
        self._stop_asked = stop_asked
        self._sample = sample
        self._pace = Pace()
        self._metrics: MetricsWriter | None = None
        self._began = self._ended = 0.0
        self._tokens = self._padded = self._trained = 0
        self._worse = 0
        self.trainer: AlpacaTrainer | None = None
        self.stopped = False
        """It was asked to stop, and did."""
        self.out_of_patience = False

    # --- the run as a whole

    def open(self) -> None:
        """Begin to write metrics. Raises OSError."""
        self._metrics = MetricsWriter(self._folder.metrics_file)

    def event(self, name: str, step: int = 0, **values: Any) -> None:
        """Something happened; it is on the disk when the call returns. Raises OSError."""
        if self._metrics is not None:
            self._metrics.write("event", name=name, step=step, time=time.time(), **values)
            self._metrics.sync()

    def close(self) -> None:
        if self._metrics is not None:
            self._metrics.close()

    def recall(self, worse: int) -> None:
        """So many evaluations in a row were no better than the best, before this start."""
        self._worse = worse

    # --- a step

    def saw(self, inputs: Any) -> None:
        """A micro-batch is about to be trained on: count it."""
        ids = inputs["input_ids"]
        attended = inputs.get("attention_mask")
        self._padded += ids.numel()
        self._tokens += int(attended.sum()) if attended is not None else ids.numel()
        self._trained += int(inputs["labels"].ne(-100).sum())

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        seconds = time.perf_counter() - self._began
        self._ended = seconds
        self._pace.stepped(seconds)
        step = state.global_step
        control.should_evaluate = step in self._evaluate_at
        control.should_save = step in self._save_at
        if self._agreed(self._stop_asked(), args):
            self.stopped = True
            control.should_save = step < self._steps
            control.should_evaluate = False
            control.should_training_stop = True
            self._beat.change(told="It stops after this step, with a checkpoint.")
        if control.should_evaluate:
            self._beat.change(phase="evaluating")
        elif step in self._sample_at and not self.stopped:
            self._beat.change(phase="evaluating")
            self._write_samples(step)
            self._pace.evaluated(time.perf_counter() - self._began - seconds)
            self._beat.change(phase="training")
        if control.should_save and not control.should_evaluate:
            self._beat.change(phase="saving")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs is None or "loss" not in logs or self._metrics is None:
            return
        step = state.global_step
        epoch = step * self._division.batch / self._examples
        tokens, padded, trained = self._tokens, self._padded, self._trained
        self._tokens = self._padded = self._trained = 0
        self._metrics.write(
            "step",
            step=step,
            epoch=round(epoch, 4),
            loss=logs["loss"],
            lr=logs.get("learning_rate"),
            grad_norm=logs.get("grad_norm"),
            seconds=round(self._ended, 4),
            tokens=tokens,
            padded=padded,
            trained=trained,
            time=round(time.time(), 3),
        )
        self._beat.change(
            step=step,
            epoch=epoch,
            loss=logs["loss"],
            tokens_per_s=tokens * args.world_size / self._ended if self._ended else None,
            eta=self._left(step),
        )

    def _left(self, step: int) -> float | None:
        evaluations = sum(at > step for at in self._evaluate_at or self._sample_at)
        saves = sum(at > step for at in self._save_at)
        return self._pace.left(self._steps - step, evaluations, saves)

    # --- evaluating and saving

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        loss, step = metrics["eval_loss"], state.global_step
        best = self.trainer.best if self.trainer is not None else None
        self._worse = 0 if best is not None and best[1] == step else self._worse + 1
        if step in self._sample_at:
            self._write_samples(step)
        seconds = time.perf_counter() - self._began - self._ended
        self._pace.evaluated(seconds)
        if self._metrics is not None:
            self._metrics.write("eval", step=step, eval_loss=loss, eval_seconds=round(seconds, 3))
        self._beat.change(eval_loss=loss, phase="saving" if control.should_save else "training")
        if best is not None and best[1] == step:
            control.should_save = True  # the best one is kept
        if self._patience and self._worse >= self._patience:
            self.out_of_patience = True
            control.should_training_stop = True
            control.should_save = True

    def _write_samples(self, step: int) -> None:
        for instruction, input, output in self._sample():
            if self._metrics is not None:
                self._metrics.write("sample", step=step, instruction=instruction, input=input, output=output)

    def saved(self, step: int) -> None:
        """A checkpoint is there."""
        seconds = time.perf_counter() - self._began - self._ended
        self._pace.saved(seconds)
        self.event("save", step, seconds=round(seconds, 3))
        self._beat.change(phase="training", checkpoint=step, eta=self._left(step))

    def _agreed(self, asked: bool, args: Any) -> bool:
        """Whether any of the devices was asked to: all of them stop after the same step."""
        if args.world_size == 1:
            return asked
        flag = torch.tensor([int(asked)], device=args.device)
        torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
        return bool(flag)
