"""The dataset out of the store: which rows, in which order, and what their neighbours are called.

Rows neither deleted, withdrawn nor rejected, by id, so that the same dataset gives the same file. The
formats themselves are `interchange`'s. Knows no screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alpaca_tui.curation.interchange.alpaca import RegenRow, write_alpaca, write_regen
from alpaca_tui.store.store import Store


def export_alpaca(store: Store, path: Path) -> int:
    """Alpaca JSON; returns how many rows."""
    return write_alpaca(path, store.iter_examples())


def export_regen(store: Store, path: Path, seeds: Mapping[str, str]) -> int:
    """The generator's own format: each row with its ten nearest instructions and the mean similarity.

    seeds: key (`seed:ID`) -> instruction, of the seeds the rows were compared with. Returns how many rows.
    """
    texts = {**seeds, **dict(store.pool())}
    return write_regen(
        path,
        (
            RegenRow(
                row.instruction,
                row.input,
                row.output,
                [(texts.get(key, key), score) for key, score in row.top],
                row.mean_score,
            )
            for row in store.iter_examples()
        ),
    )
