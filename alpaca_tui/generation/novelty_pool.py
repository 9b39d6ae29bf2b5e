"""Where the rows of the novelty index live: in a block, waiting to be sealed into one, or too long for any.

A `Shard` takes rows of at most 128 words, some 60,000 of them. New rows wait in a tail, compared one by one
with RapidFuzz, until sealing them costs less than comparing them has cost since the last time; so both a
load of a million rows and an endless judge-add-judge-add stay cheap, and no pause is longer than the sealing
of one shard. Longer rows are few; what they share with a query is compared by RapidFuzz.

Knows words only as numbers; nothing of texts, scores, keys or thresholds.
"""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from alpaca_tui.generation.novelty_kernel import LANE_LIMIT, Block, Ints, Need, Query, lcs_one_by_one

#: The most words of a shard: fewer than there are letters (0x10FFFF), so a row can be spelled as a string.
_SHARD_WORDS = 1 << 20
#: Below so many rows comparing one by one is faster than a block.
_FIRST_SEAL = 4096
#: Sealing a row costs as much as comparing about so many one by one; sealing at all as much as that many.
_SEAL_COST_PER_ROW = 9
_SEAL_COST = 20_000
#: Ruling rows out by the words they share is so many times faster than comparing them.
_BOUND_GAIN = 4

_NONE: Ints = np.empty(0, dtype=np.int64)


class Shard:
    """Rows of 1 to `LANE_LIMIT` words, some 60,000 of them."""

    def __init__(self) -> None:
        #: The sealed rows.
        self.block: Block | None = None
        self._sealed = 0
        self._sealed_words = 0
        self._words = array("i")
        self._lengths = array("B")
        self._numbers = array("q")
        self._encoded: list[str] = []
        self._encoded_words = 0
        #: RapidFuzz reads strings fastest: each word that occurs in the tail gets a letter of its own.
        self._letters: dict[int, str] = {}
        #: The rows of the tail that hold a word.
        self._rows_with: dict[int, list[int]] = {}
        self._compared = 0

    def __len__(self) -> int:
        return self._sealed + len(self._lengths)

    def is_full(self) -> bool:
        """Whether it may take no more rows."""
        return self._sealed_words + len(self._words) + LANE_LIMIT > _SHARD_WORDS

    def add(self, ids: list[int], number: int) -> None:
        """Take a row; `number` is what the owner calls it."""
        self._words.extend(ids)
        self._lengths.append(len(ids))
        self._numbers.append(number)

    def refresh(self) -> None:
        """Seal the tail if that pays. Call before asking for anything."""
        if len(self._lengths) >= _FIRST_SEAL or (
            self._sealed and self._compared > _SEAL_COST + _SEAL_COST_PER_ROW * len(self)
        ):
            self._seal()

    def _seal(self) -> None:
        words = np.array(self._words, dtype=np.int32)
        lengths = np.array(self._lengths, dtype=np.uint8)
        numbers = np.array(self._numbers, dtype=np.int64)
        if self.block is not None:
            words = np.concatenate((self.block.words, words))
            lengths = np.concatenate((self.block.lengths, lengths))
            numbers = np.concatenate((self.block.numbers, numbers))
            self.block = None  # gone before its successor is built: they would take twice the memory
        starts = np.cumsum(lengths, dtype=np.int64) - lengths
        order = np.argsort(lengths, kind="stable")
        lengths, starts, numbers = lengths[order], starts[order], numbers[order]
        where = np.arange(len(words), dtype=np.int32)
        where += np.repeat((starts - np.cumsum(lengths, dtype=np.int64) + lengths).astype(np.int32), lengths)
        words = words[where]
        del where
        self.block = Block(words, lengths, numbers)
        self._sealed, self._sealed_words = len(lengths), len(words)
        self._words, self._lengths, self._numbers = array("i"), array("B"), array("q")
        self._encoded, self._encoded_words = [], 0
        self._letters, self._rows_with = {}, {}
        self._compared = 0

    def _encode(self) -> None:
        letters, rows_with = self._letters, self._rows_with
        start = self._encoded_words
        for row in range(len(self._encoded), len(self._lengths)):
            ids = self._words[start : start + self._lengths[row]]
            start += len(ids)
            self._encoded.append("".join([letters.setdefault(word, chr(len(letters) + 1)) for word in ids]))
            for word in set(ids):
                rows_with.setdefault(word, []).append(row)
        self._encoded_words = start

    def _spell(self, query: Query) -> str:
        letters = self._letters
        return "".join([letters.get(word, "\0") for word in query.ids])

    def tail_lcs(self, query: Query) -> tuple[Ints, Ints, Ints]:
        """Numbers and lengths of the rows not sealed yet, and the LCS of the query with each."""
        if not self._lengths:
            return _NONE, _NONE, _NONE
        self._encode()
        self._compared += len(self._encoded)
        lcs = lcs_one_by_one(self._spell(query), self._encoded)
        return np.array(self._numbers, dtype=np.int64), np.array(self._lengths, dtype=np.int64), lcs

    def tail_reaching(self, query: Query, need: Need) -> tuple[Ints, Ints, Ints]:
        """`tail_lcs`, but only of rows that may have as many words in common with the query as they need.

        By the bound of `Block.reaching`, with plain lists: the tail is short and grows with every row.
        """
        if not self._lengths:
            return _NONE, _NONE, _NONE
        self._encode()
        self._compared += len(self._encoded) // _BOUND_GAIN
        lowest = need.lowest
        known = [
            (rows, count)
            for word, count in zip(query.distinct.tolist(), query.counts, strict=True)
            if (rows := self._rows_with.get(word))
        ]
        known.sort(key=lambda entry: len(entry[0]))
        left_out = sum([count for _, count in known])
        counted: list[list[int]] = []
        for rows, count in known:
            if left_out < lowest:
                break
            left_out -= count
            counted.extend([rows] * count)
        shared = Counter(chain.from_iterable(counted))
        lengths, asked = self._lengths, need.listed
        near = [row for row, count in shared.items() if count + left_out >= asked[lengths[row]]]
        if not near:
            return _NONE, _NONE, _NONE
        lcs = lcs_one_by_one(self._spell(query), [self._encoded[row] for row in near])
        numbers = np.array([self._numbers[row] for row in near])
        return numbers, np.array([self._lengths[row] for row in near]), lcs


