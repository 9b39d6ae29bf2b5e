"""Two texts compared word by word: what stayed, what went, what came. Knows no store and no screen."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 4_000

Kind = Literal["same", "removed", "added"]


class Piece(NamedTuple):
    """A stretch of text and what became of it."""

    text: str
    kind: Kind


def word_diff(before: str, after: str) -> list[Piece]:
    """The pieces that make `before` (same and removed) and `after` (same and added), in order.

    Texts of many thousand words are compared at their ends only: what lies between is removed and added whole.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    pieces = [Piece("".join(old[:head]), "same")]
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle_old) + len(middle_new) > _MOST_WORDS:
        pieces += [Piece("".join(middle_old), "removed"), Piece("".join(middle_new), "added")]
    else:
        matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=False)
        for what, start, end, begin, stop in matcher.get_opcodes():
            if what == "equal":
                pieces.append(Piece("".join(middle_old[start:end]), "same"))
            else:
                pieces += [
                    Piece("".join(middle_old[start:end]), "removed"),
                    Piece("".join(middle_new[begin:stop]), "added"),
                ]
    pieces.append(Piece("".join(old[len(old) - tail :]), "same"))
    return _joined([piece for piece in pieces if piece.text])


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbours of one kind made one; blanks between two changes belong to them."""
    smoothed: list[Piece] = []
    for place, piece in enumerate(pieces):
        lone_blank = (
            piece.kind == "same"
            and piece.text.isspace()
            and "\n" not in piece.text
            and 0 < place < len(pieces) - 1
        )
        if lone_blank:
            smoothed += [Piece(piece.text, "removed"), Piece(piece.text, "added")]
        else:
            smoothed.append(piece)
    out: list[Piece] = []
    for run in _runs(smoothed):
        if run[0].kind == "same":
            out.append(Piece("".join(piece.text for piece in run), "same"))
            continue
        removed = "".join(piece.text for piece in run if piece.kind == "removed")
        added = "".join(piece.text for piece in run if piece.kind == "added")
        out += [Piece(removed, "removed")] if removed else []
        out += [Piece(added, "added")] if added else []
    return out


def _runs(pieces: list[Piece]) -> list[list[Piece]]:
    """Pieces in runs of unchanged and of changed ones."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and (runs[-1][0].kind == "same") == (piece.kind == "same"):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs
