"""Parquet files, folders saved by Hugging Face `datasets`, and datasets of its Hub: read batch by batch.

All of them need `alpaca-tui[data]`, imported only when one is opened. Values without a JSON form become
text (dates in ISO form, bytes in base 64). Knows nothing of fields.
"""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from alpaca_tui.curation.interchange.jsons import first_line
from alpaca_tui.curation.interchange.mapping import unique
from alpaca_tui.curation.interchange.model import EXTRA, JSON_SUFFIX, Raw, Refused
from alpaca_tui.curation.interchange.streams import open_regular
from alpaca_tui.errors import UserError
from alpaca_tui.store.encoding import without_credentials

BATCH = 500
HUB = "hf://"
ALL_SPLITS = "all"


def needed(module: str, what: str) -> Any:
    """The module, or a UserError that names the extra to install."""
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"{what} cannot be used yet",
            f"It needs the package {module.partition('.')[0]}, which is not installed.",
            f"Install it: pip install '{EXTRA}'",
        ) from error
    if module == "datasets":
        found.disable_progress_bars()  # they would paint over the screen
    return found


class ParquetReader:
    """The rows of a Parquet file, a row group at a time; a damaged group costs the rows in it.

    Raises UserError if there is no such file, it is no Parquet, or pyarrow is not installed."""

    encoding = ""
    columns: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_regular(path) as file:
            self.total_bytes: int | None = file.seek(0, 2)
        self.bytes_read = 0
        self._parquet = needed("pyarrow.parquet", "Parquet")

    def rows(self) -> Iterator[Raw | Refused]:
        row = 0
        self.bytes_read = 0
        with open_regular(self.path) as source:
            try:
                file = self._parquet.ParquetFile(source)
            except Exception as error:  # whatever the library finds wrong with foreign bytes
                raise UserError(
                    f"{self.path} is not valid Parquet",
                    f"{first_line(error)}.",
                    "Check that it was written completely.",
                ) from error
            total = file.metadata.num_rows
            self.columns = tuple(unique(file.schema_arrow.names))
            for group in range(file.num_row_groups):
                first = row
                end = first + file.metadata.row_group(group).num_rows
                try:
                    for batch in file.iter_batches(batch_size=BATCH, row_groups=[group]):
                        yield from batch_rows(batch, row)
                        row += batch.num_rows
                        self.bytes_read = (self.total_bytes or 0) * row // max(total, 1)
                except (OSError, ValueError) as error:  # what pyarrow's own errors are
                    for lost in range(row, end):
                        yield Refused(lost, f"the file is damaged here ({first_line(error)})")
                row = end


class FolderReader:
    """The rows of a folder written by `save_to_disk`. `split`: one of a folder with several, or `all` of
    them, one after the other. Raises UserError if it is none, or has several splits and none is chosen."""

    encoding = ""

    def __init__(self, path: Path, split: str | None = None) -> None:
        datasets = needed("datasets", "A datasets folder")
        try:
            loaded = datasets.load_from_disk(str(path))
        except Exception as error:  # whatever the library finds wrong with a foreign folder
            raise UserError(
                f"{path} cannot be opened as a dataset",
                f"{first_line(error)}.",
                "Give a folder that was written by save_to_disk.",
            ) from error
        if hasattr(loaded, "keys"):
            self._parts = [loaded[name] for name in chosen(str(path), list(loaded.keys()), split)]
        elif split in (None, ALL_SPLITS) or split == str(loaded.split):
            self._parts = [loaded]
        else:
            raise no_such_split(str(path), split, [str(loaded.split)] if loaded.split else [])
        self._rows = sum(part.num_rows for part in self._parts)
        self.total_bytes: int | None = sum(file.stat().st_size for file in path.rglob("*.arrow"))
        self.bytes_read = 0
        self.columns = tuple(name for part in self._parts[:1] for name in part.column_names)

    def rows(self) -> Iterator[Raw | Refused]:
        row = 0
        self.bytes_read = 0
        for part in self._parts:
            for table in part.with_format("arrow").iter(BATCH):
                yield from batch_rows(table, row)
                row += table.num_rows
                self.bytes_read = (self.total_bytes or 0) * row // max(self._rows, 1)


