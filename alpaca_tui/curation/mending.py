"""Safe fixes over many rows: each rule's as one operation of the fix's own. Knows the store and the fixes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alpaca_tui.curation.edits import rows_named
from alpaca_tui.curation.fixes import fix, fix_all
from alpaca_tui.store.curated import Done, EditableRow
from alpaca_tui.store.store import Store

_NAMES = ("instruction", "input", "output")


def fix_rows(store: Store, ids: Sequence[int], rule: str) -> Done:
    """Make a rule's safe fix in rows that need it; rows without one stay as they are."""

    def compute(row: EditableRow) -> Mapping[str, str] | None:
        fixed = fix(rule, row.instruction, row.input, row.output)
        return dict(zip(_NAMES, fixed, strict=True)) if fixed is not None else None

    return store.operate_on(f"Fix {rule}", ids, compute, who="fix")


def fix_everything(store: Store, ids: Sequence[int], rules: Sequence[str]) -> Done:
    """Make every safe fix of `rules` in rows, as one operation."""

    def compute(row: EditableRow) -> Mapping[str, str] | None:
        fixed, made = fix_all(row.instruction, row.input, row.output, rules)
        return dict(zip(_NAMES, fixed, strict=True)) if made else None

    return store.operate_on(f"Fix what is safe in {rows_named(ids)}", ids, compute, who="fix")
