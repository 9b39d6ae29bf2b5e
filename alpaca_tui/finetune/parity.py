"""How a run compares with the fine-tune that was published: every deviation by name, and the command in today's words.

The reference is `train.py` of Stanford Alpaca and the command in its README (March 2023, transformers of April 2023).
Knows the recipe and the launch; no files and no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alpaca_tui.finetune.batching import divide
from alpaca_tui.finetune.folder import RunSpec
from alpaca_tui.finetune.presets import PRESETS
from alpaca_tui.finetune.recipe import Recipe

LOSS = "mean over all response tokens of the step's examples, end tokens included"

PUBLISHED: Mapping[str, str] = {
    "--bf16": "True",
    "--num_train_epochs": "3",
    "--per_device_train_batch_size": "4",
    "--per_device_eval_batch_size": "4",
    "--gradient_accumulation_steps": "8",
    "--evaluation_strategy": "no",
    "--save_strategy": "steps",
    "--save_steps": "2000",
    "--save_total_limit": "1",
    "--learning_rate": "2e-5",
    "--weight_decay": "0.",
    "--warmup_ratio": "0.03",
    "--lr_scheduler_type": "cosine",
    "--logging_steps": "1",
    "--fsdp": "full_shard auto_wrap",
    "--fsdp_transformer_layer_cls_to_wrap": "LlamaDecoderLayer",
    "--tf32": "True",
}
"""The arguments of the published command (as corrected), which today's transformers refuses."""

_TODAY: Mapping[str, tuple[str, str]] = {
    "--evaluation_strategy": ("--eval_strategy", "no"),
    "--warmup_ratio": ("--warmup_steps", "0.03"),
    "--fsdp": ("--fsdp", "True"),
    "--fsdp_transformer_layer_cls_to_wrap": (
        "--fsdp_config",
        '{"version": 2, "transformer_layer_cls_to_wrap": "LlamaDecoderLayer"}',
    ),
}
"""Arguments that have another name or form in transformers 5."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """published, here: what was done then, and what is done in this run."""

    what: str
    published: str
    here: str
    why: str


def translated() -> dict[str, str]:
    """The published arguments as transformers 5 wants them."""
    return dict(_TODAY.get(name, (name, value)) for name, value in PUBLISHED.items())


def deviations(recipe: Recipe, precision: str = "") -> list[Deviation]:
    """What is not as in the first release. precision: what the device computes in, where it is known."""
    found = [
        Deviation(name, str(theirs), str(ours), "by choice of the recipe")
        for name, (theirs, ours) in recipe.differences(PRESETS["alpaca-7b"].recipe).items()
        if name in _OF_THE_RECIPE
    ]
    if precision and precision != "bf16" and recipe.precision == "bf16":
        found.append(Deviation("precision", "bf16 autocast", precision, "the device has no fast bf16"))
    if recipe.boundary == "consistent":
        found.append(
            Deviation(
                "prompt and response", "encoded as one text", "encoded apart",
                "the prompt has the very tokens it has when the model is asked",
            )
        )  # fmt: skip
    if recipe.overlong == "cut":
        found.append(
            Deviation("examples that are too long", "cut, and without an end token", "cut, with an end token",
                      "a model must learn where to stop")
        )  # fmt: skip
    return [*found, *_ALWAYS]


def card(spec: RunSpec, precision: str = "") -> list[tuple[str, str]]:
    """What was trained and how, in (name, words): prompt, batch, precision, loss, and each deviation."""
    recipe = spec.recipe
    division = divide(recipe.batch, recipe.micro_batch, spec.launch.devices)
    lines = [
        ("prompt", f"Alpaca, both forms, sha256 {spec.prompt}"),
        ("batch", f"{division.words} examples (micro-batch × accumulation × devices)"),
        ("precision", precision or recipe.precision),
        ("loss", LOSS),
    ]
    return lines + [
        (one.what, f"{one.here} (published: {one.published}): {one.why}")
        for one in deviations(recipe, precision)
    ]


_OF_THE_RECIPE = frozenset(
    ["method", "batch", "epochs", "max_steps", "learning_rate", "schedule", "warmup", "weight_decay", "max_grad_norm",
     "beta1", "beta2", "epsilon", "optimizer", "precision", "max_length", "overlong", "boundary", "packing",
     "lora_rank", "lora_alpha", "lora_dropout"]
)  # fmt: skip
"""Parameters that change what is learned."""

_ALWAYS = (
    Deviation(
        "loss", "mean of each micro-batch's mean", "mean over the step's tokens",
        "a short answer's token counts no more than a long one's, however micro-batches are formed",
    ),
    Deviation(
        "micro-batches", "at random", "by length, inside the same batch",
        "next to nothing is padded, and the sum is the same",
    ),
    Deviation(
        "end of a pass", "left-over micro-batches run into the next step", "the batch runs on into the next pass",
        "every step has exactly its number of examples",
    ),
    Deviation(
        "padding", "a new token [PAD], the vocabulary grown by one", "a spare token, which nothing attends to",
        "the model's size stays a multiple of 64",
    ),
)  # fmt: skip
