"""The parity card names what differs; the published command is understood by today's transformers."""

from __future__ import annotations

from pathlib import Path

import pytest

from alpaca_tui.finetune import parity
from alpaca_tui.finetune.card import model_card
from alpaca_tui.finetune.folder import DataRef, Launch, ModelRef, RunSpec, Status
from alpaca_tui.finetune.metrics import Metrics, MetricsWriter
from alpaca_tui.finetune.presets import PRESETS, preset


def spec(name: str = "alpaca-7b", model: str = "a/b", **launch: object) -> RunSpec:
    return RunSpec(
        "run", "2026-01-01T00:00:00+00:00", ModelRef(model), name, preset(name).recipe.values(),
        DataRef("0" * 64, 52_002, 100, "the dataset"), Launch(**launch), "abc", versions={"torch": "2"},
    )  # fmt: skip


def test_the_default_preset_differs_only_in_how_it_is_done() -> None:
    named = {one.what for one in parity.deviations(PRESETS["alpaca-7b"].recipe)}
    assert named == {
        "prompt and response", "examples that are too long", "loss", "micro-batches", "end of a pass", "padding",
    }  # fmt: skip


def test_what_the_recipe_changes_is_named_with_both_values() -> None:
    recipe = preset("qlora").recipe.changed(["boundary=published", "overlong=drop"])
    found = {one.what: one for one in parity.deviations(recipe, "fp32")}
    assert (found["learning_rate"].published, found["learning_rate"].here) == ("2e-05", "0.0002")
    assert found["method"].here == "qlora"
    assert found["precision"].here == "fp32"
    assert "prompt and response" not in found
    assert found["overlong"].here == "drop"
    assert found["boundary"].here == "published"


def test_the_card_of_a_run_says_prompt_batch_precision_and_loss() -> None:
    lines = dict(parity.card(spec(devices=4), "bf16")[:4])
    assert lines["batch"].startswith("128 = 4 × 8 × 4 examples")
    assert "abc" in lines["prompt"]
    assert lines["precision"] == "bf16"
    assert "all response tokens" in lines["loss"]


def test_the_published_command_in_todays_words_is_understood(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from transformers import HfArgumentParser, TrainingArguments

    def parsed(arguments: dict[str, str]) -> TrainingArguments:
        words = [part for pair in arguments.items() for part in pair if pair[0] not in _NEEDS_A_GPU]
        return HfArgumentParser(TrainingArguments).parse_args_into_dataclasses(
            [*words, "--output_dir", str(tmp_path), "--use_cpu", "True"]
        )[0]

    with pytest.raises((SystemExit, ValueError)):
        parsed(dict(parity.PUBLISHED))
    today = parsed(parity.translated())
    assert (today.warmup_steps, today.eval_strategy, today.learning_rate) == (0.03, "no", 2e-5)
    for name in parity.translated():
        assert name.removeprefix("--") in TrainingArguments.__dataclass_fields__, name


_NEEDS_A_GPU = ("--bf16", "--tf32", "--fsdp", "--fsdp_config")


def test_the_model_card_tells_lineage_recipe_curve_and_dangers(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.jsonl")
    for step in range(1, 101):
        writer.write("step", step=step, loss=2 - step / 100)
    writer.write("eval", step=100, eval_loss=1.25)
    metrics = Metrics(tmp_path / "metrics.jsonl")
    metrics.poll()
    status = Status(step=100, epoch=3.0, device="cpu", precision="fp32")
    text = model_card(spec("lora", model="evil|<b>`x`"), status, metrics, chosen=100)
    assert text.startswith("---\n")
    for words in (
        "52,002 examples",
        "0" * 64,
        "learning_rate | 0.0002",
        "1.2500",
        "For research",
        "step 100",
        "peft",
    ):
        assert words in text, words
    assert "<b>" not in text.split("\n---\n", 1)[1].replace("`evil|<b>'x'`", "")
    assert "### Response:" in text
    rows = text[text.index("| up to step |") :].split("\n\n")[0].splitlines()
    assert len(rows) <= 15
