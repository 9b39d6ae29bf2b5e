"""Word differences: both texts can be read back from the pieces, whatever they are."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.curation.diff import Piece, word_diff

TEXT = st.text(st.sampled_from("ab cd.\n") | st.characters(), max_size=60)


@given(TEXT, TEXT)
def test_both_texts_are_in_the_pieces(before, after):
    pieces = word_diff(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after
    assert all(piece.text for piece in pieces)
    assert all(one.kind != other.kind for one, other in itertools.pairwise(pieces))


def test_words_not_letters_are_compared():
    assert word_diff("The cat sat.", "The cats sat.") == [
        Piece("The ", "same"),
        Piece("cat", "removed"),
        Piece("cats", "added"),
        Piece(" sat.", "same"),
    ]
    assert word_diff("Same.", "Same.") == [Piece("Same.", "same")]
    assert word_diff("", "New words") == [Piece("New words", "added")]


def test_words_changed_in_a_row_are_one_change():
    pieces = word_diff("one two three four", "one six seven four")
    assert [piece.kind for piece in pieces] == ["same", "removed", "added", "same"]


def test_long_texts_are_compared_at_their_ends():
    before = "start " + "a b " * 20_000 + "end"
    after = "start " + "c d " * 20_000 + "end"
    pieces = word_diff(before, after)
    assert [piece.kind for piece in pieces] == ["same", "removed", "added", "same"]
