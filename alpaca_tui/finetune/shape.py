"""The shape of a model: how many weights it has and of what kind, without loading it.

From the headers of its safetensors files where it has any; where there is only a config.json, exactly the same
counted from its fields, for the families whose layout is known. Knows no torch, no recipe and no device.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.weights import Tensor, read_json, read_tensors

SMALL = 4_096
"""Tensors with fewer weights keep their optimiser states in 32 bits, whatever the others do (bitsandbytes)."""

_Config = Mapping[str, Any]

_BLOCK = re.compile(r"\.\d+\..*\.weight$")
"""The name of a tensor inside a numbered block: `model.layers.0.mlp.up_proj.weight`, `h.0.attn.c_attn.weight`."""
_BUFFER = re.compile(r"(inv_freq|masked_bias|position_ids)$")
_MASK = re.compile(r"(attn|attention)\.bias$")  # a buffer where it has 4 sides, a bias where it has 1
_HEAD_NORM = re.compile(r"\.q_(norm|layernorm)\.weight$")
_HEAD = re.compile(r"^(.*\.)?(lm_head|embed_out)\.weight$")

_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_INTERMEDIATE = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
_BYTES = {"float32": 4, "float64": 8}  # of a number of a config's dtype; the others that models have: 2


@dataclass(frozen=True, slots=True)
class LinearShape:
    """Linear layers of one size, and how many of them there are."""

    outputs: int
    inputs: int
    count: int


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes and counts of a model.

    parameters: all there are, a tied head counted once. linear_parameters: weights (no biases) of the linear layers
    inside the blocks: what LoRA adapts and 4-bit quantises; the head is none. small_parameters: those in tensors of
    fewer than SMALL. norms: in a block, over its hidden states; head_norms: others over queries and keys. tied: the head is the embedding. stored_bytes: of the files of weights, or what they would be.
    """

    architecture: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    norms: int
    head_norms: bool
    tied: bool
    parameters: int
    linear_parameters: int
    linear_shapes: tuple[LinearShape, ...]
    small_parameters: int
    stored_bytes: int

    @property
    def head_parameters(self) -> int:
        """Of the matrix that turns a hidden state into a score for each token."""
        return self.vocabulary * self.hidden

    @property
    def gated(self) -> bool:
        """Whether its MLP has a gate beside the way up, as in SwiGLU."""
        ways_up = sum(
            one.count * one.outputs // self.intermediate
            for one in self.linear_shapes
            if one.inputs == self.hidden and one.outputs in (self.intermediate, 2 * self.intermediate)
        )
        return ways_up >= 2 * self.layers

    def adapter_sizes(self, rank: int) -> list[tuple[int, int]]:
        """(weights of a matrix, how many of it) of LoRA on every linear layer: two matrices a layer."""
        return [(side * rank, one.count) for one in self.linear_shapes for side in (one.inputs, one.outputs)]

    def adapter_parameters(self, rank: int) -> int:
        return sum(size * count for size, count in self.adapter_sizes(rank))


def read_shape(folder: Path) -> ModelShape:
    """The shape of the model in a folder. Raises UserError."""
    if not folder.is_dir():
        cause = f"{folder} is a file." if folder.exists() else f"{folder} does not exist."
        raise UserError("There is no such model", cause, "Name a folder with a config.json and safetensors.")
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise UserError(
                "This is an adapter, not a model",
                f"{folder} holds what was trained beside a model.",
                "Name the model it was trained on, or merge the two first.",
            )
        raise UserError(
            "This folder holds no model",
            f"{folder} has no config.json.",
            "Name a folder with a config.json and safetensors.",
        )
    config = read_json(folder / "config.json", "The model's config.json")
    stored = read_tensors(folder)
    # Of weights packed into 4 or 8 bits, the headers tell bytes, not how many there are.
    if stored is None or config.get("quantization_config"):
        return shape_of_config(config)
    return _shape(config, stored.tensors, stored.bytes)


