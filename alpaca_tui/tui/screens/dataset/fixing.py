"""Fixes with a look first: what would change stands in a window, word by word; then it is one operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from alpaca_tui.text import plural
from alpaca_tui.tui.paint import BLANK, Line
from alpaca_tui.tui.screens.dataset.detail import diff_lines
from alpaca_tui.tui.screens.dataset.dialogs import LookFirst

if TYPE_CHECKING:
    from alpaca_tui.curation.fixes import Fixed
    from alpaca_tui.store.curated import Done
    from alpaca_tui.store.rows import ExampleRow
    from alpaca_tui.store.store import Store
    from alpaca_tui.tui.screens.dataset.acts import RowActs

_NAMES = ("instruction", "input", "output")


def changed_fields(row: ExampleRow, fixed: Fixed) -> dict[str, str]:
    """The texts a fix changes, by name."""
    before = (row.instruction, row.input, row.output)
    return {name: new for name, old, new in zip(_NAMES, before, fixed, strict=True) if new != old}


def difference(row: ExampleRow, fields: Mapping[str, str], width: int) -> list[Line]:
    """What would change in a row."""
    from alpaca_tui.curation.diff import word_diff

    out: list[Line] = []
    for name, new in fields.items():
        out.append(Line.of((name.capitalize(), "title")))
        out += diff_lines(word_diff(getattr(row, name), new), width)
        out.append(BLANK)
    return out


def fix_row(screen: RowActs, row: ExampleRow) -> None:
    """Show what the safe fixes would change in a row, and make them when told to."""
    from alpaca_tui.curation.fixes import fix_all

    fixed, rules = fix_all(row.instruction, row.input, row.output)
    fields = changed_fields(row, fixed)
    if not fields:
        screen.alpaca.say("Nothing here has a safe fix", severity="warning")
        return

    def answered(yes: bool | None) -> None:
        if yes:
            screen.act(lambda store: save_fix(store, row, fields, rules))

    screen.alpaca.push_screen(
        LookFirst(
            f"Fix row {row.id}: {', '.join(rules)}",
            lambda width: difference(row, fields, width),
            f"Make {plural(len(rules), 'fix', 'fixes')}",
        ),
        answered,
    )


def save_fix(store: Store, row: ExampleRow, fields: Mapping[str, str], rules: Sequence[str]) -> Done:
    """The fixed texts of one row as an operation of the fix's own."""
    from alpaca_tui.curation import edits

    title = f"Fix {', '.join(rules)} in row {row.id}"
    return edits.save(store, row.id, fields, expected=row.revised, who="fix", title=title)
