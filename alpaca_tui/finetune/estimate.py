"""What a run will take before it starts: memory, disk, time and money.

Memory is in `memory.py` and what to change where it does not fit in `fit.py`; both are named here too, as what
is asked of an estimate. Knows the recipe and the model's shape; no torch, no prices and no machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from alpaca_tui.finetune.activations import DeviceKind
from alpaca_tui.finetune.fit import Suggestion, nearest_fit
from alpaca_tui.finetune.lasting import Part, trained
from alpaca_tui.finetune.memory import Memory, estimate_memory
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.shape import ModelShape

__all__ = [
    "DeviceKind",
    "Disk",
    "Memory",
    "Part",
    "Suggestion",
    "cost",
    "estimate_disk",
    "estimate_memory",
    "estimate_time",
    "nearest_fit",
    "step_flops",
]


@dataclass(frozen=True, slots=True)
class Disk:
    """What a run writes. checkpoint: bytes of one; checkpoints: the most there are at once."""

    checkpoint: int
    checkpoints: int
    parts: tuple[Part, ...]

    @property
    def total(self) -> int:
        return sum(part.bytes for part in self.parts)


def estimate_disk(shape: ModelShape, recipe: Recipe, keep: int | None = None) -> Disk:
    """What the checkpoints and the final model take. keep: the checkpoints that are kept, the recipe's otherwise;
    the best one may be beside them, and the next is whole before the oldest goes."""
    taught = trained(shape, recipe)
    states = taught.states(recipe.optimizer)
    count = (recipe.keep if keep is None else keep) + 2
    words = f"{count} × ({taught.parameters:,} weights × {taught.kept} bytes + {states:,} of the optimiser)"
    return Disk(
        taught.bytes + states,
        count,
        (
            Part("checkpoints", count * (taught.bytes + states), words),
            Part("model", taught.bytes, f"{taught.parameters:,} weights × {taught.kept} bytes"),
        ),
    )


def step_flops(shape: ModelShape, recipe: Recipe, tokens: int, *, checkpointing: bool = False) -> int:
    """Floating-point operations of a step over so many tokens: two for each weight a token meets, on the way there,
    on the way back, for the weights' own gradients, and once more where activations are worked out again.
    Attention itself is left out: at Alpaca's lengths it is a few hundredths."""
    met = shape.linear_parameters + shape.head_parameters
    times = 2 + (not recipe.adapts) + checkpointing
    adapters = 3 * shape.adapter_parameters(recipe.lora_rank) if recipe.adapts else 0
    return 2 * tokens * (times * met + adapters)


def estimate_time(
    steps: int,
    tokens_per_step: int,
    shape: ModelShape,
    recipe: Recipe,
    *,
    flops_per_s: float = 0.0,
    measured_step_seconds: float | None = None,
    checkpointing: bool = False,
) -> float:
    """Seconds of so many steps, saving and evaluating left out. measured_step_seconds: as a step took; else it is
    reckoned. flops_per_s: what all devices together reach, which is 25 to 50 % of what data sheets promise."""
    if measured_step_seconds is not None:
        return steps * measured_step_seconds
    if flops_per_s <= 0:
        raise ValueError("neither a measured step nor the speed of the devices is given")
    return steps * step_flops(shape, recipe, tokens_per_step, checkpointing=checkpointing) / flops_per_s


def cost(seconds: float, price: float | None) -> float | None:
    """Dollars, at `price` dollars an hour; None where the price is not known."""
    return None if price is None else seconds / 3600 * price
