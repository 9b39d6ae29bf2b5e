"""The dataset out of the store: which rows, in which order, in which files, and what their neighbours are called.

Rows neither deleted, withdrawn nor rejected, by id, so that the same dataset gives the same file. The
formats themselves are `interchange`'s. Knows no screen.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alpaca_tui.curation.interchange import CardFacts, Options, Row, dataset_card, write
from alpaca_tui.curation.interchange.chats import chat_format
from alpaca_tui.curation.query import Sql
from alpaca_tui.store.rows import ExampleRow
from alpaca_tui.store.store import Store

EVERY_ROW = Sql("1", [])
FACTS = (
    "id",
    "source",
    "status",
    "rating",
    "tags",
    "note",
    "split",
    "model",
    "nearest_score",
    "verb",
    "object",
)
"""What can be written beside the texts."""
_HOLD_SPLITS = ("hf", "hub")
_CHATS = ("sharegpt", "messages")
_BARE = ("alpaca", "regen")
"""Formats of exactly their own fields, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows in all, and by file (a file a split where the format holds one only)."""

    rows: int
    files: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to export. where: a condition on the rows; extra: with the fields the rows came with (None: as the
    format has it); facts: names of `FACTS` to write too; seeds: key (`seed:ID`) -> instruction, for regen.json;
    split: keep the rows' splits apart; splits: those that get a file even if no row is in them; title, licence,
    private: of a dataset on the Hub."""

    format: str = "alpaca"
    where: Sql = EVERY_ROW
    extra: bool | None = None
    facts: Sequence[str] = ()
    seeds: Mapping[str, str] = field(default_factory=dict[str, str])
    split: bool = False
    splits: Sequence[str] = ()
    title: str = ""
    licence: str = ""
    private: bool = True

    @property
    def with_extra(self) -> bool:
        """Whether the fields that the rows came with are written."""
        return self.extra if self.extra is not None else self.format not in _BARE


@dataclass(frozen=True, slots=True)
class _Out:
    """A row as it is written."""

    row: ExampleRow
    extra: Mapping[str, Any]

    @property
    def instruction(self) -> str:
        return self.row.instruction

    @property
    def input(self) -> str:
        return self.row.input

    @property
    def output(self) -> str:
        return self.row.output


def export(store: Store, path: str | Path, plan: Plan) -> Exported:
    """Write the rows of `plan` to `path` (OWNER/NAME on the Hub), as they are at one moment. Each file is whole or
    not there, and the same rows give the same bytes. Raises UserError."""
    with store.snapshot():
        return _export(store, path, plan)


def _export(store: Store, path: str | Path, plan: Plan) -> Exported:
    options = Options(
        extra=plan.with_extra or bool(plan.facts),
        neighbours=_neighbours(store, plan.seeds) if plan.format == "regen" else None,
        split=_split_of if plan.split or plan.format in _HOLD_SPLITS else None,
        splits=plan.splits if plan.split else (),
        card=_card(store, plan) if plan.format == "hub" else None,
        private=plan.private,
    )
    splits = _splits(store, plan) if plan.split and plan.format not in _HOLD_SPLITS else [None]
    if splits == [None]:
        rows = write(path, _rows(store, plan), plan.format, options)
        return Exported(rows, {str(path): rows})
    files: dict[str, int] = {}
    for split in splits:
        part = split_path(Path(path), split)
        files[str(part)] = write(part, _rows(store, plan, split), plan.format, options)
    return Exported(sum(files.values()), files)


def split_path(path: Path, split: str | None) -> Path:
    """`data.json` -> `data-eval.json`; rows in no split go to `data-train.json`."""
    return path.with_name(f"{path.stem}-{split or 'train'}{path.suffix}")


def _rows(store: Store, plan: Plan, *splits: str | None) -> Iterator[Row]:
    for row in store.iter_examples(where=plan.where.where, values=plan.where.values):
        if not splits or (row.split or "train") in [split or "train" for split in splits]:
            facts = {name: getattr(row, name) for name in plan.facts}
            if "tags" in facts:
                facts["tags"] = list(row.tags)
            yield _Out(row, {**_own(row, plan), **facts})


def _own(row: ExampleRow, plan: Plan) -> Mapping[str, Any]:
    """The fields a row came with, as far as facts beside them leave room: a conversation is the row itself."""
    if plan.with_extra or not plan.facts:
        return row.extra
    if plan.format not in _CHATS:
        return {}
    return {name: value for name, value in row.extra.items() if chat_format(value) is not None}


def _splits(store: Store, plan: Plan) -> list[str | None]:
    rows = store.iter_examples(where=plan.where.where, values=plan.where.values)
    names = {*plan.splits, *(row.split or "train" for row in rows)}
    return [*sorted(names)] or [None]


def _split_of(row: Row) -> str | None:
    return row.row.split if isinstance(row, _Out) else None


def _neighbours(store: Store, seeds: Mapping[str, str]) -> Any:
    texts = {**seeds, **dict(store.pool())}

    def of(row: Row) -> tuple[list[tuple[str, float]], float | None] | None:
        if not isinstance(row, _Out):
            return None
        return [(texts.get(key, key), score) for key, score in row.row.top], row.row.mean_score

    return of


def _card(store: Store, plan: Plan) -> str:
    teachers: dict[str, int] = {}
    sources: dict[str, int] = {}
    splits: dict[str, int] = {}
    rows = with_input = 0
    for row in store.iter_examples(where=plan.where.where, values=plan.where.values):
        rows += 1
        with_input += bool(row.input)
        splits[row.split or "train"] = splits.get(row.split or "train", 0) + 1
        sources[row.source] = sources.get(row.source, 0) + 1
        teacher = row.model or row.teacher
        if teacher:
            teachers[teacher] = teachers.get(teacher, 0) + 1
    return dataset_card(
        CardFacts(
            title=plan.title or "Instruction data",
            rows=rows,
            with_input=with_input,
            created=datetime.date.today(),
            teachers=teachers,
            sources=sources,
            splits=splits,
            licence=plan.licence,
            language=store.setting("lint/language") or "en",
        )
    )


def export_alpaca(store: Store, path: Path) -> int:
    """Every row as Alpaca JSON; returns how many."""
    return export(store, path, Plan()).rows
