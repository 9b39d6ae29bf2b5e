# pyright: basic
# torch and transformers are typed in parts only.
"""The examples as a torch DataLoader gives them to the Trainer: one micro-batch at a time, of this device's share.

What is in a micro-batch is decided by `batching`; here it is only fetched and made into tensors. An item is named by
(step, round), so that a resumed run skips to its place without looking at what was before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from alpaca_tui.finetune.batching import Division, Stream, form
from alpaca_tui.finetune.encode import IGNORED, Encoded

Place = tuple[int, int]  # optimiser step, round of accumulation; both from 0


class StepData(Dataset[Any]):
    """Micro-batches by place. rank: which of the devices this is."""

    def __init__(
        self,
        examples: Sequence[Encoded],
        division: Division,
        seed: int,
        *,
        rank: int = 0,
        packed: bool = False,
    ) -> None:
        self.examples = examples
        self.division = division
        self._stream = Stream(len(examples), seed)
        self._rank = rank
        self._packed = packed
        self._formed: tuple[int, list[list[int]]] = (-1, [])  # of the step asked for last

    def __len__(self) -> int:
        return len(self.examples)

    def numbers(self, step: int) -> list[int]:
        """The examples of a step, by number, on all devices together."""
        return self._stream.step(step, self.division.batch)

    def __getitems__(self, places: Sequence[Place]) -> list[Encoded]:
        (place,) = places
        step, round = place
        if self._formed[0] != step:
            numbers = self.numbers(step)
            lengths = [len(self.examples[number].input_ids) for number in numbers]
            rounds = form(lengths, self.division, packed=self._packed)
            self._formed = step, [[numbers[at] for at in devices[self._rank]] for devices in rounds]
        return [self.examples[number] for number in self._formed[1][round]]


class Places:
    """The batch sampler: every place of a run in order."""

    def __init__(self, steps: int, accumulation: int) -> None:
        self._steps, self._accumulation = steps, accumulation

    def __len__(self) -> int:
        return self._steps * self._accumulation

    def __iter__(self) -> Iterator[list[Place]]:
        for step in range(self._steps):
            for round in range(self._accumulation):
                yield [(step, round)]


def step_loader(data: StepData, steps: int, collate: Any) -> DataLoader[Any]:
    """All micro-batches of this device's share of a run."""
    places: Any = Places(steps, data.division.accumulation)
    return DataLoader(data, batch_sampler=places, collate_fn=collate)


class Collator:
    """Examples as tensors. Padded on the right (any id will do there: attention and loss leave it out), or packed into
    one row whose positions start anew with every example, by which models tell them apart.

    `labels` has the shape of `input_ids`. `logits_to_keep`, of that shape too, marks the positions whose next token is
    trained, `shift_labels` holds those tokens: of a model that takes them no other logits are ever computed.
    """

    def __init__(self, pad: int, *, packed: bool = False, trained_only: bool = True) -> None:
        self._pad = pad
        self._packed = packed
        self._trained_only = trained_only

    def __call__(self, examples: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        batch = self._row(examples) if self._packed else self._rows(examples)
        if self._trained_only:
            following = batch["labels"][:, 1:]
            keep = torch.nn.functional.pad(following.ne(IGNORED), (0, 1), value=False)
            batch["logits_to_keep"] = keep
            batch["shift_labels"] = batch["labels"].roll(-1, 1)[keep]
        return batch

    def _rows(self, examples: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        longest = max(len(example.input_ids) for example in examples)
        shape = (len(examples), longest)
        ids = torch.full(shape, self._pad, dtype=torch.long)
        labels = torch.full(shape, IGNORED, dtype=torch.long)
        attended = torch.zeros(shape, dtype=torch.long)
        for row, example in enumerate(examples):
            length = len(example.input_ids)
            ids[row, :length] = torch.tensor(example.input_ids)
            labels[row, :length] = torch.tensor(example.labels)
            attended[row, :length] = 1
        return {"input_ids": ids, "labels": labels, "attention_mask": attended}

    def _row(self, examples: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        ids: list[int] = []
        labels: list[int] = []
        positions: list[int] = []
        for example in examples:
            ids += example.input_ids
            labels += [IGNORED, *example.labels[1:]]  # no example predicts the next one's first token
            positions += range(len(example.input_ids))
        row = {"input_ids": ids, "labels": labels, "position_ids": positions}
        return {name: torch.tensor([values]) for name, values in row.items()}
