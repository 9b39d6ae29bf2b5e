"""Runs as a user's are: real processes, killed, stopped, resumed, on one device and on two; and what they leave."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from alpaca_tui.finetune import checkpoints, runs
from alpaca_tui.finetune.folder import RunFolder
from alpaca_tui.finetune.metrics import Metrics
from tests.support.training import (
    losses,
    rows,
    same_weights,
    small_run,
    steps_of,
    train,
    weights,
    when,
    worker,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that nothing happened to: 20 steps."""
    run = small_run(tmp_path_factory.mktemp("whole"), "save_every=5")
    assert train(run) == 0, run.log_file.read_text()
    return run


def test_a_run_ends_with_a_model_that_answers_as_trained(whole: RunFolder) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from alpaca_tui import template

    found = runs.look(whole)
    assert (found.state, found.status.step, found.status.total_steps) == ("finished", 20, 20)
    assert found.model_dir == whole.model_dir
    tokenizer = AutoTokenizer.from_pretrained(whole.model_dir)
    model = AutoModelForCausalLM.from_pretrained(whole.model_dir)
    assert model.config.use_cache
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    row = rows()[0]
    message = {"role": "user", "content": template.chat_message(row.instruction, row.input)}
    ids = tokenizer.apply_chat_template([message], return_dict=False)
    assert tokenizer.decode(ids) == tokenizer.bos_token + template.render(row.instruction, row.input)
    assert "20 steps" in (whole.model_dir / "README.md").read_text()
    newest = checkpoints.newest_whole(whole.checkpoints_dir)
    assert newest is not None
    assert newest.step == 20
    assert same_weights(newest.path, whole.model_dir)


def test_every_step_is_logged_and_saw_the_whole_batch(whole: RunFolder) -> None:
    steps = [json.loads(line) for line in whole.metrics_file.read_text().splitlines()]
    steps = [line for line in steps if line["kind"] == "step"]
    assert [line["step"] for line in steps] == list(range(1, 21))
    assert losses(whole)[20] < losses(whole)[1]
    passes = [steps[start : start + 5] for start in range(0, 20, 5)]  # 40 rows, 8 a step
    assert len({sum(line["trained"] for line in one) for one in passes}) == 1
    assert all(line["padded"] >= line["tokens"] > line["trained"] for line in steps)


def test_only_the_newest_checkpoints_are_kept(whole: RunFolder) -> None:
    assert [one.step for one in checkpoints.found(whole.checkpoints_dir)] == [15, 20]
    assert not (whole.checkpoints_dir / checkpoints.PARTIAL).exists()


def test_a_finished_run_is_not_trained_again(whole: RunFolder) -> None:
    before = whole.metrics_file.read_bytes()
    assert train(whole) == 1
    assert runs.look(whole).state == "finished"
    assert whole.metrics_file.read_bytes() == before


@pytest.mark.parametrize("seed", range(3))
def test_killed_anywhere_and_resumed_it_is_as_if_nothing_had_happened(
    whole: RunFolder, tmp_path: Path, seed: int
) -> None:
    run = small_run(tmp_path, "save_every=5")
    process = worker(run)
    at = random.Random(seed).randint(1, 19)
    when(lambda: steps_of(run) >= at, process)
    process.kill()
    process.wait()
    assert runs.look(run).state == "crashed"
    assert runs.look(run).why() is not None
    assert train(run) == 0, run.log_file.read_text()
    assert losses(run) == losses(whole)
    assert same_weights(run.model_dir, whole.model_dir)


