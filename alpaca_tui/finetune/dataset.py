"""The examples of a run: the snapshot it is trained on, written when it is made and never changed.

One JSON object a line: `id`, `instruction`, `input`, `output`, `held_out`. Knows no store: rows are handed in.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alpaca_tui.atomic import atomic_writer
from alpaca_tui.errors import UserError
from alpaca_tui.finetune.folder import DataRef

HELD_OUT = frozenset({"eval", "test", "valid", "validation", "dev"})
"""Names of splits that are measured on and not trained on."""


@dataclass(frozen=True, slots=True)
class Row:
    """id: of the workspace's row, or the row's number in the file it is from."""

    id: int
    instruction: str
    input: str
    output: str
    held_out: bool = False

    @property
    def texts(self) -> tuple[str, str, str]:
        return self.instruction, self.input, self.output


def hold_out(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """The rows with so many of them held back, at random; rows with the same prompt stay together. Where some are held
    out already, nothing more is."""
    if not share or any(row.held_out for row in rows):
        return list(rows)
    groups: dict[tuple[str, str], int] = {}
    for row in rows:
        groups[row.instruction, row.input] = groups.get((row.instruction, row.input), 0) + 1
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    wanted, held = round(len(rows) * share), set[tuple[str, str]]()
    for prompt in order:
        if wanted <= 0:
            break
        if groups[prompt] < len(rows):
            held.add(prompt)
            wanted -= groups[prompt]
    return [Row(row.id, *row.texts, held_out=(row.instruction, row.input) in held) for row in rows]


def write_rows(path: Path, rows: Iterable[Row], source: str, where: str = "") -> DataRef:
    """Write the snapshot. Raises UserError: it cannot be written, or there is nothing to be trained on."""
    digest = hashlib.sha256()
    counts = [0, 0]
    with atomic_writer(path) as file:
        for row in rows:
            values = {"id": row.id, "instruction": row.instruction, "input": row.input, "output": row.output}
            line = json.dumps({**values, "held_out": row.held_out}).encode() + b"\n"
            digest.update(line)
            file.write(line)
            counts[row.held_out] += 1
    if not counts[0]:
        raise UserError(
            "There is nothing to train on",
            f"{source} gives no rows{' that are not held out' if counts[1] else ''}.",
            "Generate or import some, or choose others with --where or --data.",
        )
    return DataRef(digest.hexdigest(), counts[0], counts[1], source, where)


def read_rows(path: Path, ref: DataRef) -> list[Row]:
    """The snapshot. Raises UserError where it is not what the run was made with."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            "The run's examples are gone", f"{path}: {error.strerror}.", "Start a new run from the dataset."
        ) from error
    if hashlib.sha256(data).hexdigest() != ref.sha256:
        raise UserError(
            "The run's examples are not those it was made with",
            f"{path} has been changed.",
            "Put it back as it was, or start a new run.",
        )
    rows: list[Row] = []
    for line in data.splitlines():
        values: dict[str, Any] = json.loads(line)
        rows.append(Row(**values))
    return rows
