"""Alpaca JSON in and out as a whole: the rows of a file in a list, and the exact bytes of the two formats.

For what streams and for every other format there are `open_source` and `write`. Knows no screen and no
query; rows go in and out as plain values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alpaca_tui.curation.interchange.model import Refused, Texts
from alpaca_tui.curation.interchange.source import open_source
from alpaca_tui.curation.interchange.writing import MEAN, SIMILAR, similar, texts, write_list
from alpaca_tui.store.rows import ImportedRow


@dataclass(frozen=True, slots=True)
class AlpacaFile:
    """What a file holds: the rows that can be taken, in file order, and those that cannot."""

    rows: list[ImportedRow]
    refused: list[Refused]


@dataclass(frozen=True, slots=True)
class RegenRow:
    """A generated row with its neighbours: (instruction, score), highest first, and the mean score over
    all it was compared with (None where nobody has worked it out)."""

    instruction: str
    input: str
    output: str
    most_similar: Sequence[tuple[str, float]]
    avg_similarity: float | None


def read_alpaca(path: Path) -> AlpacaFile:
    """The rows of an Alpaca JSON file (or of any other that `open_source` knows without being told).

    A missing or null input becomes "". Fields of other names are kept in `extra`. A row without an
    instruction or an output, or with one that is no text, is refused. Raises UserError as `open_source`.
    """
    rows: list[ImportedRow] = []
    refused: list[Refused] = []
    for row in open_source(path):
        if isinstance(row, Refused):
            refused.append(row)
        else:
            rows.append(ImportedRow(row.instruction, row.input, row.output, row.extra))
    return AlpacaFile(rows, refused)


def write_alpaca(path: Path, rows: Iterable[Texts]) -> int:
    """Write the three texts of the rows as Alpaca JSON, all or nothing; returns how many. The same rows
    give the same bytes: `json.dumps(rows, indent=4, ensure_ascii=False)` and a newline. Raises UserError."""
    return write_list(path, (texts(row) for row in rows))


def write_regen(path: Path, rows: Iterable[RegenRow]) -> int:
    """Write the rows with `most_similar_instructions` and `avg_similarity_score`, as the 2023 generator
    did: equal neighbours fall together, the highest score counts. Returns how many. Raises UserError."""
    return write_list(
        path,
        ({**texts(row), SIMILAR: similar(row.most_similar), MEAN: row.avg_similarity} for row in rows),
    )
