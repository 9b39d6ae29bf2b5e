# pyright: basic
# torch and transformers are typed in parts only.
"""One start of a run, from its folder to its end: encode, load, train, write the model, say how it ended.

Every way out is written down: finished, stopped, failed with a reason a person can act on. Only a kill leaves no word,
and is known by that.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from alpaca_tui.atomic import atomic_write_text
from alpaca_tui.errors import UserError
from alpaca_tui.finetune import checkpoints, symptoms
from alpaca_tui.finetune.batching import Division, divide, marks, total_steps
from alpaca_tui.finetune.card import model_card
from alpaca_tui.finetune.dataset import Row, read_rows
from alpaca_tui.finetune.encode import Encoded, encode_examples, encode_prompt
from alpaca_tui.finetune.folder import Ended, RunFolder, RunSpec, Status
from alpaca_tui.finetune.launch import TURN_TAKEN, WORKER
from alpaca_tui.finetune.metrics import Metrics, MetricsWriter
from alpaca_tui.finetune.telemetry import Sampler
from alpaca_tui.finetune.training.watching import Beat, Watch
from alpaca_tui.processes import identity_of

if TYPE_CHECKING:
    from alpaca_tui.finetune.training.trainer import NotANumber

SAMPLES = 3
SAMPLED = 12  # times a run answers them, at most: an answer costs as much as many steps of a small model
SAMPLE_TOKENS = 96
MICRO_BATCH = "micro_batch"
"""The file that holds the micro-batch a start before this one found to fit into memory."""

log = logging.getLogger("alpaca_tui.finetune")


class Session:
    """A start of the run in `folder`."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.rank = int(os.environ.get("RANK", "0"))
        self.devices = int(os.environ.get("WORLD_SIZE", "1"))
        self._signalled = False
        self._lock: Any = None

    @property
    def first(self) -> bool:
        """Whether this process writes the run's files."""
        return self.rank == 0

    def run(self) -> int:
        """The exit code. Never raises."""
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
        try:
            spec = self.folder.read_spec()
            if self.first:
                self._take()
        except UserError as error:
            log.error("%s", error)
            return 1
        before = self.folder.read_status() or Status()
        beat = Beat(
            self.folder,
            before.changed(
                phase="starting",
                leader=identity_of(self._leader()),
                eta=None,
                ended=None,
                told="",
                tokens_per_s=None,
            ),
            writes=self.first,
        )
        sampler = Sampler(self.folder.telemetry_file, self._leader())
        try:
            if self.first:
                sampler.start()
            for name in (signal.SIGTERM, signal.SIGINT):
                signal.signal(name, self._on_signal)
            with suppress(OSError):
                self.folder.stop_file.unlink()
            ended = self._train(spec, beat)
        except torch.OutOfMemoryError as error:
            self._retry_smaller(spec, beat)
            ended = self._failed(error)
        except BaseException as error:
            ended = self._failed(error)
        sampler.stop()
        with suppress(UserError):  # the disk is full: the run is seen to be dead by its silence
            beat.end(ended=ended, told=ended.title)
        log.info("%s", ended.state if not ended.title else f"{ended.state}: {ended.title}. {ended.cause}")
        return 1 if ended.state == "failed" else 0

    # --- from start to end

    def _train(self, spec: RunSpec, beat: Beat) -> Ended:
        from transformers import PrinterCallback, set_seed
        from transformers.utils.logging import disable_progress_bar

        from alpaca_tui.finetune.training.data import Collator, StepData
        from alpaca_tui.finetune.training.models import computes_in, device_of, load
        from alpaca_tui.finetune.training.saving import check_written
        from alpaca_tui.finetune.training.setup import arguments
        from alpaca_tui.finetune.training.trainer import AlpacaTrainer, NotANumber, takes_chosen_logits

        disable_progress_bar()
        recipe, folder = spec.recipe, self.folder
        device = device_of(spec.launch.device)
        if recipe.method == "qlora" and device.type != "cuda" and spec.launch.device == "auto":
            raise UserError(
                "QLoRA needs a GPU",
                "There is none here, and 4-bit weights are very slow without.",
                "Use --method lora, or try it all the same with --device cpu.",
            )
        precision = computes_in(recipe, device)
        division = divide(recipe.batch, self._micro_batch(recipe.micro_batch), self.devices)
        beat.change(phase="encoding", device=_named(device), precision=precision, micro_batch=division.micro_batch,
                    accumulation=division.accumulation)  # fmt: skip
        rows = read_rows(folder.data_file, spec.data)
        steps = total_steps(spec.data.train, recipe.batch, recipe.epochs, recipe.max_steps)
        args = arguments(recipe, spec.launch, division, steps, device, precision, folder.checkpoints_dir)
        place = self._model_folder(spec, rows)
        beat.change(phase="loading", total_steps=steps, now=True)
        set_seed(recipe.seed)
        model, tokenizer = load(place, recipe, device)
        beat.change(phase="encoding")
        train, held_out, ids = self._encoded(tokenizer, rows, spec)
        steps = total_steps(len(train), recipe.batch, recipe.epochs, recipe.max_steps)
        args.max_steps = steps
        looks = marks(steps, recipe.eval_every, len(train), recipe.batch)
        watch = Watch(
            folder, beat, division=division, examples=len(train), steps=steps,
            evaluate_at=looks if held_out else [],
            sample_at=looks[:: -(-len(looks) // SAMPLED)],
            save_at=[*marks(steps, recipe.save_every, len(train), recipe.batch), 1],
            patience=recipe.patience, stop_asked=self._stop_asked,
            sample=lambda: self._samples(trainer, tokenizer, rows),
        )  # fmt: skip
        chosen = takes_chosen_logits(model)
        pad: Any = tokenizer.pad_token_id
        trainer = AlpacaTrainer(
            model, args,
            StepData(train, division, recipe.seed, rank=self.rank, packed=recipe.packing),
            steps=steps, keep=recipe.keep,
            collator=Collator(pad if pad is not None else tokenizer.eos_token_id, packed=recipe.packing,
                              trained_only=chosen),
            held_out=self._shares(held_out, division),
            tokenizer=tokenizer, callbacks=[watch],
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        watch.trainer = trainer
        resumed = checkpoints.newest_whole(folder.checkpoints_dir)

        def saved(step: int) -> None:
            if self.first:
                if resumed is None and step == 1:
                    check_written(folder.checkpoints_dir / f"checkpoint-{step}", model, trained=False)
                watch.saved(step)

        trainer.on_saved = saved
        trainer.on_inputs = watch.saw
        if self.first:
            watch.open()
            if resumed is not None:
                self._recall(trainer, watch, resumed.step)
            watch.event("start", resumed.step if resumed else 0, device=_named(device), precision=precision,
                        division=division.words, examples=len(train), held_out=len(held_out),
                        total_steps=steps)  # fmt: skip
        beat.change(phase="training", step=resumed.step if resumed else 0, total_steps=steps,
                    checkpoint=resumed.step if resumed else 0, now=True)  # fmt: skip
        try:
            trainer.train(resume_from_checkpoint=str(resumed.path) if resumed else None)
        except NotANumber as met:
            watch.event("alarm", met.step, what=met.what, rows=[ids[number] for number in met.examples])
            raise _alarm(met, [ids[number] for number in met.examples]) from met
        if watch.stopped and trainer.state.global_step < steps:
            watch.event("stop", trainer.state.global_step)
            return Ended(
                "stopped", time.time(), "Stopped as asked", f"Step {trainer.state.global_step} of {steps}."
            )
        beat.change(phase="finishing", now=True)
        if watch.out_of_patience and trainer.best is not None:
            best = folder.checkpoints_dir / f"checkpoint-{trainer.best[1]}"
            trainer.load_weights(best)
        chosen_step = trainer.best[1] if watch.out_of_patience and trainer.best is not None else None
        self._write_model(trainer, tokenizer, spec, beat.status, chosen_step)
        watch.event("finish", trainer.state.global_step)
        watch.close()
        return Ended("finished", time.time())

    def _write_model(
        self, trainer: Any, tokenizer: Any, spec: RunSpec, status: Status, chosen: int | None
    ) -> None:
        from alpaca_tui.finetune.training.saving import check_written, write_model

        if not self.first:
            return
        model = trainer.accelerator.unwrap_model(trainer.model)
        partial = self.folder.path / ".model.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        write_model(model, tokenizer, partial)
        check_written(partial, model, trained=spec.recipe.adapts)
        metrics = Metrics(self.folder.metrics_file)
        metrics.poll()
        (partial / "README.md").write_text(model_card(spec, status, metrics, chosen=chosen), encoding="utf-8")
        shutil.rmtree(self.folder.model_dir, ignore_errors=True)
        partial.rename(self.folder.model_dir)

    def _recall(self, trainer: Any, watch: Watch, step: int) -> None:
        """Go on from a checkpoint: what was logged after it is superseded, the best evaluation is remembered."""
        watch.event("resume", step)
        metrics = Metrics(self.folder.metrics_file)
        metrics.poll()
        losses = metrics.series.get("eval_loss")
        if losses:
            best = min(range(len(losses)), key=losses.values.__getitem__)
            trainer.best = losses.values[best], losses.steps[best]
            watch.recall(len(losses) - 1 - best)

    # --- parts

    def _encoded(
        self, tokenizer: Any, rows: list[Row], spec: RunSpec
    ) -> tuple[list[Encoded], list[Encoded], list[int]]:
        """Examples to train on and held out, and the rows' ids of the former. Raises UserError where there is none."""
        recipe = spec.recipe
        encoded = encode_examples(
            tokenizer, [row.texts for row in rows], recipe.max_length, recipe.boundary, recipe.overlong
        )
        parts: tuple[list[Encoded], list[Encoded]] = ([], [])
        ids: list[int] = []
        for row, example in zip(rows, encoded, strict=True):
            if example is not None:
                parts[row.held_out].append(example)
                if not row.held_out:
                    ids.append(row.id)
        if not parts[0]:
            raise UserError(
                "No example is short enough",
                f"All {spec.data.train:,} are longer than {recipe.max_length} tokens, and the recipe drops those.",
                "Raise max_length, or cut them: --set overlong=cut.",
            )
        return *parts, ids

    def _shares(self, examples: list[Encoded], division: Division) -> list[list[Encoded]]:
        """The held-out examples of this device in batches of like length; as many batches as any other device's,
        the last of which may be empty."""
        ordered = sorted(examples, key=lambda example: len(example.input_ids))
        size = division.micro_batch * self.devices
        return [
            ordered[start : start + size][self.rank :: self.devices] for start in range(0, len(ordered), size)
        ]

    def _samples(self, trainer: Any, tokenizer: Any, rows: list[Row]) -> list[tuple[str, str, str]]:
        """Greedy answers to a few instructions, always the same ones."""
        if not self.first:
            return []
        chosen = [row for row in rows if row.held_out][:SAMPLES]
        chosen += [row for row in rows if not row.held_out][: SAMPLES - len(chosen)]
        model = trainer.accelerator.unwrap_model(trainer.model)
        model.eval()
        answers: list[tuple[str, str, str]] = []
        for row in chosen:
            ids = encode_prompt(tokenizer, row.instruction, row.input)
            given = torch.tensor([ids], device=trainer.args.device)
            with torch.no_grad(), trainer.compute_loss_context_manager():
                made = model.generate(
                    input_ids=given, attention_mask=torch.ones_like(given), do_sample=False, use_cache=True,
                    max_new_tokens=SAMPLE_TOKENS, eos_token_id=tokenizer.eos_token_id,
                    pad_token_id=tokenizer.eos_token_id,
                )  # fmt: skip
            text = tokenizer.decode(made[0, len(ids) :], skip_special_tokens=True)
            answers.append((row.instruction, row.input, text))
        model.train()
        return answers

    def _model_folder(self, spec: RunSpec, rows: list[Row]) -> Path:
        """Where the model to begin with lies; the student is made, a Hub model downloaded, by the first process."""
        if spec.start_from:
            return Path(spec.start_from)
        if not spec.model.tiny:
            from alpaca_tui.finetune.hub import model_folder

            return model_folder(spec.model)
        base = self.folder.base_dir
        if self.first and not (base / "config.json").is_file():
            from alpaca_tui.finetune.student_size import texts_of
            from alpaca_tui.finetune.training.student import make

            partial = self.folder.path / ".base.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            make(
                partial,
                texts_of([row.texts for row in rows]),
                spec.student,
                spec.recipe.max_length,
                spec.recipe.seed,
            )
            partial.rename(base)
        if self.devices > 1:
            torch.distributed.barrier()
        return base

    def _micro_batch(self, wanted: int) -> int:
        """The recipe's, or the smaller one a start before this one ran out of memory to find."""
        with suppress(OSError, ValueError):
            return min(wanted, int((self.folder.path / MICRO_BATCH).read_text()))
        return wanted

    def _retry_smaller(self, spec: RunSpec, beat: Beat) -> None:
        """Start this process anew with half the micro-batch, where the run may and there is a half; else return."""
        now = beat.status.micro_batch
        if not spec.launch.oom_retry or now <= 1 or self.devices > 1:
            return
        log.warning("Out of memory with micro-batches of %d: again with %d", now, now // 2)
        atomic_write_text(self.folder.path / MICRO_BATCH, f"{now // 2}\n")
        writer = MetricsWriter(self.folder.metrics_file)
        writer.write("event", name="oom", step=beat.status.step, micro_batch=now, time=time.time())
        writer.close()
        beat.change(
            phase="starting", told=f"Out of memory: again with micro-batches of {now // 2}.", now=True
        )
        os.environ[TURN_TAKEN] = "1"
        os.execv(sys.executable, [sys.executable, "-P", "-m", WORKER, str(self.folder.path)])

    # --- being told, and telling

    def _leader(self) -> int:
        return os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else os.getpid()

    def _take(self) -> None:
        """The run is ours while we live. Raises UserError where another process trains it, or it is finished."""
        status = self.folder.read_status()
        if status is not None and status.ended is not None and status.ended.state == "finished":
            raise UserError(
                f"The run {self.folder.id} is finished",
                "There is nothing left to train.",
                "Extend it with more epochs, or start a new one.",
            )
        self._lock = (self.folder.path / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"The run {self.folder.id} is being trained already",
                "Another process holds it.",
                "Watch it with alpaca-tui runs watch.",
            ) from error

    def _on_signal(self, *_: Any) -> None:
        self._signalled = True

    def _stop_asked(self) -> bool:
        return self._signalled or self.folder.stop_file.exists()

    def _failed(self, error: BaseException) -> Ended:
        traceback.print_exception(error)
        told = _told(error)
        return Ended("failed", time.time(), told.title, told.cause, told.next_step)


def _named(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _alarm(met: NotANumber, rows: list[int]) -> UserError:
    named = ", ".join(map(str, sorted(set(rows))[:12])) + (", …" if len(set(rows)) > 12 else "")
    return UserError(
        f"The training was stopped at step {met.step}: its numbers are no longer numbers",
        f"{met.what[:1].upper()}{met.what[1:]}. No weight was changed by it. The step's examples: rows {named}.",
        "Lower the learning rate, use precision=fp32, or look at those rows; then resume from the last checkpoint.",
    )


def _told(error: BaseException) -> UserError:
    """What went wrong, to a person."""
    if isinstance(error, UserError):
        return error
    explained = symptoms.explain("".join(traceback.format_exception(error)))
    if explained is not None:
        return explained
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return UserError(
        "The training broke off",
        f"{type(error).__name__}: {first}" if first else type(error).__name__,
        "The log has the details; resume the run when the cause is mended.",
    )
