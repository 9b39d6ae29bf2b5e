"""`alpaca-tui import` and `alpaca-tui export`: datasets in and out of the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from alpaca_tui.cli.common import Invocation
from alpaca_tui.cli.selection import (
    FormatOption,
    MapOption,
    SplitOption,
    WhereOption,
    condition,
    format_by_name,
    open_file,
)
from alpaca_tui.errors import UserError
from alpaca_tui.text import plural, preview, visible

if TYPE_CHECKING:
    from alpaca_tui.curation.importing import Imported
    from alpaca_tui.curation.interchange import Source
    from alpaca_tui.store.store import Store
    from alpaca_tui.workspace import Workspace


def import_file(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A file, a folder saved by datasets, or hf://OWNER/NAME."),
    ],
    format: FormatOption = None,
    mapping: MapOption = None,
    split: SplitOption = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good rows even where others are refused.")
    ] = False,
    preview_rows: Annotated[
        int, typer.Option("--preview", metavar="N", help="Show the first N rows and import nothing.")
    ] = 0,
) -> None:
    """Bring a dataset into the workspace; its rows join the novelty pool. Refused rows are named.

    Alpaca JSON, regen.json, JSON lines, CSV, TSV, Parquet, ShareGPT, chat messages, datasets folders and the
    Hub are known by their content. One operation, which can be undone; the lint reads the rows, and the
    nearest score of each is computed afterwards by a process in the background.
    """
    from alpaca_tui.curation.importing import RefusedRowsError, import_source
    from alpaca_tui.curation.inspection import inspect
    from alpaca_tui.generation.measuring import start_measuring

    invocation: Invocation = context.obj
    source = open_file(file, format, mapping, split)
    if preview_rows:
        _preview(invocation, source, preview_rows)
        return
    with invocation.workspace().open_store() as store:
        try:
            report = import_source(store, source, skip_bad=skip_bad)
        except RefusedRowsError as error:
            _name_refused(invocation, error.report)
            raise
        inspect(store)
        pending = store.count_unmeasured()
    if pending:
        start_measuring(invocation.workspace())
    _name_refused(invocation, report)
    refused = [{"row": bad.row, "line": bad.line, "reason": bad.reason} for bad in report.refused]
    invocation.result(
        {
            "imported": report.added,
            "refused": refused,
            "refusals": report.refusals,
            "format": source.format,
        },
        f"{plural(report.added, 'row')} imported" + (f", {report.refusals:,} refused." if refused else "."),
    )


def _name_refused(invocation: Invocation, report: Imported) -> None:
    """Every refused row with its reason, as far as they are kept."""
    from alpaca_tui.curation.importing import where

    for bad in report.refused:
        invocation.say(f"refused {where(bad)}: {bad.reason}")
    if more := report.refusals - len(report.refused):
        invocation.say(f"and {plural(more, 'more', 'more')}")


def _preview(invocation: Invocation, source: Source, rows: int) -> None:
    """The first rows as they would be taken, and how the file is read."""
    from alpaca_tui.curation.importing import where
    from alpaca_tui.curation.interchange import Refused

    shown = source.preview(rows)
    taken = [row for row in shown if not isinstance(row, Refused)]
    invocation.result(
        {
            "format": source.format,
            "encoding": source.encoding,
            "columns": list(source.columns),
            "mapping": dict(source.mapping or {}),
            "rows": [
                {"instruction": row.instruction, "input": row.input, "output": row.output, **row.extra}
                for row in taken
            ],
            "refused": [{"row": row.row, "reason": row.reason} for row in shown if isinstance(row, Refused)],
        }
    )
    if invocation.json:
        return
    told = f"{source.format}" + (f", {source.encoding}" if source.encoding else "")
    pairs = ", ".join(f"{ours} = {theirs}" for ours, theirs in (source.mapping or {}).items())
    invocation.out.print(Text(visible(f"{told}; {pairs}")))
    for row in shown:
        if isinstance(row, Refused):
            invocation.out.print(Text(visible(f"  refused {where(row)}: {row.reason}")))
        else:
            line = f"  {preview(row.instruction, 60)} | {preview(row.input, 30)} | {preview(row.output, 60)}"
            invocation.out.print(Text(visible(line)))


def export_file(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Where to write; replaced in one step if it exists. hf://OWNER/NAME: the Hub.",
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="alpaca, regen, jsonl, csv, tsv, parquet, sharegpt, messages, hf, hub; by FILE's name if left out.",
        ),
    ] = None,
    where: WhereOption = "",
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="train=0.95,eval=0.05",
            help="Divide the rows for good: rows that have a split keep it. A file a split.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another number, another division.")] = 0,
    extra: Annotated[
        bool | None,
        typer.Option(
            "--extra/--no-extra", help="With the fields the rows came with (not in alpaca and regen)."
        ),
    ] = None,
    facts: Annotated[
        str, typer.Option("--with", metavar="NAMES", help="Write these facts too: rating,tags,status,…")
    ] = "",
    licence: Annotated[str, typer.Option("--licence", metavar="ID", help="Of a dataset on the Hub.")] = "",
    public: Annotated[bool, typer.Option("--public", help="Make a new dataset on the Hub public.")] = False,
) -> None:
    """Write the dataset: rows neither deleted nor rejected, those of --where if it is given."""
    from alpaca_tui.curation import splits
    from alpaca_tui.curation.export import FACTS, Plan, export

    invocation: Invocation = context.obj
    chosen = format or _format_of(file)
    names = [name.strip() for name in facts.split(",") if name.strip()]
    if unknown := [name for name in names if name not in FACTS]:
        raise UserError(f"There is no fact {unknown[0]!r}", f"There are {', '.join(FACTS)}.", "", exit_code=2)
    shares = splits.read_shares(split) if split else None
    workspace = invocation.workspace()
    if not workspace.db_path.exists():
        raise UserError(
            "There is nothing to export",
            f"{workspace.root} holds no dataset yet.",
            "Generate or import one first.",
        )
    if chosen == "regen":
        _measure_the_rest(workspace)
    with workspace.open_store(readonly=shares is None) as store:
        sql = condition(store, where)
        if shares is not None:
            ids = [row.id for row in store.iter_examples(where=sql.where, values=sql.values)]
            splits.assign(store, ids, shares, seed)
        done = export(
            store,
            file,
            Plan(
                format=chosen,
                where=sql,
                extra=extra,
                facts=names,
                seeds=_seed_texts(workspace, store) if chosen == "regen" else {},
                split=shares is not None,
                splits=tuple(shares or ()),
                title=file.rsplit("/", 1)[-1],
                licence=licence,
                private=not public,
            ),
        )
    words = "; ".join(f"{plural(rows, 'row')} in {name}" for name, rows in done.files.items())
    invocation.result(
        {"rows": done.rows, "file": file, "format": chosen, "files": dict(done.files)}, f"{words}."
    )


def _format_of(file: str) -> str:
    """The format a name asks for. Raises UserError where it asks for none we know."""
    from alpaca_tui.curation.interchange import FORMATS

    if chosen := format_by_name(file):
        return chosen
    suffix = Path(file).suffix.lower()
    raise UserError(
        f"Which format {file} shall have cannot be told",
        f"Its name ends in {suffix!r}." if suffix else "Its name has no ending.",
        f"Say it with --format: {', '.join(id for id, known in FORMATS.items() if known.writes)}.",
        exit_code=2,
    )


def _measure_the_rest(workspace: Workspace) -> None:
    """Compute what similarities imported rows still lack. Raises UserError where they cannot be stored."""
    from alpaca_tui.generation.measuring import measure
    from alpaca_tui.generation.opening import seeds_of_last_run

    with workspace.open_store(readonly=True) as store:
        if not store.count_unmeasured():
            return
    with workspace.open_store() as store:
        measure(store, seeds_of_last_run(workspace, store))


def _seed_texts(workspace: Workspace, store: Store) -> dict[str, str]:
    """Instruction by key of the seeds of the last run, which the rows' neighbours may name."""
    from alpaca_tui.generation.opening import seeds_of_last_run

    return {f"seed:{seed.id}": seed.instruction for seed in seeds_of_last_run(workspace, store)}


def register(app: typer.Typer) -> None:
    app.command("import")(import_file)
    app.command("export")(export_file)
