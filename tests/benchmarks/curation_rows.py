"""The datasets that curation is measured on: real rows, and a million made from them.

52,000 rows are real ones, in the order of their files. Rows beyond the real ones are real rows with a third
of their words replaced by words of other rows, so that a million rows have the vocabulary of a million.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

Texts = tuple[str, str, str]
_BLANKS = re.compile(r"(\s+)")


def real_rows(data_dir: Path, rows: int) -> list[Texts]:
    """The first `rows` real rows: Alpaca's, then those of other families."""
    found: list[Texts] = []
    for name in ("alpaca_rows.jsonl.gz", "other_rows.jsonl.gz"):
        with gzip.open(data_dir / name) as file:
            for line in file.read().decode().split("\n"):
                if line and len(found) < rows:
                    row = json.loads(line)
                    found.append((row["instruction"], row["input"], row["output"]))
    return found


def many_rows(data_dir: Path, rows: int) -> Iterator[Texts]:
    """As many rows as asked for, the same every time."""
    real = real_rows(data_dir, rows)
    yield from real
    rng = random.Random(7)
    for _ in range(rows - len(real)):
        row, other = rng.choice(real), rng.choice(real)
        yield (_altered(row[0], other[0], rng), row[1], _altered(row[2], other[2], rng))


def _altered(text: str, other: str, rng: random.Random) -> str:
    """`text` with a third of its words replaced, its blanks and line ends as they were."""
    words = other.split()
    if not words:
        return text
    parts = _BLANKS.split(text)
    for place in range(0, len(parts), 2):
        if parts[place] and rng.random() < 0.33:
            parts[place] = rng.choice(words) if rng.random() < 0.97 else f"w{rng.getrandbits(18)}"
    return "".join(parts)


def write_alpaca(path: Path, rows: Iterator[Texts]) -> None:
    """The rows as an Alpaca JSON file."""
    with path.open("w", encoding="utf-8") as file:
        for place, (instruction, input, output) in enumerate(rows):
            file.write(",\n" if place else "[\n")
            json.dump(
                {"instruction": instruction, "input": input, "output": output}, file, ensure_ascii=False
            )
        file.write("\n]\n")