class LongRows:
    """Rows of more than `LANE_LIMIT` words."""

    def __init__(self) -> None:
        self._words: Ints = np.empty(1024, dtype=np.int64)
        self._ends = array("q", [0])
        self._numbers = array("q")
        self._codes: NDArray[np.uint32] = np.zeros(1024, dtype=np.uint32)
        self._small_codes: NDArray[np.uint8] = np.zeros(1024, dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, ids: list[int], number: int) -> None:
        """Take a row; `number` is what the owner calls it."""
        start, end = self._ends[-1], self._ends[-1] + len(ids)
        if end > len(self._words):
            self._words = np.resize(self._words, max(end, 2 * len(self._words)))
        self._words[start:end] = ids
        self._ends.append(end)
        self._numbers.append(number)
        highest = max(ids) + 1
        if highest > len(self._codes):
            self._codes = np.zeros(2 * highest, dtype=np.uint32)
            self._small_codes = np.zeros(2 * highest, dtype=np.uint8)

    def lengths(self) -> Ints:
        """The length of each row."""
        return np.diff(np.array(self._ends, dtype=np.int64))

    def lcs(self, query: Query) -> tuple[Ints, Ints, Ints]:
        """Numbers and lengths of the rows, and the LCS of the query with each.

        Only words the query has can be part of it: all others are left out before RapidFuzz sees the rows.
        """
        small = len(query.distinct) < 256
        codes = self._small_codes if small else self._codes
        known = query.distinct < len(codes)
        codes[query.distinct[known]] = np.flatnonzero(known) + 1
        spelled = codes.take(self._words[: self._ends[-1]])
        codes[query.distinct[known]] = 0
        shared = np.flatnonzero(spelled != 0)
        cuts = np.searchsorted(shared, np.array(self._ends, dtype=np.int64)).tolist()
        letters = spelled[shared].tobytes()
        if small:
            rows = [letters[start:end] for start, end in pairwise(cuts)]
            lcs = lcs_one_by_one(bytes([step + 1 for step in query.steps]), rows)
        else:
            wide = array("I", letters)
            rows = [wide[start:end] for start, end in pairwise(cuts)]
            lcs = lcs_one_by_one(array("I", [step + 1 for step in query.steps]), rows)
        return np.array(self._numbers, dtype=np.int64), self.lengths(), lcs
