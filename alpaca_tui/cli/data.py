"""`alpaca-tui import` and `alpaca-tui export`: datasets in and out of the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alpaca_tui.cli.common import Invocation
from alpaca_tui.errors import UserError
from alpaca_tui.text import plural

if TYPE_CHECKING:
    from alpaca_tui.store.store import Store
    from alpaca_tui.workspace import Workspace


def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Alpaca JSON: a list of instruction, input, output.")
    ],
    format: Annotated[str, typer.Option("--format", metavar="alpaca", help="What FILE holds.")] = "alpaca",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good rows even where others are refused.")
    ] = False,
) -> None:
    """Bring a dataset into the workspace; its rows join the novelty pool. Refused rows are named.

    The nearest score of each row is computed afterwards by a process in the background.
    """
    from alpaca_tui.curation.interchange.alpaca import read_alpaca
    from alpaca_tui.generation.measuring import start_measuring
    from alpaca_tui.store.rows import ImportedRow

    if format != "alpaca":
        raise UserError(
            f"Unknown format {format!r}",
            "This version imports Alpaca JSON.",
            "Use --format alpaca.",
            exit_code=2,
        )
    invocation: Invocation = context.obj
    content = read_alpaca(file)
    refused = [{"row": bad.row, "reason": bad.reason} for bad in content.refused]
    if content.refused and not skip_bad:
        first = "; ".join(f"row {bad.row}: {bad.reason}" for bad in content.refused[:5])
        raise UserError(
            f"{plural(len(content.refused), 'row')} of {file.name} cannot be imported, so nothing was",
            first + ("; …" if len(content.refused) > 5 else "") + ".",
            "Mend them, or import the others with --skip-bad.",
        )
    with invocation.workspace().open_store() as store:
        report = store.add_imported(
            (ImportedRow(row.instruction, row.input, row.output, row.extra) for row in content.rows),
            str(file),
        )
        pending = store.count_unmeasured()
    if pending:
        start_measuring(invocation.workspace())
    for bad in content.refused:
        invocation.say(f"refused row {bad.row}: {bad.reason}")
    invocation.result(
        {"imported": report.added, "refused": refused},
        f"{plural(report.added, 'row')} imported" + (f", {len(refused):,} refused." if refused else "."),
    )


def export_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write; replaced in one step if it exists.")
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="alpaca|regen", help="regen: with the ten nearest and the mean similarity."
        ),
    ] = None,
) -> None:
    """Write the dataset: Alpaca JSON, or regen.json (by default for a file of that name)."""
    from alpaca_tui.curation.export import export_alpaca, export_regen

    chosen = format or ("regen" if file.name == "regen.json" else "alpaca")
    if chosen not in ("alpaca", "regen"):
        raise UserError(
            f"Unknown format {chosen!r}", "This version exports alpaca and regen.", "", exit_code=2
        )
    invocation: Invocation = context.obj
    workspace = invocation.workspace()
    if not workspace.db_path.exists():
        raise UserError(
            "There is nothing to export",
            f"{workspace.root} holds no dataset yet.",
            "Generate or import one first.",
        )
    if chosen == "regen":
        _measure_the_rest(workspace)
    with workspace.open_store(readonly=True) as store:
        if chosen == "regen":
            rows = export_regen(store, file, _seed_texts(workspace, store))
        else:
            rows = export_alpaca(store, file)
    invocation.result(
        {"rows": rows, "file": str(file), "format": chosen}, f"{plural(rows, 'row')} in {file}."
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
