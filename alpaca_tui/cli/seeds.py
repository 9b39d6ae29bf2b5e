"""`alpaca-tui seeds`: look at the seed tasks a run would show its teacher, or give the workspace its own."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from alpaca_tui.cli.common import Invocation
from alpaca_tui.text import plural, preview, visible

if TYPE_CHECKING:
    from alpaca_tui.generation.seeds import SeedReport, SeedTask

seeds_app = typer.Typer(
    help="The seed tasks: list them, import your own, see what they are like.", no_args_is_help=True
)

FileOption = Annotated[
    Path | None,
    typer.Option("--seeds", metavar="FILE", help="These instead of the workspace's (or the shipped) ones."),
]


@seeds_app.command("list")
def list_seeds(context: typer.Context, seeds: FileOption = None) -> None:
    """List the seed tasks in force."""
    invocation: Invocation = context.obj
    tasks, origin = _in_force(invocation, seeds)
    invocation.result({"origin": origin, "count": len(tasks), "seeds": [asdict(task) for task in tasks]})
    if invocation.json or invocation.quiet:
        return
    width = invocation.out.width
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "kind", "instruction"):
        table.add_column(column, no_wrap=True)
    for task in tasks:
        kind = ("class" if task.is_classification else "open") + (" +input" if task.input else "")
        table.add_row(Text(visible(task.id)), kind, Text(preview(task.instruction, max(20, width - 34))))
    invocation.out.print(table)
    invocation.say(f"{plural(len(tasks), 'seed task')} ({origin}).")


@seeds_app.command("import")
def import_seeds(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="self-instruct JSONL, or an Alpaca JSON list.")
    ],
) -> None:
    """Make FILE this workspace's seed tasks (checked first; `generate` uses them from then on)."""
    from alpaca_tui.atomic import atomic_write_text
    from alpaca_tui.generation.opening import workspace_seeds
    from alpaca_tui.generation.seeds import load_file, to_jsonl

    invocation: Invocation = context.obj
    tasks = load_file(file)
    workspace = invocation.workspace()
    workspace.make()
    target = workspace_seeds(workspace)
    atomic_write_text(target, to_jsonl(tasks))
    invocation.result(
        {"imported": len(tasks), "file": str(target)}, f"{plural(len(tasks), 'seed task')} in {target}."
    )


@seeds_app.command("report")
def report_seeds(context: typer.Context, seeds: FileOption = None) -> None:
    """What the seed tasks are like: spread, lengths, what the filters would reject, near-duplicates."""
    from alpaca_tui.generation.seeds import report

    invocation: Invocation = context.obj
    tasks, origin = _in_force(invocation, seeds)
    findings = report(tasks)
    invocation.result({"origin": origin, **asdict(findings)}, _words(findings, origin))


def _in_force(invocation: Invocation, file: Path | None) -> tuple[list[SeedTask], str]:
    from alpaca_tui.generation.opening import seeds_in_force

    return seeds_in_force(invocation.workspace(), file)


def _words(report: SeedReport, origin: str) -> str:
    lines = [
        f"{plural(report.count, 'seed task')} ({origin}): {report.with_input:,} with an input, "
        f"{report.classification:,} classification.",
        f"First words: {len(report.first_words):,} different; most frequent: "
        + ", ".join(f"{word} {count}" for word, count in report.first_words[:8])
        + ".",
        f"Words per instruction: {report.instruction_words.least} to {report.instruction_words.most}, "
        f"median {report.instruction_words.median:g}; per output: median {report.output_words.median:g}.",
    ]
    if report.rejected:
        lines.append(f"{plural(len(report.rejected), 'seed')} our own filters would reject:")
        lines += [f"  {seed.id}: {seed.rule} ({seed.detail})" for seed in report.rejected]
    else:
        lines.append("None that a filter would reject.")
    if report.near_duplicates:
        lines.append(f"{plural(len(report.near_duplicates), 'pair')} closer than ROUGE-L 0.7:")
        lines += [f"  {pair.id} ~ {pair.twin}: {pair.score:.3f}" for pair in report.near_duplicates]
    else:
        lines.append("No pair closer than ROUGE-L 0.7.")
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    app.add_typer(seeds_app, name="seeds")
