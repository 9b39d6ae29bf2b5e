"""`alpaca-tui doctor`: what works on this machine, and why not."""

from __future__ import annotations

import os

import typer
from rich.table import Table
from rich.text import Text

from alpaca_tui.cli.common import Invocation
from alpaca_tui.text import visible

SIGNS = {"ok": ("✓", "green"), "missing": ("○", "yellow"), "problem": ("✗", "red")}


def doctor(context: typer.Context) -> None:
    """Check this machine: what works, and why not. Exit code 1 when something needed is broken."""
    from alpaca_tui.doctor import examine

    invocation: Invocation = context.obj
    findings = examine(invocation.workspace_dir, os.environ)
    broken = any(finding.state == "problem" for finding in findings)
    invocation.result(
        {
            "ok": not broken,
            "checks": [
                {
                    "area": f.area,
                    "name": f.name,
                    "state": f.state,
                    "detail": f.detail,
                    "next_step": f.next_step,
                }
                for f in findings
            ],
        }
    )
    if not invocation.json:
        table = Table(box=None, pad_edge=False, show_header=False)
        for column in ("", "area", "name"):
            table.add_column(column, no_wrap=True)
        table.add_column("detail")
        for finding in findings:
            sign, colour = SIGNS[finding.state]
            detail = Text(visible(finding.detail))
            if finding.next_step:
                detail.append("\n" + visible(finding.next_step), style="bold")
            table.add_row(
                Text(sign, style=colour), Text(finding.area, style="dim"), Text(finding.name), detail
            )
        invocation.out.print(table)
    if broken:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
