"""The size of the built-in student, and its tokenizer made in another process: what is known of it without torch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alpaca_tui import template
from alpaca_tui.children import module_command, module_environment

SIZE: Mapping[str, int] = {"vocabulary": 2048, "hidden": 192, "intermediate": 512, "layers": 4, "heads": 6}
"""About 2.6 million weights."""

_MAKER = "alpaca_tui.finetune.training.student"
_PATIENCE_S = 300.0


def config_of(size: Mapping[str, int], positions: int, vocabulary: int | None = None) -> dict[str, Any]:
    """The student's `config.json`, as far as its shape goes. size: as SIZE, which stands for what is missing;
    positions: tokens it must see; vocabulary: what its tokenizer came to, if that is known."""
    size = {**SIZE, **size}
    return {
        "model_type": "llama",
        "vocab_size": -(-(vocabulary or size["vocabulary"]) // 64) * 64,
        "hidden_size": size["hidden"],
        "intermediate_size": size["intermediate"],
        "num_hidden_layers": size["layers"],
        "num_attention_heads": size["heads"],
        "num_key_value_heads": size["heads"],
        "max_position_embeddings": max(positions, 1024),
        "tie_word_embeddings": False,
    }


def texts_of(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """What the student's tokenizer is trained on: each (instruction, input, output) as it will be read."""
    return [template.render(instruction, input) + output for instruction, input, output in rows]


def train_tokenizer_elsewhere(
    folder: Path, rows: Sequence[tuple[str, str, str]], size: Mapping[str, int]
) -> None:
    """Write the tokenizer the student will have to `folder`. Raises subprocess.SubprocessError."""
    vocabulary = {**SIZE, **size}["vocabulary"]
    subprocess.run(
        module_command(_MAKER, str(folder), str(vocabulary)),
        input=json.dumps(texts_of(rows)).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=module_environment(),
        timeout=_PATIENCE_S,
        check=True,
    )
