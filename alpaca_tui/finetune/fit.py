"""Recipes near to one that does not fit into memory, and that do fit.

What changes no result comes first: a smaller micro-batch of the same batch, activations worked out again. Then what
changes little, and last what trains something else. Knows estimates; measures nothing and changes no recipe itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any, NamedTuple, cast

from alpaca_tui.finetune.activations import DeviceKind
from alpaca_tui.finetune.batching import Division, divide
from alpaca_tui.finetune.folder import Sharding
from alpaca_tui.finetune.memory import Memory, estimate_memory
from alpaca_tui.finetune.recipe import Recipe, Value
from alpaca_tui.finetune.shape import ModelShape

_SHORTEST = 128  # the Alpaca prompt alone takes fifty tokens
_SHARES = (0.75, 0.5, 0.375, 0.25, 0.125, 0.0625)  # of the longest example


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change that makes a run fit. settings: of the recipe; checkpointing: as the run is then to be launched;
    memory: what it needs then; words: the change, for a person."""

    settings: Mapping[str, Value]
    checkpointing: bool
    memory: Memory
    words: str


class _Change(NamedTuple):
    """One way to change a recipe. Of one kind, each saves more than the one before."""

    kind: str
    settings: Mapping[str, Value]
    words: str


def nearest_fit(
    shape: ModelShape,
    recipe: Recipe,
    division: Division,
    free_bytes: int,
    *,
    longest_tokens: int,
    longest_trained: int | None = None,
    sharding: Sharding = "ddp",
    checkpointing: bool = False,
    device_kind: DeviceKind = "cuda",
) -> list[Suggestion]:
    """The nearest recipes that fit into `free_bytes` of each device, nearest first: the fewest changes, and of as
    many those that change the result least. None has a change that it fits without. Empty where the recipe fits as
    it is, and where nothing does. The other arguments are those of `estimate_memory`."""

    def tried(changes: Sequence[_Change]) -> Suggestion | None:
        settings = {name: value for change in changes for name, value in change.settings.items()}
        micro = cast("int | None", settings.get("micro_batch"))
        recomputed = checkpointing or any(change.kind == "checkpointing" for change in changes)
        memory = estimate_memory(
            shape,
            replace(recipe, **cast(dict[str, Any], settings)),
            divide(division.batch, micro, division.devices) if micro else division,
            longest_tokens=longest_tokens,
            longest_trained=longest_trained,
            sharding=sharding,
            checkpointing=recomputed,
            device_kind=device_kind,
        )
        if memory.total > free_bytes:
            return None
        return Suggestion(settings, recomputed, memory, ", ".join(change.words for change in changes))

    if tried(()):
        return []
    sharded = sharding == "fsdp" and division.devices > 1
    levels: dict[str, list[_Change]] = {}
    for change in _changes(recipe, division, longest_tokens, checkpointing, device_kind, sharded):
        levels.setdefault(change.kind, []).append(change)
    found: list[Suggestion] = []
    enough: list[set[str]] = []
    order = list(levels)

    def harshness(kinds: tuple[str, ...]) -> list[int]:
        return [order.index(kind) for kind in reversed(kinds)]

    for size in range(1, len(levels) + 1):
        for kinds in sorted(combinations(levels, size), key=harshness):
            if _needless(set(kinds), enough) or not tried([levels[kind][-1] for kind in kinds]):
                continue
            # The last kind varies slowest: examples are cut as little as the smallest micro-batch allows.
            ways = product(*(levels[kind] for kind in reversed(kinds)))
            found.append(next(fitting for way in ways if (fitting := tried(way[::-1]))))
            enough.append(set(kinds))
    return found


def _needless(kinds: set[str], enough: list[set[str]]) -> bool:
    """Whether a part of the changes is enough already, or the same with LoRA in the place of QLoRA."""
    if {"lora", "qlora"} <= kinds:
        return True
    milder = kinds - {"qlora"} | {"lora"} if "qlora" in kinds else kinds
    return any(fewer <= kinds or fewer <= milder for fewer in enough)


def _changes(
    recipe: Recipe,
    division: Division,
    longest_tokens: int,
    checkpointing: bool,
    device_kind: DeviceKind,
    sharded: bool,
) -> Iterator[_Change]:
    """Every change there is to try, in the order of how little it changes the result."""
    micro = division.micro_batch
    while micro > 1:
        micro //= 2
        words = f"a micro-batch of {micro} (the batch stays {division.batch})"
        yield _Change("micro-batch", {"micro_batch": micro}, words)
    if not checkpointing:
        yield _Change("checkpointing", {}, "activations worked out again, about a third slower")
    has_bitsandbytes = device_kind != "mps"
    if recipe.optimizer == "adamw" and has_bitsandbytes:
        yield _Change("optimizer", {"optimizer": "adamw-8bit"}, "an optimiser with states of 8 bits")
    if recipe.precision != "pure-bf16":
        yield _Change("precision", {"precision": "pure-bf16"}, "weights kept in 16 bits only")
    faster = {} if recipe.adapts else {"learning_rate": min(1.0, float(f"{recipe.learning_rate * 10:.6g}"))}
    also = f", learning rate {faster['learning_rate']:g}" if faster else ""
    if not recipe.adapts:
        yield _Change("lora", {"method": "lora", **faster}, f"LoRA{also}")
    if recipe.method != "qlora" and has_bitsandbytes and not sharded:  # 4-bit weights cannot be sharded
        yield _Change("qlora", {"method": "qlora", **faster}, f"QLoRA{also}")
    longest = min(longest_tokens, recipe.max_length)
    for share in _SHARES:
        length = int(longest * share) // 8 * 8
        if length >= _SHORTEST:
            yield _Change("length", {"max_length": length}, f"examples of at most {length} tokens")
