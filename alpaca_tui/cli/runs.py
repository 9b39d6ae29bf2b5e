"""`alpaca-tui runs`: what is trained here, and what can be done with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from alpaca_tui.cli.common import LINE_INTERVAL_S, Invocation, clock
from alpaca_tui.errors import UserError
from alpaca_tui.text import one_line, visible

if TYPE_CHECKING:
    from alpaca_tui.finetune.folder import RunFolder
    from alpaca_tui.finetune.metrics import Metrics
    from alpaca_tui.finetune.runs import Run

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or last.")]

LOOK_S = 0.5
STOP_WAIT_S = 600.0

runs_app = typer.Typer(name="runs", help="Fine-tuning runs of the workspace.", no_args_is_help=True)


@runs_app.command("list")
def list_runs(context: typer.Context) -> None:
    """All runs, newest first."""
    from alpaca_tui.finetune.runs import all_runs

    invocation: Invocation = context.obj
    found = all_runs(invocation.workspace().runs_dir)
    invocation.result({"runs": [run.summary() for run in found]})
    if invocation.json:
        return
    if not found:
        invocation.say("There are no runs yet. Start one: alpaca-tui train --model tiny")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run", "state", "step", "loss", "left", "model", "device"):
        table.add_column(name, style="dim" if name == "device" else "")
    for run in found:
        status = run.status
        loss = "" if status.loss is None else f"{status.loss:.4f}"
        left = clock(status.eta) if run.active and status.eta is not None else ""
        model = run.spec.model.name if run.spec else "?"
        cells = (
            run.id,
            run.state,
            f"{status.step:,}/{status.total_steps:,}",
            loss,
            left,
            model,
            status.device,
        )
        table.add_row(*(Text(visible(cell)) for cell in cells))
    invocation.out.print(table)


@runs_app.command("show")
def show(context: typer.Context, run: RunArgument) -> None:
    """How a run stands."""
    from alpaca_tui.finetune.runs import find

    invocation: Invocation = context.obj
    found = find(invocation.workspace().runs_dir, run)
    invocation.result(found.summary())
    if not invocation.json:
        _print_run(invocation, found)


@runs_app.command("watch")
def watch(context: typer.Context, run: RunArgument) -> None:
    """Follow a run until it ends. Ctrl+C stops the watching, not the run."""
    from alpaca_tui.finetune.runs import find

    invocation: Invocation = context.obj
    follow(invocation, find(invocation.workspace().runs_dir, run).folder, stops=False)


@runs_app.command("stop")
def stop(
    context: typer.Context,
    run: RunArgument,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until the checkpoint is written.")] = True,
) -> None:
    """Write a checkpoint after the current step, and end; resume goes on from there."""
    from alpaca_tui.finetune import runs

    invocation: Invocation = context.obj
    found = runs.stop(runs.find(invocation.workspace().runs_dir, run), STOP_WAIT_S if wait else 0.0)
    invocation.result(found.summary(), f"{found.id}: {found.state}")


@runs_app.command("resume")
def resume(
    context: typer.Context,
    run: RunArgument,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and leave it alone.")] = False,
) -> None:
    """Go on with a run from its newest whole checkpoint."""
    from alpaca_tui.finetune import runs

    invocation: Invocation = context.obj
    found = runs.find(invocation.workspace().runs_dir, run)
    checkpoint = runs.newest_checkpoint(found)
    runs.resume(found)
    invocation.say(f"{found.id} goes on from {f'step {checkpoint.step}' if checkpoint else 'the beginning'}.")
    if detach:
        invocation.result(runs.look(found.folder).summary())
        return
    follow(invocation, found.folder, stops=True)


@runs_app.command("compare")
def compare(
    context: typer.Context,
    run: Annotated[list[str], typer.Argument(metavar="RUN…", help="Two runs or more.")],
) -> None:
    """Runs side by side: losses, and what differs in their recipes."""
    from alpaca_tui.finetune import runs

    invocation: Invocation = context.obj
    place = invocation.workspace().runs_dir
    rows = runs.compare([runs.find(place, name) for name in run])
    invocation.result({"runs": rows})
    if invocation.json:
        return
    table = Table(box=None, pad_edge=False)
    names = [*rows[0], *rows[0]["differs"]]
    names.remove("differs")
    for name in names:
        table.add_column(name)
    for row in rows:
        values = {**row, **row["differs"]}
        table.add_row(*(Text(visible(_cell(values[name]))) for name in names))
    invocation.out.print(table)


@runs_app.command("delete")
def delete(
    context: typer.Context,
    run: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a run, its checkpoints and its model. That cannot be undone."""
    from alpaca_tui.finetune import runs

    invocation: Invocation = context.obj
    found = runs.find(invocation.workspace().runs_dir, run)
    if not yes:
        typer.confirm(f"Delete {found.id} with its checkpoints and its model?", abort=True, err=True)
    runs.delete(found)
    invocation.result({"deleted": found.id}, f"{found.id} is deleted.")