def shape_of_config(config: _Config) -> ModelShape:
    """The shape of a model of a known family from its config.json alone; the counts are exact. Raises UserError."""
    kind = str(config.get("model_type", "nameless"))
    if kind != "gpt2" and kind not in _FAMILIES:
        raise UserError(
            f"The size of a {kind} model is not known",
            "There are no plain weights beside its config.json, and its family is not one whose weights can be "
            f"counted from it: {', '.join([*_FAMILIES, 'gpt2'])}.",
            "Download its weights as safetensors.",
        )
    tensors = list(_gpt2(config) if kind == "gpt2" else _llama(config, _FAMILIES[kind]))
    dtype = config.get("dtype") or config.get("torch_dtype") or "float32"
    return _shape(config, tensors, _BYTES.get(str(dtype), 2) * sum(_count(tensor) for tensor in tensors))


@dataclass(frozen=True, slots=True)
class _Family:
    """In what a family's blocks differ from LLaMA's. head_dim: where the config has none; 0: hidden / heads."""

    tied: bool = False
    head_dim: int = 0
    norms: int = 2
    head_norms: bool = False
    qkv_bias: bool = False


_FAMILIES: Mapping[str, _Family] = {
    "llama": _Family(),
    "mistral": _Family(),
    "granite": _Family(),
    "smollm3": _Family(tied=True),
    "qwen2": _Family(qkv_bias=True),
    "qwen3": _Family(head_dim=128, head_norms=True),
    "gemma": _Family(tied=True, head_dim=256),
    "gemma2": _Family(tied=True, head_dim=256, norms=4),
    "gemma3_text": _Family(tied=True, head_dim=256, norms=4, head_norms=True),
}


def _number(config: _Config, names: Iterable[str], otherwise: int | None = None) -> int:
    names = tuple(names)
    for name in names:
        value = config.get(name)
        if value is None:
            continue
        if type(value) is not int or value <= 0:
            raise UserError(
                "The model's config.json makes no sense",
                f"Its {name} is {value!r}, not a whole number above 0.",
                "Download the model again, or mend the file.",
            )
        return value
    if otherwise is None:
        raise UserError(
            "The model's config.json says too little",
            f"It has no {names[0]}.",
            "Use a model that transformers can load as a causal language model.",
        )
    return otherwise


def _tied(config: _Config, otherwise: bool) -> bool:
    said = config.get("tie_word_embeddings")
    return otherwise if said is None else bool(said)


def _tied_by_default(config: _Config) -> bool | None:
    """As the family does where the config says nothing; None where the family is not known."""
    kind = str(config.get("model_type"))
    return True if kind == "gpt2" else _FAMILIES[kind].tied if kind in _FAMILIES else None


def _head_dim(config: _Config) -> int:
    family = _FAMILIES.get(str(config.get("model_type")), _Family())
    divided = _number(config, _HIDDEN) // _number(config, _HEADS)
    return _number(config, ["head_dim"], family.head_dim or divided)


def _llama(config: _Config, family: _Family) -> Iterator[Tensor]:
    hidden, intermediate = _number(config, _HIDDEN), _number(config, _INTERMEDIATE)
    heads = _number(config, _HEADS)
    head_dim, kv_heads = _head_dim(config), _number(config, ["num_key_value_heads"], heads)
    vocabulary = _number(config, ["vocab_size"])
    attention_bias, mlp_bias = bool(config.get("attention_bias")), bool(config.get("mlp_bias"))
    linear = [
        ("self_attn.q_proj", heads * head_dim, hidden, attention_bias or family.qkv_bias),
        ("self_attn.k_proj", kv_heads * head_dim, hidden, attention_bias or family.qkv_bias),
        ("self_attn.v_proj", kv_heads * head_dim, hidden, attention_bias or family.qkv_bias),
        ("self_attn.o_proj", hidden, heads * head_dim, attention_bias),
        ("mlp.gate_proj", intermediate, hidden, mlp_bias),
        ("mlp.up_proj", intermediate, hidden, mlp_bias),
        ("mlp.down_proj", hidden, intermediate, mlp_bias),
    ]
    yield Tensor("model.embed_tokens.weight", (vocabulary, hidden))
    for layer in range(_number(config, _LAYERS)):
        for name, outputs, inputs, bias in linear:
            yield Tensor(f"model.layers.{layer}.{name}.weight", (outputs, inputs))
            if bias:
                yield Tensor(f"model.layers.{layer}.{name}.bias", (outputs,))
        for number in range(family.norms):
            yield Tensor(f"model.layers.{layer}.norm_{number}.weight", (hidden,))
        for name in ("q_norm", "k_norm") if family.head_norms else ():
            yield Tensor(f"model.layers.{layer}.self_attn.{name}.weight", (head_dim,))
    yield Tensor("model.norm.weight", (hidden,))
    if not _tied(config, family.tied):
        yield Tensor("lm_head.weight", (vocabulary, hidden))


