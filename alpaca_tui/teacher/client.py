"""The teacher at the other end of an HTTP connection: one question in, one streamed answer out.

Uses the openai SDK for requests and reads the event stream raw, for an SDK object per event costs a
whole core. Retries nothing (the scheduler does), except that a request refused for a parameter the
server does not know is written anew at once. Knows no store, no budget and no screen.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import openai

from alpaca_tui.teacher import faults
from alpaca_tui.teacher.answer import AnswerReader, estimated_usage
from alpaca_tui.teacher.dialect import Dialect, Spoken
from alpaca_tui.teacher.lanes import Lanes, request_headers
from alpaca_tui.teacher.responses import (
    is_unknown_model,
    looks_like_html,
    parse_error,
    plain,
    rate_headers,
    secrets_of,
)
from alpaca_tui.teacher.sse import EventDecoder, EventTooLongError
from alpaca_tui.teacher.types import Answer, Endpoint, FailureKind, TeacherFailure, TeacherRequest

_MAX_BODY_BYTES = 16 * 1024 * 1024
_MAX_LESSONS = 10
_PROBE_WAIT_S = 1.0
_AFTER_REASON_S = 5.0  # the usage and [DONE] follow the finish reason at once, or never
_AFTER_DONE_S = 1.0
_MODELS_S = 3.0
_BROKEN = (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect; until the answer begins (a slow local server queues requests); between two
    signs of life while it is written; and for the whole answer, whatever keeps coming."""

    connect_s: float = 10.0
    first_byte_s: float = 600.0
    idle_s: float = 120.0
    total_s: float = 1800.0


