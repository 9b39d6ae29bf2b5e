"""A run's progress on standard error: a live panel in a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from alpaca_tui.cli.common import LINE_INTERVAL_S, clock
from alpaca_tui.generation.engine import Generation
from alpaca_tui.generation.events import Snapshot, TaskView, Verdict
from alpaca_tui.text import one_line, visible

SHOWN_TASKS = 8
SIGNS = {
    Verdict.KEPT: ("✓", "green"),
    Verdict.DUPLICATE: ("≈", "yellow"),
    Verdict.FILTERED: ("✗", "red"),
    Verdict.TRUNCATED: ("…", "magenta"),
    Verdict.SURPLUS: ("+", "cyan"),
}


def watch(console: Console, run: Generation, interval_s: float) -> None:
    """Show the run until it has stopped."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while not run.wait(interval_s):
                live.update(panel(run.snapshot(), console.width), refresh=True)
        return
    shown = 0.0
    lines = 0
    while not run.wait(interval_s):
        snapshot = run.snapshot()
        for line in snapshot.log[lines:]:
            console.print(Text(visible(line.message)), soft_wrap=True)
        lines = len(snapshot.log)
        if time.monotonic() - shown >= LINE_INTERVAL_S:
            shown = time.monotonic()
            console.print(Text(headline(snapshot)), soft_wrap=True)
    for line in run.snapshot().log[lines:]:
        console.print(Text(visible(line.message)), soft_wrap=True)


def headline(snapshot: Snapshot) -> str:
    """One line: how far, how fast, how dear."""
    money = snapshot.money
    cost = "cost unknown" if money.spent is None else f"${money.spent:,.4f}"
    return (
        f"{snapshot.kept:,}/{snapshot.goal:,} kept · {snapshot.duplicates:,} duplicates · "
        f"{sum(snapshot.filtered.values()):,} filtered · {snapshot.in_flight} in flight · "
        f"{snapshot.tokens_per_s:,.0f} tokens/s · {cost} · {clock(snapshot.eta_s)} left"
    )


def panel(snapshot: Snapshot, width: int) -> RenderableType:
    """The live picture: bar, headline, the latest verdicts, the latest word of the log."""
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True)
    bar.add_row(
        ProgressBar(total=snapshot.goal, completed=min(snapshot.kept, snapshot.goal)),
        Text(f"{snapshot.kept:,}/{snapshot.goal:,}", style="bold"),
    )
    tasks = [_task_line(view, width) for view in snapshot.recent[-SHOWN_TASKS:]]
    last = snapshot.log[-1].message if snapshot.log else ""
    return Group(
        bar,
        Text(headline(snapshot), no_wrap=True, overflow="ellipsis"),
        *tasks,
        Text(one_line(last), style="dim", no_wrap=True, overflow="ellipsis"),
    )


def _task_line(view: TaskView, width: int) -> Text:
    sign, colour = SIGNS[view.verdict]
    note = ""
    if view.verdict is Verdict.DUPLICATE and view.score is not None:
        note = f"  {view.score:.2f} ~ {view.twin}"
    elif view.verdict is not Verdict.KEPT and view.reason:
        note = f"  {view.reason}"
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{sign} ", style=colour)
    text.append(one_line(view.task.instruction)[:width])
    text.append(one_line(note)[:width], style="dim")
    return text
