"""The rows a command is about: those of a file, or those of the workspace, all or the ones a filter finds.

A row of a file is named by its place (from 0, refused rows counted), a row of the workspace by its number.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alpaca_tui.cli.common import Invocation
from alpaca_tui.errors import UserError

if TYPE_CHECKING:
    from alpaca_tui.curation.interchange import Refused, Source
    from alpaca_tui.curation.query import Sql
    from alpaca_tui.store.store import Store

FileArgument = Annotated[
    str | None,
    typer.Argument(metavar="[FILE]", help="A dataset of any known format; without it, the workspace's rows."),
]
WhereOption = Annotated[
    str, typer.Option("--where", metavar="QUERY", help="Only rows a filter finds, as in the dataset browser.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", metavar="FORMAT", help="What FILE holds, where it cannot be told.")
]
MapOption = Annotated[
    str | None,
    typer.Option("--map", metavar="instruction=FIELD,…", help="Which of FILE's fields are which of ours."),
]
SplitOption = Annotated[
    str | None, typer.Option("--split", metavar="NAME|all", help="Of a dataset with several splits.")
]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A row and its name. split: of a workspace's row that is in one."""

    row: int
    instruction: str
    input: str
    output: str
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """rows: gives the rows anew each time it is called, the same ones unless it is us who change them; refused: filled while rows are read. store: of the
    workspace, None for a file. format: of the file."""

    rows: Callable[[], Iterator[Numbered]]
    refused: list[Refused]
    store: Store | None
    format: str


@contextmanager
def selection(
    invocation: Invocation,
    file: str | None,
    where: str,
    *,
    format: str | None = None,
    mapping: str | None = None,
    split: str | None = None,
    write: bool = False,
) -> Generator[Selection]:
    """The rows of a command. write: the workspace's store shall be writable. Raises UserError."""
    if file is None:
        workspace = invocation.workspace()
        if not workspace.db_path.exists():
            raise UserError(
                "There are no rows to look at",
                f"{workspace.root} holds no dataset yet.",
                "Generate or import one first, or name a file.",
            )
        from alpaca_tui.curation.inspection import inspect

        with workspace.open_store(readonly=not write and not where) as store:
            if where:  # what a filter asks of the lint must have been read
                inspect(store)
            sql = condition(store, where)
            with nullcontext() if write else store.snapshot():
                yield Selection(lambda: _stored(store, sql), [], store, "alpaca")
        return
    source = open_file(file, format, mapping, split)
    if not where:
        refused: list[Refused] = []
        yield Selection(lambda: _read(source, refused), refused, None, source.format)
        return
    from alpaca_tui.curation.scratch import scratch

    with scratch(source) as held:
        sql = condition(held.store, where)

        def rows() -> Iterator[Numbered]:
            for row in _stored(held.store, sql):
                yield Numbered(held.number(row.row), row.instruction, row.input, row.output, row.extra)

        yield Selection(rows, held.refused, None, source.format)


def open_file(file: str, format: str | None, mapping: str | None, split: str | None) -> Source:
    """A dataset to be read. Raises UserError."""
    from alpaca_tui.curation.interchange import open_source

    return open_source(file, format, read_mapping(mapping) if mapping else None, split)


def read_mapping(text: str) -> dict[str, str]:
    """`instruction=prompt,output=answer` -> our field -> their column. Raises UserError."""
    out: dict[str, str] = {}
    for part in text.split(","):
        name, sign, column = part.partition("=")
        if not sign or not name.strip() or not column.strip():
            raise UserError(
                f"The mapping {text!r} cannot be read",
                f"{part.strip()!r} is no OUR_FIELD=THEIR_FIELD.",
                "Write it so: --map instruction=prompt,output=answer.",
                exit_code=2,
            )
        out[name.strip()] = column.strip()
    return out


def condition(store: Store, where: str) -> Sql:
    """A filter as SQL. Raises UserError that points at the place where it cannot be read."""
    from alpaca_tui.curation.inspection import flags_of
    from alpaca_tui.curation.query import QueryError, compile_sql, parse

    try:
        return compile_sql(parse(where), flags_of(store))
    except QueryError as error:
        raise UserError(
            "The filter cannot be read", error.pointing(where), error.next_step, exit_code=2
        ) from error


def _stored(store: Store, sql: Sql) -> Iterator[Numbered]:
    for row in store.iter_examples(where=sql.where, values=sql.values):
        yield Numbered(row.id, row.instruction, row.input, row.output, row.extra, row.split)


def _read(source: Source, refused: list[Refused]) -> Iterator[Numbered]:
    from alpaca_tui.curation.interchange import Refused

    refused.clear()
    for row in source:
        if isinstance(row, Refused):
            refused.append(row)
        else:
            yield Numbered(row.row, row.instruction, row.input, row.output, row.extra)


def check_place(output: Path | None, file: str | None) -> None:
    """A result never takes the place of the file it is made from. Raises UserError where it would."""
    if output is None or file is None or not output.exists() or not Path(file).exists():
        return
    if output.samefile(file):
        raise UserError(
            "A FILE is never changed", f"{output} is the file to be read.", "Give another OUT.", exit_code=2
        )


def format_by_name(file: str, likely: str = "") -> str | None:
    """The format a name asks for, `likely` where its ending is among several formats' and one of that one's;
    None where it asks for none."""
    from alpaca_tui.curation.interchange import FORMATS

    suffix = Path(file).suffix.lower()
    if likely and suffix in FORMATS[likely].suffixes:
        return likely
    if file.startswith("hf://"):
        return "hub"
    if Path(file).name == "regen.json":
        return "regen"
    return next((id for id, known in FORMATS.items() if suffix and suffix in known.suffixes), None)


def write_rows(path: Path, rows: Sequence[Numbered] | Iterator[Numbered], format: str) -> int:
    """Rows to a file, with the fields they came with, in the format its name asks for, else in the one they
    came in (`format`). Raises UserError."""
    from alpaca_tui.curation.interchange import Options, write

    chosen = format_by_name(str(path), format) or (format if format != "hub" else None)
    if chosen is None:
        raise UserError(
            f"Which format {path} shall have cannot be told",
            "Its name has no ending that says it.",
            "Let it end in .json, .jsonl, .csv, .tsv or .parquet.",
            exit_code=2,
        )
    return write(path, rows, chosen, Options(extra=True))
