"""How near the estimate of memory is to what training really takes, for several models and ways to train them.

    python -m tests.benchmarks.bench_estimate [--output FILE]

Each model is trained for two steps of two micro-batches on the CPU; bytes are those of the tensors, lasting ones
(weights, gradients, optimiser states) and the most that were alive at once. What the device takes for itself is in
neither. `bf16` runs under autocast with the widths of a GPU. Under pytest a small dose runs.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.finetune.batching import divide
from alpaca_tui.finetune.estimate import Memory, estimate_memory
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.shape import shape_of_config
from tests.benchmarks.machine import machine
from tests.support.real_steps import ROWS, TOKENS, TRAINED, Measured, train

_LLAMA = {
    "model_type": "llama", "vocab_size": 2_000, "hidden_size": 128, "intermediate_size": 384,
    "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "LLaMA, 1.3 M": _LLAMA,
    "LLaMA, 15.7 M": {
        **_LLAMA, "vocab_size": 8_000, "hidden_size": 384, "intermediate_size": 1_024, "num_hidden_layers": 6,
        "num_attention_heads": 6,
    },
    "Qwen3, tied": {
        **_LLAMA, "model_type": "qwen3", "head_dim": 64, "tie_word_embeddings": True, "num_hidden_layers": 6,
    },
    "Gemma": {**_LLAMA, "model_type": "gemma", "head_dim": 32},
    "GPT-2": {"model_type": "gpt2", "vocab_size": 2_000, "n_embd": 128, "n_layer": 4, "n_head": 4, "n_positions": 128},
}  # fmt: skip
_LORA = Recipe(method="lora", precision="fp32")
RECIPES = {
    "full, fp32": Recipe(precision="fp32"),
    "full, bf16": Recipe(precision="bf16"),
    "full, pure bf16": Recipe(precision="pure-bf16"),
    "full, 8-bit Adam": Recipe(precision="fp32", optimizer="adamw-8bit"),
    "LoRA": _LORA,
    "LoRA, bf16, no dropout": replace(_LORA, precision="bf16", lora_dropout=0.0),
    "LoRA, 8-bit Adam": replace(_LORA, optimizer="adamw-8bit"),
    "QLoRA": replace(_LORA, method="qlora"),
}


@dataclass(frozen=True)
class Row:
    model: str
    way: str
    estimate: Memory
    measured: Measured

    @property
    def lasting_error(self) -> float:
        return self.estimate.tensors / self.measured.tensors - 1

    @property
    def peak(self) -> int:
        return self.estimate.total - self.estimate.overhead.bytes

    @property
    def peak_error(self) -> float:
        return self.peak / self.measured.peak - 1


def rows(models: Iterable[str], ways: Iterable[str]) -> Iterator[Row]:
    ways = list(ways)
    for model in models:
        shape = shape_of_config(MODELS[model])
        for way in ways:
            recipe = RECIPES[way]
            if recipe.method == "qlora" and MODELS[model]["model_type"] == "gpt2":
                continue  # its linear layers lie the other way round: `quantise` leaves them alone
            for checkpointing in (False, True):
                estimate = estimate_memory(
                    shape,
                    recipe,
                    divide(2 * ROWS, ROWS, 1),
                    longest_tokens=TOKENS,
                    longest_trained=TRAINED,
                    checkpointing=checkpointing,
                    device_kind="cuda" if recipe.precision == "bf16" else "cpu",
                )
                measured = train(MODELS[model], recipe, checkpointing=checkpointing)
                yield Row(model, f"{way}, checkpointing" if checkpointing else way, estimate, measured)


def report(found: Iterable[Row]) -> str:
    lines = [
        f"{machine('torch', 'transformers', 'peft', 'bitsandbytes')}. Two steps of 2 × {ROWS} × {TOKENS} tokens; MB.",
        "",
        "| model | way | lasting, estimated | measured | error | at most, estimated | measured | error |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in found:
        lines.append(
            f"| {row.model} | {row.way} | {row.estimate.tensors / 1e6:.3f} | {row.measured.tensors / 1e6:.3f} "
            f"| {row.lasting_error:+.3%} | {row.peak / 1e6:.2f} | {row.measured.peak / 1e6:.2f} | {row.peak_error:+.1%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="write the table there too")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    text = report(rows(MODELS, RECIPES))
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_bench_estimate_small_dose() -> None:
    found = list(rows(["Qwen3, tied", "Gemma"], ["full, fp32", "LoRA"]))
    assert len(found) == 8
    assert all(abs(row.lasting_error) < 0.001 for row in found)
    assert "| Gemma | LoRA, checkpointing |" in report(found)


if __name__ == "__main__":
    main()
