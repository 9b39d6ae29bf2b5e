"""What the teacher room speaks in: an endpoint, a request, an answer, a failure.

Plain values without behaviour, so that the client, the scheduler, the store and the tests agree on
them. Knows no HTTP, no store and no screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import SecretStr

EndpointKind = Literal["auto", "chat", "completions"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a teacher lives. `base_url` ends in the API root (usually `/v1`); `label` is what is shown
    and stored (`openai`, `demo` or the URL without credentials), never the key. `basic_auth` (user,
    password) and `query` (`api-version=...&key=...`) hold what such a URL carried beside its address."""

    base_url: str
    model: str
    label: str
    kind: EndpointKind = "auto"
    api_key: SecretStr | None = field(default=None, repr=False)
    basic_auth: tuple[str, SecretStr] | None = field(default=None, repr=False)
    query: SecretStr | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the teacher samples; None leaves the server's default. `max_tokens` bounds one answer."""

    temperature: float | None = 1.0
    top_p: float | None = 1.0
    max_tokens: int = 3072
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TeacherRequest:
    """One question. `chat` is a list of (role, content); `text` the same question for a legacy
    completions endpoint, which continues it. The client sends the one its endpoint speaks."""

    chat: tuple[tuple[str, str], ...]
    text: str
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request; `estimated` where the server told none (characters / 4)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False

    @property
    def total(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """`x-ratelimit-*` of an answer, where the server sends them (None where it does not)."""

    limit_requests: int | None = None
    limit_tokens: int | None = None
    remaining_requests: int | None = None
    remaining_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `spoke` says which endpoint answered; `finish_reason` is the server's word
    (`stop`, `length`, `content_filter`) or `unknown`."""

    text: str
    finish_reason: str
    usage: Usage
    spoke: Literal["chat", "completions"]
    latency_s: float
    first_token_s: float | None
    model: str
    request_id: str | None = None
    rate: RateHeaders = RateHeaders()


class FailureKind(StrEnum):
    """How the engine must react to a failure.

    FATAL: asking again cannot help (wrong key, unknown model, bad request): the run stops and says why.
    TOO_LONG: prompt and answer do not fit the model: fatal, unless the job says that its prompt stands alone.
    QUOTA: the account is out of money (429 with insufficient_quota): the run stops and says why.
    RATE: too many requests: slow down, wait, ask again; never counts as an attempt.
    TRANSIENT: server or connection fault: ask again with backoff, a bounded number of times.
    CONTENT: an answer came but is unusable (empty, refused by a content filter): at most one more try.
    """

    FATAL = "fatal"
    TOO_LONG = "too_long"
    QUOTA = "quota"
    RATE = "rate"
    TRANSIENT = "transient"
    CONTENT = "content"


class TeacherFailure(Exception):
    """A request that brought no usable answer.

    message: plain words incl. the server's own, free of secrets. status: HTTP status or None.
    retry_after_s: what the server asked us to wait. partial: text streamed before the fault.
    hint: what the user can do, where we know. sent: False if the request never reached the server, and so
    cannot have cost anything.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        partial: str = "",
        hint: str = "",
        rate: RateHeaders | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.partial = partial
        self.hint = hint
        self.rate = rate
        self.sent = sent


class Teacher(Protocol):
    """Anything that answers requests: the HTTP client, or a fake in tests."""

    async def ask(self, request: TeacherRequest, on_delta: Callable[[str], None] | None = None) -> Answer:
        """Stream one answer; raises `TeacherFailure`. Cancelling the task aborts the request."""
        ...

    async def list_models(self) -> list[str]: ...

    async def aclose(self) -> None: ...
