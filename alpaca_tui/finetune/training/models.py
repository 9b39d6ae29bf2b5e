# pyright: basic
# torch and transformers are typed in parts only.
"""The model to be trained and its tokenizer: loaded as the recipe says, and written at the end.

Weights come from safetensors only, and no code of a model's own is ever run. Full training keeps weights in 32 bits
(a 16-bit checkpoint is widened): in bf16 alone most small steps are lost. Knows nothing of examples and runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from alpaca_tui import template
from alpaca_tui.errors import UserError
from alpaca_tui.finetune.halves import halver
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.tokenizer import Tokenizer, load_tokenizer

_SPARE = (
    "<pad>",
    "[PAD]",
    "<|pad|>",
    "<|finetune_right_pad_id|>",
    "<|padding|>",
    "<unk>",
    "<|reserved_special_token_0|>",
)
"""Tokens fit to stand for padding: none of them is ever a label."""


def device_of(asked: str) -> torch.device:
    """Raises UserError where there is no such device."""
    if asked == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available() and asked in ("auto", "cuda"):
        return torch.device("cuda")
    if asked == "cuda":
        raise UserError(
            "There is no CUDA device",
            "torch sees none: no NVIDIA GPU, no driver, or a torch built for the CPU.",
            "See alpaca-tui doctor, or train on the CPU: --device cpu.",
        )
    if torch.backends.mps.is_available():
        return torch.device("mps")
    if asked == "mps":
        raise UserError("There is no Apple GPU", "torch sees none.", "Train on the CPU: --device cpu.")
    return torch.device("cpu")


def computes_in(recipe: Recipe, device: torch.device) -> str:
    """`bf16`, `pure-bf16` or `fp32`: the precision of the recipe, in 32 bits where the device has no fast bf16."""
    if recipe.precision == "bf16" and not has_bf16(device):
        return "fp32"
    return recipe.precision


def has_bf16(device: torch.device) -> bool:
    """Whether computing in bf16 is worth it. CPUs can, but most are slower for it."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def load(place: Path, recipe: Recipe, device: torch.device) -> tuple[Any, Any]:
    """(model, tokenizer) of a folder, ready to be trained; not yet on the device unless it is 4-bit. UserError."""
    tokenizer: Any = load_tokenizer(place)
    model = load_model(place, recipe, device)
    choose_pad(tokenizer, None if recipe.adapts else model)
    _check_vocabulary(tokenizer, model)
    if recipe.adapts:
        model = _with_adapter(model, recipe, device)
    return model, tokenizer


def load_model(place: Path, recipe: Recipe, device: torch.device) -> Any:
    """The causal language model of a folder. Raises UserError."""
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {
        "dtype": _stored_as(recipe, device),
        "use_safetensors": True,
        "trust_remote_code": False,
        "local_files_only": True,
        "attn_implementation": "sdpa",
    }
    if recipe.method == "qlora":
        options |= {"quantization_config": _four_bits(device), "device_map": {"": _index(device)}}
    try:
        model = AutoModelForCausalLM.from_pretrained(str(place), **options)
    except UserError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise _cannot_load(place, error) from error
    model.config.use_cache = False
    return model


def _stored_as(recipe: Recipe, device: torch.device) -> torch.dtype:
    """A frozen base needs no 32 bits; what is trained does, unless the recipe says it shall not."""
    if recipe.precision == "pure-bf16" or (recipe.adapts and computes_in(recipe, device) == "bf16"):
        return torch.bfloat16
    return torch.float32


def _four_bits(device: torch.device) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if has_bf16(device) else torch.float32,
    )


def _index(device: torch.device) -> Any:
    return torch.cuda.current_device() if device.type == "cuda" else device.type


def _with_adapter(model: Any, recipe: Recipe, device: torch.device) -> Any:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if recipe.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def choose_pad(tokenizer: Any, model: Any | None) -> None:
    """Give the tokenizer a pad token that is not its end token, so that whoever trains with it later masks none.

    A spare token is reused. Where there is none, one is added, and the model's vocabulary grows to the next multiple of
    64, new rows at the mean of the others; without a `model` that may grow (an adapter's base) it stays without.
    """
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id:
        return
    tokenizer.pad_token = None
    known = tokenizer.get_vocab()
    spare = next(
        (token for token in _SPARE if token in known and known[token] != tokenizer.eos_token_id), None
    )
    if spare is not None:
        tokenizer.pad_token = spare
    elif model is not None:
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
        size = model.get_input_embeddings().weight.shape[0]
        if len(tokenizer) > size:
            model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=64, mean_resizing=True)
        model.config.pad_token_id = tokenizer.pad_token_id


def _check_vocabulary(tokenizer: Any, model: Any) -> None:
    size = model.get_input_embeddings().weight.shape[0]
    largest = max(tokenizer.get_vocab().values())
    if largest >= size:
        raise UserError(
            "The tokenizer does not fit the model",
            f"Its largest token is number {largest:,}, the model knows {size:,}.",
            "Use the tokenizer the model came with.",
        )


def _cannot_load(place: Path, error: Exception) -> UserError:
    words = str(error)
    first = next((line.strip() for line in words.splitlines() if line.strip()), type(error).__name__)
    if not (place / "config.json").is_file():
        return UserError(
            f"There is no model in {place}", "It has no config.json.", "Name the folder of a whole model."
        )
    if not any(place.glob("*.safetensors")) and any(place.glob("*.bin")):
        return UserError(
            f"The weights in {place} are pickles",
            "Opening a pickle can run any code, so they are not opened.",
            "Use the model's safetensors, or convert it on a machine you can spare: "
            "from_pretrained(…) and save_pretrained(…).",
        )
    if not any(place.glob("*.safetensors")):
        return UserError(f"There are no weights in {place}", first, "Download the model anew.")
    if "model type" in words or "architecture" in words:
        return UserError(
            f"The model in {place} is of an unknown kind",
            first,
            "A newer transformers may know it; models that bring code of their own are not run.",
        )
    return UserError(
        f"The model in {place} cannot be loaded",
        first,
        "Check that its files are complete, or download it anew.",
    )


def finish_tokenizer(tokenizer: Any) -> None:
    """Give it the Alpaca prompt as chat template."""
    tokenizer.chat_template = template.chat_template(writes_start=bool(halver(tokenizer).lead))


def generation_config(tokenizer: Tokenizer, model: Any) -> Any:
    """How the model shall answer unless told otherwise: until its end token, as it is most likely to."""
    from transformers import GenerationConfig

    pad: Any = getattr(tokenizer, "pad_token_id", None)
    return GenerationConfig(
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=pad if pad is not None else tokenizer.eos_token_id,
        do_sample=False,
        max_new_tokens=512,
    )
