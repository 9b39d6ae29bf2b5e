"""Rows out through Arrow: Parquet, and folders for Hugging Face `datasets`.

A column keeps its type where Arrow gives back exactly the values it was given, over all rows; any other
(values of several types, objects with differing keys, numbers beyond 64 bits) is written as JSON under a
name ending in `:json`. A row without a field that others have gets null. Needs `alpaca-tui[data]`.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from alpaca_tui.atomic import atomic_writer
from alpaca_tui.curation.interchange.arrow import needed
from alpaca_tui.curation.interchange.columns import ENCODER, Fields, Spool, folder_for
from alpaca_tui.curation.interchange.folders import atomic_folder
from alpaca_tui.curation.interchange.model import FIELDS, JSON_SUFFIX
from alpaca_tui.errors import UserError

_SORTED = json.JSONEncoder(sort_keys=True)
_MARKS = ("dataset_dict.json", "state.json")


class ArrowColumns:
    """The columns of rows seen so far, each with its Arrow type, or None where it must be JSON."""

    def __init__(self, pa: Any) -> None:
        self._pa = pa
        self.types: dict[str, Any] = {}

    def learn(self, group: list[Fields]) -> None:
        names = dict.fromkeys(name for fields in group for name in fields)
        for name in names:
            found = self._type_of([fields.get(name) for fields in group], name)
            known = self.types.get(name, found)
            self.types[name] = None if found is None or known is None else self._merged(known, found)

    def schema(self) -> Any:
        pa = self._pa
        types = self.types or dict.fromkeys(FIELDS, pa.string())
        return pa.schema(
            [
                pa.field(name + JSON_SUFFIX, pa.string())
                if type is None
                else pa.field(name, self._concrete(type))
                for name, type in types.items()
            ]
        )

    def batch(self, group: list[Fields], schema: Any) -> Any:
        pa = self._pa
        arrays = [
            pa.array(_values(group, name, as_json=type is None), type=field.type)
            for (name, type), field in zip(self.types.items(), schema, strict=True)
        ]
        return pa.record_batch(arrays, schema=schema)

    def _type_of(self, values: list[Any], name: str) -> Any:
        """The type under which `values` come back as they are, if there is one."""
        pa = self._pa
        if name.endswith(JSON_SUFFIX):
            return None
        try:
            array = pa.array(values)
            same = _SORTED.encode(array.to_pylist()) == _SORTED.encode(values)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return None
        return array.type if same and self._has_fields(array.type) else None

    def _has_fields(self, type: Any) -> bool:
        """Whether no object in it is one without any field, which Parquet cannot hold."""
        pa = self._pa
        if pa.types.is_list(type):
            return self._has_fields(type.value_type)
        if pa.types.is_struct(type):
            return type.num_fields > 0 and all(self._has_fields(field.type) for field in type)
        return True

    def _merged(self, one: Any, other: Any) -> Any:
        """The type that holds the values of both without changing any; None if there is none."""
        pa = self._pa
        if one == other or pa.types.is_null(other):
            return one
        if pa.types.is_null(one):
            return other
        if pa.types.is_list(one) and pa.types.is_list(other):
            inner = self._merged(one.value_type, other.value_type)
            return None if inner is None else pa.list_(inner)
        if pa.types.is_struct(one) and pa.types.is_struct(other):
            names = [field.name for field in one]
            if sorted(names) != sorted(field.name for field in other):
                return None
            inners = {name: self._merged(one.field(name).type, other.field(name).type) for name in names}
            return None if None in inners.values() else pa.struct(inners)
        return None

    def _concrete(self, type: Any) -> Any:
        """`type` with text where nothing but nulls was seen: not every reader knows a type of nothing."""
        pa = self._pa
        if pa.types.is_null(type):
            return pa.string()
        if pa.types.is_list(type):
            return pa.list_(self._concrete(type.value_type))
        if pa.types.is_struct(type):
            return pa.struct({field.name: self._concrete(field.type) for field in type})
        return type


def write_parquet(path: Path, rows: Iterable[Fields]) -> int:
    """One Parquet file; returns how many rows. Raises UserError."""
    pa = needed("pyarrow", "Parquet")
    with Spool(folder_for(path)) as spool, atomic_writer(path) as file:
        columns = ArrowColumns(pa)
        for fields in rows:
            spool.add(fields)
        for group in spool.groups():
            columns.learn(group)
        write_groups(file, spool, columns)
        return spool.rows


def write_groups(file: Any, spool: Spool, columns: ArrowColumns) -> None:
    """The rows of `spool` as Parquet into the open `file`, a row group for each of its groups."""
    parquet = needed("pyarrow.parquet", "Parquet")
    schema = columns.schema()
    with parquet.ParquetWriter(file, schema) as writer:
        for group in spool.groups():
            writer.write_batch(columns.batch(group, schema))


def write_folder(path: Path, rows: Iterable[tuple[str, Fields]], names: Sequence[str] = ()) -> int:
    """A folder for `load_from_disk`: a Dataset if all rows are of the split `train`, else a DatasetDict.

    rows: (split, fields). names: splits that are there even if no row is in them. An existing folder is
    replaced only if it is such a one. Returns how many rows. Raises UserError.
    """
    datasets = needed("datasets", "A datasets folder")
    pa = needed("pyarrow", "A datasets folder")
    with (
        atomic_folder(path, _is_saved) as folder,
        tempfile.TemporaryDirectory(prefix=".alpaca-tui-", dir=folder.parent) as work,
        Splits(pa, Path(work)) as splits,
    ):
        splits.read(rows, names)
        parts: dict[str, Any] = {}
        for name, spool in splits.spools.items():
            stream = Path(work) / f"{len(parts)}.arrow"
            fingerprint = _write_stream(pa, stream, spool, splits.columns)
            table = datasets.table.MemoryMappedTable.from_file(str(stream))
            parts[name] = datasets.Dataset(table, split=datasets.NamedSplit(name), fingerprint=fingerprint)
        # Of no rows it would make no file, and then could not load what it saved.
        shards = {name: None if spool.rows else 1 for name, spool in splits.spools.items()}
        if [*parts] == ["train"]:
            parts["train"].save_to_disk(str(folder), num_shards=shards["train"])
        else:
            datasets.DatasetDict(parts).save_to_disk(str(folder), num_shards=shards)
        return splits.rows


class Splits(ExitStack):
    """The rows of every split laid by, and the columns of them all. Without any row there is a `train`."""

    def __init__(self, pa: Any, folder: Path) -> None:
        super().__init__()
        self.columns = ArrowColumns(pa)
        self.spools: dict[str, Spool] = {}
        self._folder = folder

    @property
    def rows(self) -> int:
        return sum(spool.rows for spool in self.spools.values())

    def read(self, rows: Iterable[tuple[str, Fields]], names: Sequence[str] = ()) -> None:
        for name in names:
            self._spool(name)
        for split, fields in rows:
            self._spool(split).add(fields)
        if not self.spools:
            self._spool("train")
        for spool in self.spools.values():
            for group in spool.groups():
                self.columns.learn(group)
        for name in self.columns.types:
            if "\0" in name:  # `datasets` ends a name there, and then does not know its own column
                raise UserError(
                    f"The field {name!r} cannot be written to a datasets folder",
                    "There is a NUL character in its name.",
                    "Rename the field, or choose another format.",
                )

    def _spool(self, split: str) -> Spool:
        if split not in self.spools:
            self.spools[split] = self.enter_context(Spool(self._folder))
        return self.spools[split]


def _write_stream(pa: Any, path: Path, spool: Spool, columns: ArrowColumns) -> str:
    """The rows as an Arrow stream; returns a fingerprint of them, the same for the same rows."""
    schema = columns.schema()
    with path.open("wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for group in spool.groups():
            writer.write_batch(columns.batch(group, schema))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _values(group: list[Fields], name: str, *, as_json: bool) -> Iterator[Any]:
    for fields in group:
        if as_json:
            yield ENCODER.encode(fields[name]) if name in fields else None
        else:
            yield fields.get(name)


def _is_saved(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _MARKS)
