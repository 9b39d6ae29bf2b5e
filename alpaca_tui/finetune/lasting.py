"""What of a run lies in memory from its first step to its last: weights, gradients and optimiser states.

These are counted, tensor for tensor, and the tests hold them against tensors of real steps. Knows the recipe and the
model's shape; no batch and no device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from alpaca_tui.finetune.recipe import Optimizer, Recipe
from alpaca_tui.finetune.shape import SMALL, ModelShape

_ADAPTER = 4  # peft keeps adapters in 32 bits, whatever the model is in
_NF4_BLOCK, _NF4_OUTER = 64, 256  # weights a constant, constants a constant of theirs
_NF4_TABLES = 4 * (16 + 256 + 1)  # of each matrix: the 4-bit code, the 8-bit code, the mean of the constants
_ADAM_BLOCK = 256  # states of 8 bits a constant of 32


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what is needed. words: the arithmetic, `6,738,415,616 weights × 4 bytes`."""

    name: str
    bytes: int
    words: str


@dataclass(frozen=True, slots=True)
class Trained:
    """The weights that are trained. small: how many of them are in tensors too small for 8-bit states; kept: bytes
    of one."""

    parameters: int
    small: int
    kept: int

    @property
    def bytes(self) -> int:
        return self.parameters * self.kept

    def states(self, optimizer: Optimizer) -> int:
        """Bytes of both states of Adam, which are as wide as the weights unless they are of 8 bits."""
        if optimizer == "adamw":
            return 2 * self.bytes
        large = self.parameters - self.small
        return 2 * (large + 4 * math.ceil(large / _ADAM_BLOCK)) + 2 * 4 * self.small


def counted(name: str, noun: str, count: int, each: int, shares: int = 1) -> Part:
    return divided(name, count * each, f"{count:,} {noun} × {each:,} bytes", shares)


def divided(name: str, bytes: int, words: str, shares: int) -> Part:
    return Part(name, math.ceil(bytes / shares), words if shares == 1 else f"{words} ÷ {shares} devices")


def nf4_bytes(weights: int, matrices: int) -> int:
    """Of `weights` in `matrices` as 4-bit NF4 with double quantisation."""
    constants = math.ceil(weights / _NF4_BLOCK)
    return math.ceil(weights / 2) + constants + 4 * math.ceil(constants / _NF4_OUTER) + _NF4_TABLES * matrices


def trained(shape: ModelShape, recipe: Recipe) -> Trained:
    """What the recipe trains of the model, or beside it."""
    if not recipe.adapts:
        kept = 2 if recipe.precision == "pure-bf16" else 4
        return Trained(shape.parameters, shape.small_parameters, kept)
    sizes = shape.adapter_sizes(recipe.lora_rank)
    small = sum(size * count for size, count in sizes if size < SMALL)
    return Trained(sum(size * count for size, count in sizes), small, _ADAPTER)


def lasting(shape: ModelShape, recipe: Recipe, kept: int, shares: int) -> list[Part]:
    """Weights, gradients and optimiser states of one device, where `shares` share each of them."""

    def each(name: str, noun: str, count: int, bytes: int) -> Part:
        return counted(name, noun, count, bytes, shares)

    parts: list[Part] = []
    if recipe.method == "qlora":
        matrices = sum(one.count for one in shape.linear_shapes)
        packed = nf4_bytes(shape.linear_parameters, matrices)
        words = f"{shape.linear_parameters:,} weights × {packed / shape.linear_parameters:.4g} bytes, constants included"
        parts.append(divided("quantised weights", packed, words, shares))
        parts.append(each("weights", "others", shape.parameters - shape.linear_parameters, kept))
    else:
        parts.append(each("weights", "weights", shape.parameters, kept))
    taught = trained(shape, recipe)
    if recipe.adapts:
        parts.append(each("adapters", "weights", taught.parameters, taught.kept))
    parts.append(each("gradients", "gradients", taught.parameters, taught.kept))
    states = taught.states(recipe.optimizer)
    width = f"{taught.kept}"
    if recipe.optimizer != "adamw":
        width = f"{states / 2 / taught.parameters:.4g}"
    words = f"{taught.parameters:,} weights × 2 states × {width} bytes"
    if recipe.optimizer == "paged-adamw-8bit":
        words += ", moved to the host's memory when it is short"
    parts.append(divided("optimizer", states, words, shares))
    return parts
