# pyright: basic
# torch and transformers are typed in parts only.
"""`transformers.Trainer` with our examples, our checkpoints and an alarm; the loop stays its own.

What differs: micro-batches come from `StepData`, and accelerate is not asked to divide them again; logits are computed
only where a token is trained; a gradient that is no number stops the run before it touches a weight; a checkpoint is
written under another name and appears whole; the evaluation loss is a mean over tokens, not over batches. Knows no files
of the run but its checkpoints.
"""

from __future__ import annotations

import inspect
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments

from alpaca_tui.finetune import checkpoints
from alpaca_tui.finetune.training.data import Collator, StepData, step_loader


class NotANumber(Exception):  # noqa: N818 - it is what was met, not what went wrong here
    """The gradient of a step is nan or infinite, or its loss is exactly zero. step: from 1; examples: its numbers."""

    def __init__(self, step: int, examples: list[int], what: str) -> None:
        super().__init__(f"step {step}: {what}")
        self.step = step
        self.examples = examples
        self.what = what


class AlpacaTrainer(Trainer):
    """steps: of the whole run. keep: newest checkpoints to keep. held_out: micro-batches to evaluate on."""

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        data: StepData,
        *,
        steps: int,
        keep: int,
        collator: Collator,
        held_out: list[list[Any]],
        tokenizer: Any,
        callbacks: list[TrainerCallback],
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            data_collator=collator,
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=callbacks,
        )
        self._data = data
        self._steps = steps
        self._keep = keep
        self._held_out = held_out
        self._saving_to: str | None = None
        self._loss_of_step = 0.0
        self.best: tuple[float, int] | None = None
        """Lowest evaluation loss, and its step."""
        self.on_saved: Callable[[int], None] = lambda step: None
        self.on_inputs: Callable[[Any], None] = lambda inputs: None

    # --- examples

    def get_train_dataloader(self) -> DataLoader[Any]:
        return step_loader(self._data, self._steps, self.data_collator)

    # --- the alarm

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        self.on_inputs(inputs)
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._loss_of_step = loss + self._loss_of_step
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        value = float("nan") if norm is None else float(norm)
        loss, self._loss_of_step = float(self._loss_of_step), 0.0
        step = self.state.global_step
        if not math.isfinite(value) or not math.isfinite(loss):
            raise NotANumber(step + 1, self._data.numbers(step), f"loss {loss:g}, gradient norm {value:g}")
        if loss == 0.0:
            raise NotANumber(step + 1, self._data.numbers(step), "the loss is exactly zero")
        return norm

    # --- evaluation

    def evaluate(self, *_arguments: Any, **_options: Any) -> dict[str, float]:
        """{"eval_loss": the mean over all trained tokens of the held-out examples}."""
        model: Any = self.model_wrapped if self.is_fsdp_enabled else self.accelerator.unwrap_model(self.model)
        model.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        with torch.no_grad():
            for examples in self._held_out:
                # Sharded weights are gathered by all devices at once: one without examples computes for company.
                shown: list[Any] = examples or [self._data.examples[0]]
                inputs = self._prepare_inputs(self.data_collator(shown))
                tokens = sum(example.trained for example in examples)
                with self.compute_loss_context_manager():
                    loss = model(**inputs).loss
                sums += torch.tensor([float(loss) * tokens, tokens], dtype=torch.float64, device=sums.device)
        if self.args.world_size > 1:
            torch.distributed.all_reduce(sums)
        model.train()
        metrics = {"eval_loss": float(sums[0] / sums[1].clamp(min=1))}
        if self.best is None or metrics["eval_loss"] < self.best[0]:
            self.best = metrics["eval_loss"], self.state.global_step
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    # --- checkpoints

    def load_weights(self, checkpoint: Path) -> None:
        """Those of a checkpoint, in place of the trained ones."""
        self._load_from_checkpoint(str(checkpoint))

    def _get_output_dir(self, trial: Any = None) -> str:
        return self._saving_to or super()._get_output_dir(trial)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(str(self.args.output_dir))
        partial = folder / checkpoints.PARTIAL
        if self.is_world_process_zero():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        self._saving_to = str(partial)
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self._saving_to = None
        self.accelerator.wait_for_everyone()
        step = self.state.global_step
        if self.is_world_process_zero():
            name = f"checkpoint-{step}"
            checkpoints.complete(partial / name, folder / name, step)
            shutil.rmtree(partial, ignore_errors=True)
            also = [self.best[1]] if self.best is not None else []
            checkpoints.prune(folder, self._keep, also)
        self.accelerator.wait_for_everyone()
        self.on_saved(step)


def takes_chosen_logits(model: Any) -> bool:
    """Whether the model computes logits only where it is asked to, and takes labels for just those."""
    from transformers.loss.loss_utils import LOSS_MAPPING, ForCausalLMLoss

    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return (
        "logits_to_keep" in inspect.signature(base.forward).parameters
        and LOSS_MAPPING.get(getattr(base, "loss_type", None) or "") is ForCausalLMLoss
    )
