"""`alpaca-tui lint`: the defects of a dataset by rule, and the fixes that are safe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from alpaca_tui.cli.common import Invocation
from alpaca_tui.cli.selection import (
    FileArgument,
    FormatOption,
    MapOption,
    Numbered,
    Selection,
    SplitOption,
    WhereOption,
    check_place,
    selection,
    write_rows,
)
from alpaca_tui.errors import UserError
from alpaca_tui.text import plural

if TYPE_CHECKING:
    from alpaca_tui.curation.lint import Context, Finding

_SAMPLE = 2_000
_STYLES = {"error": "red", "warning": "yellow", "info": "cyan"}


def lint(
    context: typer.Context,
    file: FileArgument = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Make the safe fixes: of a FILE into --output, else in the workspace."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Where the fixed FILE goes.")
    ] = None,
    where: WhereOption = "",
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule; may be given again.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--against", metavar="FILE", help="An evaluation suite no prompt may come from."),
    ] = None,
    format: FormatOption = None,
    mapping: MapOption = None,
    split: SplitOption = None,
) -> None:
    """Find the defects of a dataset: empty outputs, leftover markers, wrong characters, refusals and more.

    A FILE is never changed. In the workspace fixes are one operation, which can be undone.
    """
    from alpaca_tui.curation.lint import RULES, lint_numbered

    invocation: Invocation = context.obj
    rules = _chosen(rule)
    _check_way(fix, file, output)
    check_place(output, file)
    with selection(invocation, file, where, format=format, mapping=mapping, split=split, write=fix) as rows:
        about, numbered = _context(rows, against or [])
        found = [
            (row, one)
            for row, one in lint_numbered(((row.row, row) for row in numbered), about)
            if one.rule in rules
        ]
        total = _total(rows)
        findings = [_as_json(row, one) for row, one in found]
        if "bad-field" in rules:
            findings += [
                {
                    "row": bad.row,
                    "rule": "bad-field",
                    "severity": RULES["bad-field"].severity,
                    "field": "",
                    "message": bad.reason,
                    "fixable": False,
                }
                for bad in rows.refused
            ]
        findings.sort(key=lambda one: one["row"])
        result: dict[str, Any] = {"total": total, "findings": findings}
        if fix:
            result["fixed"] = _fix(rows, output, [one for one in RULES if one in rules])
    invocation.result(result)
    if not invocation.json and not invocation.quiet:
        _show(invocation, result)


def _check_way(fix: bool, file: str | None, output: Path | None) -> None:
    """What is asked for must come to something. Raises UserError."""
    if fix and file is not None and output is None:
        raise UserError(
            "There is no place for the fixed rows",
            "A FILE is never changed.",
            "Give one: --output OUT.",
            exit_code=2,
        )
    if output is not None and not (fix and file is not None):
        raise UserError(
            "There is nothing to write",
            "--output is for the rows of a FILE after --fix; in the workspace rows are fixed where they are.",
            "Add --fix and a FILE, or leave --output out and use `alpaca-tui export`.",
            exit_code=2,
        )


def _chosen(rules: list[str] | None) -> set[str]:
    from alpaca_tui.curation.lint import RULES

    for rule in rules or ():
        if rule not in RULES:
            raise UserError(
                f"There is no rule {rule!r}",
                f"There are {', '.join(RULES)}.",
                "Name one of them.",
                exit_code=2,
            )
    return set(rules or RULES)


def _context(rows: Selection, against: list[str]) -> tuple[Context, Iterator[Numbered]]:
    """What rules may know, and the rows from the start."""
    from alpaca_tui.curation.interchange import Refused, open_source
    from alpaca_tui.curation.lint import Context, dominant_language, leak_index
    from alpaca_tui.generation.seeds import load_builtin

    stream = rows.rows()
    head = list(islice(stream, _SAMPLE))
    prompts = [(seed.instruction, seed.input, f"the seed {seed.id}") for seed in load_builtin()]
    for suite in against:
        name = Path(suite).name
        prompts += [
            (row.instruction, row.input, name) for row in open_source(suite) if not isinstance(row, Refused)
        ]
    return Context(language=dominant_language(head), leaks=leak_index(prompts)), chain(head, stream)


def _total(rows: Selection) -> int:
    return sum(1 for _ in rows.rows()) + len(rows.refused)


def _as_json(row: int, found: Finding) -> dict[str, Any]:
    return {
        "row": row,
        "rule": found.rule,
        "severity": found.severity,
        "field": found.field,
        "message": found.message,
        "fixable": found.fixable,
    }


def _fix(rows: Selection, output: Path | None, rules: list[str]) -> int:
    """Make the safe fixes; how many rows they changed."""
    from alpaca_tui.curation.fixes import fix_all
    from alpaca_tui.curation.mending import fix_everything

    if rows.store is not None:
        done = fix_everything(rows.store, [row.row for row in rows.rows()], rules)
        return done.operation.rows if done.operation is not None else 0
    changed = 0

    def fixed() -> Iterator[Numbered]:
        nonlocal changed
        for row in rows.rows():
            texts, made = fix_all(row.instruction, row.input, row.output, rules)
            changed += bool(made)
            yield Numbered(row.row, *texts, row.extra)

    if output is not None:
        write_rows(output, fixed(), rows.format)
    return changed


def _show(invocation: Invocation, result: dict[str, Any]) -> None:
    counts = Counter((one["severity"], one["rule"]) for one in result["findings"])
    fixable = Counter(one["rule"] for one in result["findings"] if one["fixable"])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, side in (("rule", "left"), ("", "left"), ("findings", "right"), ("fixable", "right")):
        table.add_column(name, justify=side)  # pyright: ignore[reportArgumentType]
    order = {severity: place for place, severity in enumerate(_STYLES)}
    for (severity, rule), count in sorted(counts.items(), key=lambda item: (order[item[0][0]], -item[1])):
        table.add_row(
            Text(rule),
            Text(severity, style=_STYLES[severity]),
            f"{count:,}",
            f"{fixable[rule]:,}" if fixable[rule] else "",
        )
    if counts:
        invocation.out.print(table)
    told = f"{plural(len(result['findings']), 'finding')} in {plural(result['total'], 'row')}."
    if "fixed" in result:
        told += f" {plural(result['fixed'], 'row')} fixed."
    invocation.out.print(Text(told))


def register(app: typer.Typer) -> None:
    app.command("lint")(lint)
