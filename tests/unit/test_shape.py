"""A model's shape is counted exactly: against transformers' own models, from files really written, and broken ones."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.shape import ModelShape, read_shape, shape_of_config

LLAMA_7B = {
    "model_type": "llama", "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "torch_dtype": "float16", "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_3_8B = {
    **LLAMA_7B, "vocab_size": 128_256, "intermediate_size": 14_336, "num_key_value_heads": 8, "torch_dtype": "bfloat16",
}  # fmt: skip
GPT_2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 50_257, "n_embd": 768, "n_layer": 12,
    "n_head": 12, "n_positions": 1024,
}  # fmt: skip
QWEN_3_06B = {
    "model_type": "qwen3", "vocab_size": 151_936, "hidden_size": 1024, "intermediate_size": 3072, "head_dim": 128,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "tie_word_embeddings": True,
}  # fmt: skip
SMALL = {
    "vocab_size": 300, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip
SMALL_GPT_2 = {
    "model_type": "gpt2",
    "vocab_size": 300,
    "n_embd": 64,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": 32,
}
KNOWN: list[dict[str, Any]] = [
    {**SMALL, "model_type": "llama"},
    {**SMALL, "model_type": "llama", "attention_bias": True, "mlp_bias": True, "head_dim": 24},
    {**SMALL, "model_type": "llama", "tie_word_embeddings": True},
    {**SMALL, "model_type": "mistral"},
    {**SMALL, "model_type": "granite"},
    {**SMALL, "model_type": "smollm3", "pad_token_id": 0},
    {**SMALL, "model_type": "qwen2"},
    {**SMALL, "model_type": "qwen3"},
    {**SMALL, "model_type": "gemma"},
    {**SMALL, "model_type": "gemma2"},
    {**SMALL, "model_type": "gemma3_text"},
    SMALL_GPT_2,
]
COUNTED_FROM_FILES: list[dict[str, Any]] = [
    {
        "model_type": "gpt_neox", "vocab_size": 300, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 3, "num_attention_heads": 4,
    },
    {
        "model_type": "opt", "vocab_size": 300, "hidden_size": 64, "ffn_dim": 96, "num_hidden_layers": 3,
        "num_attention_heads": 4, "word_embed_proj_dim": 64,
    },
    {**SMALL, "model_type": "phi3", "pad_token_id": 0},
]  # fmt: skip


def name(config: dict[str, Any]) -> str:
    return "-".join([config["model_type"], *(key for key, value in config.items() if value is True)])


def built(config: dict[str, Any], *, meta: bool = True) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta" if meta else "cpu"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))


def linear_weights(model: Any) -> int:
    """Of the linear layers but the head, found as peft and bitsandbytes find them."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    return sum(
        one.weight.numel() for one in model.modules() if isinstance(one, (Linear, Conv1D)) and one is not head
    )


def test_published_sizes() -> None:
    assert shape_of_config(LLAMA_7B).parameters == 6_738_415_616
    assert shape_of_config(LLAMA_3_8B).parameters == 8_030_261_248
    assert shape_of_config(GPT_2).parameters == 124_439_808
    assert shape_of_config(QWEN_3_06B).parameters == 596_049_920


def test_what_else_a_config_tells() -> None:
    llama = shape_of_config(LLAMA_3_8B)
    assert (llama.layers, llama.hidden, llama.intermediate, llama.vocabulary) == (32, 4096, 14_336, 128_256)
    assert (llama.heads, llama.kv_heads, llama.head_dim) == (32, 8, 128)
    assert (llama.norms, llama.head_norms, llama.gated, llama.tied) == (2, False, True, False)
    assert llama.head_parameters == 525_336_576
    assert llama.stored_bytes == 16_060_522_496
    assert llama.adapter_parameters(16) == 41_943_040
    gpt = shape_of_config(GPT_2)
    assert (gpt.architecture, gpt.intermediate, gpt.tied, gpt.gated) == ("GPT2LMHeadModel", 3072, True, False)
    sizes = [(one.outputs, one.inputs) for one in gpt.linear_shapes]
    assert sizes == [(3072, 768), (2304, 768), (768, 3072), (768, 768)]
    assert gpt.small_parameters == 121_344
    assert shape_of_config(QWEN_3_06B).head_norms


