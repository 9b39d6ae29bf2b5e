"""What a server says beside its answers: error bodies in every shape servers give them, rate-limit and
retry headers, and its words made fit to show.

Whatever a server says is untrusted: `plain` scrubs it of keys (servers echo them), makes it printable
and bounds it before it enters a message. Knows nothing of how to react to an error (`faults`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from alpaca_tui.teacher.types import Endpoint, RateHeaders
from alpaca_tui.text import one_line

MAX_WORDS = 300
_READ_AT_MOST = 8_000  # characters of an error that are looked at

_KEY_LIKE = re.compile(
    r"\b(?:sk-|pk-|rk-|gsk_|hf_|xai-|nvapi-|AIza)[\w*-]{4,}"  # the prefixes of the well-known services
    r"|(?<=Bearer )[^\s'\",]+"
    r"|[^\s'\"]{0,64}\w\*{3,}[^\s'\".,]*"  # a key masked with asterisks still shows its ends
)
_URL_LOGIN = re.compile(r"(?<=//)[^/\s@]+@")
_TAGS = re.compile(r"<[^<>]*>")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.I | re.S)
_TRY_AGAIN = re.compile(
    r"(?:try again|retry) (?:in|after) ((?:\d+h)?(?:\d+m(?!s))?(?:[\d.]+(?:ms|s))?)", re.I
)
_MODEL_WORDS = re.compile(
    r"model\b.{0,200}?\b(?:not found|does not exist|doesn.t exist|not available|unknown)|"
    r"(?:unknown|no such|invalid) model",
    re.I | re.S,
)
_DURATION_PART = re.compile(r"([\d.]+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class ServerError:
    """What an error body says. `fields` are the request parameters it complains about; `words` is raw
    text of the server (see `plain`); `html` marks a web page."""

    words: str = ""
    type: str = ""
    code: str = ""
    param: str = ""
    fields: tuple[str, ...] = ()
    html: bool = False
    retry_after_s: float | None = None
    model_absent: bool = False


def parse_error(body: object, content_type: str = "") -> ServerError:
    """The error inside a response body (text, bytes or decoded JSON), whatever its shape: OpenAI, vLLM,
    FastAPI, Google, Ollama and llama.cpp all nest it differently."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str):
        text = body.strip()
        if looks_like_html(text, content_type):
            start = text[:_READ_AT_MOST]
            title = _TITLE.search(start)
            shown = title.group(1) if title else _TAGS.sub(" ", start)
            return ServerError(words=shown.strip(), html=True)
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            return ServerError(words=text[:_READ_AT_MOST])
    return _from_json(body)


def looks_like_html(text: str, content_type: str = "") -> bool:
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    return "text/html" in content_type.lower() or start.startswith(("<!doctype html", "<html", "<head"))


def _from_json(body: object) -> ServerError:
    if isinstance(body, list):
        items = cast(list[object], body)
        body = items[0] if items else ""
    if not isinstance(body, dict):
        return ServerError(words=str(body)[:_READ_AT_MOST])
    whole = cast(dict[str, Any], body)
    inner: object = whole.get("error") or whole.get("errors") or whole
    if isinstance(inner, list):
        inner = next(iter(cast(list[object], inner)), "")
    if not isinstance(inner, dict):
        words = str(inner)[:_READ_AT_MOST]
        return ServerError(words=words, code=_name(whole.get("code")), type=_name(whole.get("type")))
    error = cast(dict[str, Any], inner)
    said: object = error.get("message") or error.get("detail") or error.get("msg") or error.get("title") or ""
    fields: list[str] = []
    if isinstance(said, list):
        said = _from_details(cast(list[object], said), fields)
    param = error.get("param")
    return ServerError(
        words=(str(said) or json.dumps(error, ensure_ascii=False))[:_READ_AT_MOST],
        type=_name(error.get("type") or error.get("status")),
        code=_name(error.get("code")),
        param=param if isinstance(param, str) else "",
        fields=tuple(fields),
        retry_after_s=_retry_delay(error.get("details")),
        model_absent=_name(error.get("code")) == "model_not_found",
    )


