"""What went wrong, in plain words: HTTP statuses, error bodies and broken connections become a
`TeacherFailure` that says how to react and what the user can do.

Knows no sockets and no retry policy.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import cast

from alpaca_tui.teacher.responses import (
    ServerError,
    asked_wait,
    is_unknown_model,
    parse_error,
    plain,
    rate_headers,
    secrets_of,
)
from alpaca_tui.teacher.types import Endpoint, FailureKind, TeacherFailure

_CONTEXT_WORDS = re.compile(
    r"context[ _](?:length|window|size)|prompt is too long|too many (?:input )?tokens|reduce the length|"
    r"reduce your prompt|maximum (?:input|prompt) length|input (?:is )?too long",
    re.I,
)
_TOO_LARGE_WORDS = re.compile(r"request too large|tokens must be reduced", re.I)
_QUOTA_CODES = {
    "insufficient_quota",
    "billing_not_active",
    "billing_hard_limit_reached",
    "insufficient_balance",
}
_QUOTA_WORDS = re.compile(
    r"exceeded your current quota|insufficient (?:balance|credits|funds)|out of credits", re.I
)
_FILTER_CODES = {"content_filter", "content_policy_violation", "invalid_prompt"}
_FILTER_WORDS = re.compile(r"content management policy|content policy|safety system", re.I)

CONTEXT_HINT = (
    "Show fewer or shorter examples (--examples), ask for a shorter answer, "
    "or choose a model with a longer context."
)
URL_HINT = "Is the URL right? It usually ends in /v1, for example http://localhost:8000/v1."


# --- an HTTP status


def from_response(
    status: int, headers: Mapping[str, str], body: bytes | str | object, endpoint: Endpoint, partial: str = ""
) -> TeacherFailure:
    """The failure an error response stands for."""
    return from_error(status, parse_error(body, headers.get("content-type", "")), endpoint, headers, partial)


def from_error(
    status: int,
    error: ServerError,
    endpoint: Endpoint,
    headers: Mapping[str, str] | None = None,
    partial: str = "",
) -> TeacherFailure:
    """The failure for `status` (an HTTP status, or the one an error event in a stream stands for)."""
    known = headers or {}
    kind, message, hint = _judge(status, error, endpoint, known.get("location", ""))
    wait = None
    if kind in (FailureKind.RATE, FailureKind.TRANSIENT, FailureKind.QUOTA):
        wait = asked_wait(known, error)
    words = plain(error.words, secrets_of(endpoint))
    if error.html:
        words = f"a web page, “{words}”" if words else "a web page"
    return TeacherFailure(
        kind,
        f"{message}: {words}" if words else f"{message}.",
        status=status,
        retry_after_s=wait,
        partial=partial,
        hint=hint,
        rate=rate_headers(known),
    )


def _judge(
    status: int, error: ServerError, endpoint: Endpoint, location: str
) -> tuple[FailureKind, str, str]:
    """(how to react, what happened, what to do)."""
    names = {error.type, error.code}
    if status == 402 or names & _QUOTA_CODES or _says_quota(status, error):
        return (
            FailureKind.QUOTA,
            f"The teacher's account has no credit left ({status})",
            "Check the plan and billing of the account this key belongs to, then start again.",
        )
    if status == 429 and _TOO_LARGE_WORDS.search(error.words):
        return (
            FailureKind.TOO_LONG,
            "The request is larger than the account's token limit (429)",
            CONTEXT_HINT,
        )
    if status == 429 or names & {"rate_limit_exceeded", "rate_limit_error"}:
        return FailureKind.RATE, "The teacher asks to slow down (429)", ""
    if 300 <= status < 400:
        target = plain(location.partition("?")[0]) or "another address"
        return (
            FailureKind.FATAL,
            f"The server redirects to {target} ({status})",
            "Use that address as the URL.",
        )
    if 400 <= status < 500:
        if names & _FILTER_CODES or _FILTER_WORDS.search(error.words):
            return FailureKind.CONTENT, f"The teacher's content filter refused the request ({status})", ""
        if is_context_error(error) or status == 413:
            return FailureKind.TOO_LONG, f"The request is too long for the model ({status})", CONTEXT_HINT
    if status == 401:
        if endpoint.api_key is None:
            return FailureKind.FATAL, "The server wants an API key (401)", _key_hint(endpoint)
        return FailureKind.FATAL, "The server refuses the API key (401)", _key_hint(endpoint)
    if status == 403:
        return (
            FailureKind.FATAL,
            "The server denies access (403)",
            "Check that this key may use this model, and that the service is offered where you are.",
        )
    if is_unknown_model(status, error):
        return (
            FailureKind.FATAL,
            f"The server does not know the model “{plain(endpoint.model)}” ({status})",
            "",
        )
    if status in (404, 405, 501):
        return FailureKind.FATAL, f"There is no such service at this address ({status})", URL_HINT
    if status in (408, 409, 425) or status >= 500:
        return FailureKind.TRANSIENT, f"The teacher's server had a fault ({status})", ""
    about_length = "max_tokens" in error.words or "max_completion_tokens" in error.words
    hint = "Lower the number of tokens that one answer may have." if about_length else ""
    return FailureKind.FATAL, f"The teacher refuses the request ({status})", hint


def _key_hint(endpoint: Endpoint) -> str:
    if endpoint.label == "openai":
        return "Set OPENAI_API_KEY to a valid key."
    if endpoint.api_key is None:
        return "Set ALPACA_TUI_API_KEY to the key of this server."
    return "Check the key in ALPACA_TUI_API_KEY (or in OPENAI_API_KEY, if OPENAI_BASE_URL is this server)."


def _says_quota(status: int, error: ServerError) -> bool:
    # Google answers a passing rate limit in the very words OpenAI uses for an empty account; what tells
    # them apart is that a passing limit says when to come back, or names itself resource exhaustion.
    if status not in (400, 403, 429) or error.retry_after_s is not None or error.type == "RESOURCE_EXHAUSTED":
        return False
    return not error.code.startswith("rate_limit") and bool(_QUOTA_WORDS.search(error.words))


def is_context_error(error: ServerError) -> bool:
    """Whether prompt and answer do not fit the model's context."""
    codes = {"context_length_exceeded", "string_above_max_length", "exceed_context_size_error"}
    return bool({error.code, error.type} & codes) or bool(_CONTEXT_WORDS.search(error.words))