def test_stopped_it_leaves_a_checkpoint_and_goes_on_from_it(whole: RunFolder, tmp_path: Path) -> None:
    run = small_run(tmp_path, "save_every=5")
    process = worker(run)
    when(lambda: steps_of(run) >= 7, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    stopped = runs.look(run)
    assert stopped.state == "stopped"
    newest = checkpoints.newest_whole(run.checkpoints_dir)
    assert newest is not None
    assert newest.step == stopped.status.step == steps_of(run)
    runs.resume(stopped)
    assert runs.wait(runs.look(run), 100).state == "finished", run.log_file.read_text()
    assert losses(run) == losses(whole)
    assert same_weights(run.model_dir, whole.model_dir)


def test_a_damaged_checkpoint_is_not_gone_on_from(whole: RunFolder, tmp_path: Path) -> None:
    run = small_run(tmp_path, "save_every=5")
    process = worker(run)
    when(lambda: any(one.step == 10 for one in checkpoints.found(run.checkpoints_dir)), process)
    process.kill()
    process.wait()
    torn = run.checkpoints_dir / "checkpoint-10" / "model.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1])
    newest = checkpoints.newest_whole(run.checkpoints_dir)
    assert newest is not None
    assert newest.step == 5
    assert train(run) == 0
    assert same_weights(run.model_dir, whole.model_dir)


def test_an_adapter_is_saved_alone_and_is_not_nothing(tmp_path: Path, whole: RunFolder) -> None:
    run = small_run(
        tmp_path, "method=lora", "learning_rate=0.01", "epochs=12", start_from=str(whole.model_dir)
    )
    assert train(run) == 0, run.log_file.read_text()
    saved = weights(run.model_dir)
    assert saved
    assert all("lora_" in name for name in saved)
    assert (run.model_dir / "tokenizer.json").is_file()
    seen = [*losses(run).values()]
    assert sum(seen[-10:]) < sum(seen[:10])  # little, over a base that was hardly trained


def test_two_devices_learn_what_one_does(tmp_path: Path, whole: RunFolder) -> None:
    run = small_run(tmp_path, "save_every=5", "eval_share=0", devices=2)
    assert train(run) == 0, run.log_file.read_text()
    alone = losses(whole)
    together = losses(run)
    assert together.keys() == alone.keys()
    assert max(abs(together[step] - alone[step]) for step in alone) < 1e-4
    assert runs.look(run).status.accumulation == 1


def test_evaluation_keeps_the_best_and_stops_without_progress(tmp_path: Path) -> None:
    run = small_run(
        tmp_path, "eval_share=0.2", "patience=2", "epochs=60", "learning_rate=0.02", "keep=1", "eval_every=4"
    )
    assert train(run) == 0, run.log_file.read_text()
    metrics = Metrics(run.metrics_file)
    metrics.poll()
    evals = metrics.series["eval_loss"]
    best = min(range(len(evals)), key=evals.values.__getitem__)
    assert len(evals) - 1 - best == 2
    assert same_weights(run.checkpoints_dir / f"checkpoint-{evals.steps[best]}", run.model_dir)
    assert {sample.step for sample in metrics.samples} <= set(evals.steps)
    assert metrics.samples[0].instruction


def test_a_gradient_that_is_no_number_stops_the_run_and_names_the_rows(
    tmp_path: Path, whole: RunFolder
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    broken.mkdir()
    for file in whole.model_dir.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    held = load_file(broken / "model.safetensors")
    held["model.norm.weight"] = torch.full_like(held["model.norm.weight"], torch.inf)
    save_file(held, broken / "model.safetensors", {"format": "pt"})
    run = small_run(tmp_path / "runs", start_from=str(broken))
    assert train(run) == 1
    found = runs.look(run)
    why = found.why()
    assert found.state == "failed"
    assert why is not None
    assert "step 1" in why["title"]
    assert "rows 1" in why["cause"]
    assert not run.model_dir.exists()


def test_what_was_changed_under_a_run_is_noticed(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    run.data_file.write_bytes(run.data_file.read_bytes().replace(b"sum", b"Sum"))
    assert train(run) == 1
    why = runs.look(run).why()
    assert why is not None
    assert "not those it was made with" in why["title"]


def test_two_runs_on_one_device_take_turns(tmp_path: Path) -> None:
    first, second = small_run(tmp_path / "a", "epochs=200"), small_run(tmp_path / "b")
    one = worker(first)
    when(lambda: steps_of(first) >= 1, one)
    two = worker(second)
    when(lambda: runs.look(second).state == "queued" and runs.look(second).status.phase == "waiting", two)
    assert first.id in runs.look(second).status.told
    runs.stop(runs.look(first), 60)
    assert one.wait(60) == 0
    assert two.wait(100) == 0
    assert runs.look(second).state == "finished"


def test_a_run_that_waits_can_be_stopped(tmp_path: Path) -> None:
    first, second = small_run(tmp_path / "a", "epochs=200"), small_run(tmp_path / "b")
    one = worker(first)
    when(lambda: runs.look(first).status.phase != "starting" or steps_of(first), one)
    two = worker(second)
    when(lambda: runs.look(second).status.phase == "waiting", two)
    runs.stop(runs.look(second), 20)
    assert two.wait(20) == 0
    assert runs.look(second).state == "stopped"
    one.kill()
    one.wait()