def test_a_whole_sized_model_is_as_torch_has_it() -> None:
    model = built({key: value for key, value in LLAMA_7B.items() if key != "torch_dtype"})
    assert shape_of_config(LLAMA_7B).parameters == model.num_parameters()
    assert shape_of_config(LLAMA_7B).linear_parameters == linear_weights(model)


@pytest.mark.parametrize("config", KNOWN, ids=name)
def test_known_families_are_counted_from_their_config(config: dict[str, Any]) -> None:
    model = built(config)
    shape = shape_of_config(config)
    assert shape == shape_of_config(json.loads(model.config.to_json_string()))
    assert shape.parameters == model.num_parameters()
    assert shape.linear_parameters == linear_weights(model)
    assert sum(one.outputs * one.inputs * one.count for one in shape.linear_shapes) == shape.linear_parameters
    assert shape.small_parameters == sum(one.numel() for one in model.parameters() if one.numel() < 4096)
    assert shape.tied == (model.get_input_embeddings().weight is model.get_output_embeddings().weight)
    divided = model.config.hidden_size // model.config.num_attention_heads
    assert shape.head_dim == (getattr(model.config, "head_dim", None) or divided)


@pytest.mark.parametrize("config", [*KNOWN, *COUNTED_FROM_FILES], ids=name)
def test_files_tell_the_same(config: dict[str, Any], tmp_path: Path) -> None:
    import torch

    model = built(config, meta=False).to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    shape = read_shape(tmp_path)
    assert shape.architecture == type(model).__name__
    assert shape.parameters == model.num_parameters()
    assert shape.linear_parameters == linear_weights(model)
    assert shape.stored_bytes == (tmp_path / "model.safetensors").stat().st_size
    if config in KNOWN:
        saved = json.loads((tmp_path / "config.json").read_text())
        assert without_bytes(shape) == without_bytes(shape_of_config(saved))


@pytest.mark.parametrize("config", [KNOWN[0], SMALL_GPT_2, COUNTED_FROM_FILES[0]], ids=name)
@pytest.mark.parametrize("rank", [1, 8])
def test_adapters_are_as_large_as_those_of_peft(config: dict[str, Any], rank: int, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    model = built(config, meta=False)
    model.save_pretrained(tmp_path)
    lora = LoraConfig(
        r=rank, target_modules="all-linear", task_type="CAUSAL_LM", fan_in_fan_out="n_embd" in config
    )
    trained, _ = get_peft_model(model, lora).get_nb_trainable_parameters()
    assert read_shape(tmp_path).adapter_parameters(rank) == trained


def without_bytes(shape: ModelShape) -> dict[str, Any]:
    return {field: getattr(shape, field) for field in shape.__slots__ if field != "stored_bytes"}


def test_shards_are_read_together(tmp_path: Path) -> None:
    model = built(KNOWN[0], meta=False)
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "several", max_shard_size="100KB")
    shards = list((tmp_path / "several").glob("*.safetensors"))
    assert len(shards) > 1
    assert without_bytes(read_shape(tmp_path / "several")) == without_bytes(read_shape(tmp_path / "one"))
    assert read_shape(tmp_path / "several").stored_bytes == sum(file.stat().st_size for file in shards)
    shards[0].unlink()
    assert "files of weights are missing" in refused(tmp_path / "several")
    assert shards[0].name in refused(tmp_path / "several")


def folder(path: Path, config: object, **tensors: tuple[str, list[int]]) -> Path:
    """A model's folder with a config and the header of a file whose weights are all there, in length."""
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if tensors:
        entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        entries |= {
            key: {"dtype": dtype, "shape": size, "data_offsets": [0, 8]}
            for key, (dtype, size) in tensors.items()
        }
        write_weights(path, json.dumps(entries).encode())
    return path


def write_weights(path: Path, header: bytes, data: bytes = b"\0" * 8) -> None:
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_shape(path)
    assert all((caught.value.title, caught.value.cause, caught.value.next_step))
    return str(caught.value)


def test_neither_buffers_nor_a_second_copy_of_a_tied_head_are_weights(tmp_path: Path) -> None:
    tensors = {
        "wte.weight": ("F32", [300, 64]), "lm_head.weight": ("F32", [300, 64]),
        "h.0.attn.bias": ("F32", [1, 1, 32, 32]), "h.0.attn.masked_bias": ("F32", []),
        "h.0.attn.c_attn.weight": ("F32", [64, 192]), "h.0.attn.c_attn.bias": ("F32", [192]),
        "position_ids": ("I64", [32]), "rotary_emb.inv_freq": ("F32", [8]),
    }  # fmt: skip
    shape = read_shape(folder(tmp_path, SMALL_GPT_2, **tensors))
    assert shape.parameters == 300 * 64 + 64 * 192 + 192
    assert shape.linear_parameters == 64 * 192
    assert shape.tied