class OpenAITeacher:
    """A `Teacher` behind an OpenAI-compatible endpoint; lives on the event loop it is first used on."""

    def __init__(self, endpoint: Endpoint, *, timeouts: Timeouts | None = None) -> None:
        self.endpoint = endpoint
        self.timeouts = timeouts or Timeouts()
        self._dialect = Dialect(endpoint.kind, endpoint.model)
        self._lanes = Lanes(endpoint, self.timeouts.connect_s)
        self._headers = request_headers(endpoint)
        self._settled = False
        self._probe: asyncio.Event | None = None
        self._models: asyncio.Task[list[str]] | None = None

    async def ask(self, request: TeacherRequest, on_delta: Callable[[str], None] | None = None) -> Answer:
        """Stream one answer; raises `TeacherFailure`. Cancelling the task closes the connection."""
        probe = None if self._settled else await self._wait_for_probe()
        try:
            with self._lanes.borrow() as client:
                return await self._ask(client, request, on_delta)
        finally:
            if probe is not None:
                self._end_probe(probe)

    async def list_models(self) -> list[str]:
        """The models the server offers; raises `TeacherFailure`."""
        try:
            async with asyncio.timeout(self.timeouts.connect_s * 2):
                with self._lanes.borrow() as client:
                    listing = client.models.with_streaming_response.list(extra_headers=self._headers)
                    async with listing as response:
                        body = await _read_whole(response.http_response)
        except openai.APIStatusError as error:
            raise faults.from_response(
                error.status_code, error.response.headers, error.response.content, self.endpoint
            ) from None
        except TimeoutError:
            message = f"{self.endpoint.label} did not list its models in time."
            raise TeacherFailure(FailureKind.TRANSIENT, message) from None
        except _BROKEN as error:
            raise faults.from_exception(error, self.endpoint) from None
        except EventTooLongError:
            message = f"{self.endpoint.label} sends data without end that is no list of models."
            raise TeacherFailure(FailureKind.FATAL, message, hint=faults.URL_HINT) from None
        return _model_names(body, response.http_response.headers.get("content-type", ""), self.endpoint)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._models is not None:
            self._models.cancel()
        await self._lanes.aclose()

    # --- the first request tries out what the server takes

    async def _wait_for_probe(self) -> asyncio.Event | None:
        """Let one request find out what the server takes before others are sent, so that not each of
        them is refused for the same thing; nobody waits for it longer than a second."""
        deadline = time.monotonic() + _PROBE_WAIT_S
        while (probe := self._probe) is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await probe.wait()
        if self._settled:
            return None
        self._probe = asyncio.Event()
        return self._probe

    def _end_probe(self, probe: asyncio.Event) -> None:
        probe.set()
        if self._probe is probe:
            self._probe = None

    def _settle(self) -> None:
        self._settled = True
        if self._probe is not None:
            self._end_probe(self._probe)

    # --- one answer

    async def _ask(
        self, client: openai.AsyncOpenAI, request: TeacherRequest, on_delta: Callable[[str], None] | None
    ) -> Answer:
        dialect = self._dialect
        lessons = 0
        while True:
            version, spoken, body = dialect.version, dialect.spoken, dialect.body(request)
            try:
                return await self._attempt(client, spoken, body, request, on_delta)
            except openai.APIStatusError as refusal:
                status, response = refusal.status_code, refusal.response
                error = parse_error(response.content, response.headers.get("content-type", ""))
                lessons += 1
                learned = dialect.version != version or dialect.learn(status, error, body)
                if learned and lessons <= _MAX_LESSONS:
                    continue
                failure = faults.from_error(status, error, self.endpoint, response.headers)
                if failure.kind is FailureKind.FATAL and is_unknown_model(status, error):
                    failure.hint = await self._models_offered()
                raise failure from None

    async def _attempt(
        self,
        client: openai.AsyncOpenAI,
        spoken: Spoken,
        body: dict[str, Any],
        request: TeacherRequest,
        on_delta: Callable[[str], None] | None,
    ) -> Answer:
        """One HTTP request; `openai.APIStatusError` goes through, for it may teach something."""
        reader = AnswerReader(self.endpoint, on_delta)
        started = time.monotonic()
        # Everything is in `extra_body`: the SDK's own parameters are walked through type by type, which
        # takes as long as sending the request.
        model, stream = self.endpoint.model, "stream" in body
        if spoken == "chat":
            sending = client.chat.completions.with_streaming_response.create(
                model=model, messages=[], stream=stream, extra_body=body, extra_headers=self._headers
            )
        else:
            sending = client.completions.with_streaming_response.create(
                model=model, prompt=None, stream=stream, extra_body=body, extra_headers=self._headers
            )
        headers: httpx2.Headers | None = None
        try:
            patience = min(self.timeouts.first_byte_s, self.timeouts.total_s)
            async with asyncio.timeout(patience) as alarm, sending as response:
                headers = response.http_response.headers
                await self._read(response.http_response, reader, alarm, started)
        except TimeoutError:
            if not reader.ended:
                raise self._too_slow(reader, started) from None
        except openai.APIStatusError:
            raise
        except EventTooLongError:
            message = "The teacher sends data without end that is no answer."
            raise TeacherFailure(FailureKind.TRANSIENT, message, hint=faults.URL_HINT) from None
        except _BROKEN as error:
            if not reader.ended:
                raise faults.from_exception(error, self.endpoint, reader.text) from None
        assert headers is not None
        return self._answer(reader, spoken, body, headers, started)

    async def _read(
        self, response: httpx2.Response, reader: AnswerReader, alarm: asyncio.Timeout, started: float
    ) -> None:
        """Read the response to its end into `reader`."""
        content_type = response.headers.get("content-type", "").lower()
        if content_type.startswith("application/json") or "text/html" in content_type:
            # The whole answer at once, though a stream was asked for; or no answer at all.
            _take_whole(await _read_whole(response), content_type, reader, self.endpoint)
            self._settle()
            return
        self._settle()
        chunks = response.aiter_bytes() if "content-encoding" in response.headers else response.aiter_raw()
        decoder = EventDecoder()
        beginning = b""
        limits, loop = self.timeouts, asyncio.get_running_loop()
        begun = loop.time() - (time.monotonic() - started)
        latest = begun + limits.total_s
        slack = min(1.0, limits.idle_s / 4)
        alarm_at = 0.0
        async with contextlib.aclosing(chunks) as pieces:
            async for chunk in pieces:
                for event in decoder.feed(chunk):
                    reader.feed(event)
                if not reader.events and len(beginning) < 4096:
                    beginning += chunk[:4096]
                now = loop.time()
                if reader.ended:
                    due = now + (_AFTER_DONE_S if reader.done else _AFTER_REASON_S)
                elif reader.first_at is None:
                    due = max(now + limits.idle_s, begun + limits.first_byte_s)
                else:
                    due = now + limits.idle_s
                due = min(due, latest)
                # A thousand streams have many chunks: the alarm follows with a second's slack.
                if due != alarm_at and (abs(due - alarm_at) > slack or due == latest):
                    alarm_at = due
                    alarm.reschedule(due)
        for event in decoder.close():
            reader.feed(event)
        if not reader.events and looks_like_html(beginning.decode("utf-8", "replace")):
            raise faults.web_page(beginning.decode("utf-8", "replace"), self.endpoint)

    def _too_slow(self, reader: AnswerReader, started: float) -> TeacherFailure:
        passed = time.monotonic() - started
        if passed > self.timeouts.total_s - 0.05:  # an alarm may ring a clock tick early
            message = f"The teacher did not finish its answer within {passed:.0f} s."
        elif reader.first_at is None:
            message = f"The teacher did not begin to answer within {passed:.0f} s."
        else:
            message = f"The teacher fell silent in mid-answer for {self.timeouts.idle_s:g} s."
        return TeacherFailure(FailureKind.TRANSIENT, message, partial=reader.text)

    def _answer(
        self,
        reader: AnswerReader,
        spoken: Spoken,
        body: dict[str, Any],
        headers: httpx2.Headers,
        started: float,
    ) -> Answer:
        text, reason = reader.text, reader.finish_reason or "unknown"
        problem = self._problem(reader, text, reason)
        if problem is not None:
            problem.rate = rate_headers(headers)
            raise problem
        usage = reader.usage or estimated_usage(_prompt_characters(body), len(text))
        now = time.monotonic()
        return Answer(
            text=text,
            finish_reason=reason,
            usage=usage,
            spoke=spoken,
            latency_s=now - started,
            first_token_s=None if reader.first_at is None else reader.first_at - started,
            model=reader.model or self.endpoint.model,
            request_id=plain(headers.get("x-request-id", "")) or reader.answer_id or None,
            rate=rate_headers(headers),
        )

    def _problem(self, reader: AnswerReader, text: str, reason: str) -> TeacherFailure | None:
        """Why an answer that came to its end is none."""
        if not reader.ended:
            if reader.events:
                message = "The connection ended before the answer was complete."
            else:
                message = "What the teacher sent is no answer."
            return TeacherFailure(FailureKind.TRANSIENT, message, partial=text)
        if reason == "error":
            message = "The teacher broke off its answer with an error."
            return TeacherFailure(FailureKind.TRANSIENT, message, partial=text)
        if reason == "content_filter":
            message = "The teacher's content filter cut the answer off."
            return TeacherFailure(FailureKind.CONTENT, message, partial=text)
        if text.strip():
            return None
        if reader.refusal:
            words = plain(reader.refusal, secrets_of(self.endpoint))
            return TeacherFailure(FailureKind.CONTENT, f"The teacher refuses to answer: {words}")
        if reason == "length":
            message = "The teacher used up its tokens before it wrote anything."
            hint = "A reasoning model thinks first: allow more tokens per answer."
            return TeacherFailure(FailureKind.CONTENT, message, hint=hint)
        return TeacherFailure(FailureKind.CONTENT, "The teacher's answer is empty.")

    async def _models_offered(self) -> str:
        """A hint for whoever asked for an unknown model; asks the server once, and not for long."""
        if self._models is None:
            self._models = asyncio.create_task(self.list_models())
        try:
            async with asyncio.timeout(_MODELS_S):
                return offered(await asyncio.shield(self._models), self.endpoint.model)
        except (TeacherFailure, TimeoutError):
            return "Check the model's name."


