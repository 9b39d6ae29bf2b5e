"""The longest common subsequence of one text with many at once, bit by bit, in whole-array operations.

A `Block` holds rows of words. Each word knows in which rows it stands and at which positions (a bit mask);
walking through the words of the query, one update of a row's bit vector (Crochemore et al. 2001, Hyyrö 2004)
costs four machine operations, done for every row that holds the word in one sweep. Where a word stands in a
good part of the rows the sweep runs over all of them, else over its rows alone. Rows of similar length make
up a `Lane`, which sweeps with the smallest machine word that has a bit for each of their words.

Knows words only as numbers; nothing of texts, scores, keys or thresholds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

Ints = NDArray[np.int64]
Bits = NDArray[Any]  # an unsigned type as wide as the lane's machine words
Lcs = NDArray[np.uint8]

#: The longest row a lane can hold.
LANE_LIMIT = 128
#: (most words a row has, type of a machine word): small types sweep more rows at once. In the last lane each
#: row has two machine words, side by side in two halves of the lane's state: its cells.
_WIDTHS: tuple[tuple[int, type[np.unsignedinteger[Any]]], ...] = (
    (16, np.uint16),
    (64, np.uint64),
    (LANE_LIMIT, np.uint64),
)
_LANES = len(_WIDTHS)
_LIMITS = [most for most, _ in _WIDTHS]
#: Sweeping all rows of a lane costs as much per 32 bytes of their state as one row looked up; a word in more
#: rows than that is stored for every row. Two machine words a row are always swept: there storing saves less.
_DENSE_BYTES = 32
_DENSE_SHARE_OF_TWO = 64
#: Rows summed up together; 256 rows of at most 128 words keep a sum within 16 bits.
_CHUNK = 256
#: Up to so many rows are compared one by one; beyond that all of them in one go are faster.
_FEW = 500
#: Occurrences to look up beyond the fewest that are needed: more words counted leave fewer rows to compare.
#: Where more than so many are needed, comparing with all rows is faster.
_GATHER = 3_000
_GATHER_AT_MOST = 20_000

_NONE: Ints = np.empty(0, dtype=np.int64)


def lcs_one_by_one(query: Any, rows: Sequence[Any]) -> Ints:
    """The LCS of the query with each row, all of one kind: str, bytes or array, an element a word."""
    return cdist([query], rows, scorer=LCSseq.similarity, dtype=np.int32)[0].astype(np.int64)


def _spell(letters: NDArray[np.int32]) -> str:
    """Words as letters, the form RapidFuzz reads fastest. Numbers below 0x110000."""
    return letters.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _once_each(numbers: Ints) -> Ints:
    """The numbers in ascending order, each once; like `np.unique`, at a third of its cost for a few."""
    if len(numbers) < 2:
        return numbers
    numbers.sort()
    new = np.ones(len(numbers), dtype=np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=new[1:])
    return numbers[new]


class Query:
    """A text about to be compared: `length` words, of which the index has ever seen `ids`, in this order.

    `distinct` are the numbers of those words once each, `counts` how often each occurs and `steps` the
    positions in `distinct` that spell `ids`.
    """

    __slots__ = ("counts", "distinct", "ids", "length", "steps")

    def __init__(self, ids: list[int], length: int) -> None:
        places: dict[int, int] = {}
        self.steps = [places.setdefault(word, len(places)) for word in ids]
        self.ids = ids
        self.length = length
        self.distinct = np.array(list(places), dtype=np.int64)
        self.counts = [0] * len(places)
        for step in self.steps:
            self.counts[step] += 1


@dataclass(frozen=True, slots=True)
class Need:
    """What a row must have in common with a query to matter: `by_length[n]` words if it has n words itself.

    No row shorter than `shortest` or longer than `longest` can; between them longer rows need no fewer words.
    `listed`: the same as `by_length`, as a list; `lowest`: the least of it.
    """

    by_length: Ints
    shortest: int
    longest: int
    listed: list[int]
    lowest: int


def _order_by_word(words: NDArray[np.int32]) -> Ints:
    """The stable order that sorts `words`, by counting sort on 16 bits at a time."""
    order = np.argsort(words.astype(np.uint16), kind="stable")
    high = (words >> 16).astype(np.uint16)
    if high.any():
        order = order[np.argsort(high[order], kind="stable")]
    return order


class Lane:
    """The part of a block whose rows fit one width: their bit vectors and how to sweep over them.

    state: the bit vectors of the block up to the end of this lane, which starts at `start`; two: whether a
    row has two machine words, in the first and the second half of the lane; masks: for each word in turn, its
    positions in each cell it stands in, word w's from bounds[w] to bounds[w + 1].
    """

    def __init__(self, state: Bits, start: int, two: bool, masks: Bits, bounds: NDArray[np.int32]) -> None:
        self._all = state
        self._state = state[start:]
        self._start = start
        self._two = two
        self._masks = masks
        self._bounds = bounds
        self._ones = state.dtype.type(np.iinfo(state.dtype).max)
        self._matched = np.empty_like(self._state)
        self._sum = np.empty_like(self._state)
        self._scratch = np.empty_like(self._state) if two else self._state
        self._dense: dict[int, Bits] = {}

    def store_frequent(self, at: Ints, starts: NDArray[np.int32]) -> None:
        """Store for every row the words that stand in many; at[starts[w]:] are word w's cells here."""
        cells = len(self._state)
        many = cells // _DENSE_SHARE_OF_TWO if self._two else cells * self._state.itemsize // _DENSE_BYTES
        for word in np.flatnonzero(np.diff(self._bounds) > many).tolist():
            first, last = self._bounds[word], self._bounds[word + 1]
            everywhere = np.zeros_like(self._state)
            everywhere[at[starts[word] : starts[word] + last - first] - self._start] = self._masks[first:last]
            self._dense[word] = everywhere

    def lcs(self, steps: Sequence[int], places: Sequence[int], cells: Sequence[Ints], out: Lcs) -> None:
        """Write the length of the longest common subsequence of the query with every row to `out`.

        steps: the query, spelled in positions of `places`: the place of each of its distinct words in the
        vocabulary, -1 where it has none; cells: where each of them stands in this lane.
        """
        postings: list[tuple[Ints | None, Bits] | None] = []
        for place, here in zip(places, cells, strict=True):
            if place < 0 or not len(here):
                postings.append(None)
            elif (everywhere := self._dense.get(place)) is not None:
                postings.append((None, everywhere))
            else:
                first = self._bounds[place]
                postings.append((here, self._masks[first : first + len(here)]))
        walk = [posting for step in steps if (posting := postings[step]) is not None]
        # Every bit set: nothing matched yet. A bit that falls to 0 is one more word in common.
        self._state.fill(self._ones)
        if self._two:
            self._walk_two(walk)
            np.invert(self._state, self._matched)
            halves = np.bitwise_count(self._matched).reshape(2, len(out))
            np.add(halves[0], halves[1], out)
        else:
            self._walk(walk)
            np.invert(self._state, self._matched)
            np.bitwise_count(self._matched, out)

    def _walk(self, walk: Sequence[tuple[Ints | None, Bits]]) -> None:
        everything, state, matched, total = self._all, self._state, self._matched, self._sum
        for cells, masks in walk:
            if cells is None:
                np.bitwise_and(state, masks, matched)
                np.add(state, matched, total)
                np.bitwise_xor(state, matched, state)
                np.bitwise_or(state, total, state)
            else:
                part = everything[cells]
                hit = part & masks
                carried = part + hit
                part ^= hit
                part |= carried
                everything[cells] = part

    def _walk_two(self, walk: Sequence[tuple[Ints | None, Bits]]) -> None:
        state, matched, total, scratch = self._state, self._matched, self._sum, self._scratch
        low, high = total.reshape(2, -1)
        low_matched = matched[: len(low)]
        for cells, masks in walk:
            if cells is not None:
                scratch.fill(0)
                scratch[cells - self._start] = masks
                masks = scratch
            np.bitwise_and(state, masks, matched)
            np.add(state, matched, total)
            np.add(high, low < low_matched, high)  # what overflows the first machine word
            np.bitwise_xor(state, matched, state)
            np.bitwise_or(state, total, state)


