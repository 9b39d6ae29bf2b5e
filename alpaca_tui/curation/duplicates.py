"""Near-duplicates of a dataset under ROUGE-L, by the index that generation uses.

Rows are taken in order and the first wins: a row is a duplicate when its highest score with a row kept before
it, or with a seed, lies above the threshold. Its twin is that nearest kept row, so a group is a kept row and
its duplicates and never a chain. Knows texts, no store.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from threading import Event
from typing import Literal, NamedTuple

from alpaca_tui.generation.novelty import NoveltyIndex

Compared = Literal["instruction", "prompt"]
"""What is compared: the instruction alone, or instruction and input together."""
_TELL_EVERY = 500


class Duplicate(NamedTuple):
    """A row too near to one before it. `twin`: the nearest kept row, or the key of a seed."""

    row: int
    twin: int | str
    score: float


class Group(NamedTuple):
    """A kept row (or a seed) and its duplicates, in order."""

    kept: int | str
    duplicates: tuple[Duplicate, ...]


@dataclass(slots=True)
class Duplicates:
    """What a dataset holds twice. Rows are named by whatever `find_duplicates` was given."""

    threshold: float
    kept: list[int] = field(default_factory=list[int])
    duplicates: list[Duplicate] = field(default_factory=list[Duplicate])

    @property
    def total(self) -> int:
        return len(self.kept) + len(self.duplicates)

    def groups(self) -> list[Group]:
        """The groups with the most duplicates first."""
        by_twin: dict[int | str, list[Duplicate]] = {}
        for duplicate in self.duplicates:
            by_twin.setdefault(duplicate.twin, []).append(duplicate)
        groups = [Group(kept, tuple(found)) for kept, found in by_twin.items()]
        return sorted(groups, key=lambda group: -len(group.duplicates))


def compared_text(instruction: str, input: str, what: Compared = "instruction") -> str:
    """The text of a row that is compared."""
    return instruction if what == "instruction" or not input else f"{instruction}\n{input}"


def find_duplicates(
    texts: Iterable[tuple[int, str]],
    threshold: float = 0.7,
    *,
    seeds: Iterable[tuple[str, str]] = (),
    progress: Callable[[int], None] | None = None,
    stop: Event | None = None,
) -> Duplicates:
    """The duplicates among (row, text), in order; seeds are (key, text) and are never duplicates themselves.

    progress: told the number of rows done, now and then. stop: ends the search; what was found is returned.
    A text without words is like nothing, as in `rouge_score`.
    """
    index = NoveltyIndex(threshold)
    for key, text in seeds:
        index.add(text, key)
    found = Duplicates(threshold)
    for done, (row, text) in enumerate(texts):
        if done % _TELL_EVERY == 0:
            if progress is not None:
                progress(done)
            if stop is not None and stop.is_set():
                break
        near: tuple[Hashable, float] | None = index.twin(text)
        if near is None:
            index.add(text, row)
            found.kept.append(row)
        else:
            twin, score = near
            found.duplicates.append(Duplicate(row, twin if isinstance(twin, int) else str(twin), score))
    return found
