"""The estimate against steps that were really trained, against the arithmetic of the field, and against itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alpaca_tui.finetune.batching import divide
from alpaca_tui.finetune.estimate import (
    DeviceKind,
    Memory,
    cost,
    estimate_disk,
    estimate_memory,
    estimate_time,
    nearest_fit,
    step_flops,
)
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.shape import shape_of_config
from tests.support.real_steps import ROWS, TOKENS, TRAINED, train

GB = 10**9
LLAMA_7B = shape_of_config(
    {
        "model_type": "llama", "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008,
        "num_hidden_layers": 32, "num_attention_heads": 32,
    }
)  # fmt: skip
SMALL = {
    "model_type": "llama", "vocab_size": 2_000, "hidden_size": 128, "intermediate_size": 384,
    "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
}  # fmt: skip
FULL, LORA, QLORA = Recipe(), Recipe(method="lora"), Recipe(method="qlora")


def memory(recipe: Recipe = FULL, *, devices: int = 1, **options: Any) -> Memory:
    return estimate_memory(
        LLAMA_7B, recipe, divide(128, recipe.micro_batch, devices), longest_tokens=512, **options
    )


def bytes_of(memory: Memory) -> dict[str, int]:
    return {part.name: part.bytes for part in memory.parts}


REAL = [
    Recipe(precision="fp32"),
    Recipe(precision="fp32", optimizer="adamw-8bit"),
    Recipe(precision="pure-bf16"),
    Recipe(precision="bf16"),
    Recipe(precision="fp32", method="lora"),
    Recipe(precision="fp32", method="lora", optimizer="adamw-8bit"),
    Recipe(precision="bf16", method="lora", lora_dropout=0.0),  # what dropout remembers is wider on a CPU
    Recipe(precision="fp32", method="qlora"),
]


@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "checkpointing"])
@pytest.mark.parametrize("recipe", REAL, ids=lambda one: f"{one.method}-{one.precision}-{one.optimizer}")
def test_a_real_step_takes_what_was_estimated(recipe: Recipe, checkpointing: bool) -> None:
    measured = train(SMALL, recipe, checkpointing=checkpointing)
    device: DeviceKind = "cuda" if recipe.precision == "bf16" else "cpu"  # which computes in 16 bits then
    estimate = estimate_memory(
        shape_of_config(SMALL),
        recipe,
        divide(2 * ROWS, ROWS, 1),
        longest_tokens=TOKENS,
        longest_trained=TRAINED,
        checkpointing=checkpointing,
        device_kind=device,
    )
    parts = bytes_of(estimate)
    assert parts["weights"] + parts.get("quantised weights", 0) == pytest.approx(measured.weights, rel=0.001)
    assert parts.get("adapters", 0) == measured.adapters
    assert parts["gradients"] == measured.gradients
    assert parts["optimizer"] == pytest.approx(measured.optimizer, rel=0.001)
    assert estimate.tensors == pytest.approx(measured.tensors, rel=0.001)
    assert estimate.total - estimate.overhead.bytes == pytest.approx(measured.peak, rel=0.05)


def test_bytes_of_a_weight_are_those_of_the_field() -> None:
    count = LLAMA_7B.parameters
    assert memory().tensors == 16 * count
    assert memory(replace(FULL, precision="pure-bf16")).tensors == 8 * count
    assert memory(replace(FULL, optimizer="adamw-8bit")).tensors / count == pytest.approx(10.03, abs=0.01)
    eight = replace(FULL, optimizer="paged-adamw-8bit", precision="pure-bf16")
    assert memory(eight).tensors / count == pytest.approx(6.03, abs=0.01)
    assert bytes_of(memory())["16-bit copies"] < 2 * count
    lora = bytes_of(memory(LORA))
    assert lora["weights"] == 2 * count
    assert (
        lora["adapters"] == lora["gradients"] == lora["optimizer"] / 2 == 4 * LLAMA_7B.adapter_parameters(16)
    )
    assert bytes_of(memory(LORA, device_kind="cpu"))["weights"] == 4 * count
    qlora = bytes_of(memory(QLORA))
    assert qlora["quantised weights"] / LLAMA_7B.linear_parameters == pytest.approx(0.516, abs=0.001)
    assert qlora["weights"] == 2 * (count - LLAMA_7B.linear_parameters)


def test_seven_billion_weights_as_others_met_them() -> None:
    naive = memory(replace(FULL, precision="fp32")).total
    assert naive > 112 * GB  # "naively" in Stanford Alpaca's README, without activations
    assert memory(LORA, checkpointing=True).total < 24 * GB
    one = divide(128, 1, 1)
    lora, qlora = (
        estimate_memory(LLAMA_7B, recipe, one, longest_tokens=512).total / GB for recipe in (LORA, QLORA)
    )
    assert 17 < lora < 22  # Lit-GPT: 21.3 GB
    assert 8 < qlora < 14  # 13.8 GB


def test_devices_share_what_fsdp_shards_and_repeat_the_rest() -> None:
    alone, shared, repeated = memory(), memory(devices=4, sharding="fsdp"), memory(devices=4)
    for name in ("weights", "gradients", "optimizer"):
        assert bytes_of(shared)[name] == bytes_of(alone)[name] / 4
        assert bytes_of(repeated)[name] == bytes_of(alone)[name]
    assert bytes_of(repeated)["gradient buckets"] == bytes_of(alone)["gradients"]
    assert "16-bit copies" not in bytes_of(shared)
    assert bytes_of(shared)["gathered weights"] < 2 * GB
    assert memory(devices=4, sharding="fsdp").total < 56 * GB
    assert bytes_of(shared)["overhead"] > bytes_of(alone)["overhead"]
    assert memory(sharding="fsdp") == alone
    sharded = bytes_of(memory(LORA, devices=2, sharding="fsdp"))
    assert sharded["weights"] == LLAMA_7B.parameters
    assert "gathered gradients" not in sharded


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("recipe", [FULL, LORA, QLORA])
def test_the_words_are_the_arithmetic(recipe: Recipe, checkpointing: bool, sharding: Any) -> None:
    checked = 0
    for part in memory(recipe, devices=2, sharding=sharding, checkpointing=checkpointing).parts:
        words, _, devices = part.words.replace(",", "").partition(" ÷ ")
        factors = re.findall(r"(?:^|× )(\d+)\b", words)
        if "(" in words or "included" in words or "about" in words:
            continue
        product = 1
        for factor in factors:
            product *= int(factor)
        assert product / int(devices.removesuffix(" devices") or 1) == part.bytes, part
        checked += 1
    assert checked >= 5


def test_only_the_tokens_there_are_count() -> None:
    short = estimate_memory(LLAMA_7B, FULL, divide(128, 4, 1), longest_tokens=100)
    assert short.total < memory().total
    assert memory(replace(FULL, max_length=100)) == short
    assert memory(longest_trained=512) == memory()
    assert memory(longest_trained=50).total < memory().total
    packed, alone = replace(FULL, packing=True, micro_batch=1), replace(FULL, micro_batch=1)
    assert memory(packed).total > memory(alone).total  # a row of several has a mask


def test_disk_holds_the_kept_the_best_and_the_next() -> None:
    count = LLAMA_7B.parameters
    full = estimate_disk(LLAMA_7B, FULL)
    assert (full.checkpoint, full.checkpoints) == (12 * count, 4)
    assert full.total == 4 * 12 * count + 4 * count
    assert estimate_disk(LLAMA_7B, FULL, keep=5).checkpoints == 7
    assert estimate_disk(LLAMA_7B, replace(FULL, precision="pure-bf16")).checkpoint == 6 * count
    lora = estimate_disk(LLAMA_7B, LORA)
    assert lora.checkpoint == 12 * LLAMA_7B.adapter_parameters(16)
    assert lora == estimate_disk(LLAMA_7B, QLORA)


def test_time_and_cost() -> None:
    met = LLAMA_7B.linear_parameters + LLAMA_7B.head_parameters
    assert step_flops(LLAMA_7B, FULL, 10) == 60 * met
    assert step_flops(LLAMA_7B, FULL, 10, checkpointing=True) == 80 * met
    assert 40 * met < step_flops(LLAMA_7B, LORA, 10) < 41 * met
    assert estimate_time(10, 1, LLAMA_7B, FULL, measured_step_seconds=2.5) == 25
    one = estimate_time(1, 1_000, LLAMA_7B, FULL, flops_per_s=4e14)
    assert one == pytest.approx(6 * met * 1_000 / 4e14)
    assert estimate_time(100, 1_000, LLAMA_7B, FULL, flops_per_s=4e14) == pytest.approx(100 * one)
    with pytest.raises(ValueError, match="neither"):
        estimate_time(1, 1, LLAMA_7B, FULL)
    assert cost(5_400, 2.0) == 3.0
    assert cost(5_400, None) is None


def suggested(free: float, recipe: Recipe = FULL, **options: Any) -> list[str]:
    division = divide(128, recipe.micro_batch, 1)
    found = nearest_fit(LLAMA_7B, recipe, division, int(free * GB), longest_tokens=512, **options)
    return [one.words for one in found]


def test_the_nearest_recipe_that_fits_comes_first() -> None:
    assert suggested(1_000) == []
    assert suggested(2) == []
    assert suggested(130)[0] == "a micro-batch of 1 (the batch stays 128)"
    assert suggested(130)[1].startswith("activations worked out again")
    assert suggested(24)[0] == "QLoRA, learning rate 0.0002"
    assert suggested(24)[1] == "a micro-batch of 2 (the batch stays 128), LoRA, learning rate 0.0002"
    assert "8 bits" not in "".join(suggested(90, device_kind="mps"))


def test_what_is_so_already_is_not_suggested() -> None:
    tight = replace(QLORA, micro_batch=1, optimizer="adamw-8bit", precision="pure-bf16")
    words = suggested(7, tight, checkpointing=True)
    assert words == ["examples of at most 256 tokens"] or not words
    for recipe in (LORA, QLORA):
        assert not any("learning rate" in one for one in suggested(12, recipe))


def test_sharded_weights_are_not_quantised() -> None:
    found = nearest_fit(LLAMA_7B, FULL, divide(128, 4, 2), 12 * GB, longest_tokens=512, sharding="fsdp")
    assert found
    assert all(one.settings.get("method") != "qlora" for one in found)


@given(
    st.sampled_from([FULL, LORA, QLORA, replace(FULL, precision="pure-bf16"), replace(FULL, batch=10)]),
    st.integers(1, 12),
    st.integers(1, 4),
    st.sampled_from(["ddp", "fsdp"]),
    st.booleans(),
    st.sampled_from(["cpu", "cuda", "mps"]),
    st.integers(16, 700),
    st.floats(0.05, 1.2),
)
def test_every_suggestion_fits_and_keeps_the_batch(
    recipe: Recipe,
    micro: int,
    devices: int,
    sharding: Any,
    checkpointing: bool,
    kind: Any,
    longest: int,
    share: float,
) -> None:
    recipe = replace(recipe, micro_batch=micro)
    division = divide(recipe.batch, micro, devices)
    known: dict[str, Any] = {"longest_tokens": longest, "sharding": sharding, "device_kind": kind}
    now = estimate_memory(LLAMA_7B, recipe, division, checkpointing=checkpointing, **known)
    free = int(now.total * share)
    found = nearest_fit(LLAMA_7B, recipe, division, free, checkpointing=checkpointing, **known)
    if now.total <= free:
        assert found == []
    kept = ("batch", "epochs", "lora_rank", "overlong")
    sets: list[set[tuple[str, Any]]] = []
    for one in found:
        settings: dict[str, Any] = dict(one.settings)
        changed = replace(recipe, **settings)
        assert all(getattr(changed, name) == getattr(recipe, name) for name in kept)
        assert changed.max_length <= recipe.max_length
        other = divide(changed.batch, changed.micro_batch, devices)
        again = estimate_memory(LLAMA_7B, changed, other, checkpointing=one.checkpointing, **known)
        assert again.total <= free
        assert one.memory == again or "micro_batch" not in settings
        assert one.memory.total <= free
        assert one.words
        assert one.checkpointing or not checkpointing
        changes = {*settings.items()} | {("checkpointing", one.checkpointing)} - {
            ("checkpointing", checkpointing)
        }
        assert changes
        assert not any(fewer <= changes for fewer in sets)
        sets.append(changes)


@given(st.integers(2, 64), st.floats(0.3, 1))
def test_of_the_micro_batches_that_fit_the_largest_is_suggested(micro: int, share: float) -> None:
    recipe = replace(LORA, micro_batch=micro)
    division = divide(128, micro, 1)
    free = int(estimate_memory(LLAMA_7B, recipe, division, longest_tokens=512).total * share)
    found = nearest_fit(LLAMA_7B, recipe, division, free, longest_tokens=512)
    assume(found and set(found[0].settings) == {"micro_batch"})
    halves = [division.micro_batch]
    while halves[-1] > 1:
        halves.append(halves[-1] // 2)
    larger = halves[halves.index(int(found[0].settings["micro_batch"])) - 1]
    again = estimate_memory(LLAMA_7B, recipe, divide(128, larger, 1), longest_tokens=512)
    assert again.total > free
