"""What servers say when they refuse: how the engine must react, what the user reads, what never shows."""

from __future__ import annotations

import errno
import itertools
import json
import socket
import ssl
from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from alpaca_tui.teacher import faults
from alpaca_tui.teacher.responses import asked_wait, parse_error, plain, rate_headers, retry_after
from alpaca_tui.teacher.types import (
    Endpoint,
    FailureKind,
    RateHeaders,
    TeacherFailure,
)

KEY = "my-very-secret-key-123456"
ENDPOINT = Endpoint("http://host:1/v1", "some-model", "http://host:1/v1", api_key=SecretStr(KEY))


def said(message: str, **fields: object) -> str:
    """An error as OpenAI writes it."""
    return json.dumps({"error": {"message": message, **fields}})


def judge(status: int, body: str, **headers: str) -> TeacherFailure:
    return faults.from_response(status, headers, body, ENDPOINT)


FATAL, QUOTA, RATE = FailureKind.FATAL, FailureKind.QUOTA, FailureKind.RATE
TOO_LONG = FailureKind.TOO_LONG
TRANSIENT, CONTENT = FailureKind.TRANSIENT, FailureKind.CONTENT


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (
            401,
            said("Incorrect API key provided", code="invalid_api_key"),
            FATAL,
            "refuses the API key",
        ),
        (403, said("Country not supported"), FATAL, "denies access"),
        (404, said("The model `x` does not exist", code="model_not_found"), FATAL, "know the model"),
        (404, said('model "x" not found, try pulling it first'), FATAL, "know the model"),
        (
            404,
            '{"object":"error","message":"The model `x` does not exist.","code":404}',
            FATAL,
            "know the model",
        ),
        (404, '{"detail":"Not Found"}', FATAL, "no such service"),
        (404, "404 page not found", FATAL, "no such service"),
        (400, said("Invalid 'messages'"), FATAL, "Invalid 'messages'"),
        (400, said("Unknown parameter 'n' for this model"), FATAL, "refuses the request"),
        (
            422,
            '{"detail":[{"loc":["body","messages"],"msg":"field required"}]}',
            FATAL,
            "messages: field",
        ),
        (400, said("too long", code="context_length_exceeded"), TOO_LONG, "too long for the model"),
        (
            400,
            said("the request exceeds the available context size", type="exceed_context_size_error"),
            TOO_LONG,
            "too long for the model",
        ),
        (413, "", TOO_LONG, "too long for the model"),
        (
            400,
            said("triggering Azure's content management policy", code="content_filter"),
            CONTENT,
            "filter",
        ),
        (402, said("Insufficient credits"), QUOTA, "no credit left"),
        (
            429,
            said("You exceeded your current quota", type="insufficient_quota"),
            QUOTA,
            "no credit left",
        ),
        (429, said("Rate limit reached", code="rate_limit_exceeded"), RATE, "slow down"),
        (429, "", RATE, "slow down"),
        (
            429,
            said("Request too large for gpt-4o: Limit 1, Requested 2", type="tokens"),
            TOO_LONG,
            "larger than",
        ),
        (500, said("oops"), TRANSIENT, "oops"),
        (502, "<html><title>Bad Gateway</title></html>", TRANSIENT, "a web page, “Bad Gateway”"),
        (529, said("Overloaded", type="overloaded_error"), TRANSIENT, "Overloaded"),
        (408, "", TRANSIENT, "fault (408)"),
        (409, "", TRANSIENT, "fault (409)"),
        (425, "", TRANSIENT, "fault (425)"),
        (501, "", FATAL, "no such service"),
    ],
)
def test_how_each_refusal_is_taken(status: int, body: str, kind: FailureKind, says: str) -> None:
    failure = judge(status, body)
    assert failure.kind is kind
    assert says in failure.message
    assert failure.status == status


def test_googles_passing_limit_is_no_empty_account() -> None:
    error = {
        "code": 429,
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "QuotaFailure"}, {"@type": "RetryInfo", "retryDelay": "34.5s"}],
    }
    failure = judge(429, json.dumps([{"error": error}]))
    assert failure.kind is RATE
    assert failure.retry_after_s == 34.5


def test_a_redirect_names_the_address() -> None:
    failure = judge(307, "", location="https://host/v1/chat/completions?key=secret")
    assert failure.kind is FATAL
    assert "https://host/v1/chat/completions" in failure.message
    assert "secret" not in failure.message


def test_hints_say_what_to_do() -> None:
    assert "ALPACA_TUI_API_KEY" in judge(401, "").hint
    openai = Endpoint("https://api.openai.com/v1", "m", "openai", api_key=SecretStr("k"))
    assert "OPENAI_API_KEY" in faults.from_response(401, {}, "", openai).hint
    keyless = Endpoint("http://h/v1", "m", "http://h/v1")
    assert "wants an API key" in faults.from_response(401, {}, "", keyless).message
    assert "examples" in judge(400, said("maximum context length is 4096 tokens")).hint
    assert "/v1" in judge(404, "").hint
    assert "tokens" in judge(400, said("max_tokens is too large: 9000.")).hint


# --- secrets and hostile text


@pytest.mark.parametrize(
    "words",
    [
        f"Incorrect API key provided: {KEY}.",
        f"Bearer {KEY} is wrong",
        "Incorrect API key provided: sk-proj-abcDEF_123-xyz.",
        "Incorrect API key provided: sk-abc************************wxyz.",
        "key my-v*****************3456 is invalid",
        "token gsk_abcdefgh12345 refused",
        "could not reach http://user:pass@host/v1",
        "header 'Authorization: Bearer abcdef123456' refused",
    ],
)
def test_no_key_ever_shows(words: str) -> None:
    failure = judge(401, said(words))
    for secret in (KEY, "abcDEF", "wxyz", "3456", "abcdefgh12345", "user:pass", "abcdef123456"):
        assert secret not in failure.message
        assert secret not in str(failure)


