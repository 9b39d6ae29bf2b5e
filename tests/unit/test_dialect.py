"""What a refusal teaches: which parameters and which endpoint later requests use."""

from __future__ import annotations

import json

import pytest

from alpaca_tui.teacher.dialect import Dialect
from alpaca_tui.teacher.responses import parse_error
from alpaca_tui.teacher.types import Sampling, TeacherRequest


def said(message: str, **fields: object) -> str:
    """An error as OpenAI writes it."""
    return json.dumps({"error": {"message": message, **fields}})


REQUEST = TeacherRequest(
    chat=(("user", "hi"),),
    text="hi",
    sampling=Sampling(temperature=0.7, top_p=0.9, max_tokens=9, stop=("\n20",)),
)


def lesson(status: int, body: str, dialect: Dialect | None = None) -> set[str] | None:
    """The parameters sent before but not after; None if nothing was learned."""
    dialect = dialect or Dialect("chat", "some-model")
    before = dialect.body(REQUEST)
    if not dialect.learn(status, parse_error(body), before):
        return None
    return set(before) ^ set(dialect.body(REQUEST))


@pytest.mark.parametrize(
    ("status", "body", "changed"),
    [
        (
            400,
            said(
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                code="unsupported_parameter",
                param="max_tokens",
            ),
            {"max_tokens", "max_completion_tokens"},
        ),
        (
            400,
            said(
                "Unsupported value: 'temperature' does not support 0.7 with this model. "
                "Only the default (1) value is supported.",
                code="unsupported_value",
                param="temperature",
            ),
            {"temperature"},
        ),
        (400, said("'stop' is not supported with this model"), {"stop"}),
        (400, said("Unsupported parameter: stop"), {"stop"}),
        (422, '{"detail":[{"loc":["body","top_p"],"msg":"extra fields not permitted"}]}', {"top_p"}),
        (
            400,
            said("[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs'}]"),
            {"stream_options"},
        ),
        (400, said("unrecognized arguments: stream_options"), {"stream_options"}),
        (400, said("Unrecognized request argument supplied: stream_options"), {"stream_options"}),
        (400, said("`temperature` and `top_p` cannot both be specified for this model."), {"top_p"}),
        (
            400,
            said("'stream' does not support true with this model.", code="unsupported_value", param="stream"),
            {"stream", "stream_options"},
        ),
        (
            422,
            '{"detail":[{"loc":["body","stop"],"msg":"extra fields not permitted"},'
            '{"loc":["body","stream_options"],"msg":"extra fields not permitted"}]}',
            {"stop", "stream_options"},
        ),
        # A value out of range is the user's setting, not an unknown parameter: never dropped in silence.
        (400, said("temperature must be between 0 and 1"), None),
        (
            400,
            said("max_tokens is too large: 9. This model supports at most 5", param="max_tokens"),
            None,
        ),
        (400, said("Please stop sending unsupported requests"), None),
        (400, said("This model's maximum context length is 4096 tokens"), None),
        (429, said("'stop' is not supported with this model"), None),
    ],
)
def test_lessons(status: int, body: str, changed: set[str] | None) -> None:
    assert lesson(status, body) == changed


def test_the_limit_of_an_answer_is_never_given_up() -> None:
    dialect = Dialect("chat", "m")
    assert lesson(400, said("unrecognized arguments: max_tokens"), dialect)
    assert lesson(400, said("unrecognized arguments: max_completion_tokens"), dialect) is None
    assert dialect.body(REQUEST)["max_completion_tokens"] == 9
    legacy = Dialect("completions", "m")
    assert lesson(400, said("unrecognized arguments: max_tokens"), legacy) is None


@pytest.mark.parametrize(
    ("kind", "model", "spoken"),
    [
        ("auto", "gpt-4o-mini", "chat"),
        ("auto", "gpt-3.5-turbo", "chat"),
        ("auto", "gpt-3.5-turbo-instruct", "completions"),
        ("auto", "davinci-002", "completions"),
        ("chat", "davinci-002", "chat"),
        ("completions", "gpt-4o-mini", "completions"),
    ],
)
def test_which_endpoint_is_tried_first(kind: str, model: str, spoken: str) -> None:
    dialect = Dialect(kind, model)  # type: ignore[arg-type]
    assert dialect.spoken == spoken
    assert ("messages" in dialect.body(REQUEST)) == (spoken == "chat")
    assert ("prompt" in dialect.body(REQUEST)) == (spoken == "completions")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, '{"detail":"Not Found"}'),
        (405, ""),
        (404, said("This is not a chat model and thus not supported", param="model")),
        (400, said("As of transformers v4.44, default chat template is no longer allowed")),
        (400, said('"base" does not support chat')),
    ],
)
def test_a_server_without_chat_is_asked_for_completions_once(status: int, body: str) -> None:
    dialect = Dialect("auto", "m")
    error = parse_error(body)
    assert dialect.learn(status, error, dialect.body(REQUEST))
    assert dialect.spoken == "completions"
    assert not dialect.learn(404, parse_error('{"detail":"Not Found"}'), dialect.body(REQUEST))
    assert not Dialect("chat", "m").learn(status, error, {})


def test_an_unknown_model_is_no_missing_endpoint() -> None:
    dialect = Dialect("auto", "m")
    assert not dialect.learn(404, parse_error(said("The model `m` does not exist")), {})
    assert dialect.spoken == "chat"


def test_text_that_cannot_be_encoded_is_repaired() -> None:
    request = TeacherRequest(chat=(("user", "a\ud83db \ud83e\udd99"),), text="", sampling=Sampling())
    assert Dialect("chat", "m").body(request)["messages"][0]["content"] == "a\ufffdb 🦙"
