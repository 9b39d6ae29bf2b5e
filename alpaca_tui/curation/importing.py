"""A dataset into the store: every good row in one transaction, every refused row named.

Knows the store and the readers, no screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from alpaca_tui.curation.interchange import Refused, Source
from alpaca_tui.errors import UserError
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store
from alpaca_tui.text import plural

MOST_NAMED = 1_000
"""So many refused rows are kept with their reasons; more are only counted."""
_NAMED_IN_ERROR = 5
_TELL_EVERY = 500

Progress = Callable[[int], None]


@dataclass(slots=True)
class Imported:
    """What came of an import. refused: the first `MOST_NAMED` rows that were not taken; `refusals`: how many."""

    added: int = 0
    first_id: int = 0
    last_id: int = 0
    refusals: int = 0
    refused: list[Refused] = field(default_factory=list[Refused])


class RefusedRowsError(UserError):
    """Rows that cannot be imported, and so nothing was. `report` names them."""

    def __init__(self, name: str, report: Imported) -> None:
        first = "; ".join(f"{where(bad)}: {bad.reason}" for bad in report.refused[:_NAMED_IN_ERROR])
        more = "; …" if report.refusals > _NAMED_IN_ERROR else ""
        super().__init__(
            f"{plural(report.refusals, 'row')} of {name} cannot be imported, so nothing was",
            f"{first}{more}.",
            "Mend them, or import the others with --skip-bad.",
        )
        self.report = report


def where(refused: Refused) -> str:
    """`row 3`, `row 3 (line 12)`."""
    return f"row {refused.row}" + (f" (line {refused.line})" if refused.line is not None else "")


def import_source(
    store: Store, source: Source, *, skip_bad: bool = False, progress: Progress | None = None
) -> Imported:
    """Add the rows of `source`, as one operation that can be undone.

    skip_bad: take the good rows even where others are refused; else RefusedRowsError, and nothing has
    happened. progress: told the number of rows read, now and then. Raises UserError.
    """
    report = Imported()
    name = source.path.rsplit("/", 1)[-1]

    def rows() -> Iterator[ImportedRow]:
        for number, row in enumerate(source):
            if progress is not None and number % _TELL_EVERY == 0:
                progress(number)
            if isinstance(row, Refused):
                report.refusals += 1
                if len(report.refused) < MOST_NAMED:
                    report.refused.append(row)
            else:
                yield ImportedRow(row.instruction, row.input, row.output, row.extra)
        if report.refusals and not skip_bad:
            raise RefusedRowsError(name, report)  # inside the transaction, which so leaves nothing behind

    added = store.add_imported(rows(), source.path)
    report.added, report.first_id, report.last_id = added.added, added.first_id, added.last_id
    return report