class Block:
    """Rows in lanes, shortest first, rows of one length in the order given.

    words: the rows one after another, shortest first; lengths: theirs, 1 to `LANE_LIMIT`, ascending;
    numbers: what the owner calls each row.
    """

    def __init__(self, words: NDArray[np.int32], lengths: NDArray[np.uint8], numbers: Ints) -> None:
        self.words = words
        self.lengths = lengths
        self.numbers = numbers
        self.lcs: Lcs = np.empty(len(lengths), dtype=np.uint8)
        self._shortest, self._longest = int(lengths[0]), int(lengths[-1])
        self._ends = np.cumsum(lengths, dtype=np.int64)
        #: Each word's place in the block's vocabulary, -1 where it has none; the last is for all above.
        self._place_of = np.full(int(words.max()) + 2, -1, dtype=np.int32)
        self._place_of[words] = 0
        vocabulary = np.flatnonzero(self._place_of == 0)
        self._place_of[vocabulary] = np.arange(len(vocabulary))
        places = self._place_of[words]
        self._text = _spell(places + 1)
        self._index(places, len(vocabulary))
        runs = np.flatnonzero(np.diff(lengths.astype(np.int16), prepend=-1))
        pieces = [
            np.arange(start, end, _CHUNK)
            for start, end in zip(runs.tolist(), [*runs[1:].tolist(), len(lengths)], strict=True)
        ]
        #: Where each chunk of at most `_CHUNK` rows of one length starts, how many rows it has, their length.
        self._chunks: Ints = np.concatenate(pieces)
        self._sizes = np.diff(self._chunks, append=len(lengths))
        self.chunk_lengths = lengths[self._chunks].astype(np.int64)

    def _index(self, places: NDArray[np.int32], vocabulary: int) -> None:
        rows = len(self.lengths)
        limits = np.searchsorted(self.lengths, _LIMITS, side="right").tolist()
        self._edges: list[int] = [0, *limits]
        with_two = self._edges[-2]
        self._cells = rows + rows - with_two
        # 32 bits here, and each array let go as soon as it has served: a million words pass through.
        before = (self._ends - self.lengths).astype(np.int32)
        cell = np.repeat(np.arange(rows, dtype=np.int32), self.lengths)
        position = np.arange(len(places), dtype=np.int32)
        position -= np.repeat(before, self.lengths)
        cell += position // 64 * (rows - with_two)
        position = position.astype(np.uint8)
        order = _order_by_word(places)
        places, cell, position = places[order], cell[order], position[order]
        del order
        first = np.ones(len(places), dtype=np.bool_)
        np.not_equal(cell[1:], cell[:-1], out=first[1:])
        first[1:] |= places[1:] != places[:-1]
        starts = np.flatnonzero(first)
        masks = np.left_shift(np.uint64(1), position % 64, dtype=np.uint64)
        masks = np.bitwise_or.reduceat(masks, starts)
        #: The cells each word stands in, lane after lane: those of word w in lane k start at
        #: _bounds[w * _LANES + k].
        self._at = cell[starts].astype(np.int64)
        places = places[starts]
        del cell, position, first, starts
        lane = np.zeros(len(places), dtype=np.uint8)
        for edge in self._edges[1:-1]:
            lane += self._at >= edge
        held = np.bincount(places * _LANES + lane, minlength=vocabulary * _LANES)
        self._bounds = np.concatenate(([0], np.cumsum(held))).astype(np.int32)
        self._lanes: list[tuple[int, Lane]] = []
        for number, (_, kind) in enumerate(_WIDTHS):
            start, end = self._edges[number], self._edges[number + 1]
            if end == start:
                continue
            two = number == _LANES - 1
            bounds = np.concatenate(([0], np.cumsum(held[number::_LANES]))).astype(np.int32)
            state = np.empty(self._cells if two else end, dtype=kind)
            built = Lane(state, start, two, masks[lane == number].astype(kind), bounds)
            built.store_frequent(self._at, self._bounds[number::_LANES])
            self._lanes.append((number, built))

    def _find(self, query: Query) -> NDArray[np.int32]:
        """The place of each distinct word of the query in the vocabulary, -1 where it has none."""
        return self._place_of.take(query.distinct, mode="clip")

    def compare(self, query: Query) -> None:
        """Set `lcs`: the length of the longest common subsequence of the query with every row."""
        self._compare(query, self._find(query).tolist())

    def _compare(self, query: Query, places: Sequence[int]) -> None:
        bounds = self._bounds
        for number, lane in self._lanes:
            cells = [
                self._at[bounds[place * _LANES + number] : bounds[place * _LANES + number + 1]]
                if place >= 0
                else _NONE
                for place in places
            ]
            lane.lcs(query.steps, places, cells, self.lcs[self._edges[number] : self._edges[number + 1]])

    def chunk_sums(self) -> NDArray[np.uint16]:
        """The sum of `lcs` over the rows of each chunk."""
        return np.add.reduceat(self.lcs, self._chunks, dtype=np.uint16)

    def chunk_maxima(self) -> Lcs:
        """The highest `lcs` in each chunk."""
        return np.maximum.reduceat(self.lcs, self._chunks)

    def rows_with(self, need: Lcs) -> Ints:
        """The rows whose `lcs` is at least what `need` asks of their chunk."""
        return np.flatnonzero(self.lcs >= np.repeat(need, self._sizes))

    def reaching(self, query: Query, need: Need) -> tuple[Ints, Ints]:
        """The rows that have as many words in common with the query, in order, as they need, and how many.

        Leaves `lcs` undefined.
        """
        found = self._find(query)
        rows = self._may_share(query, found, need)
        places: list[int] = found.tolist()
        if rows is None or len(rows) > _FEW:
            self._compare(query, places)
            asked = np.minimum(need.by_length[self.chunk_lengths], LANE_LIMIT + 1).astype(np.uint8)
            rows = self.rows_with(asked)
            return rows, self.lcs[rows].astype(np.int64)
        if not len(rows):
            return rows, rows
        ends = self._ends[rows]
        starts = (ends - self.lengths[rows]).tolist()
        texts = [self._text[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]
        lcs = lcs_one_by_one("".join([chr(places[step] + 1) for step in query.steps]), texts)
        enough = lcs >= need.by_length[self.lengths[rows]]
        return rows[enough], lcs[enough]

    def _may_share(self, query: Query, places: NDArray[np.int32], need: Need) -> Ints | None:
        """The rows that may have as many words in common with the query as they need, ascending; None where
        finding them costs more than comparing all.

        Exact in that no row which does is left out: a row that shares n words with the query in all shares
        at least n - r with any part of it that leaves out r. The rarest words make that part.
        """
        shortest = max(need.shortest, self._shortest)
        longest = min(need.longest, self._longest)
        if shortest > longest:
            return _NONE
        lowest = need.listed[shortest]
        # Only the lanes with rows of these lengths are looked at. `take` costs half of what indexing does.
        here = np.flatnonzero(places >= 0)
        first = places.take(here) * _LANES + bisect_left(_LIMITS, shortest)
        starts = self._bounds.take(first)
        sizes = self._bounds.take(
            first + (bisect_left(_LIMITS, longest) - bisect_left(_LIMITS, shortest) + 1)
        )
        sizes -= starts
        known = sorted(zip(sizes.tolist(), starts.tolist(), here.tolist(), strict=True))
        left_out = sum([query.counts[word] for _, _, word in known])
        if left_out < lowest:
            return _NONE
        parts: list[Ints] = []
        gathered = 0
        for rows, start, word in known:
            count = query.counts[word]
            gathered += rows * count
            if gathered > (_GATHER if left_out < lowest else _GATHER_AT_MOST):
                break
            left_out -= count
            parts.extend([self._at[start : start + rows]] * count)
        if left_out >= lowest:
            return None
        cells = np.concatenate(parts)
        if longest > _LIMITS[-2] and self._cells > len(self.lengths):
            second = cells >= len(self.lengths)  # a row's second machine word counts for the row
            cells[second] -= len(self.lengths) - self._edges[-2]
        shared = np.bincount(cells)
        rows = cells.take(np.flatnonzero(shared.take(cells) >= max(lowest - left_out, 1)))
        needed = need.by_length.take(self.lengths.take(rows)) - left_out
        rows = rows.take(np.flatnonzero(shared.take(rows) >= needed))
        return _once_each(rows)
