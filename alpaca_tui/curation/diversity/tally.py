"""Counts over a dataset's root verbs: which there are, how many are still new, and how the vocabulary grows."""

from __future__ import annotations

import re
from array import array
from collections import Counter, deque

_WORD = re.compile(r"[^\W\d_]+")
_WINDOW = 100


class VerbTally:
    """Verbs and (verb, object) pairs as they come."""

    def __init__(self, window: int = _WINDOW) -> None:
        """window: how many of the last instructions `new_verb_rate` looks at."""
        self.verbs: Counter[str] = Counter()
        self.pairs: Counter[tuple[str, str | None]] = Counter()
        self.instructions = 0
        self._new: deque[bool] = deque(maxlen=window)

    def add(self, verb: str | None, object: str | None) -> None:
        """Count one instruction; without a verb it counts as one that brought nothing new."""
        self.instructions += 1
        self._new.append(verb is not None and verb not in self.verbs)
        if verb is not None:
            self.verbs[verb] += 1
            self.pairs[verb, object] += 1

    @property
    def new_verb_rate(self) -> float | None:
        """The share of the last instructions whose verb had not been seen before; None before the first one.
        Near nothing, a generator repeats itself however its sentences differ."""
        return sum(self._new) / len(self._new) if self._new else None


class Vocabulary:
    """The different words of texts as they come, four bytes a text kept beside them."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._sizes = array("I")

    def add(self, text: str) -> None:
        self._seen.update(_WORD.findall(text.lower()))
        self._sizes.append(len(self._seen))

    def growth(self, points: int = 60) -> list[tuple[int, int]]:
        """(texts, different words in them so far) at evenly spread texts, the last one included."""
        total = len(self._sizes)
        if not total:
            return []
        places = sorted(
            {max(round(total * (step + 1) / points) - 1, 0) for step in range(points)} | {total - 1}
        )
        return [(place + 1, self._sizes[place]) for place in places]