def follow(invocation: Invocation, folder: RunFolder, *, stops: bool) -> None:
    """Show a run until it ends, then its result; a failed one is a UserError. stops: Ctrl+C stops the run."""
    from alpaca_tui.finetune import runs
    from alpaca_tui.finetune.metrics import Metrics

    metrics = Metrics(folder.metrics_file)
    try:
        _watch(invocation, folder, metrics)
    except KeyboardInterrupt:
        run = runs.look(folder)
        if not stops or not run.active:
            raise
        invocation.say("It stops after this step, with a checkpoint…")
        run = runs.stop(run, STOP_WAIT_S)
        invocation.result(
            run.summary(), f"{run.id}: {run.state}. Go on with: alpaca-tui runs resume {run.id}"
        )
        raise typer.Exit(130) from None
    run = runs.look(folder)
    why = run.why()
    if run.state in ("failed", "crashed") and why is not None:
        raise UserError(why["title"], why["cause"], why["next_step"])
    invocation.result(run.summary())
    if not invocation.json:
        _print_run(invocation, run)


def _watch(invocation: Invocation, folder: RunFolder, metrics: Metrics) -> None:
    from alpaca_tui.finetune.runs import look

    console = invocation.err
    run = look(folder)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while run.active:
                metrics.poll()
                live.update(_panel(run, metrics, console.width), refresh=True)
                time.sleep(LOOK_S)
                run = look(folder)
        return
    shown = -LINE_INTERVAL_S
    while run.active:
        metrics.poll()
        if time.monotonic() - shown >= LINE_INTERVAL_S:
            shown = time.monotonic()
            console.print(Text(_headline(run, metrics)), soft_wrap=True)
        time.sleep(LOOK_S)
        run = look(folder)


def _headline(run: Run, metrics: Metrics) -> str:
    status = run.status
    loss, norm = metrics.last("loss"), metrics.last("grad_norm")
    parts = [
        status.phase,
        f"step {status.step:,}/{status.total_steps:,}" if status.total_steps else "",
        f"loss {loss:.4f}" if loss is not None else "",
        f"eval {status.eval_loss:.4f}" if status.eval_loss is not None else "",
        f"gradient {norm:.3g}" if norm is not None else "",
        f"{status.tokens_per_s:,.0f} tokens/s" if status.tokens_per_s else "",
        f"{clock(status.eta)} left" if status.eta is not None else "",
        status.device,
        status.told,
    ]
    return " · ".join(visible(part) for part in parts if part)


def _panel(run: Run, metrics: Metrics, width: int) -> RenderableType:
    """The live picture: bar, numbers, the curve of the loss, the latest answer."""
    from alpaca_tui.finetune.metrics import smoothed

    status = run.status
    bar = ProgressBar(total=max(status.total_steps, 1), completed=status.step, width=max(width - 2, 10))
    lines: list[RenderableType] = [bar, Text(_headline(run, metrics), no_wrap=True, overflow="ellipsis")]
    losses = metrics.series.get("loss")
    if losses and len(losses) > 1:
        lines.append(
            Text(_spark(smoothed(losses.values, 0.6), max(width - 2, 10)), style="green", no_wrap=True)
        )
    if metrics.samples:
        sample = metrics.samples[-1]
        told = f"{one_line(sample.instruction)[: width // 3]} → {one_line(sample.output)}"
        lines.append(Text(visible(told), style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _spark(values: list[float], width: int) -> str:
    """A line of bars as wide as that: each the mean of its share of the values."""
    step = max(len(values) / width, 1.0)
    means: list[float] = []
    at = 0.0
    while int(at) < len(values):
        part = values[int(at) : max(int(at + step), int(at) + 1)]
        means.append(sum(part) / len(part))
        at += step
    low, high = min(means), max(means)
    bars = "▁▂▃▄▅▆▇█"
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(bars[round((value - low) * scale)] for value in means if value == value)


def _print_run(invocation: Invocation, run: Run) -> None:
    summary: dict[str, Any] = {**run.summary()}
    why = summary.pop("why")
    recipe: dict[str, Any] = summary.pop("recipe") or {}
    data: dict[str, Any] = summary.pop("data") or {}
    parity: list[list[str]] = summary.pop("parity") or []
    summary["command"] = " ".join(summary["command"] or [])
    summary["data"] = ", ".join(f"{name} {value}" for name, value in data.items())
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in summary.items():
        if value not in (None, ""):
            table.add_row(name, Text(visible(_cell(value))))
    table.add_row("recipe", Text(visible(", ".join(f"{name} {value}" for name, value in recipe.items()))))
    table.add_row("parity", Text(visible("\n".join(f"{name}: {words}" for name, words in parity))))
    if why is not None:
        table.add_row("why", Text(visible(" ".join(part for part in why.values() if part)), style="red"))
    if not invocation.quiet:
        invocation.out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.add_typer(runs_app)
