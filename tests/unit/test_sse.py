"""The event stream decoder: the same events however the bytes are cut, whatever the bytes are."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.teacher.sse import EventDecoder, EventTooLongError


def decode(*chunks: bytes) -> list[str]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds)]


STREAM = (
    '\ufeff: hello\r\n\r\ndata: {"a": "é🦙"}\n\nevent: x\rdata: one\rdata:two\r\rid: 7\n'
    'retry: 5\ndata: [DONE]\n\nerror: {"code": 500}\n{"bare": 1}\ndata:  spaced\ndata\n\ndata: last'
).encode()
EVENTS = [
    '{"a": "é🦙"}',
    "one\ntwo",
    "[DONE]",
    '{"error": {"code": 500}}',
    '{"bare": 1}',
    " spaced",
    "last",
]


def test_every_way_a_stream_may_be_written() -> None:
    assert decode(STREAM) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_cuts_do_not_matter(size: int) -> None:
    assert decode(*(STREAM[i : i + size] for i in range(0, len(STREAM), size))) == EVENTS


@given(st.binary(max_size=200) | st.just(STREAM), st.lists(st.integers(min_value=0), max_size=12))
def test_any_bytes_give_the_same_events_however_they_are_cut(data: bytes, places: list[int]) -> None:
    assert decode(*cut(data, places)) == decode(data)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8"))))
def test_what_is_sent_is_what_is_decoded(texts: list[str]) -> None:
    stream = "".join(f"data: {json.dumps(text)}\r\n\r\n" for text in texts).encode()
    assert [json.loads(event) for event in decode(stream)] == texts


def test_events_come_as_soon_as_they_are_whole() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: 1\n") == []
    assert decoder.feed(b"\ndata: 2\n\nda") == ["1", "2"]
    assert decoder.feed(b"ta: 3\n\r") == ["3"]
    assert decoder.feed(b"\n") == []


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert decode(b"data: a\xff\xfeb\n\n") == ["a\ufffd\ufffdb"]


def test_a_line_without_end_is_refused() -> None:
    decoder = EventDecoder(limit=1000)
    decoder.feed(b"x" * 900)
    with pytest.raises(EventTooLongError):
        decoder.feed(b"x" * 200)


def test_an_event_of_many_lines_without_end_is_refused() -> None:
    decoder = EventDecoder(limit=1000)
    with pytest.raises(EventTooLongError):
        decoder.feed(b"data: 123456\n" * 200)


def test_comments_and_finished_events_do_not_count_towards_the_limit() -> None:
    decoder = EventDecoder(limit=1000)
    for _ in range(500):
        assert decoder.feed(b": keep-alive\n\n") == []
        assert decoder.feed(b"data: 1\n\n") == ["1"]
