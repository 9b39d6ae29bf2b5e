"""Lengths in tokens, counted once a tokenizer and kept with the rows; and which rows are too long for a model.

Knows the store and the tokenizer's process, no screen.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NamedTuple

from alpaca_tui.curation.inspection import flags_of
from alpaca_tui.finetune.tokens import TokenizerProcess
from alpaca_tui.store.curated import TokenCount
from alpaca_tui.store.store import Store

_SETTING = "prompt/tokenizer"
_BATCH = 2_000


class Chosen(NamedTuple):
    """The tokenizer a workspace counts with: its name, what it does in short, and the model's maximal length."""

    name: str
    key: str
    max_length: int


def chosen(store: Store) -> Chosen | None:
    """The tokenizer in force; None before one is chosen."""
    value = store.setting(_SETTING)
    return Chosen(*value) if value else None


def choose(store: Store, tokenizer: TokenizerProcess, max_length: int) -> Chosen:
    """Count with this tokenizer from now on; lengths another one counted are forgotten."""
    old, now = chosen(store), Chosen(tokenizer.name, tokenizer.key, max_length)
    if old is None or old.key != now.key:
        store.forget_tokens()
    store.set_setting(_SETTING, list(now))
    return now


def count_tokens(
    store: Store,
    tokenizer: TokenizerProcess,
    max_length: int,
    *,
    progress: Callable[[int], None] | None = None,
    stop: Event | None = None,
) -> int:
    """Count every row whose length is not known; returns how many rows are longer than `max_length`.

    Each few thousand rows are one transaction. Raises UserError.
    """
    done = 0
    while (rows := store.uncounted(_BATCH)) and not (stop is not None and stop.is_set()):
        lengths = tokenizer.lengths([row[2:] for row in rows])
        store.set_tokens(
            [TokenCount(row.id, total, prompt) for row, (total, prompt) in zip(rows, lengths, strict=True)]
        )
        done += len(rows)
        if progress is not None:
            progress(done)
    return store.mark_long(flags_of(store).bits["too-long"], max_length)
