"""Bytes that a training step keeps of each token for its way back: the arithmetic of the estimate of memory.

Worked out from what PyTorch saves for the backward pass of a LLaMA-like block in transformers (attention by
scaled_dot_product_attention: no matrix of tokens by tokens), and checked against it in the tests. Knows the model's
shape and the recipe; no batch and no device's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.shape import ModelShape

DeviceKind = Literal["cpu", "cuda", "mps"]

_FP32 = 4


@dataclass(frozen=True, slots=True)
class Numbers:
    """Bytes of a number. kept: of a weight that is no adapter's; computed: in products; stream: between the blocks;
    adapted: in an adapter's products; dropped: what dropout remembers of one. autocast: computed in 16 bits from what
    is kept in 32."""

    kept: int
    computed: int
    stream: int
    adapted: int
    dropped: int
    autocast: bool


def numbers(recipe: Recipe, device: DeviceKind) -> Numbers:
    """Where a device has no bf16 to speak of, `bf16` computes in 32 bits."""
    dropped = 1 if device == "cuda" else _FP32
    if recipe.precision == "pure-bf16":  # adapters are of 32 bits all the same
        return Numbers(2, 2, 2, _FP32, dropped, autocast=False)
    if recipe.precision == "fp32" or device != "cuda":
        return Numbers(_FP32, _FP32, _FP32, _FP32, dropped, autocast=False)
    # A frozen model is loaded in 16 bits; only what is trained is kept in 32.
    kept = 2 if recipe.adapts else _FP32
    return Numbers(kept, 2, kept, 2, dropped, autocast=True)


def block(shape: ModelShape, recipe: Recipe, of: Numbers, *, masked: int) -> int:
    """Bytes a token that one block saves. masked: the length of the rows where there is a mask over them (several
    padded to one length, or several examples in one); 0 where there is none. With a mask, keys and values are
    repeated for every head, and every block keeps the mask."""
    hidden, intermediate = shape.hidden, shape.intermediate
    queries = shape.heads * shape.head_dim
    keys = queries if masked else shape.kv_heads * shape.head_dim
    inputs = sum(one.inputs * one.count for one in shape.linear_shapes) // shape.layers
    linears = sum(one.count for one in shape.linear_shapes) // shape.layers
    shared = 2 * hidden + queries + intermediate  # inputs of linear layers, where those of one input share it

    # Norms compute in 32 bits, and their weights, where trained, need what they were multiplied with.
    trained = not recipe.adapts
    norms = shape.norms * hidden * (_FP32 + of.stream * trained)
    if shape.head_norms:
        norms += (queries + shape.kv_heads * shape.head_dim) * (_FP32 + of.computed * trained)
    attention = of.computed * (queries + 2 * keys + masked) + _FP32 * shape.heads
    mlp = of.computed * (3 if shape.gated else 4) * intermediate
    if trained:  # autocast casts once for each linear layer
        return norms + attention + mlp + of.computed * (inputs if of.autocast else shared)
    # Each adapter has an input of its own where it is dropped out or cast; the frozen layer keeps none.
    dropout = recipe.lora_dropout > 0
    apart = dropout or of.autocast or of.adapted != of.computed
    attention += of.computed * queries * apart
    adapters = of.adapted * ((inputs if apart else shared) + recipe.lora_rank * linears)
    return norms + attention + mlp + adapters + of.dropped * dropout * inputs


def scores(shape: ModelShape, of: Numbers) -> int:
    """Bytes a trained token costs in the loss: its scores, the same in 32 bits, and two gradients of them."""
    return shape.vocabulary * (of.computed + 3 * _FP32)


def working(shape: ModelShape, recipe: Recipe, of: Numbers) -> int:
    """Bytes a token of what lives only while one block's way back is worked out: gradients of its widest part."""
    widest = of.computed * (3 if shape.gated else 2) * shape.intermediate + 2 * of.stream * shape.hidden
    return widest + of.adapted * (shape.intermediate + shape.hidden) * recipe.adapts
