"""Lines as values: cutting, padding, wrapping by cells, and foreign text made safe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from alpaca_tui.tui.glyphs import Glyphs, wants_ascii
from alpaca_tui.tui.paint import Line, clip, columns, pad, safe, sides, wrap


def test_controls_never_survive_into_a_line() -> None:
    line = Line.of("a\x1b[31mb\x07", ("c\nd\te", "bold"))
    assert "\x1b" not in line.text
    assert "\n" not in line.text
    assert line.text == "a␛[31mb␇c ⏎ d e"


@given(st.text(max_size=60), st.integers(0, 40))
def test_clip_never_exceeds_its_width(text: str, width: int) -> None:
    spans = clip([(safe(text), "plain"), ("tail", "bold")], width)
    assert sum(cell_len(part) for part, _ in spans) <= width


@given(st.text(alphabet="ab é漢🦙", max_size=60), st.integers(1, 40))
def test_fit_is_exact(text: str, width: int) -> None:
    assert Line.of(text).fit(width).width == width


def test_clip_tells_that_something_was_cut() -> None:
    assert clip([("hello world", "plain")], 8) == (("hello w…", "plain"),)
    assert clip([("hello", "plain")], 8) == (("hello", "plain"),)


def test_pad_fills_with_blanks() -> None:
    assert pad([("漢", "plain")], 4) == (("漢", "plain"), ("  ", "plain"))


def test_sides_cut_the_left_and_drop_the_right_last() -> None:
    assert sides([("left", "plain")], [("right", "bold")], 14).text == "left     right"
    assert sides([("a very long left side", "plain")], [("r", "bold")], 14).text == "a very long… r"
    assert (
        sides([("a long left side", "plain")], [("an equally long right", "bold")], 14).text
        == "a long left s…"
    )


def test_wrap_breaks_at_blanks_and_keeps_newlines() -> None:
    assert wrap("one two three\nfour", 8) == ["one two", "three", "four"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("漢字漢字", 5) == ["漢字", "漢字"]
    assert wrap("", 5) == [""]


def test_wrap_with_a_limit_ends_in_an_ellipsis() -> None:
    assert wrap("one two three four", 5, limit=2) == ["one", "two…"]
    assert wrap("one", 5, limit=2) == ["one"]


@given(st.text(max_size=120), st.integers(2, 30))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    assert all(cell_len(part) <= width for part in wrap(text, width))


def test_columns_stand_side_by_side() -> None:
    block = columns([[Line.of("a"), Line.of("b")], [Line.of("x")]], [3, 2])
    assert [line.text for line in block] == ["a    x ", "b      "]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_bars_never_draw_something_as_nothing(ascii_only: bool) -> None:
    glyphs = Glyphs(ascii_only)
    assert glyphs.bar(0.0, 10) == ""
    assert len(glyphs.bar(0.0001, 10)) == 1
    assert len(glyphs.bar(1.0, 10)) == 10
    assert glyphs.bar(2.0, 10) == glyphs.bar(1.0, 10)
    assert glyphs.column(0.0, 3, 0) == " "
    assert glyphs.column(0.001, 3, 0) != " "
    assert all(sign.isascii() for sign in Glyphs(True).values())


def test_ascii_is_chosen_where_signs_would_not_survive() -> None:
    assert wants_ascii("latin-1")
    assert not wants_ascii("UTF-8")
