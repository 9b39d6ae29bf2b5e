"""Answers from events: whatever JSON a server sends, text comes out or a failure in plain words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.teacher.answer import AnswerReader, estimated_usage
from alpaca_tui.teacher.types import Endpoint, FailureKind, TeacherFailure, Usage

ENDPOINT = Endpoint("http://host/v1", "m", "http://host/v1")


def read(*events: object) -> tuple[AnswerReader, list[str]]:
    pieces: list[str] = []
    reader = AnswerReader(ENDPOINT, pieces.append)
    for event in events:
        reader.feed(event if isinstance(event, str) else json.dumps(event))
    return reader, pieces


def chat(content: object, **choice: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, **choice}]}


def test_chat_and_legacy_events() -> None:
    reader, pieces = read(chat("a"), {"choices": [{"text": "b", "finish_reason": "length"}]}, "[DONE]")
    assert reader.text == "ab"
    assert pieces == ["a", "b"]
    assert (reader.finish_reason, reader.done) == ("length", True)


def test_a_whole_response_is_read_alike() -> None:
    reader, _ = read(
        {
            "choices": [{"message": {"role": "assistant", "content": "all"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        }
    )
    assert (reader.text, reader.finish_reason, reader.usage) == ("all", "stop", Usage(1, 2))


def test_events_run_together_are_told_apart() -> None:
    reader, pieces = read(json.dumps(chat("a")) + "\n" + json.dumps(chat("b")) + "\n\n[DONE]")
    assert pieces == ["a", "b"]
    assert reader.done


@pytest.mark.parametrize("event", ["nonsense", "[1, 2]", "12", "null", "[" * 50_000, "{"])
def test_nonsense_is_a_passing_fault_with_what_came_before(event: str) -> None:
    reader, _ = read(chat("before"))
    with pytest.raises(TeacherFailure) as caught:
        reader.feed(event)
    assert caught.value.kind is FailureKind.TRANSIENT
    assert caught.value.partial == "before"


@pytest.mark.parametrize(
    "usage",
    [None, 7, {}, {"prompt_tokens": "1", "completion_tokens": 2}, {"prompt_tokens": -1, "completion_tokens": 2},
     {"prompt_tokens": 10**30, "completion_tokens": 2}, {"prompt_tokens": 0, "completion_tokens": 0}],
)  # fmt: skip
def test_counts_that_cannot_be_are_not_counted(usage: object) -> None:
    assert read({"choices": [], "usage": usage})[0].usage is None


def test_the_last_usage_counts() -> None:
    running = [{"usage": {"prompt_tokens": 5, "completion_tokens": n}} for n in (1, 2, 3)]
    assert read(*running)[0].usage == Usage(5, 3)


def test_a_guess_rounds_up() -> None:
    assert estimated_usage(5, 8) == Usage(2, 2, estimated=True)
    assert estimated_usage(0, 0) == Usage(0, 0, estimated=True)


@given(st.text(max_size=30), st.integers(1, 5))
def test_characters_cut_into_surrogates_are_joined(text: str, size: int) -> None:
    halves = text.encode("utf-16-be", "surrogatepass")
    units = [halves[i : i + 2].decode("utf-16-be", "surrogatepass") for i in range(0, len(halves), 2)]
    reader, pieces = read(*(chat("".join(units[i : i + size])) for i in range(0, len(units), size)))
    assert reader.text == "".join(pieces) == text


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=5), max_size=6))
def test_half_a_character_does_no_harm(texts: list[str]) -> None:
    reader, pieces = read(*(chat(text) for text in texts))
    reader.text.encode()
    assert reader.text == "".join(pieces)


NAMES = st.sampled_from(
    ["choices", "delta", "content", "text", "message", "finish_reason", "index", "usage", "prompt_tokens", "model",
     "completion_tokens", "id", "error", "object", "code", "refusal", "type", "details", "retryDelay", "param", "loc"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=30,
)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=6), max_size=4))
def test_no_event_is_too_strange(events: list[dict[str, Any]]) -> None:
    try:
        reader, pieces = read(*events)
    except TeacherFailure as failure:
        failure.message.encode()
        return
    assert "".join(pieces) == reader.text
    for stored in (reader.text, reader.model, reader.answer_id, reader.finish_reason or ""):
        stored.encode()
