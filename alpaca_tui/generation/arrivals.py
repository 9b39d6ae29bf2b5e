"""Reading rows as they arrive: every rule of the lint and the root verb, between two answers.

What a run keeps can so be looked at by its findings at once. Only some rows are read at a time, so that a
dataset nobody has read yet does not hold the verdicts up. Knows the lint's reading and the store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from alpaca_tui.curation.inspection import context_of, inspect
from alpaca_tui.curation.lint import leak_index
from alpaca_tui.errors import UserError
from alpaca_tui.generation.seeds import SeedTask
from alpaca_tui.store.store import Store

logger = logging.getLogger(__name__)
AT_ONCE = 200
AT_THE_END = 2_000


class Arrivals:
    """The rows of a store that nobody has read yet. For the judge's thread alone."""

    def __init__(self, store: Store, seeds: Iterable[SeedTask]) -> None:
        self._store = store
        self._leaks = leak_index((seed.instruction, seed.input, f"seed {seed.id}") for seed in seeds)

    def read(self, most: int = AT_ONCE) -> None:
        """Read some. A fault is logged and no more: whoever looks at the rows reads them again."""
        try:
            inspect(self._store, context_of(self._store, self._leaks), processes=0, most=most)
        except UserError as error:
            logger.warning("rows could not be read as they arrived: %s", error)