def offered(names: list[str], wanted: str = "") -> str:
    """A sentence on what a server offers, at most ten models, those most like `wanted` first."""
    if not names:
        return "It offers no model."
    alike = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5) if wanted else []
    shown = [*alike, *(name for name in names if name not in alike)][:10]
    more = f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else ""
    return f"It offers {', '.join(plain(name) for name in shown)}{more}."


async def _read_whole(response: httpx2.Response) -> bytes:
    """The body, at most 16 MiB of it."""
    body = bytearray()
    async with contextlib.aclosing(response.aiter_bytes()) as pieces:
        async for chunk in pieces:
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                raise EventTooLongError(_MAX_BODY_BYTES)
    return bytes(body)


def _take_whole(body: bytes, content_type: str, reader: AnswerReader, endpoint: Endpoint) -> None:
    text = body.decode("utf-8", "replace")
    if looks_like_html(text, content_type):
        raise faults.web_page(text, endpoint)
    reader.feed(text)
    if reader.events and reader.finish_reason is None:
        reader.done = True


def _model_names(body: bytes, content_type: str, endpoint: Endpoint) -> list[str]:
    """The names in the answer of `/models`: OpenAI's `data`, or `models` as Ollama and llama.cpp have it."""
    text = body.decode("utf-8", "replace")
    if looks_like_html(text, content_type):
        raise faults.web_page(text, endpoint)
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        listing = cast(dict[str, object], value)
        value = listing.get("data", listing.get("models"))
    if not isinstance(value, list):
        message = f"{endpoint.label} does not list its models the way OpenAI does."
        raise TeacherFailure(FailureKind.FATAL, message, hint=faults.URL_HINT)
    names: list[str] = []
    for item in cast(list[object], value):
        entry = cast(dict[str, object], item) if isinstance(item, dict) else {"id": item}
        name = entry.get("id") or entry.get("name") or entry.get("model")
        if isinstance(name, str):
            names.append(name)
    return names


def _prompt_characters(body: dict[str, Any]) -> int:
    if "prompt" in body:
        return len(body["prompt"])
    # Each message carries about four tokens of markup.
    return sum(len(message["content"]) + 16 for message in body["messages"])
