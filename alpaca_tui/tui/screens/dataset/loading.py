"""What the screen reads from the store, off the event loop: ids, counts, pages, one row with all its company.

Blocks; knows the store and the filter language, no widget.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from alpaca_tui.curation.inspection import READER_VERSION, findings_of, flags_of
from alpaca_tui.curation.query import Term, compile_sql, parse, terms, words_first
from alpaca_tui.tui.screens.dataset.detail import Mode, Subject
from alpaca_tui.tui.widgets.table import PAGE_ROWS

if TYPE_CHECKING:
    from alpaca_tui.curation.lint import Context
    from alpaca_tui.store.browsing import Cancellation, Distinct, Order
    from alpaca_tui.store.curated import Facets, Operation, RowLine
    from alpaca_tui.store.rows import ExampleRow
    from alpaca_tui.store.store import Store
    from alpaca_tui.tui.paint import Line
    from alpaca_tui.tui.screens.dataset.columns import Look
    from alpaca_tui.tui.session import Session


@dataclass(frozen=True, slots=True)
class Found:
    """The rows a filter finds, in their order, and what stands out in them. whole: these are all of them.
    pulse: the store's, from before they were looked for. page: the first of them, where they have been read
    already."""

    ids: array[int]
    terms: Sequence[Term]
    whole: bool
    pulse: tuple[int, ...]
    page: Sequence[RowLine] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What the line below the filter tells of the dataset, and the rules' bits. answers: of the teacher, open."""

    rows: int
    unread: int
    unmeasured: int
    undo: Operation | None
    redo: Operation | None
    bits: Mapping[str, int]
    masks: Mapping[str, int]
    pulse: tuple[int, ...]
    answers: int


def find(store: Store, query: str, look: Look, cancel: Cancellation) -> Found:
    """The rows of a filter. Raises QueryError, Cancelled, UserError."""
    read, pulse = parse(query, typing=True), store.pulse()
    order = cast("Order", look.order)
    sql = compile_sql(read, flags_of(store))
    ids = store.example_ids(*sql, order=order, descending=look.descending, cancel=cancel)
    return Found(ids, terms(read), True, pulse)


def find_first(
    store: Store, query: str, look: Look, cancel: Cancellation, limit: int, go_to: int | None
) -> Found:
    """So many rows of a filter, the first ones, or those from the row `go_to` on; all of them where these
    cannot be told without all. Raises QueryError, Cancelled, UserError."""
    if go_to is not None and look.order != "id":
        return find(store, query, look, cancel)
    read, pulse = parse(query, typing=True), store.pulse()
    flags, descending = flags_of(store), look.descending
    by_words = words_first(read, flags) if look.order == "id" else None
    where, values = by_words[1] if by_words is not None else compile_sql(read, flags)
    if go_to is not None:
        where, values = f"({where}) AND e.id {'<=' if descending else '>='} ?", [*values, go_to]
    if by_words is not None:
        ids = store.first_ids(by_words[0], where, values, limit=limit, descending=descending, cancel=cancel)
    else:
        order = cast("Order", look.order)
        ids = store.example_ids(where, values, order=order, descending=descending, limit=limit, cancel=cancel)
    whole = go_to is None and len(ids) < limit
    return Found(ids, terms(read), whole, pulse, store.example_lines(ids[:PAGE_ROWS]))


def count(store: Store, query: str, cancel: Cancellation) -> Facets:
    """Raises QueryError, Cancelled, UserError."""
    sql = compile_sql(parse(query, typing=True), flags_of(store))
    return store.facets(sql.where, sql.values, cancel=cancel)


def standing(store: Store) -> Standing:
    """Counts and what can be undone."""
    bits, masks = flags_of(store)
    return Standing(
        store.tally().rows,
        store.count_uninspected(READER_VERSION),
        store.count_unmeasured(),
        store.next_undo(),
        store.next_redo(),
        bits,
        masks,
        store.pulse(),
        store.count_suggestions(),
    )


def subject(session: Session, id: int, mode: Mode, context: Context) -> Subject | None:
    """A row with its findings, its neighbours and, in its history, its versions; None where it is gone."""
    from alpaca_tui.curation.history import versions

    store = session.store()
    row = store.example(id) if store is not None else None
    if store is None or row is None:
        return None
    if mode == "history":
        return Subject(row, versions=versions(store, id))
    if mode == "prompt":
        return Subject(row, prompt=_prompt(session, store, row))
    top = row.top or ([(row.nearest_key, row.nearest_score)] if row.nearest_key and row.nearest_score else [])
    texts = session.instructions([key for key, _ in top])
    return Subject(
        row,
        findings_of(store, row, context),
        [(key, score, texts.get(key, "")) for key, score in top],
    )


def values_of(store: Store, field: str) -> list[str]:
    """What a field of the filter language is compared with in this dataset, for completion."""
    if field == "flag":
        return list(store.flag_bits())
    named: Mapping[str, Distinct] = {
        "tag": "tags",
        "model": "model",
        "teacher": "teacher",
        "origin": "origin",
        "split": "split",
        "verb": "verb",
        "object": "object",
    }
    return store.distinct(named[field]) if field in named else []


def cancellation() -> Cancellation:
    """A cancellation nobody will use."""
    from alpaca_tui.store.browsing import Cancellation

    return Cancellation()


def _prompt(session: Session, store: Store, row: ExampleRow) -> Callable[[int], Sequence[Line]]:
    """The row as it is trained on, to be drawn at a width."""
    from alpaca_tui.curation.counting import chosen
    from alpaca_tui.tui.screens.dataset import prompt

    texts = (row.instruction, row.input, row.output)
    choice = chosen(store)
    if choice is None:
        return lambda width: prompt.plain_lines(*texts, width)
    shown = session.tokenizer(choice.name).preview(texts, choice.max_length)
    long = store.count_flagged(flags_of(store).bits["too-long"])
    rows = store.tally().rows
    return lambda width: prompt.token_lines(shown, choice.name, choice.max_length, long, rows, width)
