"""`alpaca-tui stats`: a dataset in numbers, and its diversity as a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from alpaca_tui.cli.common import Invocation
from alpaca_tui.cli.selection import (
    FileArgument,
    FormatOption,
    MapOption,
    SplitOption,
    WhereOption,
    condition,
    selection,
)
from alpaca_tui.text import plural, visible

if TYPE_CHECKING:
    from alpaca_tui.curation.stats import Bin, Known, Statistics
    from alpaca_tui.curation.texts import Texts
    from alpaca_tui.store.store import Store


def stats(
    context: typer.Context,
    file: FileArgument = None,
    diversity: Annotated[
        Path | None,
        typer.Option("--diversity", metavar="OUT", help="Write the two-ring figure: .svg, .png or .html."),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="The figure on a dark ground.")] = False,
    where: WhereOption = "",
    format: FormatOption = None,
    mapping: MapOption = None,
    split: SplitOption = None,
) -> None:
    """Rows, inputs, lengths, vocabulary, novelty, sources, and the root verbs of the instructions."""
    from alpaca_tui.curation.diversity import write_figure
    from alpaca_tui.curation.stats import statistics_of

    invocation: Invocation = context.obj
    with selection(invocation, file, where, format=format, mapping=mapping, split=split) as rows:
        if rows.store is not None:
            found = statistics_of(known_rows(rows.store, where))
        else:
            found = statistics_of((row, None) for row in rows.rows())
        refused = len(rows.refused)
    result = found.to_json()
    if refused:
        result["refused"] = refused
    if diversity is not None:
        name = Path(file).name if file is not None else "this dataset"
        write_figure(found.figure, diversity, f"Root verbs and objects of {name}", dark=dark)
        result["diversity"] = str(diversity)
    invocation.result(result)
    if not invocation.json and not invocation.quiet:
        _show(invocation, found)


def known_rows(store: Store, where: str) -> Iterator[tuple[Texts, Known | None]]:
    """The rows of a store with what it knows of them; a verb that was not worked out yet is left open."""
    from alpaca_tui.curation.inspection import rules_of
    from alpaca_tui.curation.stats import Known

    sql = condition(store, where)
    bits = store.flag_bits()
    for row in store.iter_examples(where=sql.where, values=sql.values):
        read = row.verb is not None or row.flags
        known = Known(
            row.verb, row.object, row.nearest_score, row.source, row.status, rules_of(row.flags, bits)
        )
        if not read:
            from alpaca_tui.curation.diversity import root_verb_object

            known.verb, known.object = root_verb_object(row.instruction)
        yield row, known


def _show(invocation: Invocation, found: Statistics) -> None:
    share = f" ({100 * found.with_input / found.rows:.1f} %)" if found.rows else ""
    invocation.out.print(
        Text(
            f"{plural(found.rows, 'row')}, {found.with_input:,} with an input{share}, "
            f"{found.unique_instructions:,} different instructions."
        )
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("words", "mean", "median", "95 %", "longest"):
        table.add_column(name, justify="left" if name == "words" else "right")
    for name, one in found.lengths.items():
        table.add_row(name, f"{one.mean:.1f}", f"{one.median:g}", f"{one.p95:g}", f"{one.longest:,}")
    invocation.out.print(table)
    if found.growth:
        invocation.out.print(Text(f"{found.growth[-1][1]:,} different words in the instructions."))
    for title, bins in (
        ("Root verbs", found.verbs[:12]),
        ("Findings", found.flags[:12]),
        ("Sources", found.sources),
        ("Nearest", found.similarity),
    ):
        if bins:
            invocation.out.print(Text(f"{title}: {_listed(bins)}"))
    invocation.out.print(
        Text(f"{found.figure.verbs:,} different root verbs, {found.figure.pairs:,} pairs of verb and object.")
    )


def _listed(bins: Sequence[Bin]) -> str:
    return ", ".join(f"{visible(one.label)} {one.count:,}" for one in bins)


def register(app: typer.Typer) -> None:
    app.command("stats")(stats)
