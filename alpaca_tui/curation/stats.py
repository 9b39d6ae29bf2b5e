"""What a dataset is like: how many rows of each kind, how long they are, how they differ. As plain values.

Rows come as they are; the same numbers are worked out for a workspace and for a file. Knows texts and the
diversity's words, no store.
"""

from __future__ import annotations

import statistics
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alpaca_tui.curation.diversity import Figure, Vocabulary, analyser_name, figure_of, root_verb_object
from alpaca_tui.curation.texts import Texts
from alpaca_tui.generation.novelty import NoveltyIndex

FIELDS = ("instruction", "input", "output")
_EDGES = (0, 1, 5, 10, 20, 50, 100, 200, 500, 1_000)
"""Where bins of a length in words begin; the last one has no end."""
_SIMILARITY_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar: its name, how many rows fall into it, and the filter that finds them ("" where none does)."""

    label: str
    count: int
    query: str


@dataclass(frozen=True, slots=True)
class Lengths:
    """Words of a text over the rows that have one."""

    mean: float
    median: float
    p95: float
    longest: int
    bins: Sequence[Bin]


@dataclass(frozen=True, slots=True)
class Statistics:
    """A dataset in numbers.

    growth: (rows, different words in their instructions so far). similarity: rows by their highest ROUGE-L
    with a row before them or a seed, where that is known. sources, statuses, flags: by name, where the rows
    tell. figure: root verbs and objects; `verbs` by how many rows have them.
    """

    rows: int = 0
    with_input: int = 0
    unique_instructions: int = 0
    lengths: Mapping[str, Lengths] = field(default_factory=dict[str, Lengths])
    growth: Sequence[tuple[int, int]] = ()
    similarity: Sequence[Bin] = ()
    sources: Sequence[Bin] = ()
    statuses: Sequence[Bin] = ()
    flags: Sequence[Bin] = ()
    verbs: Sequence[Bin] = ()
    figure: Figure = field(default_factory=lambda: figure_of({}))

    def to_json(self) -> dict[str, Any]:
        """For a script."""
        return {
            "rows": self.rows,
            "with_input": self.with_input,
            "unique_instructions": self.unique_instructions,
            "words": {
                name: {
                    "mean": round(found.mean, 2),
                    "median": found.median,
                    "p95": found.p95,
                    "longest": found.longest,
                    "histogram": {one.label: one.count for one in found.bins},
                }
                for name, found in self.lengths.items()
            },
            "vocabulary": self.growth[-1][1] if self.growth else 0,
            "nearest": {one.label: one.count for one in self.similarity},
            "sources": {one.label: one.count for one in self.sources},
            "statuses": {one.label: one.count for one in self.statuses},
            "flags": {one.label: one.count for one in self.flags},
            "root_verbs": {one.label: one.count for one in self.verbs[:50]},
            "distinct_verbs": self.figure.verbs,
            "distinct_pairs": self.figure.pairs,
            "analyser": analyser_name(),
        }


@dataclass(slots=True)
class Known:
    """What a store knows of a row beside its texts. flags: the rules it breaks."""

    verb: str | None = None
    object: str | None = None
    nearest: float | None = None
    source: str = ""
    status: str = ""
    flags: Sequence[str] = ()


def statistics_of(rows: Iterable[tuple[Texts, Known | None]]) -> Statistics:
    """The numbers of rows; of those nothing is known of, verb and object are worked out here."""
    total = with_input = 0
    # Of a million rows no text is kept, only what is counted of each.
    prompts, vocabulary = set[int](), Vocabulary()
    words = {name: array("I") for name in FIELDS}
    pairs = Counter[tuple[str | None, str | None]]()
    nearest = array("d")
    sources, statuses, flags = Counter[str](), Counter[str](), Counter[str]()
    for row, known in rows:
        total += 1
        with_input += bool(row.input)
        prompts.add(hash(row.instruction))
        vocabulary.add(row.instruction)
        for name in FIELDS:
            text: str = getattr(row, name)
            if text:
                words[name].append(len(text.split()))
        if known is None:
            pairs[root_verb_object(row.instruction)] += 1
            continue
        pairs[known.verb, known.object] += 1
        if known.nearest is not None:
            nearest.append(known.nearest)
        sources[known.source] += 1
        statuses[known.status] += 1
        flags.update(known.flags)
    verbs = Counter[str]()
    for (verb, _), count in pairs.items():
        if verb is not None:
            verbs[verb] += count
    return Statistics(
        rows=total,
        with_input=with_input,
        unique_instructions=len(prompts),
        lengths={name: lengths_of(name, counts) for name, counts in words.items() if counts},
        growth=vocabulary.growth(),
        similarity=similarity_of(nearest),
        sources=_named(sources, "source"),
        statuses=_named(statuses, "status"),
        flags=_named(flags, "flag"),
        verbs=_named(verbs, "verb"),
        figure=figure_of(pairs),
    )


def lengths_of(name: str, counts: Sequence[int]) -> Lengths:
    """The lengths of a field in words, with a histogram."""
    ordered = sorted(counts)
    bins: list[Bin] = []
    for place, low in enumerate(_EDGES):
        high = _EDGES[place + 1] - 1 if place + 1 < len(_EDGES) else None
        count = sum(1 for value in ordered if value >= low and (high is None or value <= high))
        label = f"{low}+" if high is None else (str(low) if low == high else f"{low}-{high}")
        query = f"words({name})>={low}" if high is None else f"words({name}):{low}..{high}"
        if place or count:  # texts of no word at all are rare
            bins.append(Bin(label, count, query))
    while bins and not bins[-1].count:
        bins.pop()
    return Lengths(
        statistics.fmean(ordered),
        statistics.median(ordered),
        ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)],
        ordered[-1],
        bins,
    )


def similarity_of(scores: Sequence[float]) -> list[Bin]:
    """Rows by tenths of their highest score; a score of exactly 1 is in the last."""
    if not scores:
        return []
    counts = Counter(min(int(score * _SIMILARITY_BINS + 1e-9), _SIMILARITY_BINS - 1) for score in scores)
    bins: list[Bin] = []
    for place in range(_SIMILARITY_BINS):
        low, high = place / _SIMILARITY_BINS, (place + 1) / _SIMILARITY_BINS
        top = "" if place == _SIMILARITY_BINS - 1 else f" nearest<{high:g}"
        bins.append(Bin(f"{low:.1f}-{high:.1f}", counts.get(place, 0), f"nearest>={low:g}{top}"))
    return bins


def _named(counts: Counter[str], name: str) -> list[Bin]:
    return [
        Bin(value, count, f"{name}:{value}")
        for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if value
    ]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One dataset beside another. only_here, only_there: root verbs that one has and the other has not, the most
    frequent first. similarity: of the other's instructions, by their highest score with one of this dataset's."""

    here: Statistics
    there: Statistics
    only_here: Sequence[Bin]
    only_there: Sequence[Bin]
    similarity: Sequence[Bin]


def compare(here: Sequence[Texts], there: Sequence[Texts], most: int = 2_000) -> Comparison:
    """Two datasets side by side. most: so many of the other's instructions are compared, evenly spread."""
    one = statistics_of((row, None) for row in here)
    other = statistics_of((row, None) for row in there)
    index = NoveltyIndex()
    for place, row in enumerate(here):
        index.add(row.instruction, place)
    step = max(len(there) // most, 1)
    scores = [index.judge(row.instruction).score for row in there[::step][:most]]
    mine, theirs = {verb.label for verb in one.verbs}, {verb.label for verb in other.verbs}
    return Comparison(
        one,
        other,
        [verb for verb in one.verbs if verb.label not in theirs],
        [verb for verb in other.verbs if verb.label not in mine],
        similarity_of(scores) if len(index) else [],
    )