def test_a_model_in_4_bits_is_counted_as_it_was_before(tmp_path: Path) -> None:
    config = {**KNOWN[0], "quantization_config": {"load_in_4bit": True}}
    packed = folder(tmp_path, config, **{"model.layers.0.mlp.up_proj.weight": ("U8", [3072, 1])})
    assert read_shape(packed).parameters == shape_of_config(KNOWN[0]).parameters


def test_a_model_that_also_sees_has_its_language_model_inside(tmp_path: Path) -> None:
    tensors = {"model.layers.0.mlp.up_proj.weight": ("BF16", [96, 64])}
    shape = read_shape(folder(tmp_path, {"model_type": "seeing", "text_config": SMALL}, **tensors))
    assert (shape.layers, shape.hidden, shape.vocabulary) == (3, 64, 300)


def test_a_config_alone_is_enough_for_a_known_family(tmp_path: Path) -> None:
    assert read_shape(folder(tmp_path, LLAMA_7B)) == shape_of_config(LLAMA_7B)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nowhere")
    (tmp_path / "model.gguf").touch()
    assert "is a file" in refused(tmp_path / "model.gguf")
    assert "no config.json" in refused(tmp_path)
    (tmp_path / "adapter_config.json").touch()
    assert "adapter" in refused(tmp_path)
    assert "not JSON" in refused(folder(tmp_path, "{"))
    assert "not a JSON object" in refused(folder(tmp_path, []))
    assert "mamba2" in refused(folder(tmp_path, {"model_type": "mamba2"}))
    assert "nameless" in refused(folder(tmp_path, {}))
    assert "no hidden_size" in refused(folder(tmp_path, {"model_type": "llama"}))
    assert "num_hidden_layers is '3'" in refused(folder(tmp_path, {**KNOWN[0], "num_hidden_layers": "3"}))
    assert "vocab_size is True" in refused(folder(tmp_path, {**KNOWN[0], "vocab_size": True}))


def test_pickles_are_refused_with_a_way_out(tmp_path: Path) -> None:
    folder(tmp_path, KNOWN[0])
    (tmp_path / "pytorch_model.bin").touch()
    said = refused(tmp_path)
    assert "can run any code" in said
    assert "save_pretrained" in said


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    folder(tmp_path, KNOWN[0])
    weights = tmp_path / "model.safetensors"
    entry = {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}
    weights.write_bytes(b"\1\2")
    assert "2 bytes, fewer" in refused(tmp_path)
    weights.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    assert "fewer than its header" in refused(tmp_path)
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 12\n")
    assert "git lfs pull" in refused(tmp_path)
    write_weights(tmp_path, json.dumps({"a.weight": entry}).encode(), b"\0" * 7)
    assert "bytes of" in refused(tmp_path)
    for header in (
        b"\xff\xfe", b"{", b"[]", b'{"a": 1}', b'{"a": {}}', b"[" * 10_000, b'{"a": {"shape": 3}}',
        json.dumps({"a": {**entry, "data_offsets": []}}).encode(),
        json.dumps({"a": {**entry, "data_offsets": [0, "x"]}}).encode(),
    ):  # fmt: skip
        write_weights(tmp_path, header)
        assert "cannot be understood" in refused(tmp_path)
    for wrong in ({"shape": [-2, 1]}, {"shape": ["2"]}, {"shape": [True]}, {"dtype": 32}):
        write_weights(tmp_path, json.dumps({"a": {**entry, **wrong}}).encode())
        assert "without a size or a type" in refused(tmp_path)
    write_weights(tmp_path, json.dumps({"a": entry}).encode())
    assert "not those of a language model" in refused(tmp_path)


@pytest.mark.parametrize("index", ["{}", '{"weight_map": 3}', '{"weight_map": {"a": "../b"}}', '{"weight_map": {"a": 1}}'])  # fmt: skip
def test_a_broken_index_is_refused(index: str, tmp_path: Path) -> None:
    folder(tmp_path, KNOWN[0])
    (tmp_path / "model.safetensors.index.json").write_text(index)
    assert "index of the weights is broken" in refused(tmp_path)
