"""How new a text is: its exact ROUGE-L F1 against every row of a pool, fast enough to ask for each candidate.

The score is `rouge_score`'s, operation for operation in doubles (the words of `novelty_tokens`, no stemmer;
precision = lcs / words of the row, recall = lcs / words of the text, 2pr / (p + r)), so 7 words of 10 fall on
the same side of "> 0.7" as they do there. Nothing is approximated: the words two texts have in common in
order are counted for all rows at once (`novelty_kernel`), and bounds only ever leave out rows that cannot
matter. A text without words scores 0 against everything, its own copy included, as in `rouge_score`.

Knows only texts and keys: no store, no teacher, no screen. One thread at a time.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alpaca_tui.generation.novelty_kernel import LANE_LIMIT, Block, Ints, Need, Query
from alpaca_tui.generation.novelty_pool import LongRows, Shard
from alpaca_tui.generation.novelty_tokens import words

#: How the owner of the index names a row: "seed:ID", a row id, anything hashable.
Key = Hashable

#: How many of the nearest rows a `Novelty` names.
NEAREST = 10
_LENGTHS = np.arange(LANE_LIMIT + 1)
#: More words than any row shares with any text, at large and as far as a lane can count.
_NEVER = 1 << 40
_NEVER_IN_A_LANE = 255

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Novelty:
    """What a pool says about one text.

    score: the highest ROUGE-L F1 (0 to 1) against any row, `nearest` that row's key; 0.0 and None in an empty
    pool. top: the ten highest as (key, score), highest first, rows of equal score in the order they were
    added (rows that share nothing fill up at 0.0). mean: over all rows of the pool.
    """

    score: float
    nearest: Key | None
    top: list[tuple[Key, float]]
    mean: float


class _Found(NamedTuple):
    """Rows and what they have in common with the query."""

    numbers: Ints
    lengths: NDArray[np.integer[Any]]
    lcs: NDArray[np.integer[Any]]


def _scores(found: _Found, length: int) -> Floats:
    """ROUGE-L F1 of rows with `lcs` > 0, in the order of operations of `rouge_score.scoring`."""
    precision = found.lcs / found.lengths
    recall = found.lcs / length
    return 2 * precision * recall / (precision + recall)


class NoveltyIndex:
    """A growing pool of texts that answers how near a new text comes to any of them."""

    def __init__(self, threshold: float = 0.7) -> None:
        """threshold: a text that scores above it against any row is a duplicate; may change at any time."""
        self.threshold = threshold
        self._keys: list[Key] = []
        self._vocabulary: dict[str, int] = {}
        self._shards: list[Shard] = []
        self._long = LongRows()

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, text: str, key: Key) -> None:
        """Let `text` join the pool. Equal texts and equal keys may join any number of times."""
        vocabulary = self._vocabulary
        ids = [vocabulary.setdefault(word, len(vocabulary)) for word in words(text)]
        number = len(self._keys)
        self._keys.append(key)
        if len(ids) > LANE_LIMIT:
            self._long.add(ids, number)
        elif ids:
            if not self._shards or self._shards[-1].is_full():
                self._shards.append(Shard())
            self._shards[-1].add(ids, number)

    def judge(self, text: str) -> Novelty:
        """The nearest row, the ten nearest with their scores, and the mean score over all rows."""
        if not self._keys:
            return Novelty(0.0, None, [], 0.0)
        query = self._query(text)
        near: list[tuple[int, float]] = []
        mean = 0.0
        if query.ids:
            near, mean = self._compare(query)
        if len(near) < NEAREST:
            taken = {number for number, _ in near}
            others = (number for number in range(len(self._keys)) if number not in taken)
            near.extend((number, 0.0) for number, _ in zip(others, range(NEAREST - len(near)), strict=False))
        top = [(self._keys[number], score) for number, score in near]
        return Novelty(top[0][1], top[0][0], top, mean)

    def judge_many(self, texts: Iterable[str]) -> list[Novelty]:
        """`judge` for each text, against the pool as it is (not against each other)."""
        return [self.judge(text) for text in texts]

    def is_duplicate(self, novelty: Novelty) -> bool:
        """Whether a text judged so is too near to a row of the pool: its score lies above the threshold."""
        return novelty.nearest is not None and novelty.score > self.threshold

    def twin(self, text: str) -> tuple[Key, float] | None:
        """The nearest row and its score if that lies above the threshold, else None.

        The verdict of `judge` and `is_duplicate`, several times faster: only rows with enough words in common
        to get above the threshold are compared. Of equally near rows the one added first.
        """
        if self.threshold <= 0:  # then sharing nothing may be enough, and no row can be left out
            novelty = self.judge(text)
            return (novelty.nearest, novelty.score) if self.is_duplicate(novelty) else None
        query = self._query(text)
        best: tuple[float, int] | None = None
        for found in self._over_threshold(query):
            scores = _scores(found, query.length)
            over = scores > self.threshold
            if over.any():
                score = scores.max()
                first = int(found.numbers[scores == score].min())
                best = max(best or (0.0, 0), (float(score), -first))
        return None if best is None else (self._keys[-best[1]], best[0])

    def _query(self, text: str) -> Query:
        known = self._vocabulary.get
        spelled = words(text)
        return Query([word for word in map(known, spelled) if word is not None], len(spelled))

    def _blocks(self) -> list[Block]:
        for shard in self._shards:
            shard.refresh()
        return [shard.block for shard in self._shards if shard.block is not None]

    def _compare(self, query: Query) -> tuple[list[tuple[int, float]], float]:
        """The (row number, score) of up to ten nearest rows that share a word with it, and the mean."""
        sums = np.zeros(LANE_LIMIT + 1)  # of the LCS over all rows of a length: whole numbers
        reached: list[Floats] = []  # scores known to be had by different rows
        blocks = self._blocks()
        for block in blocks:
            block.compare(query)
            sums += np.bincount(block.chunk_lengths, weights=block.chunk_sums(), minlength=LANE_LIMIT + 1)
            reached.append(2.0 * block.chunk_maxima() / (block.chunk_lengths + query.length))
        loose = [_Found(*shard.tail_lcs(query)) for shard in self._shards]
        for tail in loose:
            sums += np.bincount(tail.lengths, weights=tail.lcs, minlength=LANE_LIMIT + 1)
        terms = (2.0 * sums / (_LENGTHS + query.length)).tolist()
        if len(self._long):
            long = _Found(*self._long.lcs(query))
            terms += (2.0 * long.lcs / (long.lengths + query.length)).tolist()
            loose.append(long)
        # fsum rounds once, so the mean does not depend on which rows happen to be sealed.
        mean = math.fsum(terms) / len(self._keys)
        reached += [2.0 * found.lcs / (found.lengths + query.length) for found in loose]
        scores = np.concatenate(reached)
        floor = float(np.partition(scores, -NEAREST)[-NEAREST]) if len(scores) >= NEAREST else 0.0
        found = [_reaching(floor, query, rows) for rows in loose]
        for block in blocks:
            need = np.minimum(
                _need(floor, query.length, len(query.ids), block.chunk_lengths), _NEVER_IN_A_LANE
            ).astype(np.uint8)
            rows = block.rows_with(need)
            found.append(_Found(block.numbers[rows], block.lengths[rows], block.lcs[rows]))
        return _nearest(query, found), mean

    def _over_threshold(self, query: Query) -> Iterator[_Found]:
        """Every row that may score above the threshold."""
        known = len(query.ids)
        need = _need_in_lanes(self.threshold, query.length, known)
        if need.shortest <= LANE_LIMIT:
            for block in self._blocks():
                rows, lcs = block.reaching(query, need)
                if len(rows):
                    yield _Found(block.numbers[rows], block.lengths[rows], lcs)
            for shard in self._shards:
                found = _Found(*shard.tail_reaching(query, need))
                if len(found.numbers):
                    yield found
        if self._long_may_reach(query.length, known):
            found = _reaching(self.threshold, query, _Found(*self._long.lcs(query)))
            if len(found.numbers):
                yield found

    def _long_may_reach(self, length: int, known: int) -> bool:
        """Whether a row too long for a lane may have enough words in common with such a query."""
        if not len(self._long):
            return False
        # The best of them would hold all the query's words, and no others beyond those it must have.
        best = 2 * known / (max(LANE_LIMIT + 1, known) + length)
        if best < self.threshold * (1 - 1e-12):
            return False
        return bool((_need(self.threshold, length, known, self._long.lengths()) < _NEVER).any())


def _need(score: float, length: int, known: int, lengths: NDArray[np.integer[Any]]) -> Ints:
    """The fewest words in common, at least one, with which rows of these lengths may reach `score`."""
    # Scores are doubles: what falls short by less than their rounding is let through, never left out.
    need = np.ceil(score * (lengths + length) / 2 * (1 - 1e-12)).astype(np.int64)
    np.maximum(need, 1, out=need)
    need[need > np.minimum(lengths, known)] = _NEVER
    return need


@lru_cache(maxsize=1024)
def _need_in_lanes(score: float, length: int, known: int) -> Need:
    need = _need(score, length, known, _LENGTHS)
    possible = np.flatnonzero(need < _NEVER)
    shortest, longest = (int(possible[0]), int(possible[-1])) if len(possible) else (LANE_LIMIT + 1, 0)
    return Need(need, shortest, longest, need.tolist(), int(need.min()))


def _reaching(score: float, query: Query, found: _Found) -> _Found:
    """Those of the rows that may reach `score`."""
    rows = np.flatnonzero(found.lcs >= _need(score, query.length, len(query.ids), found.lengths))
    return _Found(found.numbers[rows], found.lengths[rows], found.lcs[rows])


def _nearest(query: Query, found: Sequence[_Found]) -> list[tuple[int, float]]:
    """The ten highest (row number, score), of equal ones the rows with the lowest numbers."""
    numbers = np.concatenate([rows.numbers for rows in found])
    scores = np.concatenate([_scores(rows, query.length) for rows in found])
    order = np.lexsort((numbers, -scores))[:NEAREST]
    return list(zip(numbers[order].tolist(), scores[order].tolist(), strict=True))