def _gpt2(config: _Config) -> Iterator[Tensor]:
    hidden, vocabulary = _number(config, _HIDDEN), _number(config, ["vocab_size"])
    intermediate = _number(config, _INTERMEDIATE, 4 * hidden)
    yield Tensor("wte.weight", (vocabulary, hidden))
    yield Tensor("wpe.weight", (_number(config, ["n_positions"]), hidden))
    for layer in range(_number(config, _LAYERS)):
        for name, inputs, outputs in (
            ("attn.c_attn", hidden, 3 * hidden),
            ("attn.c_proj", hidden, hidden),
            ("mlp.c_fc", hidden, intermediate),
            ("mlp.c_proj", intermediate, hidden),
        ):
            yield Tensor(f"h.{layer}.{name}.weight", (inputs, outputs))
            yield Tensor(f"h.{layer}.{name}.bias", (outputs,))
        for name in ("ln_1", "ln_2"):
            yield Tensor(f"h.{layer}.{name}.weight", (hidden,))
            yield Tensor(f"h.{layer}.{name}.bias", (hidden,))
    yield Tensor("ln_f.weight", (hidden,))
    yield Tensor("ln_f.bias", (hidden,))
    if not _tied(config, True):
        yield Tensor("lm_head.weight", (vocabulary, hidden))


def _count(tensor: Tensor) -> int:
    return math.prod(tensor.size)


def _shape(config: _Config, tensors: Iterable[Tensor], stored_bytes: int) -> ModelShape:
    """What `tensors` come to, buffers and a second copy of a tied head left out."""
    inner = config.get("text_config")  # where a model sees pictures too, the language model's own
    config = {**config, **cast(_Config, inner)} if isinstance(inner, dict) else config
    weights = [one for one in tensors if one.dtype.startswith(("F", "BF")) and not _is_buffer(one)]
    has_head = any(_HEAD.match(one.name) for one in weights)
    default = _tied_by_default(config)
    tied = _tied(config, not has_head if default is None else default) or not has_head
    if tied:
        weights = [one for one in weights if not _HEAD.match(one.name)]
    # GPT-2's "Conv1D" is a linear layer stored the other way round.
    turned = config.get("model_type") == "gpt2"
    linear = Counter(
        one.size[::-1] if turned else one.size
        for one in weights
        if len(one.size) == 2 and _BLOCK.search(f".{one.name}")
    )
    if not linear:
        raise UserError(
            "These weights are not those of a language model",
            "No linear layers were found in numbered blocks among them.",
            "Use a model that transformers can load as a causal language model.",
        )
    layers, hidden, heads = (_number(config, names) for names in (_LAYERS, _HIDDEN, _HEADS))
    said = config.get("architectures")
    named = cast(list[object], said) if isinstance(said, list) else []
    return ModelShape(
        architecture=str(named[0] if named else config.get("model_type", "unknown")),
        layers=layers,
        hidden=hidden,
        intermediate=_number(config, _INTERMEDIATE, 4 * hidden),
        heads=heads,
        kv_heads=_number(config, ["num_key_value_heads"], heads),
        head_dim=_head_dim(config),
        vocabulary=_number(config, ["vocab_size"]),
        norms=sum(one.size == (hidden,) for one in weights if _BLOCK.search(f".{one.name}")) // layers,
        head_norms=any(_HEAD_NORM.search(one.name) for one in weights),
        tied=tied,
        parameters=sum(map(_count, weights)),
        linear_parameters=sum(math.prod(size) * count for size, count in linear.items()),
        linear_shapes=tuple(
            LinearShape(size[0], size[1], count) for size, count in sorted(linear.items(), reverse=True)
        ),
        small_parameters=sum(size for size in map(_count, weights) if size < SMALL),
        stored_bytes=stored_bytes,
    )


def _is_buffer(tensor: Tensor) -> bool:
    return bool(_BUFFER.search(tensor.name) or (_MASK.search(tensor.name) and len(tensor.size) == 4))
