"""Steps and micro-batches: the batch is kept exactly, nothing is seen twice in a pass, next to nothing is padded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.batching import Stream, divide, form, marks, total_steps


@given(st.integers(1, 600), st.integers(1, 64), st.integers(1, 16))
def test_every_device_gets_as_many_micro_batches_and_none_is_empty(
    batch: int, micro: int, devices: int
) -> None:
    if batch < devices:
        with pytest.raises(UserError, match="too small"):
            divide(batch, micro, devices)
        return
    division = divide(batch, micro, devices)
    assert division.parts <= batch
    assert (division.micro_batch - 1) * division.parts < batch <= division.micro_batch * division.parts
    if batch % (micro * devices) == 0:
        assert (division.micro_batch, division.accumulation) == (micro, batch // micro // devices)


def test_the_published_division() -> None:
    assert divide(128, 4, 4).accumulation == 8  # as in the published command
    assert divide(128, 4, 1).words == "128 = 4 × 32 × 1"
    assert divide(10, 4, 1).words == "10 ≈ 4 × 3 × 1"


def test_half_the_micro_batch_is_twice_the_accumulation() -> None:
    half = divide(128, 4, 2).halved()
    assert half is not None
    assert (half.micro_batch, half.accumulation, half.devices) == (2, 32, 2)
    assert divide(128, 1, 1).halved() is None


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5))
def test_every_pass_sees_every_example_once(examples: int, batch: int, seed: int) -> None:
    stream = Stream(examples, seed)
    seen = [example for step in range(2 * examples) for example in stream.step(step, batch)]
    for start in range(0, len(seen) - examples, examples):
        assert sorted(seen[start : start + examples]) == list(range(examples))


def test_a_step_is_the_same_whenever_it_is_asked_for() -> None:
    forward = Stream(100, 7)
    steps = [forward.step(step, 16) for step in range(30)]
    assert Stream(100, 7).step(29, 16) == steps[29]
    assert [forward.step(step, 16) for step in range(30)] == steps
    assert Stream(100, 8).step(0, 16) != steps[0]
    assert steps[0] != sorted(steps[0])


def test_steps_as_published() -> None:
    assert total_steps(52_002, 128, 3) == 1_218
    assert total_steps(52_002, 128, 3, max_steps=100) == 100
    assert total_steps(10, 128, 1) == 1
    assert total_steps(300, 16, 0.5) == 9
    assert total_steps(30, 10, 0.1) == 1


def test_marks_are_at_the_end_of_every_pass_or_every_so_many_steps() -> None:
    assert marks(1_218, 0, 52_002, 128) == [407, 813, 1_218]
    assert marks(10, 4, 100, 10) == [4, 8, 10]
    assert marks(3, 0, 10, 64) == [1, 2, 3]
    assert marks(3, 50, 10, 64) == [3]


LENGTHS = st.lists(st.integers(2, 512), min_size=1, max_size=150)


@given(LENGTHS, st.integers(1, 8), st.integers(1, 4), st.booleans())
def test_all_examples_are_dealt_out_once(lengths: list[int], micro: int, devices: int, packed: bool) -> None:
    devices = min(devices, len(lengths))
    division = divide(len(lengths), micro, devices)
    rounds = form(lengths, division, packed=packed)
    assert len(rounds) == division.accumulation
    assert all(len(round) == devices and all(round) for round in rounds)
    assert sorted(place for round in rounds for group in round for place in group) == list(
        range(len(lengths))
    )


@given(LENGTHS, st.integers(1, 8))
def test_no_micro_batch_is_dearer_than_the_longest_examples_together(lengths: list[int], micro: int) -> None:
    division = divide(len(lengths), micro, 1)
    for (group,) in form(lengths, division):
        assert len(group) * max(lengths[place] for place in group) <= division.micro_batch * max(lengths)


def test_little_is_padded_and_devices_share_alike() -> None:
    draw = random.Random(1)
    lengths = [min(512, int(draw.lognormvariate(4.6, 0.45))) for _ in range(128)]
    rounds = form(lengths, divide(128, 4, 2))
    padded = [[len(group) * max(lengths[place] for place in group) for group in round] for round in rounds]
    total = sum(sum(round) for round in padded)
    assert 1 - sum(lengths) / total < 0.06
    shares = [sum(round[device] for round in padded) for device in range(2)]
    assert max(shares) / min(shares) < 1.05
    packs = [
        sum(lengths[place] for place in group)
        for round in form(lengths, divide(128, 4, 2), packed=True)
        for group in round
    ]
    assert max(packs) / min(packs) < 1.3
