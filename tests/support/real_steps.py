"""A small model really trained for two steps on the CPU, and what its tensors took: the truth an estimate is held to.

The step is the trainer's: micro-batches are summed up, the head is asked only where there is a label. Bytes are
those of the tensors themselves; the peak is of all that were alive at once, as seen by PyTorch's own tracker.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alpaca_tui.finetune.recipe import Recipe

ROWS, TOKENS, TRAINED = 4, 96, 48


@dataclass(frozen=True)
class Measured:
    """Bytes. weights: of the model, quantised or not, without adapters. peak: of everything, at once."""

    weights: int
    adapters: int
    gradients: int
    optimizer: int
    peak: int

    @property
    def tensors(self) -> int:
        return self.weights + self.adapters + self.gradients + self.optimizer


def build(config: dict[str, Any], recipe: Recipe) -> Any:
    """A model of `config` with new weights, as the recipe trains it on a CPU."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), attn_implementation="sdpa")
    if recipe.precision == "pure-bf16" or (recipe.precision == "bf16" and recipe.adapts):
        model = model.to(torch.bfloat16)
    if recipe.method == "qlora":
        quantise(model)
    if recipe.adapts:
        lora = LoraConfig(
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            lora_dropout=recipe.lora_dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(model, lora)
    return model.train()


def quantise(model: Any) -> None:
    """The linear layers inside the blocks as 4-bit NF4 with double quantisation, as transformers replaces them."""
    import torch
    from bitsandbytes.nn import Linear4bit

    for name, module in list(model.named_modules()):
        if type(module) is torch.nn.Linear and "lm_head" not in name:
            packed = Linear4bit(
                module.in_features,
                module.out_features,
                bias=module.bias is not None,
                compute_dtype=module.weight.dtype,
                compress_statistics=True,
                quant_type="nf4",
            )
            packed.load_state_dict(module.state_dict())
            model.get_submodule(name.rpartition(".")[0]).register_module(
                name.rpartition(".")[2], packed.to("cpu")
            )


def train(
    config: dict[str, Any], recipe: Recipe, *, checkpointing: bool = False, rows: int = ROWS
) -> Measured:
    """Two steps of two micro-batches each of `rows` × TOKENS."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = build(config, recipe)
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        parameters = [one for one in model.parameters() if one.requires_grad]
        optimizer = adam(parameters, recipe)
        weights = [one for one in model.parameters() if not (recipe.adapts and one.requires_grad)]
        with watching(part for one in model.parameters() for part in parts(one)) as watch:
            for _ in range(2):
                for _ in range(2):
                    step(model, rows, autocast=recipe.precision == "bf16")
                optimizer.step()
                optimizer.zero_grad(set_to_none=False)
        states = [
            one for state in optimizer.state.values() for name, one in state.items() if "qmap" not in name
        ]
        return Measured(
            weights=sum(map(held, weights)),
            adapters=sum(map(held, parameters)) if recipe.adapts else 0,
            gradients=sum(held(one.grad) for one in parameters),
            optimizer=sum(held(one) for one in states if torch.is_tensor(one)),
            peak=watch.peak,
        )
    finally:
        torch.set_num_threads(threads)


def watching(tensors: Iterable[Any]) -> Any:
    """Within it, `peak` follows the bytes of all storages alive: those of `tensors` and of whatever is made."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Watch(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.alive = weakref.WeakKeyDictionary[Any, int]()
            self.now = self.peak = 0

        def see(self, tensor: torch.Tensor) -> None:
            storage = tensor.untyped_storage()
            if storage not in self.alive:
                bytes = self.alive[storage] = storage.nbytes()
                self.now += bytes
                weakref.finalize(storage, self.gone, bytes)
                self.peak = max(self.peak, self.now)

        def gone(self, bytes: int) -> None:
            self.now -= bytes

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            for one in tree_leaves(made):
                if isinstance(one, torch.Tensor):
                    self.see(one)
            return made

    watch = Watch()
    for tensor in tensors:
        watch.see(tensor)
    return watch


def adam(parameters: list[Any], recipe: Recipe) -> Any:
    import torch

    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=1e-4, fused=True)
    from bitsandbytes.optim import AdamW8bit

    return AdamW8bit(parameters, lr=1e-4)


def step(model: Any, rows: int, *, autocast: bool) -> None:
    """There and back for one micro-batch, one of its rows shorter than the others."""
    import torch

    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    ids = torch.randint(0, base.config.vocab_size, (rows, TOKENS))
    mask = torch.ones_like(ids)
    if rows > 1:
        mask[-1, TOKENS // 2 :] = 0
    labels = torch.full_like(ids, -100)
    labels[:, -TRAINED:] = ids[:, -TRAINED:]
    places = labels != -100
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        hidden = base.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        scores = base.lm_head(hidden[places])
    torch.nn.functional.cross_entropy(scores.float(), labels[places], reduction="sum").backward()


def held(tensor: Any) -> int:
    """Bytes of a tensor, with the constants of a quantised one."""
    return sum(one.untyped_storage().nbytes() for one in parts(tensor))


def parts(tensor: Any) -> list[Any]:
    """A tensor, and where it is quantised the tables and constants that belong to it."""
    state = getattr(tensor, "quant_state", None)
    if state is None:
        return [tensor]
    return [tensor, state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code]