def _from_details(details: list[object], fields: list[str]) -> str:
    """The texts of pydantic's list of faults; the fields they name are added to `fields`."""
    texts: list[str] = []
    for detail in details:
        if not isinstance(detail, dict):
            texts.append(str(detail))
            continue
        entry = cast(dict[str, Any], detail)
        place = entry.get("loc")
        steps = [str(step) for step in cast(list[object], place)] if isinstance(place, list) else []
        fields.extend(steps)
        texts.append(": ".join(part for part in (".".join(steps), str(entry.get("msg", ""))) if part))
    return "; ".join(texts)


def _retry_delay(details: object) -> float | None:
    """Google's RetryInfo: `{"retryDelay": "34s"}` somewhere in the error's details."""
    if not isinstance(details, list):
        return None
    for detail in cast(list[object], details):
        if isinstance(detail, dict):
            delay = cast(dict[str, object], detail).get("retryDelay")
            if isinstance(delay, str) and (seconds := _duration(delay)) is not None:
                return seconds
    return None


def _name(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def is_unknown_model(status: int, error: ServerError) -> bool:
    """Whether the model, not the address, is what the server does not know."""
    return error.model_absent or (status in (400, 404) and bool(_MODEL_WORDS.search(error.words)))


# --- what a server says, made fit to show


def secrets_of(endpoint: Endpoint) -> tuple[str, ...]:
    """Every secret this endpoint is asked with."""
    found = [secret.get_secret_value() for secret in (endpoint.api_key, endpoint.query) if secret]
    if endpoint.basic_auth is not None:
        found.append(endpoint.basic_auth[1].get_secret_value())
    return tuple(secret for secret in found if secret)


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without `secrets` and without anything that looks like an API key or a login in a URL."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[key]")
    return _URL_LOGIN.sub("", _KEY_LIKE.sub("[key]", text))


def plain(words: str, secrets: tuple[str, ...] = ()) -> str:
    """A server's words as they may stand in a message: scrubbed, printable, one line, at most 300
    characters."""
    text = one_line(scrub(words[:_READ_AT_MOST], secrets)).replace(" ⏎ ", " ")
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1].rstrip() + "…"


# --- headers


def _integer(value: str | None) -> int | None:
    match = re.match(r"\s*(\d{1,15})", value or "")
    return int(match.group(1)) if match else None


def rate_headers(headers: Mapping[str, str]) -> RateHeaders:
    """The `x-ratelimit-*` headers of any answer."""
    return RateHeaders(
        limit_requests=_integer(headers.get("x-ratelimit-limit-requests")),
        limit_tokens=_integer(headers.get("x-ratelimit-limit-tokens")),
        remaining_requests=_integer(headers.get("x-ratelimit-remaining-requests")),
        remaining_tokens=_integer(headers.get("x-ratelimit-remaining-tokens")),
    )


def _number(value: str | None, scale: float = 1.0) -> float | None:
    try:
        number = float(value or "") * scale
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _duration(text: str) -> float | None:
    """Seconds in `1h2m3.5s`, `250ms`; None if it is no such text."""
    parts = _DURATION_PART.findall(text)
    if not parts:
        return None
    values = [_number(value, _SECONDS[unit]) for value, unit in parts]
    return None if None in values else sum(value for value in values if value is not None)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds the server asks us to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    milliseconds = _number(headers.get("retry-after-ms"), 0.001)
    if milliseconds is not None:
        return milliseconds
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return _duration(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def asked_wait(headers: Mapping[str, str], error: ServerError) -> float | None:
    """Seconds the server asks us to wait, in its headers, else in the error, else in its words
    ("Please try again in 20s")."""
    seconds = retry_after(headers)
    if seconds is None:
        seconds = error.retry_after_s
    if seconds is None and (said := _TRY_AGAIN.search(error.words)):
        seconds = _duration(said.group(1))
    return seconds