# --- a fault in an answer that came with status 200


def web_page(body: str, endpoint: Endpoint) -> TeacherFailure:
    """A web page where an answer was expected."""
    title = plain(parse_error(body, "text/html").words[:100], secrets_of(endpoint))
    shown = f" (“{title}”)" if title else ""
    return TeacherFailure(
        FailureKind.FATAL, f"The server answered with a web page{shown}, not with an answer.", hint=URL_HINT
    )


def error_event(value: Mapping[str, object], endpoint: Endpoint, partial: str) -> TeacherFailure:
    """An error object inside a stream that began well. It counts as the status it names, else as 500."""
    error = parse_error(value)
    status = int(error.code) if re.fullmatch("[45][0-9]{2}", error.code) else 500
    return from_error(status, error, endpoint, partial=partial)


# --- a broken connection


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and everything that led to it, groups opened."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += (current.__cause__, current.__context__)
        if isinstance(current, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", current).exceptions


def from_exception(error: BaseException, endpoint: Endpoint, partial: str = "") -> TeacherFailure:
    """The failure a network exception stands for. All are transient: a server may come back; whether the
    very first contact is worth going on from is for the caller to say (`connect`)."""
    chain = list(causes(error))
    message, hint = _network_words(chain, endpoint)
    sent = not {type(cause).__name__ for cause in chain} & {"ConnectError", "ConnectTimeout", "ProxyError"}
    return TeacherFailure(FailureKind.TRANSIENT, message, partial=partial, hint=hint, sent=sent)


def _network_words(chain: list[BaseException], endpoint: Endpoint) -> tuple[str, str]:
    names = {type(cause).__name__ for cause in chain}
    texts = " ".join(str(cause) for cause in chain)
    where = endpoint.label
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = plain(getattr(cause, "verify_message", str(cause)), secrets_of(endpoint))
            return (
                f"The certificate of {where} cannot be verified ({reason}).",
                "If the server uses a private certificate authority, set SSL_CERT_FILE to its certificate.",
            )
        if isinstance(cause, ssl.SSLError) and names & {"ConnectError", "ConnectTimeout"}:
            return f"No secure connection to {where} could be made.", "Does the server speak plain http://?"
        if isinstance(cause, socket.gaierror):
            return f"The name of the server in {where} cannot be resolved.", "Check the URL and the network."
        if isinstance(cause, ConnectionRefusedError) or "Connection refused" in str(cause):
            return f"{where} refuses the connection.", "Is the server running, and is the port right?"
        if isinstance(cause, OSError) and cause.errno == 24:
            return (
                "This machine allows no more open connections.",
                "Raise `ulimit -n`, or lower --concurrency.",
            )
    if "ProxyError" in names:
        return "The proxy did not let the request through.", "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY."
    if "ConnectTimeout" in names:
        return f"{where} could not be reached in time.", "Check the URL and the network."
    if "ConnectError" in names:
        return f"{where} cannot be reached.", "Check the URL and the network."
    if names & {"ReadTimeout", "WriteTimeout"}:
        return "The teacher stopped answering.", ""
    if "without sending a response" in texts:
        return "The server closed the connection without an answer.", ""
    if (
        names & {"RemoteProtocolError", "DecodingError"}
        and "incomplete" not in texts
        and "peer closed" not in texts
    ):
        return "What the server sent is no HTTP.", URL_HINT
    return "The connection to the teacher broke.", ""
