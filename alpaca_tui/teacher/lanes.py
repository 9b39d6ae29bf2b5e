"""The connections to one server: many small pools instead of one big one.

A pool looks at all its connections whenever a request begins or ends, so one pool of 1,000 spends most
of a core on that; in lanes of 32 it costs next to nothing (measured: 2.4 times the answers per second
at 1,000 in flight). Lanes are opened as they are needed. Knows how to reach a server, not what to say.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import logging
import os
import resource
import ssl
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx2
import openai

from alpaca_tui.teacher.types import Endpoint

LANE_SIZE = 32
MAX_ERROR_BYTES = 256 * 1024
_KEEPALIVE_S = 4.0  # shorter than the five seconds after which common servers close idle connections
_OPEN_FILES = 4096


@dataclass(slots=True)
class Lane:
    """One client with its own pool; `load` counts the requests in flight on it."""

    client: openai.AsyncOpenAI
    load: int = 0


class Lanes:
    """Hands out the first lane with room, so that few connections are reused much."""

    def __init__(self, endpoint: Endpoint, connect_s: float) -> None:
        self._endpoint = endpoint
        self._connect_s = connect_s
        self._lanes: list[Lane] = []
        self._ssl: ssl.SSLContext | None = None
        # Its line for every request would carry the URL, and with it what a query may hold.
        logging.getLogger("httpx2").setLevel(logging.WARNING)

    @contextlib.contextmanager
    def borrow(self) -> Generator[openai.AsyncOpenAI]:
        """A client for one request."""
        lane = next((lane for lane in self._lanes if lane.load < LANE_SIZE), None)
        if lane is None:
            if self._lanes:
                allow_open_files(_OPEN_FILES)
            lane = Lane(self._open())
            self._lanes.append(lane)
        lane.load += 1
        try:
            yield lane.client
        finally:
            lane.load -= 1

    async def aclose(self) -> None:
        """Close every connection; requests in flight fail."""
        lanes, self._lanes = self._lanes, []
        for lane in lanes:
            await lane.client.close()

    def _open(self) -> openai.AsyncOpenAI:
        endpoint = self._endpoint
        if self._ssl is None:
            self._ssl = httpx2.create_ssl_context()
        http = httpx2.AsyncClient(
            verify=self._ssl,
            timeout=httpx2.Timeout(None, connect=self._connect_s),
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=LANE_SIZE, keepalive_expiry=_KEEPALIVE_S
            ),
            # A redirect of a POST would become a GET; the user is told the right address instead.
            follow_redirects=False,
            trust_env=not is_loopback(endpoint.base_url),
            event_hooks={"response": [_bound_error]},
        )
        query = endpoint.query.get_secret_value() if endpoint.query else ""
        return openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key.get_secret_value() if endpoint.api_key else "none",
            max_retries=0,
            default_query=dict(parse_qsl(query, keep_blank_values=True)) or None,
            http_client=http,
        )


def request_headers(endpoint: Endpoint) -> dict[str, str | openai.Omit]:
    """Headers of every request. What the environment holds for OpenAI (organisation, project, custom
    headers) goes to OpenAI alone, and a server without a key is sent none."""
    headers: dict[str, str | openai.Omit] = {"Accept-Encoding": "identity"}
    if endpoint.label == "openai":
        return headers
    custom = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    foreign = ["OpenAI-Organization", "OpenAI-Project", *(line.partition(":")[0].strip() for line in custom)]
    headers |= {name: openai.Omit() for name in foreign if name}
    headers["Authorization"] = authorization(endpoint) or openai.Omit()
    return headers


def authorization(endpoint: Endpoint) -> str:
    """The value of the Authorization header, "" for none."""
    if endpoint.api_key is not None:
        return f"Bearer {endpoint.api_key.get_secret_value()}"
    if endpoint.basic_auth is not None:
        user, password = endpoint.basic_auth
        return "Basic " + base64.b64encode(f"{user}:{password.get_secret_value()}".encode()).decode()
    return ""


def is_loopback(url: str) -> bool:
    """Whether `url` leads to this machine: no proxy is asked then, whatever the environment says."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def allow_open_files(wanted: int) -> None:
    """Raise this process's own limit of open files (often 1,024) towards `wanted`; a connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Where it is forbidden, the limit that is there must do: connections above it fail in plain words.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Bounded(httpx2.AsyncByteStream):
    """The first `MAX_ERROR_BYTES` of a body: an error page must not fill the memory."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            yield chunk
            size += len(chunk)
            if size >= MAX_ERROR_BYTES:
                return

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _bound_error(response: httpx2.Response) -> None:
    if response.status_code >= 300 and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)
