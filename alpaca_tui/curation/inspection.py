"""Reading the rows of a store: every rule of the lint, the root verb, the keys of equal prompts.

Rows are read once and again after they change (`Store.uninspected`), by other processes where there are
many, so that neither a screen nor a run is held up. What the reading tells is stored with the row; where a
defect stands in a text is found again when somebody looks. Knows the store and the rules, no screen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import islice
from threading import Event

from alpaca_tui.curation.lint import (
    GROUP_RULES,
    RULES,
    Context,
    Finding,
    dominant_language,
    lint_groups,
    lint_row,
    prompt_key,
    whole_key,
)
from alpaca_tui.curation.query import FlagBits
from alpaca_tui.curation.readers import READER_VERSION, Readers, read_batch
from alpaca_tui.store.curated import Inspection, Texts
from alpaca_tui.store.inspections import Fellow
from alpaca_tui.store.rows import ExampleRow
from alpaca_tui.store.store import Store

_CHUNK = 2_000
_MOST_FELLOWS = 500
_ALONE = 1_500
"""So many rows are read faster here than other processes can be started."""
_SAMPLE = 2_000
_ENOUGH = 20
_LENGTH_RULE = "too-long"

Progress = Callable[[int, int], None]
"""(rows read, rows to read in all)."""


def inspect(
    store: Store,
    context: Context | None = None,
    *,
    progress: Progress | None = None,
    stop: Event | None = None,
    processes: int | None = None,
    most: int | None = None,
) -> int:
    """Read every row that has not been read as it is now (at most so many); returns how many that were.

    Each few thousand rows are one transaction: what was read stays read whatever happens. `stop` ends it
    early. processes: how many may work (None: one a core, and none for few rows). Raises UserError.
    """
    total = store.count_uninspected(READER_VERSION)
    if not total:
        return 0
    total = total if most is None else min(total, most)
    store.void_inspections(READER_VERSION)
    context = context or context_of(store)
    bits = store.register_flags({rule.id: rule.severity for rule in RULES.values()})
    read = 0
    for texts, told in _told(_chunks(store, most), total, context, processes):
        pairs = list(zip(texts, told, strict=True))
        store.set_inspections(pairs, bits, GROUP_RULES, _grouping, length_rule=_LENGTH_RULE)
        read += len(texts)
        if progress is not None:
            progress(read, max(total, read))
        if stop is not None and stop.is_set():
            break
    return read


def context_of(store: Store, leaks: Mapping[str, str] | None = None) -> Context:
    """What rules may know of this dataset: its language, and prompts it must not hold."""
    return Context(language=dataset_language(store), leaks=leaks)


def dataset_language(store: Store) -> str | None:
    """The language most outputs are in. Once there are rows enough to tell it is remembered, so that the
    rows already read and those to come are measured by the same."""
    known: str | None = store.setting("lint/language")
    if known is not None:
        return known
    sample = store.sample_texts(_SAMPLE)
    language = dominant_language(sample)
    if language is not None and len(sample) >= _ENOUGH and not store.readonly:
        store.set_setting("lint/language", language)
    return language


def findings_of(store: Store, row: ExampleRow, context: Context) -> list[Finding]:
    """Every finding of a row, where it stands included, those about several rows too."""
    found = lint_row(row.instruction, row.input, row.output, context)
    fellows = store.fellows(prompt_key(row.instruction, row.input))
    if len(fellows) > 1:
        rows = store.examples_by_id(fellows[:_MOST_FELLOWS])
        keys = [
            (
                other.id,
                whole_key(other.instruction, other.input, other.output),
                prompt_key(other.instruction, other.input),
            )
            for other in rows
        ]
        found += lint_groups(keys).get(row.id, [])
    choice = store.setting("prompt/tokenizer")
    if choice and row.tokens is not None and row.tokens > choice[2]:
        message = f"{row.tokens:,} tokens, the maximum is {choice[2]:,}"
        found.append(Finding("too-long", "output", message))
    return found


def flags_of(store: Store) -> FlagBits:
    """The rules' bits, so that a filter may name any rule, also before the first row was read."""
    bits = store.flag_bits()
    if not RULES.keys() <= bits.keys():
        if store.readonly:  # nothing was ever flagged: any bits will do
            missing = [rule for rule in RULES if rule not in bits]
            made = {rule: max(bits.values(), default=-1) + 1 + place for place, rule in enumerate(missing)}
            masks: dict[str, int] = {}
            for rule, bit in (bits | made).items():
                masks[RULES[rule].severity] = masks.get(RULES[rule].severity, 0) | 1 << bit
            return FlagBits(bits | made, masks)
        bits = store.register_flags({rule.id: rule.severity for rule in RULES.values()})
    return FlagBits(bits, store.flag_masks())


def rules_of(flags: int, bits: Mapping[str, int]) -> list[str]:
    """The rules behind a row's flags, in the rules' order."""
    return [rule for rule in RULES if rule in bits and flags >> bits[rule] & 1]


def _grouping(rows: Sequence[Fellow]) -> Mapping[int, Sequence[str]]:
    return {id: [found.rule for found in findings] for id, findings in lint_groups(rows).items()}


def _chunks(store: Store, most: int | None) -> Iterator[list[Texts]]:
    after, left = 0, most
    while rows := store.uninspected(_CHUNK if left is None else min(_CHUNK, left), after=after):
        yield rows
        after = rows[-1].id
        left = None if left is None else left - len(rows)


def _told(
    chunks: Iterator[list[Texts]], total: int, context: Context, processes: int | None
) -> Iterator[tuple[list[Texts], list[Inspection]]]:
    """Each chunk with what reading it told, in order."""
    number = processes if processes is not None else (0 if total <= _ALONE else os.cpu_count() or 1)
    if number <= 0:
        for texts in chunks:
            yield texts, read_batch([row[2:] for row in texts], context)
        return
    with Readers(number, context) as readers:
        waiting: list[tuple[list[Texts], Future[list[Inspection]]]] = []
        while True:
            for texts in islice(chunks, number * 2 - len(waiting)):
                waiting.append((texts, readers.read([row[2:] for row in texts])))
            if not waiting:
                return
            texts, future = waiting.pop(0)
            yield texts, future.result()
