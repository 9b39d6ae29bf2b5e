"""`alpaca-tui dedup`: near-duplicates of a dataset under ROUGE-L, by the rules of generation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from alpaca_tui.cli.common import Invocation
from alpaca_tui.cli.selection import (
    FileArgument,
    FormatOption,
    MapOption,
    SplitOption,
    WhereOption,
    check_place,
    selection,
    write_rows,
)
from alpaca_tui.errors import UserError
from alpaca_tui.text import plural, preview, visible

if TYPE_CHECKING:
    from alpaca_tui.curation.duplicates import Compared

_SHOWN = 10


def dedup(
    context: typer.Context,
    file: FileArgument = None,
    threshold: Annotated[
        float, typer.Option("--threshold", min=0.0, max=1.0, help="ROUGE-L above which rows are duplicates.")
    ] = 0.7,
    seeds: Annotated[
        str,
        typer.Option("--seeds", metavar="FILE|none", help="Rows near these seed tasks are duplicates too."),
    ] = "none",
    fields: Annotated[
        str,
        typer.Option("--fields", metavar="instruction|prompt", help="Compare instructions, or with inputs."),
    ] = "instruction",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Where the kept rows go.")
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the duplicates in the workspace, as one operation.")
    ] = False,
    where: WhereOption = "",
    format: FormatOption = None,
    mapping: MapOption = None,
    split: SplitOption = None,
) -> None:
    """Find near-duplicates: the first of two wins, and a duplicate's twin is the nearest row that was kept.

    A FILE is never changed.
    """
    from alpaca_tui.curation.duplicates import compared_text, find_duplicates

    invocation: Invocation = context.obj
    if fields not in ("instruction", "prompt"):
        raise UserError(f"Unknown fields {fields!r}", "", "Use instruction or prompt.", exit_code=2)
    if delete and file is not None:
        raise UserError("A FILE is never changed", "", "Write the kept rows: --output OUT.", exit_code=2)
    compared: Compared = fields
    check_place(output, file)
    pool = _seeds(seeds, compared)
    with selection(
        invocation, file, where, format=format, mapping=mapping, split=split, write=delete
    ) as rows:
        found = find_duplicates(
            ((row.row, compared_text(row.instruction, row.input, compared)) for row in rows.rows()),
            threshold,
            seeds=pool,
        )
        result: dict[str, Any] = {
            "total": found.total,
            "kept": len(found.kept),
            "duplicates": [
                {"row": one.row, "twin": one.twin, "score": one.score} for one in found.duplicates
            ],
        }
        if rows.refused:
            result["refused"] = [{"row": bad.row, "reason": bad.reason} for bad in rows.refused]
        if output is not None:
            kept = set(found.kept)
            write_rows(output, (row for row in rows.rows() if row.row in kept), rows.format)
        if delete and rows.store is not None:
            rows.store.operate_on(
                f"Delete {plural(len(found.duplicates), 'near-duplicate')}",
                [one.row for one in found.duplicates],
                {"deleted": True},
            )
        texts = {row.row: row.instruction for row in rows.rows()} if not invocation.json else {}
    invocation.result(result)
    if invocation.json or invocation.quiet:
        return
    for one in found.duplicates[:_SHOWN]:
        twin = texts.get(one.twin, "") if isinstance(one.twin, int) else ""
        line = (
            f"{one.score:.2f}  row {one.row}: {preview(texts[one.row], 40)}  ≈ {one.twin} {preview(twin, 40)}"
        )
        invocation.out.print(Text(visible(line)))
    if len(found.duplicates) > _SHOWN:
        invocation.out.print(Text(f"… and {plural(len(found.duplicates) - _SHOWN, 'more', 'more')}"))
    told = f"{plural(found.total, 'row')}: {len(found.kept):,} kept, {plural(len(found.duplicates), 'near-duplicate')}."
    invocation.out.print(Text(told))


def _seeds(choice: str, compared: Compared) -> list[tuple[str, str]]:
    from alpaca_tui.curation.duplicates import compared_text
    from alpaca_tui.generation.seeds import load_file

    if choice == "none":
        return []
    return [
        (f"seed:{seed.id}", compared_text(seed.instruction, seed.input, compared))
        for seed in load_file(Path(choice))
    ]


def register(app: typer.Typer) -> None:
    app.command("dedup")(dedup)
