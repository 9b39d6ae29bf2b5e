# pyright: basic
# torch and transformers are typed in parts only.
"""What was trained, written and read back: a save nobody has opened is no save.

Knows models, tokenizers and folders; no run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.training.models import finish_tokenizer, generation_config


def write_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """The whole model, or the adapter alone, with its tokenizer, chat template and generation settings."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    finish_tokenizer(tokenizer)
    base.generation_config = generation_config(tokenizer, base)
    base.config.use_cache = True
    try:
        model.save_pretrained(folder, safe_serialization=True)
    finally:
        base.config.use_cache = False
    if base is not model:
        base.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def check_written(folder: Path, model: Any, *, trained: bool) -> int:
    """Compare every tensor in a folder's safetensors with the model's own; how many there are. trained: an adapter
    must have learned something by now. Raises UserError."""
    if hasattr(model, "get_base_model"):
        from peft import get_peft_model_state_dict

        own: dict[str, Any] = get_peft_model_state_dict(model)
    else:
        own = model.state_dict()
    checked = moved = 0
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as held:
            for name in held.keys():  # noqa: SIM118 - it is no dictionary
                written, live = held.get_tensor(name), own.get(name)
                if live is None or not torch.equal(written, live.detach().to("cpu", written.dtype)):
                    raise _not_as_written(file, f"{name} is not what was in memory.")
                checked += 1
                moved += bool("lora_B" in name and written.any())
    if not checked:
        raise _not_as_written(folder, "It holds no weights.")
    if trained and hasattr(model, "get_base_model") and not moved:
        raise _not_as_written(folder, "Every weight of the adapter is zero: it changes nothing.")
    return checked


def _not_as_written(place: Path, cause: str) -> UserError:
    return UserError(
        f"{place.name} does not hold what was trained",
        cause,
        "Check the disk and its free space, then resume the run.",
    )
