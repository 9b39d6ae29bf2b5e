"""Which examples an optimiser step sees, and how they are dealt out to devices and micro-batches.

A step sees exactly `batch` examples of an endless shuffled stream: pass after pass over the data, each in an
order of its own, with no short batch at a pass's end (52,002 examples, 3 passes, 128 a step: 1,218 steps, as
published). Inside those examples micro-batches are formed by length, so that next to nothing is padded; what is
summed up over them is the same. Knows lengths, no texts and no tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alpaca_tui.errors import UserError


@dataclass(frozen=True, slots=True)
class Division:
    """How the examples of a step are divided: batch = micro_batch x accumulation x devices where that comes
    out even; else micro-batches differ by an example. micro_batch: the most examples of average length at once."""

    batch: int
    micro_batch: int
    accumulation: int
    devices: int

    @property
    def parts(self) -> int:
        """Micro-batches a step, on all devices together."""
        return self.accumulation * self.devices

    @property
    def words(self) -> str:
        """`128 = 4 x 32 x 1`, as it is shown."""
        sign = "=" if self.micro_batch * self.parts == self.batch else "≈"
        return f"{self.batch} {sign} {self.micro_batch} × {self.accumulation} × {self.devices}"

    def halved(self) -> Division | None:
        """With half the micro-batch, and so twice the accumulation; None where it is one example already."""
        return None if self.micro_batch == 1 else divide(self.batch, self.micro_batch // 2, self.devices)


def divide(batch: int, micro_batch: int, devices: int) -> Division:
    """The division that keeps the batch exactly, with micro-batches as large as `micro_batch` allows. Every device
    gets the same number of micro-batches, none of them empty. Raises UserError where a device would have none."""
    if batch < devices:
        raise UserError(
            f"A batch of {batch} is too small for {devices} devices",
            "Every device needs at least one example of every step.",
            f"Use at most {batch} devices, or a larger batch.",
            exit_code=2,
        )
    accumulation = min(math.ceil(batch / (micro_batch * devices)), batch // devices)
    return Division(batch, math.ceil(batch / (accumulation * devices)), accumulation, devices)


class Stream:
    """The shuffled examples, one pass after another, by number from 0 to `examples` - 1."""

    def __init__(self, examples: int, seed: int) -> None:
        self._examples = examples
        self._seed = seed
        self._passes: dict[int, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}

    def step(self, number: int, batch: int) -> list[int]:
        """The examples of optimiser step `number`, counted from 0."""
        start = number * batch
        return [
            int(self._pass(at // self._examples)[at % self._examples]) for at in range(start, start + batch)
        ]

    def _pass(self, number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if number not in self._passes:
            self._passes = {kept: order for kept, order in self._passes.items() if kept == number - 1}
            self._passes[number] = np.random.default_rng([self._seed, number]).permutation(self._examples)
        return self._passes[number]


def total_steps(examples: int, batch: int, epochs: float, max_steps: int = 0) -> int:
    """Optimiser steps of a run: as many whole batches as `epochs` passes hold, at least one."""
    steps = max(1, math.floor(examples * epochs / batch + 1e-9))
    return min(steps, max_steps) if max_steps else steps


def marks(total: int, every: int, examples: int, batch: int) -> list[int]:
    """The steps, counted from 1, after which something is done: every `every` steps, or at the end of every pass
    where that is 0; and after the last."""
    if every:
        found = set(range(every, total + 1, every))
    else:
        passes = total * batch // examples
        found = {min(total, math.ceil(number * examples / batch)) for number in range(1, passes + 1)}
    return sorted(found | {total})


def form(lengths: Sequence[int], division: Division, *, packed: bool = False) -> list[list[list[int]]]:
    """One step's examples as micro-batches: [accumulation][device] -> places in `lengths` (tokens of each).

    Padded, a micro-batch holds examples of about one length, and all of them cost about the same: rows times
    the longest. Packed, they hold about the same number of tokens. The devices' shares of one round are alike.
    """
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    groups = _packed(lengths, order, division.parts) if packed else _padded(lengths, order, division.parts)
    cost = sum if packed else _padded_cost
    groups.sort(key=lambda group: -cost([lengths[place] for place in group]))
    devices = division.devices
    rounds = [groups[start : start + devices] for start in range(0, len(groups), devices)]
    return [round[::-1] if number % 2 else round for number, round in enumerate(rounds)]


def _padded_cost(lengths: list[int]) -> int:
    return len(lengths) * max(lengths)


def _padded(lengths: Sequence[int], order: list[int], parts: int) -> list[list[int]]:
    """Neighbours by length, cut where the dearest group is cheapest; exactly `parts` groups."""
    low, high = lengths[order[0]], lengths[order[0]] * math.ceil(len(order) / parts)
    while low < high:
        middle = (low + high) // 2
        if len(_greedy(lengths, order, middle)) <= parts:
            high = middle
        else:
            low = middle + 1
    groups = _greedy(lengths, order, high)
    while len(groups) < parts:  # what could be in one may be in two
        largest = max(groups, key=lambda group: (len(group) > 1, lengths[group[0]] * len(group)))
        groups.remove(largest)
        groups += [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
    return groups


def _greedy(lengths: Sequence[int], order: list[int], cap: int) -> list[list[int]]:
    groups: list[list[int]] = []
    for place in order:
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= cap:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _packed(lengths: Sequence[int], order: list[int], parts: int) -> list[list[int]]:
    """The longest first, each to the group with the fewest tokens."""
    groups: list[list[int]] = [[] for _ in range(parts)]
    tokens = [0] * parts
    for place in order:
        least = min(range(parts), key=lambda group: (tokens[group], len(groups[group])))
        groups[least].append(place)
        tokens[least] += lengths[place]
    return groups
