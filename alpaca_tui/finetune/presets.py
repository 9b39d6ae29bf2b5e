"""Recipes that have a name, each with its source.

Knows the recipe alone. What a preset is for, and how it differs from another, is said by whoever shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.recipe import Method, Recipe

DEFAULT_PRESET = "alpaca-7b"


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe with a name, and where it is from."""

    name: str
    title: str
    source: str
    recipe: Recipe


_FIRST = Recipe()
PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("alpaca-7b", "Alpaca 7B, first release", "Stanford Alpaca, README of the first release", _FIRST),
        Preset(
            "alpaca-7b-corrected", "Alpaca 7B, corrected", "Stanford Alpaca, README as corrected: no weight decay",
            replace(_FIRST, weight_decay=0.0),
        ),
        Preset(
            "alpaca-13b", "Alpaca 13B", "Stanford Alpaca, README as corrected",
            replace(_FIRST, weight_decay=0.0, learning_rate=1e-5, epochs=5.0),
        ),
        Preset(
            "lora", "LoRA, every linear layer", "Hu et al. 2021 (arXiv 2106.09685), on all linear layers as Dettmers et al. 2023 found necessary",
            replace(_FIRST, method="lora", weight_decay=0.0, learning_rate=2e-4),
        ),
        Preset(
            "qlora", "QLoRA, 4-bit NF4 with double quantisation", "Dettmers et al. 2023 (arXiv 2305.14314), appendix B, 7B and 13B",
            replace(
                _FIRST, method="qlora", weight_decay=0.0, learning_rate=2e-4,
                lora_rank=64, lora_alpha=16, lora_dropout=0.1,
            ),
        ),
        Preset(
            "tiny", "The built-in student, from scratch", "Ours: found by trying, on the tasks of the demo teacher",
            replace(
                _FIRST, weight_decay=0.0, learning_rate=2e-3, epochs=30.0, batch=16, micro_batch=4, warmup=0.05, save_every=200,
            ),
        ),
    )
}  # fmt: skip


def default_preset(method: Method, *, tiny: bool = False) -> Preset:
    """The preset for whoever names none: that of the built-in student, of the adapters, else Alpaca's own."""
    if tiny:
        return PRESETS["tiny"]
    return PRESETS[DEFAULT_PRESET if method == "full" else method]


def preset(name: str) -> Preset:
    """The preset of a name. Raises UserError."""
    found = PRESETS.get(name)
    if found is None:
        raise UserError(
            f"There is no preset {name!r}",
            f"There are {', '.join(PRESETS)}.",
            "Choose one of them.",
            exit_code=2,
        )
    return found
