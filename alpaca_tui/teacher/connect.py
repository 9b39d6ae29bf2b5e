"""From what the user typed (`--teacher`) to an endpoint that answers: the address, the key, the model.

The first contact is made here, so that a wrong URL, a wrong key or a server that is not running is a
clear error before anything is spent. Knows no command line; `demo` and `local:` are for others to start.

Keys. `openai` uses OPENAI_API_KEY (at OPENAI_BASE_URL, where set). A URL gets ALPACA_TUI_API_KEY, if
set; OPENAI_API_KEY only if the URL is OPENAI_BASE_URL or OpenAI's own: an OpenAI key is never sent to
any other server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.client import OpenAITeacher, Timeouts, offered
from alpaca_tui.teacher.responses import plain, scrub
from alpaca_tui.teacher.types import Endpoint, EndpointKind, FailureKind, TeacherFailure

OPENAI_URL = "https://api.openai.com/v1"
_EXAMPLE_URL = "http://localhost:8000/v1"
_ENDPOINT_PATHS = re.compile(r"/(?:chat/completions|completions|models|responses)$")
_VERSIONED = re.compile(r"/v\d+\w*(?:/|$)")
_ABSENT = (404, 405, 501)


def resolve_endpoint(
    spec: str,
    *,
    model: str | None,
    kind: EndpointKind,
    environ: Mapping[str, str],
    label: str | None = None,
    timeout_s: float = 10.0,
) -> Endpoint:
    """The endpoint `spec` stands for: `openai` or a URL, reached once to see that it answers.

    `label` replaces what the endpoint is shown and stored as. Blocks for network; call it from a thread
    without a running event loop. Raises `UserError`.
    """
    if spec.startswith("local:"):
        raise UserError(
            "Local models cannot be teachers yet",
            f"{plain(spec)} names a model on this machine, which this version cannot start by itself.",
            "Serve it with vLLM, llama.cpp or Ollama and give the URL: any OpenAI-compatible server works, "
            f"for example --teacher {_EXAMPLE_URL}.",
        )
    if spec == "openai":
        endpoint = _openai(model, kind, environ)
    else:
        endpoint = _custom(spec, model, kind, environ)
    if label is not None:
        endpoint = replace(endpoint, label=label)
    return asyncio.run(_contact(endpoint, timeout_s))


# --- what was typed


def _openai(model: str | None, kind: EndpointKind, environ: Mapping[str, str]) -> Endpoint:
    key = _key(environ, "OPENAI_API_KEY")
    if key is None:
        raise UserError(
            "The teacher openai needs an API key",
            "OPENAI_API_KEY is not set.",
            "Set it (export OPENAI_API_KEY=...), or try --teacher demo, which needs no key.",
        )
    if not model:
        raise UserError(
            "The teacher openai needs a model",
            "No model was named, and models differ in price by a factor of a hundred.",
            "Name one, for example --model gpt-4o-mini.",
        )
    base_url = environ.get("OPENAI_BASE_URL", "").strip() or OPENAI_URL
    address = _address(base_url)
    label = "openai" if _same(address.base_url, OPENAI_URL) else address.label
    return address.endpoint(model, kind, key, label)


def _custom(spec: str, model: str | None, kind: EndpointKind, environ: Mapping[str, str]) -> Endpoint:
    address = _address(spec)
    key = _key(environ, "ALPACA_TUI_API_KEY")
    if key is None:
        known = [OPENAI_URL, environ.get("OPENAI_BASE_URL", "").strip()]
        if any(url and _same(address.base_url, url) for url in known):
            key = _key(environ, "OPENAI_API_KEY")
    return address.endpoint(model or "", kind, key, address.label)


def _key(environ: Mapping[str, str], variable: str) -> SecretStr | None:
    """The key in `variable`, without the blanks that come with copying."""
    key = environ.get(variable, "").strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UserError(
            f"{variable} holds no API key",
            "It contains blanks, line breaks or characters that no key has.",
            "Copy the key again, without quotes or comments around it.",
        )
    return SecretStr(key)


@dataclass(frozen=True, slots=True)
class _Address:
    """A URL taken apart: where it leads, and the secrets it carried."""

    base_url: str
    label: str
    basic_auth: tuple[str, SecretStr] | None
    query: SecretStr | None

    def endpoint(self, model: str, kind: EndpointKind, key: SecretStr | None, label: str) -> Endpoint:
        return Endpoint(self.base_url, model, label, kind, key, self.basic_auth, self.query)


def _address(url: str) -> _Address:
    """`url` checked and taken apart; raises `UserError`."""
    url = url.strip()
    shown = plain(scrub(url.partition("?")[0]))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as fault:
        reason = plain(str(fault))
        raise UserError("The teacher's URL is not valid", f"{shown}: {reason}.", _url_advice()) from None
    if parts.scheme not in ("http", "https"):
        if "://" in url or not _looks_like_host(url):
            raise UserError(
                "There is no such teacher",
                f"“{shown}” is neither demo, nor openai, nor an http(s) URL.",
                f"For a model of OpenAI: --teacher openai --model NAME. For a server: {_url_advice()}",
            )
        scheme = "http" if _local_host(url) else "https"
        raise UserError(
            "The teacher's URL lacks http:// or https://",
            f"“{shown}” has no scheme.",
            f"Did you mean --teacher {scheme}://{shown}?",
        )
    if not host or re.search(r"[\s\x00-\x20]", url):
        raise UserError("The teacher's URL is not valid", f"“{shown}” names no server.", _url_advice())
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port is None else f"{shown_host}:{port}"
    path = _ENDPOINT_PATHS.sub("", parts.path.rstrip("/")).rstrip("/")
    base_url = urlunsplit(SplitResult(parts.scheme, netloc, path, "", ""))
    login = None
    if parts.username is not None:
        login = (unquote(parts.username), SecretStr(unquote(parts.password or "")))
    return _Address(base_url, base_url, login, SecretStr(parts.query) if parts.query else None)


def _url_advice() -> str:
    return f"Give the address of an OpenAI-compatible server, for example --teacher {_EXAMPLE_URL}."


def _looks_like_host(text: str) -> bool:
    host = r"localhost|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}|\d+(?:\.\d+){3}|\[[\da-f:]+\]|[\w.-]+(?=:\d)"
    return bool(re.match(rf"(?:{host})(?:[:/]|$)", text, re.I))


def _local_host(text: str) -> bool:
    return bool(re.match(r"(?:localhost|127\.|0\.0\.0\.0|10\.|192\.168\.|\[::1\])", text))


def _same(one: str, other: str) -> bool:
    """Whether two URLs are the same API root, `/v1` or not."""
    try:
        ends = [urlsplit(url.strip()) for url in (one, other)]
        keys = [
            (end.scheme, end.hostname, end.port, re.sub(r"/v1$", "", end.path.rstrip("/"))) for end in ends
        ]
    except ValueError:
        return False
    return keys[0] == keys[1]


# --- the first contact


async def _contact(endpoint: Endpoint, timeout_s: float) -> Endpoint:
    """`endpoint` with the API root that answers, and its model."""
    candidates = [endpoint.base_url]
    if not _VERSIONED.search(urlsplit(endpoint.base_url).path):
        candidates.append(endpoint.base_url + "/v1")
    met: list[TeacherFailure] = []
    for base_url in candidates:
        found = _at(endpoint, base_url)
        try:
            names = await _models(found, timeout_s)
        except TeacherFailure as failure:
            if _settles(failure):
                return _without_list(found, failure)
            met.append(failure)
        else:
            return _with_model(found, names)
    # Nothing lists models. A server may do without that; a web page or a redirect is no server of ours.
    no_api = next((failure for failure in met if failure.status not in _ABSENT), None)
    if no_api is not None:
        raise UserError("This is no OpenAI-compatible server", _sentence(no_api), no_api.hint)
    given_whole = bool(urlsplit(endpoint.base_url).path)
    return _without_list(_at(endpoint, candidates[0] if given_whole else candidates[-1]), met[0])


def _at(endpoint: Endpoint, base_url: str) -> Endpoint:
    label = base_url if endpoint.label == endpoint.base_url else endpoint.label
    return replace(endpoint, base_url=base_url, label=label)


async def _models(endpoint: Endpoint, timeout_s: float) -> list[str]:
    teacher = OpenAITeacher(endpoint, timeouts=Timeouts(connect_s=timeout_s))
    try:
        return await teacher.list_models()
    finally:
        await teacher.aclose()


def _settles(failure: TeacherFailure) -> bool:
    """Whether the failure says something about the server, not about the path that was tried."""
    if failure.status is None:
        return failure.kind is FailureKind.TRANSIENT
    return failure.status not in _ABSENT and not 300 <= failure.status < 400


def _with_model(endpoint: Endpoint, names: list[str]) -> Endpoint:
    if endpoint.model:
        # A server may take names that it does not list, so an unlisted one is for its answer to refuse.
        return endpoint
    if len(names) == 1:
        return replace(endpoint, model=names[0])
    if not names:
        cause = f"{endpoint.label} lists no model."
        raise UserError(
            "The teacher has no model", cause, "Load one on the server, or name one with --model."
        )
    cause = f"{endpoint.label} has {len(names):,} models. {offered(names)}"
    raise UserError(
        "Which of the teacher's models?", cause, f"Name one, for example --model {plain(names[0])}."
    )


def _without_list(endpoint: Endpoint, failure: TeacherFailure) -> Endpoint:
    """The endpoint of a server that told no models: good enough if the model is known and the server
    is there; else `UserError`."""
    status = failure.status
    if status is None:
        raise UserError("The teacher cannot be reached", _sentence(failure), failure.hint)
    if status == 401:
        title = (
            "The teacher wants an API key" if endpoint.api_key is None else "The teacher refuses the API key"
        )
        raise UserError(title, _sentence(failure), failure.hint)
    if status >= 500 and status not in _ABSENT:
        advice = "It may still be starting: wait until it is ready, then try again."
        raise UserError("The teacher is not ready", _sentence(failure), advice)
    if not endpoint.model:
        cause = f"{endpoint.label} does not say which models it has. {_sentence(failure)}"
        raise UserError("The teacher's model is not known", cause, "Name the model with --model.")
    return endpoint


def _sentence(failure: TeacherFailure) -> str:
    return failure.message if failure.message.endswith((".", "!", "?", "…")) else failure.message + "."
