"""One client connection of the demo teacher: requests in, answers out, streamed at a believable pace.

asyncio streams and h11, nothing else. What is answered is decided in `writer`, how it is shaped in
`protocol`; knows no task and no process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b

import h11

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.demo import protocol
from alpaca_tui.teacher.demo.protocol import MODEL, ApiError, Asked, Chunks, Reply
from alpaca_tui.teacher.demo.writer import DEFAULT_FLAWS, answer, seeded

DEFAULT_PACE = 130.0
MAX_BODY = 8 * 1024 * 1024
IDLE_S = 75.0
_TICK_S = (0.035, 0.075)  # about twenty updates a second: smooth to the eye, cheap at 64 streams
_UNPACED_PIECE = 64  # tokens per event at pace 0
_MAX_PROMPTS_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """seed: which tasks are invented. pace: tokens per second of one stream, 0 = as fast as possible.
    flaws: the share (0..1) of tasks that are spoilt on purpose."""

    seed: int = 0
    pace: float = DEFAULT_PACE
    flaws: float = DEFAULT_FLAWS

    def __post_init__(self) -> None:
        if not 0 <= self.flaws <= 1:
            raise UserError("The share of flaws must lie between 0 and 1", f"It is {self.flaws:g}.")
        if not 0 <= self.pace < float("inf"):
            raise UserError(
                "The pace must be 0 or more tokens per second", f"It is {self.pace:g}.", "0 means at once."
            )


class DemoTeacher:
    """What all connections share: the options, the count of answers, how often each prompt came."""

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        self.started = int(time.time())
        self._answers = 0
        self._turns: Counter[bytes] = Counter()

    def reply(self, asked: Asked) -> Reply:
        """The reply to `asked`. The same prompt asked again brings a new answer (as sampling would),
        unless the request fixes it; nothing else of the past has any influence."""
        digest = blake2b(asked.prompt.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        turn = 0
        if not asked.turn_free:
            turn = self._turns[digest]
            if len(self._turns) < _MAX_PROMPTS_REMEMBERED or turn:
                self._turns[digest] += 1
        rng = seeded(self.options.seed, asked.spoken, digest.hex(), asked.seed, turn)
        completion = asked.spoken == "completions"
        written = answer(asked.prompt, completion=completion, rng=rng, flaws=self.options.flaws)
        return protocol.reply_to(asked, written)

    def next_number(self) -> int:
        self._answers += 1
        return self._answers


class _GoneError(Exception):
    """The client went away."""


class Connection:
    """One client connection: requests in, answers out, one after another."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, teacher: DemoTeacher
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._teacher = teacher
        self._http = h11.Connection(h11.SERVER)
        self._number = 0

    async def run(self) -> None:
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    request = await self._next_request()
                    body = await self._body() if request is not None else b""
                if request is None:
                    return
                await self._answer(request, body)
                if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                    self._http.start_next_cycle()
                else:
                    return
        except h11.RemoteProtocolError as error:
            await self._refuse(
                ApiError(error.error_status_hint, f"This is not a valid HTTP request: {error}.")
            )
        except ApiError as error:
            await self._refuse(error)
        except (_GoneError, ConnectionError, TimeoutError):
            return
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(65536))

    async def _next_request(self) -> h11.Request | None:
        event = await self._event()
        return event if isinstance(event, h11.Request) else None

    async def _body(self) -> bytes:
        body = bytearray()
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    raise ApiError(413, f"The request is larger than {MAX_BODY // 2**20} MiB.")
            elif isinstance(event, h11.EndOfMessage):
                return bytes(body)
            else:
                raise _GoneError

    async def _answer(self, request: h11.Request, body: bytes) -> None:
        path = request.target.decode("ascii", "replace").partition("?")[0]
        method = request.method.decode("ascii", "replace")
        self._number = self._teacher.next_number()
        try:
            spoken = _route(path, method)
            if spoken is None:
                await self._send_json(_document_or_none(path, self._teacher.started) or {})
                return
            asked = protocol.read_request(body, spoken)
            reply = self._teacher.reply(asked)
        except ApiError as error:
            await self._send_error(error)
            return
        identity = f"{'chatcmpl' if spoken == 'chat' else 'cmpl'}-demo-{self._number}"
        created = int(time.time())
        schedule = _schedule(reply, self._teacher.options.pace, seeded(identity))
        if asked.stream:
            await self._stream(Chunks(asked, identity, created), reply, schedule)
            return
        for due, _end in schedule:  # a client that does not stream waits as long as the text takes
            await self._until(due)
        await self._send_json(protocol.whole(asked, reply, identity, created))

    async def _stream(self, chunks: Chunks, reply: Reply, schedule: list[tuple[float, int]]) -> None:
        await self._send_head(200, b"text/event-stream; charset=utf-8", [(b"cache-control", b"no-cache")])
        opening = chunks.opening()
        if opening:
            await self._send(h11.Data(data=opening))
        position = 0
        for due, end in schedule:
            await self._until(due)
            await self._send(h11.Data(data=chunks.text(reply.text[position:end])))
            position = end
        await self._send(h11.Data(data=chunks.closing(reply)))
        await self._send(h11.EndOfMessage())

    async def _until(self, due: float) -> None:
        """Sleep until `due` (loop time); 0 is now."""
        pause = due - asyncio.get_running_loop().time()
        if pause > 0:
            await asyncio.sleep(pause)
        if self._writer.transport.is_closing():
            raise _GoneError

    async def _send_json(self, value: dict[str, object], status: int = 200) -> None:
        await self._send_body(status, json.dumps(value).encode())

    async def _send_error(self, error: ApiError) -> None:
        extra = [(b"allow", error.allow.encode())] if error.allow else []
        await self._send_body(error.status, error.body(), extra)

    async def _refuse(self, error: ApiError) -> None:
        """Say what was wrong with a request that could not be read, if the client still listens."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        with contextlib.suppress(_GoneError, ConnectionError, h11.LocalProtocolError):
            await self._send_body(error.status, error.body(), [(b"connection", b"close")])

    async def _send_body(
        self, status: int, body: bytes, extra: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        length = (b"content-length", str(len(body)).encode())
        await self._send_head(status, b"application/json", [length, *(extra or [])])
        await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())

    async def _send_head(self, status: int, content_type: bytes, extra: list[tuple[bytes, bytes]]) -> None:
        headers = [(b"content-type", content_type), (b"x-request-id", b"demo-%d" % self._number), *extra]
        await self._send(h11.Response(status_code=status, headers=headers))

    async def _send(self, event: h11.Event) -> None:
        if self._writer.transport.is_closing():
            raise _GoneError
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()


def _route(path: str, method: str) -> protocol.Spoken | None:
    """Which endpoint a request is for; None for the documents that are only read. Raises `ApiError`."""
    posts: dict[str, protocol.Spoken] = {"/v1/chat/completions": "chat", "/v1/completions": "completions"}
    known = path in posts or _document_or_none(path, 0) is not None
    if not known:
        raise ApiError(
            404, f"Unknown request URL: {method} {path}. The API is under /v1.", code="unknown_url"
        )
    allowed = "POST" if path in posts else "GET"
    if method != allowed:
        raise ApiError(405, f"{method} is not allowed for {path}; use {allowed}.", allow=allowed)
    return posts.get(path)


def _document_or_none(path: str, started: int) -> dict[str, object] | None:
    if path == "/health":
        return {"status": "ok", "model": MODEL}
    if path == "/v1/models":
        return protocol.models(started)
    if path == f"/v1/models/{MODEL}":
        return protocol.model(started)
    return None


def _schedule(reply: Reply, pace: float, rng: random.Random) -> list[tuple[float, int]]:
    """When (loop time, 0 = now) the text must be out up to which offset.

    Anchored at the start of the answer, so that a late wake-up is caught up with and the pace holds.
    """
    ends = reply.ends
    if pace == 0:
        marks = [*range(_UNPACED_PIECE, len(ends), _UNPACED_PIECE), len(ends)] if ends else []
        return [(0.0, ends[mark - 1]) for mark in marks]
    begin = asyncio.get_running_loop().time() + rng.uniform(0.15, 0.6)
    speed = pace * rng.uniform(0.85, 1.15)
    schedule: list[tuple[float, int]] = []
    elapsed, sent = 0.0, 0
    while sent < len(ends):
        elapsed += rng.uniform(*_TICK_S)
        reached = min(len(ends), int(elapsed * speed) + 1)
        if reached > sent:
            schedule.append((begin + elapsed, ends[reached - 1]))
            sent = reached
    return schedule
