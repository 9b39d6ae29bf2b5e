"""Rows out in any format: all or nothing, deterministic, streaming.

Nothing is dropped: fields of `extra` are written beside the texts (unless told not to), conversations with
their texts in place. `write` knows every format; the table formats and the Hub are written next door.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alpaca_tui.atomic import atomic_text_writer
from alpaca_tui.curation.interchange import chats
from alpaca_tui.curation.interchange.arrow import HUB
from alpaca_tui.curation.interchange.arrow_writing import write_folder, write_parquet
from alpaca_tui.curation.interchange.columns import write_table
from alpaca_tui.curation.interchange.hub import push_to_hub
from alpaca_tui.curation.interchange.mapping import free
from alpaca_tui.curation.interchange.model import FIELDS, FORMATS, Row, Texts
from alpaca_tui.errors import UserError
from alpaca_tui.store.encoding import storable

Neighbours = tuple[Sequence[tuple[str, float]], float | None]
SIMILAR, MEAN = "most_similar_instructions", "avg_similarity_score"
_LINES = json.JSONEncoder(ensure_ascii=False)
_INDENTED = json.JSONEncoder(ensure_ascii=False, indent=4)
_LINE_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Options:
    """How rows are written.

    mapping: our field -> the name to write it under. extra: whether the fields of other names are written.
    neighbours: of a row, its nearest instructions with their scores and the mean, for regen.json; where it
    is None or gives None, those that the row came with. split: of a row, the split it belongs to (None:
    train), for the formats that hold several; splits: those of a folder that are there even if no row is in them.
    card, private: of a dataset on the Hub.
    """

    mapping: Mapping[str, str] | None = None
    extra: bool = True
    neighbours: Callable[[Row], Neighbours | None] | None = None
    split: Callable[[Row], str | None] | None = None
    splits: Sequence[str] = ()
    card: str | None = None
    private: bool = True


def write(path: str | Path, rows: Iterable[Row], format: str, options: Options | None = None) -> int:
    """Write `rows` to `path` (for `hub`: OWNER/NAME) in the format of that id; returns how many.

    The same rows give the same bytes; a fault leaves what was there before. Raises UserError.
    """
    known = FORMATS.get(format)
    if known is None or not known.writes:
        raise UserError(
            f"Unknown format {format!r}",
            f"Known are {', '.join(id for id, known in FORMATS.items() if known.writes)}.",
            "Choose one of them.",
            exit_code=2,
        )
    how = options or Options()
    file = Path(path)
    match format:
        case "alpaca":
            return write_list(file, (flat(row, how, without=(SIMILAR, MEAN)) for row in rows))
        case "regen":
            return write_list(file, (_regen(row, how) for row in rows))
        case "jsonl":
            return write_lines(file, (flat(row, how) for row in rows))
        case "sharegpt" | "messages":
            return _write_chats(file, rows, format, how)
        case "csv" | "tsv":
            return write_table(file, (flat(row, how) for row in rows), "," if format == "csv" else "\t")
        case "parquet":
            return write_parquet(file, (flat(row, how) for row in rows))
        case "hf":
            return write_folder(file, _split(rows, how), how.splits)
        case _:
            name = str(path).removeprefix(HUB)
            return push_to_hub(name, _split(rows, how), card=how.card, private=how.private)


def flat(row: Row, how: Options, without: Sequence[str] = ()) -> dict[str, Any]:
    """`row` as an object: the three texts under their names, then its other fields but `without`. One
    that is named like a text gets an underscore behind its name."""
    fields: dict[str, Any] = {
        how.mapping.get(field, field) if how.mapping else field: text for field, text in texts(row).items()
    }
    if how.extra:
        for name, value in row.extra.items():
            if name not in without:
                fields[free(name, fields) if name in fields else name] = value
    return fields


def texts(row: Texts) -> dict[str, str]:
    """The three texts by name, fit to be written."""
    return {field: storable(getattr(row, field)) for field in FIELDS}


def similar(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Neighbours as the 2023 generator wrote them: highest first; equal texts fall together, the highest
    score counts."""
    result: dict[str, float] = {}
    for instruction, score in sorted(pairs, key=lambda pair: -pair[1]):
        result.setdefault(storable(instruction), score)
    return result


def write_list(path: Path, values: Iterable[Mapping[str, Any]]) -> int:
    """A JSON list, indented by four: `json.dumps(values, indent=4, ensure_ascii=False)` and a newline."""
    count = 0
    with atomic_text_writer(path) as file:
        for value in values:
            file.write(",\n    " if count else "[\n    ")
            # JSON strings hold no raw newline, so every one here is the encoder's own.
            file.write(storable(_INDENTED.encode(value)).replace("\n", "\n    "))
            count += 1
        file.write("\n]\n" if count else "[]\n")
    return count


def write_lines(path: Path, values: Iterable[Mapping[str, Any]]) -> int:
    """JSON lines: one object a line."""
    count = 0
    with atomic_text_writer(path) as file:
        for value in values:
            file.write(storable(_LINES.encode(value)))
            file.write("\n")
            count += 1
    return count


def _write_chats(path: Path, rows: Iterable[Row], format: chats.ChatFormat, how: Options) -> int:
    objects = (chats.written(row, format, extra=how.extra) for row in rows)
    lines = path.suffix.lower() in _LINE_SUFFIXES or (format == "messages" and path.suffix != ".json")
    return write_lines(path, objects) if lines else write_list(path, objects)


def _regen(row: Row, how: Options) -> dict[str, Any]:
    found = how.neighbours(row) if how.neighbours else None
    nearest: object = row.extra.get(SIMILAR)
    mean: object = row.extra.get(MEAN)
    if found is not None:
        nearest, mean = similar(found[0]), found[1]
    fields = flat(row, how, without=(SIMILAR, MEAN))
    names = [*fields]
    return {
        **{name: fields[name] for name in names[: len(FIELDS)]},
        SIMILAR: nearest or {},
        MEAN: mean,
        **{name: fields[name] for name in names[len(FIELDS) :]},
    }


def _split(rows: Iterable[Row], how: Options) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in rows:
        yield (how.split(row) if how.split else None) or "train", flat(row, how)
