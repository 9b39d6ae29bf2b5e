"""Splits of a dataset: which rows are for training and which are held back, decided once and then frozen.

Rows with the same prompt stay together, or what is measured would have been trained on. The same rows, shares
and seed give the same splits. Knows the store, no file.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from alpaca_tui.curation.lint import prompt_key
from alpaca_tui.errors import UserError
from alpaca_tui.store.curated import Change, Done
from alpaca_tui.store.store import Store

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def read_shares(text: str) -> dict[str, float]:
    """`train=0.95,eval=0.05` -> shares by name. Raises UserError: not so written, or the sum is not 1."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if not name or not set(name) <= _NAME or not 0 < share <= 1 or name in shares:
            raise _unreadable(text, f"{part.strip()!r} is no name=share.")
        shares[name] = share
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise _unreadable(text, f"The shares add up to {sum(shares.values()):g}, not 1.")
    return shares


def _unreadable(text: str, cause: str) -> UserError:
    return UserError(
        f"The splits {text!r} cannot be read", cause, "Write them so: train=0.95,eval=0.05.", exit_code=2
    )


def assign(store: Store, ids: Sequence[int], shares: Mapping[str, float], seed: int = 0) -> Done:
    """Give every row of `ids` that is in no split yet one of `shares`, as one operation.

    Rows that have a split keep it, and count towards its share: what was once held back stays held back.
    Raises UserError where rows are in a split that is not among `shares`.
    """
    counts = dict.fromkeys(shares, 0)
    open_rows: dict[int, list[int]] = {}
    held: dict[int, str] = {}
    for start in range(0, len(ids), 2_000):
        for row in store.examples_by_id(ids[start : start + 2_000]):
            key = prompt_key(row.instruction, row.input)
            if row.split is None:
                open_rows.setdefault(key, []).append(row.id)
            elif row.split in counts:
                counts[row.split] += 1
                held[key] = row.split
            else:
                raise UserError(
                    f"Row {row.id} is in the split {row.split!r}",
                    f"The splits asked for are {', '.join(shares)}.",
                    "Name the same splits as before, or leave those rows out with a filter.",
                )
    chosen: dict[int, str] = {}
    for key, split in held.items():
        for id in open_rows.pop(key, ()):
            chosen[id] = split
            counts[split] += 1
    groups = [open_rows[key] for key in sorted(open_rows, key=lambda key: open_rows[key][0])]
    random.Random(seed).shuffle(groups)
    total = sum(counts.values()) + sum(map(len, groups))
    for group in groups:
        # The split furthest behind its share: in the end each is within a group of it.
        split = max(shares, key=lambda name: shares[name] * total - counts[name])
        counts[split] += len(group)
        chosen.update(dict.fromkeys(group, split))
    told = ", ".join(f"{name} {share:g}" for name, share in shares.items())
    return store.operate(
        f"Split rows: {told}", (Change(id, {"split": split}) for id, split in sorted(chosen.items()))
    )