class HubReader:
    """The rows of `OWNER/NAME` or `OWNER/NAME:CONFIGURATION` on the Hub, streamed; `split` as above.

    The token is the one of the environment or of `hf auth login`; it is never shown. Raises UserError."""

    encoding = ""
    total_bytes: int | None = None
    bytes_read = 0
    columns: tuple[str, ...] = ()

    def __init__(self, name: str, split: str | None = None) -> None:
        datasets = needed("datasets", "The Hugging Face Hub")
        self.name = name.removeprefix(HUB)
        repository, _, configuration = self.name.partition(":")
        try:
            loaded = datasets.load_dataset(repository, configuration or None, streaming=True)
        except Exception as error:  # the network, the Hub and the dataset each have their own
            raise hub_fault(self.name, "cannot be loaded", error) from error
        self._parts = [loaded[part] for part in chosen(self.name, list(loaded.keys()), split)]

    def rows(self) -> Iterator[Raw | Refused]:
        row = 0
        for part in self._parts:
            batches = iter(part.with_format("arrow").iter(BATCH))
            while True:
                try:
                    table = next(batches, None)
                except Exception as error:
                    raise hub_fault(self.name, f"broke off after {row:,} rows", error) from error
                if table is None:
                    break
                yield from batch_rows(table, row)
                row += table.num_rows


def chosen(name: str, splits: Sequence[str], split: str | None) -> list[str]:
    """The splits to read. Raises UserError where there are several and none is named, or not that one."""
    if split == ALL_SPLITS or (split is None and len(splits) == 1):
        return list(splits)
    if split is None:
        raise UserError(
            f"{name} has several splits",
            f"They are {', '.join(splits)}.",
            f"Choose one with --split, or take them all: --split {ALL_SPLITS}.",
        )
    if split not in splits:
        raise no_such_split(name, split, splits)
    return [split]


def no_such_split(name: str, split: str | None, splits: Sequence[str]) -> UserError:
    there = f"It has {', '.join(splits)}." if splits else "It is not split."
    return UserError(f"{name} has no split {split!r}", there, "Choose another one.")


def hub_fault(name: str, what: str, error: Exception) -> UserError:
    """What the Hub or the way to it reports, without any credentials."""
    return UserError(
        f"{name} {what}",
        f"{without_credentials(first_line(error))}.".replace("..", "."),
        "Check the name and the network; a private dataset needs HF_TOKEN, or: hf auth login.",
    )


def batch_rows(batch: Any, first: int) -> Iterator[Raw | Refused]:
    """The rows of an Arrow batch or table, numbered from `first`; one whose text is no UTF-8 is refused."""
    names = unique(batch.schema.names)
    try:
        columns = [column.to_pylist() for column in batch.columns]
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            yield Refused(first, f"a value cannot be read ({first_line(error)})")
            return
        for offset in range(batch.num_rows):
            yield from batch_rows(batch.slice(offset, 1), first + offset)
        return
    for offset, values in enumerate(zip(*columns, strict=True)):
        yield _row(first + offset, names, values)


def _row(row: int, names: Sequence[str], values: Sequence[object]) -> Raw:
    entries: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        plain = name.removesuffix(JSON_SUFFIX)
        if plain == name or not isinstance(value, str | None) or plain in names:
            entries[name] = plain_json(value)
        elif value is not None:  # null: the row has no such field
            try:
                entries[plain] = json.loads(value)
            except (ValueError, RecursionError):  # somebody else's name and meaning
                entries[name] = value
    return Raw(row, None, entries)


def plain_json(value: object) -> object:
    """`value` as JSON has it."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(name): plain_json(entry) for name, entry in cast(dict[object, object], value).items()}
    if isinstance(value, list | tuple):
        return [plain_json(entry) for entry in cast(Sequence[object], value)]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if callable(isoformat) else str(value)
