"""What a run needs of a device's memory, part by part, each with the arithmetic behind it.

What lasts is counted (`lasting.py`), what passes is worked out (`moments.py`), and the device's own overhead is a
round figure. Knows the recipe and the model's shape; no torch, and no device but by its kind.
"""

from __future__ import annotations

from dataclasses import dataclass

from alpaca_tui.finetune.activations import DeviceKind, numbers
from alpaca_tui.finetune.batching import Division
from alpaca_tui.finetune.folder import Sharding
from alpaca_tui.finetune.lasting import Part, lasting
from alpaca_tui.finetune.moments import Step
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.shape import ModelShape

_OVERHEAD = {"cpu": 800_000_000, "cuda": 1_000_000_000, "mps": 1_000_000_000}
"""Bytes a process takes before its first tensor: libraries, and on CUDA its context and the workspace of cuBLAS."""
_NCCL = 800_000_000  # its channels' buffers, where several devices talk to each other


@dataclass(frozen=True, slots=True)
class Memory:
    """What one device needs at the worst moment of a run. lasting: of `parts`, those that are there all the time."""

    lasting: tuple[Part, ...]
    passing: tuple[Part, ...]
    overhead: Part

    @property
    def parts(self) -> tuple[Part, ...]:
        return (*self.lasting, *self.passing, self.overhead)

    @property
    def tensors(self) -> int:
        """Bytes of weights, gradients and optimiser states."""
        return sum(part.bytes for part in self.lasting)

    @property
    def total(self) -> int:
        return sum(part.bytes for part in self.parts)


def estimate_memory(
    shape: ModelShape,
    recipe: Recipe,
    division: Division,
    *,
    longest_tokens: int,
    longest_trained: int | None = None,
    sharding: Sharding = "ddp",
    checkpointing: bool = False,
    device_kind: DeviceKind = "cuda",
) -> Memory:
    """What each device of `division` needs for a run.

    longest_tokens: of the longest example, as it is trained on. longest_trained: the most tokens of one example that
    are trained, those of its response; as many as longest_tokens where it is not known. sharding: how several
    devices share the weights. checkpointing: activations are worked out again instead of kept.
    """
    of = numbers(recipe, device_kind)
    several = division.devices > 1
    shares = division.devices if sharding == "fsdp" else 1
    rows, longest = division.micro_batch, min(longest_tokens, recipe.max_length)
    step = Step(
        shape,
        recipe,
        of,
        tokens=rows * longest,
        labelled=rows * min(longest_trained or longest, longest),
        masked=rows * longest if recipe.packing else longest if rows > 1 else 0,
        checkpointing=checkpointing,
        adds_up=division.accumulation > 1,
        shares=shares,
        buckets=several,
    )
    overhead = _OVERHEAD[device_kind] + (_NCCL if several and device_kind == "cuda" else 0)
    words = "Python and its libraries" if device_kind == "cpu" else "the device's context and libraries"
    return Memory(
        tuple(lasting(shape, recipe, of.kept, shares)),
        tuple(step.parts()),
        Part("overhead", overhead, f"about, {words}"),
    )