def test_ordinary_words_are_not_taken_for_keys() -> None:
    words = "This is a **risk-free** task-marker, see disk-usage and 5 * 3 *** 2"
    assert plain(words) == words


def test_the_servers_words_are_made_safe_and_bounded() -> None:
    failure = judge(500, said("\x1b[31mred\x1b[0m\n\r\x07 \u202e" + "x" * 5000))
    assert "\x1b" not in failure.message
    assert "\u202e" not in failure.message
    assert "\n" not in failure.message
    assert "red" in failure.message
    assert len(failure.message) < 400


@pytest.mark.parametrize(
    "body", ["<" * 200_000, "a*" * 100_000, "[" * 100_000, "<title>" * 30_000, "x" * 10**6]
)
def test_a_hostile_body_costs_no_time(body: str) -> None:
    started = datetime.now(UTC)
    judge(500, body)
    assert (datetime.now(UTC) - started).total_seconds() < 1.0


NAMES = st.sampled_from(["error", "message", "detail", "code", "loc"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["error", "message", "detail", "code", "loc"]), inner)
    ),
)


@given(st.integers(300, 599), JSON | st.binary() | st.text())
def test_no_body_is_too_strange(status: int, body: object) -> None:
    failure = faults.from_response(status, {}, body, ENDPOINT)
    assert failure.message
    assert len(failure.message) < 500


# --- headers


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "2m30s"}, 150.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)) == seconds


@given(st.text(max_size=40) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+", fullmatch=True))
def test_no_header_is_too_strange(value: str) -> None:
    seconds = retry_after({"retry-after": value, "retry-after-ms": value})
    assert seconds is None or seconds >= 0
    assert rate_headers({"x-ratelimit-limit-tokens": value}).limit_requests is None


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 20s.", 20.0),
        ("Please try again in 250ms. Visit", 0.25),
        ("Please try again in 1m3.5s.", 63.5),
        ("Please try again in 2h0m5s", 7205.0),
        ("Please try again in a while", None),
    ],
)
def test_the_wait_may_stand_in_the_words(words: str, seconds: float | None) -> None:
    assert asked_wait({}, parse_error(said(words))) == seconds
    assert asked_wait({"retry-after": "7"}, parse_error(said(words))) == 7.0


def test_a_wait_is_told_for_passing_faults_only() -> None:
    assert judge(429, "", **{"retry-after": "3"}).retry_after_s == 3.0
    assert judge(503, "", **{"retry-after": "3"}).retry_after_s == 3.0
    assert judge(401, "", **{"retry-after": "3"}).retry_after_s is None


def test_rate_headers_are_read_on_failures_too() -> None:
    headers = {
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-limit-tokens": "30000, 30000;w=60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-remaining-tokens": "lots",
    }
    assert rate_headers(headers) == RateHeaders(5000, 30000, 0, None)
    assert judge(429, "", **headers).rate == RateHeaders(5000, 30000, 0, None)


# --- an error in a stream


def test_an_error_event_counts_as_the_status_it_names() -> None:
    assert faults.error_event({"error": {"message": "crash"}}, ENDPOINT, "so far").kind is TRANSIENT
    assert faults.error_event({"error": {"message": "crash"}}, ENDPOINT, "so far").partial == "so far"
    assert faults.error_event({"error": {"message": "slow", "code": 429}}, ENDPOINT, "").kind is RATE
    limited = {"error": {"message": "slow", "type": "rate_limit_error"}}
    assert faults.error_event(limited, ENDPOINT, "").kind is RATE
    vllm = {"object": "error", "message": "bad request", "code": 400}
    assert faults.error_event(vllm, ENDPOINT, "").kind is FATAL
    assert faults.error_event({"error": "just words"}, ENDPOINT, "").message.endswith("just words")
    for code in ("²²²", "9" * 5000, "200", ""):
        assert faults.error_event({"error": {"message": "x", "code": code}}, ENDPOINT, "").status == 500


# --- broken connections


def chained(*errors: BaseException) -> BaseException:
    for outer, inner in itertools.pairwise(errors):
        outer.__cause__ = inner
    return errors[0]


@pytest.mark.parametrize(
    ("cause", "says", "hint"),
    [
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
            "refuses the connection",
            "running",
        ),
        (socket.gaierror(-2, "Name or service not known"), "cannot be resolved", "URL"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "certificate", "SSL_CERT_FILE"),
        (chained(httpx2.ConnectError("x"), ssl.SSLError(1, "WRONG_VERSION")), "secure connection", "http://"),
        (chained(httpx2.ReadError("x"), ssl.SSLWantReadError()), "broke", ""),
        (OSError(errno.EMFILE, "Too many open files"), "open connections", "ulimit"),
        (OSError("whatever"), "broke", ""),
    ],
)
def test_network_faults_in_plain_words(cause: BaseException, says: str, hint: str) -> None:
    group = ExceptionGroup("all attempts failed", [OSError("first"), cause])  # type: ignore[list-item]
    for error in (chained(RuntimeError("Connection error."), cause), chained(RuntimeError("x"), group)):
        failure = faults.from_exception(error, ENDPOINT, "part")
        assert failure.kind is TRANSIENT
        assert says in failure.message
        assert hint in failure.hint
        assert failure.partial == "part"
        assert failure.status is None
