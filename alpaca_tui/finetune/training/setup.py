# pyright: basic
# torch and transformers are typed in parts only.
"""What a recipe and a launch mean to `transformers.Trainer`: its arguments, and nothing of our own beside them.

Knows the recipe and the arguments' names of transformers 5.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from alpaca_tui.finetune.batching import Division
from alpaca_tui.finetune.folder import Launch
from alpaca_tui.finetune.recipe import Recipe

_OPTIMIZERS = {"adamw": "adamw_torch", "adamw-8bit": "adamw_bnb_8bit", "paged-adamw-8bit": "paged_adamw_8bit"}


def arguments(
    recipe: Recipe,
    launch: Launch,
    division: Division,
    steps: int,
    device: torch.device,
    precision: str,
    folder: Path,
) -> TrainingArguments:
    """The arguments of a run. steps: optimiser steps in all; precision: what the device computes in; folder: of its
    checkpoints. When to log, evaluate and save is said by the callback."""
    optimizer = _OPTIMIZERS[recipe.optimizer]
    if recipe.optimizer == "adamw" and device.type == "cuda":
        optimizer = "adamw_torch_fused"  # the same sums, one kernel
    sharding: dict[str, Any] = {}
    if launch.sharding == "fsdp" and launch.devices > 1:
        sharding = {
            "fsdp": True,
            "fsdp_config": {
                "version": 2,
                "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
                "reshard_after_forward": True,
            },
        }
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=division.micro_batch,
        gradient_accumulation_steps=division.accumulation,
        max_steps=steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule if recipe.schedule != "constant" else "constant_with_warmup",
        warmup_steps=math.ceil(recipe.warmup * steps),
        weight_decay=recipe.weight_decay,
        adam_beta1=recipe.beta1,
        adam_beta2=recipe.beta2,
        adam_epsilon=recipe.epsilon,
        max_grad_norm=recipe.max_grad_norm,
        optim=optimizer,
        bf16=precision == "bf16",
        tf32=True if device.type == "cuda" else None,
        use_cpu=device.type == "cpu",
        seed=recipe.seed,
        activation_checkpointing=launch.checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if launch.checkpointing else None,
        average_tokens_across_devices=True,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would write 0.0 where the loss is nan
        eval_strategy="no",
        save_strategy="no",
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
        ddp_find_unused_parameters=False if launch.devices > 1 else None,
        disable_tqdm=True,
        report_to=list(launch.report_to) or "none",
        run_name=folder.parent.name,
        **sharding,
    )
