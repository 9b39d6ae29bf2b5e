"""The recipe of a fine-tune: every hyper-parameter with its unit, its bounds and the reason for its default.

A recipe says how it is learned, never how fast: how many devices there are, and what of a step each of them does, is
worked out from it (`batching.py`) and changes nothing in it. Knows no torch, no files and no screens.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, cast

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.encode import Boundary, Overlong

Method = Literal["full", "lora", "qlora"]
Schedule = Literal["cosine", "linear", "constant"]
Precision = Literal["bf16", "fp32", "pure-bf16"]
Optimizer = Literal["adamw", "adamw-8bit", "paged-adamw-8bit"]
Value = int | float | str | bool

ALIASES: Mapping[str, str] = {
    "lr": "learning_rate", "batch_size": "batch", "global_batch_size": "batch", "train_batch_size": "batch",
    "micro_batch_size": "micro_batch", "per_device_train_batch_size": "micro_batch", "num_train_epochs": "epochs",
    "num_epochs": "epochs", "lr_scheduler_type": "schedule", "scheduler": "schedule", "warmup_ratio": "warmup",
    "wd": "weight_decay", "optim": "optimizer", "adam_beta1": "beta1", "adam_beta2": "beta2",
    "adam_epsilon": "epsilon", "model_max_length": "max_length", "max_seq_length": "max_length",
    "cutoff_len": "max_length", "lora_r": "lora_rank", "save_steps": "save_every", "eval_steps": "eval_every",
    "save_total_limit": "keep", "val_set_size": "eval_share",
}  # fmt: skip
"""What other programs call the parameters."""

_FALSE, _TRUE = ("no", "off", "false", "0"), ("yes", "on", "true", "1")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What there is to know of a hyper-parameter. low, high: its bounds, allowed themselves (`above`: the lower
    bound is not); choices: the words it may be."""

    name: str
    unit: str
    why: str
    kind: type[int] | type[float] | type[str] | type[bool]
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> Value:
        """A value as it is written after `--set`. Raises UserError."""
        text = text.strip()
        if self.kind is bool:
            if text.lower() not in (*_FALSE, *_TRUE):
                raise self.refusal(text, "It is yes or no.")
            return text.lower() in _TRUE
        if self.kind is str:
            return self.checked(text)
        try:
            number = float(text)
            return self.checked(int(text) if self.kind is int else number)
        except ValueError:
            wanted = "a whole number" if self.kind is int else "a number"
            raise self.refusal(text, f"It is {wanted}.") from None

    def checked(self, value: Value) -> Value:
        """`value` if it may be one of this parameter. Raises UserError."""
        if self.choices:
            if value not in self.choices:
                raise self.refusal(value, f"It is one of {', '.join(self.choices)}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            inside = self.low < value <= self.high if self.above else self.low <= value <= self.high
            if not math.isfinite(value) or not inside:
                raise self.refusal(value, f"It is {self.bounds}.")
        return value

    @property
    def bounds(self) -> str:
        """`more than 0 and at most 1`; "" where there are none."""
        parts: list[str] = []
        if self.low > -math.inf:
            parts.append(f"{'more than' if self.above else 'at least'} {self.low:g}")
        if self.high < math.inf:
            parts.append(f"at most {self.high:g}")
        return " and ".join(parts)

    def refusal(self, value: object, cause: str) -> UserError:
        return UserError(
            f"{self.name} cannot be {value!s}", f"{cause} {self.why}", f"Try --set {self.name}=…", exit_code=2
        )


def _parameter(
    default: Any,
    unit: str,
    why: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    choices: Iterable[str] = (),
) -> Any:
    told = {"unit": unit, "why": why, "low": low, "high": high, "above": above, "choices": tuple(choices)}
    return field(default=default, metadata=told)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run does with the examples, whatever it runs on. The defaults are those of Alpaca 7B, first release."""

    method: Method = _parameter(
        "full", "", "full trains every weight, lora small matrices beside them, qlora the same over a 4-bit model.",
        choices=("full", "lora", "qlora"),
    )  # fmt: skip
    batch: int = _parameter(
        128,
        "examples",
        "Of every optimiser step, on all devices together, packed or not.",
        low=1,
        high=65_536,
    )
    micro_batch: int = _parameter(
        4,
        "examples",
        "At once on one device: a matter of memory, which changes no result.",
        low=1,
        high=4_096,
    )
    epochs: float = _parameter(
        3.0, "passes", "Over all examples. More than a few teach a large model to recite.", low=0, high=1_000, above=True
    )  # fmt: skip
    max_steps: int = _parameter(
        0,
        "steps",
        "It ends there, if the epochs are not over before. 0: after the epochs.",
        low=0,
        high=100_000_000,
    )
    learning_rate: float = _parameter(
        2e-5, "", "At its peak. Adapters need about ten times that of all weights.", low=0, high=1, above=True
    )
    schedule: Schedule = _parameter(
        "cosine",
        "",
        "How the learning rate falls after the warm-up.",
        choices=("cosine", "linear", "constant"),
    )
    warmup: float = _parameter(
        0.03, "of all steps", "The learning rate rises from nothing: the optimiser's averages are still empty.",
        low=0, high=1,
    )  # fmt: skip
    weight_decay: float = _parameter(
        1.0, "", "How much weights shrink a step, times the learning rate. The first release said 1, its authors later 0.",
        low=0, high=100,
    )  # fmt: skip
    max_grad_norm: float = _parameter(
        1.0, "", "Longer gradients are shortened to it, so that one odd batch does little harm. 0: never.",
        low=0, high=1_000_000,
    )  # fmt: skip
    beta1: float = _parameter(0.9, "", "Memory of Adam's mean.", low=0, high=0.999_999)
    beta2: float = _parameter(0.999, "", "Memory of Adam's variance.", low=0, high=0.999_999_9)
    epsilon: float = _parameter(1e-8, "", "Keeps Adam from dividing by nothing.", low=0, high=1, above=True)
    optimizer: Optimizer = _parameter(
        "adamw", "", "The 8-bit ones hold their averages in a quarter of the memory, and are not the published recipe.",
        choices=("adamw", "adamw-8bit", "paged-adamw-8bit"),
    )  # fmt: skip
    precision: Precision = _parameter(
        "bf16", "", "bf16 computes in 16 bits over weights kept in 32 (in 32 where the device has no bf16); pure-bf16 "
        "keeps 16 only, in which most small steps are lost.",
        choices=("bf16", "fp32", "pure-bf16"),
    )  # fmt: skip
    max_length: int = _parameter(
        512, "tokens", "Prompt, response and end token together.", low=8, high=1_048_576
    )
    overlong: Overlong = _parameter(
        "cut", "", "What happens to longer examples; the end token is kept whatever is cut.",
        choices=("cut", "shorten-input", "drop"),
    )  # fmt: skip
    boundary: Boundary = _parameter(
        "consistent", "", "consistent encodes the prompt as it is encoded when one asks; published lets it run together "
        "with the response, as in 2023.",
        choices=("consistent", "published"),
    )  # fmt: skip
    packing: bool = _parameter(
        False, "", "Several examples in one row, none of which sees another: no padding. The batch still counts examples."
    )  # fmt: skip
    lora_rank: int = _parameter(
        16, "", "Columns of the small matrices: what an adapter can hold.", low=1, high=4_096
    )
    lora_alpha: int = _parameter(
        32, "", "The adapter's part is scaled by this over the rank.", low=1, high=65_536
    )
    lora_dropout: float = _parameter(
        0.05, "share", "Of what goes into an adapter, while it is trained.", low=0, high=0.9
    )
    eval_share: float = _parameter(
        0.0,
        "of examples",
        "Held back to measure on, where the dataset has no split named eval.",
        low=0,
        high=0.5,
    )
    eval_every: int = _parameter(0, "steps", "0: after every epoch.", low=0, high=10_000_000)
    patience: int = _parameter(
        0,
        "evaluations",
        "It ends when so many in a row were no better than the best. 0: it goes on.",
        low=0,
        high=1_000,
    )
    save_every: int = _parameter(0, "steps", "0: after every epoch.", low=0, high=10_000_000)
    keep: int = _parameter(2, "checkpoints", "The newest; the best one beside them.", low=1, high=1_000)
    seed: int = _parameter(
        42, "", "Of the order of examples, of dropout and of new weights.", low=0, high=2**32 - 1
    )

    def __post_init__(self) -> None:
        for parameter in PARAMETERS.values():
            parameter.checked(cast(Value, getattr(self, parameter.name)))

    @property
    def adapts(self) -> bool:
        """Whether it trains an adapter, not the weights themselves."""
        return self.method != "full"

    def changed(self, settings: Iterable[str]) -> Recipe:
        """This recipe with `KEY=VALUE` settings, the last of a key counts. Raises UserError."""
        values: dict[str, Any] = {}
        for setting in settings:
            name, sign, text = setting.partition("=")
            key = name.strip().replace("-", "_")
            parameter = PARAMETERS.get(ALIASES.get(key, key))
            if not sign or parameter is None:
                raise _unknown(name.strip(), setting)
            values[parameter.name] = parameter.read(text)
        return replace(self, **values)

    def values(self) -> dict[str, Value]:
        """Every parameter with its value, as `run.json` holds them."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def differences(self, other: Recipe) -> dict[str, tuple[Value, Value]]:
        """Name -> (value there, value here) of what is not as in `other`, of what matters to the method."""
        mine, theirs = self.values(), other.values()
        ours = [name for name in mine if self.adapts or not name.startswith("lora_")]
        return {name: (theirs[name], mine[name]) for name in ours if mine[name] != theirs[name]}


_KINDS: Mapping[str, type[int] | type[float] | type[str] | type[bool]] = {
    "int": int, "float": float, "bool": bool
}  # fmt: skip
PARAMETERS: Mapping[str, Parameter] = {
    one.name: Parameter(one.name, kind=_KINDS.get(str(one.type), str), **one.metadata)
    for one in fields(Recipe)
}
"""Every hyper-parameter by name, in the order of the recipe."""


def read_recipe(values: Mapping[str, object]) -> Recipe:
    """A recipe as `values` wrote it; what is missing is as in the default. Raises UserError."""
    settings = [f"{name}={value}" for name, value in values.items()]
    return Recipe().changed(settings)


def _unknown(name: str, setting: str) -> UserError:
    near = difflib.get_close_matches(name, [*PARAMETERS, *ALIASES], 1)
    if "=" not in setting:
        return UserError(
            f"{setting!r} sets nothing", "Settings are KEY=VALUE.", "Try --set epochs=2.", exit_code=2
        )
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(PARAMETERS)}."
    return UserError(f"A recipe has no {name!r}", hint, "Name a parameter of the recipe.", exit_code=2)
