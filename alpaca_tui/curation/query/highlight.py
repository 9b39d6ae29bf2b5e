"""Where a text holds what a filter looks for: the same words the full-text index would find.

Letters are compared without case and accents, words as runs of letters and digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from alpaca_tui.curation.query.sql import indexed
from alpaca_tui.curation.query.tree import And, Node, Or, Query, Words

_MOST = 200


class Term(NamedTuple):
    """Something looked for. `field`: in that text alone, None in any. `words`: folded, in a row; the last may
    be the beginning of a word (`prefix`). `exact`: looked for as it stands."""

    field: str | None
    words: tuple[str, ...]
    prefix: bool
    exact: str = ""


def terms(query: Query) -> list[Term]:
    """What a query looks for, without what it rules out."""
    return list(_terms(query.root))


def _terms(node: Node) -> Iterator[Term]:
    match node:
        case Words(text, field, _, prefix):
            if indexed(text):
                yield Term(field or None, tuple(word for word, _, _ in _split(text)), prefix)
            else:
                yield Term(field or None, (), False, text.casefold())
        case And(parts) | Or(parts):
            for part in parts:
                yield from _terms(part)
        case _:
            return


def highlights(text: str, wanted: Sequence[Term], field: str | None = None) -> list[tuple[int, int]]:
    """Stretches of `text` that match, in order, none over another; at most a few hundred."""
    found: list[tuple[int, int]] = []
    words: list[tuple[str, int, int]] | None = None
    lowered = text.lower() if text.isascii() else None
    for term in wanted:
        if term.field is not None and field is not None and term.field != field:
            continue
        if term.exact:
            found += [match.span() for match in re.finditer(re.escape(term.exact), text, re.IGNORECASE)][
                :_MOST
            ]
            continue
        if lowered is not None:
            pattern = _pattern(term.words, term.prefix)
            found += [match.span(1) for match in islice(pattern.finditer(lowered), _MOST)] if pattern else ()
            continue
        if words is None:
            words = list(_split(text))
        found += _runs(words, term)
    return _apart(sorted(found)[:_MOST])


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...], prefix: bool) -> re.Pattern[str] | None:
    """What `_runs` finds, for texts that folding only makes lower: a screen of rows is searched at every key.
    None: such texts hold none of it."""
    if not words or not all(word.isascii() for word in words):
        return None
    row = r"[\W_]+".join(map(re.escape, words))
    end = r"(?![^\W_])" if not prefix else "" if len(words) == 1 else r"[^\W_]*"
    return re.compile(rf"(?<![^\W_])(?=({row}{end}))")


def _runs(words: Sequence[tuple[str, int, int]], term: Term) -> list[tuple[int, int]]:
    size = len(term.words)
    if not size:
        return []
    first, last = term.words[0], term.words[-1]
    out: list[tuple[int, int]] = []
    for at in range(len(words) - size + 1):
        if size == 1 and term.prefix:
            if words[at][0].startswith(first):
                out.append((words[at][1], words[at][1] + _reach(words[at], len(first))))
            continue
        if words[at][0] != first or any(words[at + n][0] != term.words[n] for n in range(1, size - 1)):
            continue
        end = words[at + size - 1]
        if end[0] == last or (term.prefix and end[0].startswith(last)):
            out.append((words[at][1], end[2]))
        if len(out) >= _MOST:
            break
    return out


def _reach(word: tuple[str, int, int], letters: int) -> int:
    """How much of a word a prefix covers; all of it where folding changed its length."""
    length = word[2] - word[1]
    return letters if len(word[0]) == length else length


def _split(text: str) -> Iterator[tuple[str, int, int]]:
    """(folded word, start, end) of each run of letters, digits and marks."""
    for match in re.finditer(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*", text):
        yield _folded(match.group()), match.start(), match.end()


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(character for character in plain if not unicodedata.combining(character))


def _apart(found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in found:
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > start:
            out.append((start, end))
    return out
