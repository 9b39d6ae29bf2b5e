"""A real OpenAI-compatible HTTP server on loopback whose faults are programmed.

In a test, in a thread of its own:

    with FaultyServer(tasks=5, duration_s=0.05, chunks=4, plan=["429", None, "cut"]) as server:
        ...                                   # server.url is ".../v1", server.model its model
        server.served()                       # LogEntry per request; .text is what was streamed

or in a process of its own (what benchmarks need):

    with ServerProcess("--duration", "0.5", "--chunks", "20") as server:  ...  server.log()

    python -m tests.support.faulty_server --port 0 --rate 429=0.1 --rate cut=0.1 --seed 1
    -> first line on stdout: {"url": "http://127.0.0.1:PORT/v1", "model": "test-model"}

What happens to a request is decided, in this order, by
  `plan`   a list of faults (None = answer well) used up one per request, or a function
           (number of the request from 0, its JSON body) -> fault | None;
  `rates`  {fault: share}, drawn from `seed` (once the plan is used up);
  else it is answered well: `tasks` tasks in the teacher's format, streamed as `chunks` events spread
  evenly over `duration_s` seconds after `first_delay_s`.
Before that come the standing rules: `key` (401 without it), `models` (404 for others), `speaks` (which
endpoints exist; `not_chat_model` answers like OpenAI does for a completions model), `refuses` (parameters
answered with 400 in the words of `refusal_style`: openai, vllm, pydantic, llamacpp), `max_in_flight`
(429 above it), `requests_per_s` (429 above it, token bucket).

Faults, by name:
  429 (no Retry-After)   429-after (Retry-After: `retry_after_s`)   429-quota   500   502   503   503-after
  401   403   404 (model unknown)   400 (plain bad request)   context (prompt too long)
  hang (no answer)   hang-mid (stops in mid-stream)   drip (each chunk `drip_s` apart)
  comments (keep-alive comments for ever)   reset (closed before a byte)   cut (closed in mid-stream)
  cut-clean (the body ends properly, but with neither finish_reason nor [DONE])
  garbage (random bytes as the event stream)   garbage-http (random bytes instead of HTTP)
  endless (data without a newline, for ever)   html (a web page, 200)   html-error (a web page, 502)
  empty (no content)   error-in-stream   content-filter   length (cut off by max_tokens)
  json (an ordinary answer although a stream was asked)   json-empty

`GET /_log` gives every request as JSON, `POST /_set` changes any option while it runs
({"duration_s": 1.0}), `GET /_stats` the counters. Answered texts are unique to a request and depend only
on `seed` and its number. Options `usage`, `done`, `rate_headers`, `answer` say what an answer
carries. It is written for 1,000 streams at once: one protocol object and one timer per stream.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.support.answers import make_tasks, next_number, pieces, render_tasks
from tests.support.refusals import STATUS_FAULTS, openai_error, refusal

Plan = Sequence[str | None] | Callable[[int, dict[str, Any]], str | None]

_ENDPOINTS = {"/v1/chat/completions": "chat", "/v1/completions": "completions"}
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


@dataclass
class Options:
    """Everything the server can be told; see the module's text."""

    tasks: int = 5
    duration_s: float = 0.05
    chunks: int = 4
    first_delay_s: float = 0.0
    plan: Plan = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    model: str = "test-model"
    models: Sequence[str] | None = None
    key: str | None = None
    speaks: Sequence[str] = ("chat", "completions")
    not_chat_model: bool = False
    refuses: Sequence[str] = ()
    refusal_style: str = "openai"
    max_in_flight: int | None = None
    requests_per_s: float | None = None
    retry_after_s: float = 1.0
    drip_s: float = 0.2
    usage: bool = True
    done: bool = True
    rate_headers: bool = True
    answer: str | None = None  # this text instead of tasks, the same for every request
    keep_bodies: bool = True


@dataclass
class LogEntry:
    """One request: `outcome` is complete, refused (an error status), faulty (the fault ran its course),
    aborted (the client went away) or open. `text` is the content streamed so far, `request_id` the
    `x-request-id` it was answered with."""

    number: int
    endpoint: str
    fault: str | None
    body: dict[str, Any]
    request_id: str
    outcome: str = "open"
    status: int = 0
    text: str = ""
    started: float = 0.0
    ended: float = 0.0


class _State:
    """What all connections share."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.entries: list[LogEntry] = []
        self.open: set[_Connection] = set()
        self.in_flight = 0
        self.peak_in_flight = 0
        self.connections = 0
        self.planned = 0
        self._rng = random.Random(options.seed)
        self._allowance = 1.0
        self._allowance_at = time.monotonic()

    def fault_for(self, number: int, body: dict[str, Any]) -> str | None:
        """The fault the plan, else the rates, choose for a request."""
        plan = self.options.plan
        if callable(plan):
            return plan(number, body)
        if self.planned < len(plan):
            self.planned += 1
            return plan[self.planned - 1]
        draw = self._rng.random()
        for fault, share in self.options.rates.items():
            if draw < share:
                return fault
            draw -= share
        return None

    def over_rate(self) -> bool:
        """Whether this request is above `requests_per_s` (a bucket of one second)."""
        rate = self.options.requests_per_s
        if rate is None:
            return False
        now = time.monotonic()
        self._allowance = min(max(rate, 1.0), self._allowance + (now - self._allowance_at) * rate)
        self._allowance_at = now
        if self._allowance < 1.0:
            return True
        self._allowance -= 1.0
        return False

    def stats(self) -> dict[str, Any]:
        outcomes: dict[str, int] = {}
        for entry in self.entries:
            outcomes[entry.outcome] = outcomes.get(entry.outcome, 0) + 1
        return {
            "requests": len(self.entries),
            "outcomes": outcomes,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "connections": self.connections,
            "open_connections": len(self.open),
        }


class _Connection(asyncio.Protocol):
    """One keep-alive connection: parses requests, streams one answer at a time."""

    def __init__(self, state: _State) -> None:
        self.state = state
        self.buffer = b""
        self.entry: LogEntry | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.events: list[bytes] = []
        self.contents: list[str] = []
        self.next_event = 0
        self.clock = 0.0
        self.step = 0.0
        self.ending = "complete"
        self.writable = True

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.state.connections += 1
        self.state.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.state.open.discard(self)
        self._finish("aborted")

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self.entry is None and (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = self.buffer[:end].decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            path = target.partition("?")[0]
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (h.partition(":") for h in lines[1:])
            }
            length = int(headers.get("content-length", 0))
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self._handle(method, path, headers, body)

    # --- requests

    def _handle(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> None:
        options = self.state.options
        if path.startswith("/_"):
            return self._control(path, raw)
        if options.key is not None and headers.get("authorization") != f"Bearer {options.key}":
            said = headers.get("authorization", "").removeprefix("Bearer ")
            message = (
                f"Incorrect API key provided: {said}. You can find your API key at https://example.com/keys."
            )
            return self._error(401, message, "invalid_request_error", "invalid_api_key")
        if method == "GET" and path == "/v1/models":
            models = options.models if options.models is not None else [options.model]
            listed = [{"id": model, "object": "model", "created": 0, "owned_by": "test"} for model in models]
            return self._json(200, {"object": "list", "data": listed})
        endpoint = _ENDPOINTS.get(path)
        if method != "POST" or endpoint is None or endpoint not in options.speaks:
            if endpoint == "chat" and options.not_chat_model:
                message = (
                    "This is not a chat model and thus not supported in the v1/chat/completions endpoint. "
                    "Did you mean to use v1/completions?"
                )
                return self._error(404, message, "invalid_request_error", "", param="model")
            return self._json(404, {"detail": "Not Found"})
        return self._ask(endpoint, raw)

    def _ask(self, endpoint: str, raw: bytes) -> None:
        state, options = self.state, self.state.options
        body: dict[str, Any] = json.loads(raw)
        number = len(state.entries)
        kept_body = body if options.keep_bodies else {}
        entry = LogEntry(number, endpoint, None, kept_body, f"req-{number}", started=time.time())
        state.entries.append(entry)
        self.entry = entry
        state.in_flight += 1
        state.peak_in_flight = max(state.peak_in_flight, state.in_flight)
        allowed = options.models if options.models is not None else [options.model]
        if body.get("model") not in allowed:
            return self._unknown_model(body.get("model"))
        for name in options.refuses:
            if name in body:
                return self._json(*refusal(options.refusal_style, name, body[name]))
        if state.over_rate() or (
            options.max_in_flight is not None and state.in_flight > options.max_in_flight
        ):
            entry.fault = "429"
        else:
            entry.fault = state.fault_for(number, body)
        return self._answer(entry, body)

    def _answer(self, entry: LogEntry, body: dict[str, Any]) -> None:
        options, fault = self.state.options, entry.fault
        if fault in STATUS_FAULTS:
            status, message, kind, code = STATUS_FAULTS[fault]
            extra = f"Retry-After: {options.retry_after_s:g}\r\n" if fault.endswith("-after") else ""
            return self._error(status, message, kind, code, extra=extra)
        match fault:
            case "401":
                return self._error(
                    401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"
                )
            case "404":
                return self._unknown_model(body.get("model"))
            case "html" | "html-error":
                return self._respond(200 if fault == "html" else 502, "text/html; charset=utf-8", _HTML)
            case "hang":
                return None
            case "reset":
                return self._close("faulty")
            case "garbage-http":
                self.transport.write(b"NONSENSE\r\n\r\n" + random.Random(entry.number).randbytes(4096))
                return self._close("faulty")
            case "endless":
                return self._endless()
            case "comments":
                self._head("text/event-stream")
                return self._comment()
            case "garbage":
                self._head("text/event-stream")
                noise = random.Random(entry.number).randbytes(2000).replace(b"\r", b"\n")
                self.transport.write(_chunk(noise) + b"0\r\n\r\n")
                return self._finish("faulty")
            case _:
                pass
        text, finish = self._compose(entry, body)
        if fault in ("json", "json-empty") or not body.get("stream"):
            return self._whole(entry, body, "" if fault == "json-empty" else text, finish)
        return self._stream(entry, body, text, finish)

    def _compose(self, entry: LogEntry, body: dict[str, Any]) -> tuple[str, str]:
        options = self.state.options
        if entry.fault == "empty":
            return "", "stop"
        if options.answer is not None:
            return options.answer, "stop"
        if entry.endpoint == "chat":
            prompt = "\n".join(str(message.get("content", "")) for message in body.get("messages", []))
            first, continues = next_number(prompt)[0], False
        else:
            first, continues = next_number(str(body.get("prompt", "")))
        rng = random.Random(options.seed * 1_000_003 + entry.number)
        text = render_tasks(make_tasks(rng, first, options.tasks), continues=continues)
        match entry.fault:
            case "length":
                return text[: len(text) * 2 // 3], "length"
            case "content-filter":
                return text[: len(text) // 3], "content_filter"
            case _:
                return text, "stop"

    # --- streaming

    def _stream(self, entry: LogEntry, body: dict[str, Any], text: str, finish: str) -> None:
        options, fault = self.state.options, entry.fault
        count = max(1, options.chunks)
        chat = entry.endpoint == "chat"
        name = "chat.completion.chunk" if chat else "text_completion"
        model = json.dumps(body["model"])
        head = f'data: {{"id":"{entry.request_id}","object":"{name}","created":1,"model":{model},'
        if chat:
            opening, closing = '"delta":{"content":', "}"
            role, nothing = '"delta":{"role":"assistant","content":""}', '"delta":{}'
        else:
            opening, closing = '"text":', ""
            role, nothing = "", '"text":""'
        choice = f'{head}"choices":[{{"index":0,'
        going = f'{closing},"logprobs":null,"finish_reason":null}}]}}\n\n'
        self.contents = pieces(text, count)
        self.events = [
            _chunk(f"{choice}{opening}{json.dumps(piece)}{going}".encode()) for piece in self.contents
        ]
        if role:
            self.events[0] = _chunk(f'{choice}{role},"finish_reason":null}}]}}\n\n'.encode()) + self.events[0]
        last = f'{choice}{nothing},"finish_reason":"{finish}"}}]}}\n\n'
        if options.usage and (body.get("stream_options") or {}).get("include_usage"):
            usage = _usage(body, text)
            last += f'{head}"choices":[],"usage":{json.dumps(usage)}}}\n\n'
        if options.done:
            last += "data: [DONE]\n\n"
        self.ending = "complete"
        half = max(1, count // 2)
        match fault:
            case "cut" | "hang-mid":
                del self.events[half:]
                self.ending = fault
            case "cut-clean":
                self.events[half:] = [b"0\r\n\r\n"]
                self.ending = "faulty"
            case "error-in-stream":
                error = {"error": {"message": "The model crashed.", "type": "server_error", "code": 500}}
                self.events[half:] = [_chunk(f"data: {json.dumps(error)}\n\n".encode()) + b"0\r\n\r\n"]
                self.ending = "faulty"
            case _:
                self.events[-1] += _chunk(last.encode()) + b"0\r\n\r\n"
        del self.contents[len(self.events) :]
        if fault in ("cut-clean", "error-in-stream"):
            self.contents[-1] = ""
        self._head("text/event-stream")
        self.next_event = 0
        self.step = options.drip_s if fault == "drip" else options.duration_s / count
        self.clock = self.loop.time() + options.first_delay_s + self.step
        self.timer = self.loop.call_at(self.clock, self._tick)

    def _tick(self) -> None:
        """Send every event that is due (several at once where the loop is late) and set the next alarm."""
        now, first, count = self.loop.time(), self.next_event, len(self.events)
        while self.next_event < count and self.clock <= now + 0.0005:
            self.next_event += 1
            self.clock += self.step
        entry = self.entry
        assert entry is not None
        data = b"".join(self.events[first : self.next_event])
        entry.text += "".join(self.contents[first : self.next_event])
        last = self.next_event == count
        if last and self.ending not in ("cut", "hang-mid"):
            self._finish(self.ending)  # before the client can know, so that a test may look at once
        self.transport.write(data)
        if not last:
            self.timer = self.loop.call_at(self.clock, self._tick)
        elif self.ending == "cut":
            self._close("faulty")

    def _comment(self) -> None:
        self.transport.write(_chunk(b": keep-alive\n\n"))
        self.timer = self.loop.call_later(self.state.options.drip_s, self._comment)

    def _endless(self) -> None:
        if self.next_event == 0:
            self._head("text/event-stream")
            self.next_event = 1
            self.transport.write(_chunk(b'data: {"choices":[{"index":0,"delta":{"content":"'))
        while self.writable and not self.transport.is_closing():
            self.transport.write(_chunk(b"x" * 65536))
        self.timer = self.loop.call_later(0.001, self._endless)

    # --- answers in one piece

    def _whole(self, entry: LogEntry, body: dict[str, Any], text: str, finish: str) -> None:
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish}
        if entry.endpoint == "chat":
            choice["message"] = {"role": "assistant", "content": text}
        else:
            choice["text"] = text
        answer = {
            "id": entry.request_id,
            "model": body["model"],
            "choices": [choice],
            "usage": _usage(body, text),
        }
        entry.text = text
        self._json(200, answer, outcome="complete")

    def _unknown_model(self, model: object) -> None:
        message = f"The model `{model}` does not exist or you do not have access to it."
        self._error(404, message, "invalid_request_error", "model_not_found", param="model")

    def _error(
        self, status: int, message: str, kind: str, code: str, *, param: str | None = None, extra: str = ""
    ) -> None:
        self._json(status, openai_error(message, kind, code, param), extra=extra)

    def _json(self, status: int, value: object, *, extra: str = "", outcome: str = "refused") -> None:
        self._respond(status, "application/json", json.dumps(value).encode(), extra=extra, outcome=outcome)

    def _respond(
        self, status: int, content_type: str, body: bytes, *, extra: str = "", outcome: str = "refused"
    ) -> None:
        head = self._head_text(status, content_type, f"Content-Length: {len(body)}\r\n{extra}")
        self._finish(outcome if status == 200 else "refused")
        self.transport.write(head + body)

    def _head(self, content_type: str) -> None:
        self.transport.write(self._head_text(200, content_type, "Transfer-Encoding: chunked\r\n"))

    def _head_text(self, status: int, content_type: str, extra: str) -> bytes:
        request_id = ""
        if self.entry is not None:
            self.entry.status = status
            request_id = f"x-request-id: {self.entry.request_id}\r\n"
        limits = ""
        if self.state.options.rate_headers:
            limits = (
                "x-ratelimit-limit-requests: 5000\r\nx-ratelimit-limit-tokens: 2000000\r\n"
                "x-ratelimit-remaining-requests: 4999\r\nx-ratelimit-remaining-tokens: 1999000\r\n"
            )
        reason = _REASONS.get(status, "Error")
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n"
        return f"{head}{request_id}{limits}{extra}\r\n".encode()

    def _control(self, path: str, raw: bytes) -> None:
        if path == "/_log":
            return self._json(200, [asdict(entry) for entry in self.state.entries])
        if path == "/_set":
            changes: dict[str, Any] = json.loads(raw)
            known = {option.name for option in fields(Options)}
            if unknown := sorted(set(changes) - known):
                return self._json(400, {"unknown options": unknown})
            for name, value in changes.items():
                setattr(self.state.options, name, value)
                if name == "plan":
                    self.state.planned = 0
        return self._json(200, self.state.stats())

    # --- ends

    def _close(self, outcome: str) -> None:
        self._finish(outcome)
        self.transport.close()

    def _finish(self, outcome: str) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if (entry := self.entry) is None:
            return
        self.entry = None
        entry.outcome, entry.ended = outcome, time.time()
        self.state.in_flight -= 1
        if self.buffer:
            self.loop.call_soon(self.data_received, b"")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _usage(body: dict[str, Any], text: str) -> dict[str, int]:
    prompt = len(json.dumps(body.get("messages", body.get("prompt", "")))) // 4
    completion = len(text) // 4
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


class FaultyServer:
    """The server in a thread of its own; keyword arguments are the fields of `Options`."""

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)
        self._state = _State(self.options)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="faulty-server", daemon=True)
        self.port = 0

    @property
    def root(self) -> str:
        """The URL without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    @property
    def model(self) -> str:
        return self.options.model

    def served(self, outcome: str | None = None) -> list[LogEntry]:
        """The requests so far, in the order they came; only those that ended as `outcome`."""
        return [entry for entry in [*self._state.entries] if outcome in (None, entry.outcome)]

    def stats(self) -> dict[str, Any]:
        return self._state.stats()

    def __enter__(self) -> FaultyServer:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(listen(self._state))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in [*self._state.open]:
            connection.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


async def listen(state: _State, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(state), host, port, backlog=2048)


class ServerProcess:
    """The server in a process of its own; arguments are those of its command line."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.root = self.url = self.model = ""

    def __enter__(self) -> ServerProcess:
        command = [
            sys.executable,
            "-m",
            "tests.support.faulty_server",
            "--until-stdin-closes",
            *self._arguments,
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent.parent.parent,
        )
        assert self._process.stdout is not None
        hello = json.loads(self._process.stdout.readline())
        self.url, self.model = hello["url"], hello["model"]
        self.root = self.url.removesuffix("/v1")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def log(self) -> list[LogEntry]:
        return [LogEntry(**entry) for entry in self._get("/_log")]

    def stats(self) -> dict[str, Any]:
        return self._get("/_stats")

    def set(self, **changes: Any) -> None:
        """Change options while it runs."""
        self._get("/_set", json.dumps(changes).encode())

    def _get(self, path: str, data: bytes | None = None) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.root + path, data=data, timeout=60) as answer:
            return json.load(answer)


def _rate(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    return name, float(share)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tasks", type=int, default=5)
    parser.add_argument("--duration", type=float, default=0.05, help="seconds an answer takes")
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--rate", type=_rate, action="append", default=[], metavar="FAULT=SHARE")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=JSON", help="any other option")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="test-model")
    parser.add_argument("--until-stdin-closes", action="store_true")
    arguments = parser.parse_args()
    options = Options(
        tasks=arguments.tasks,
        duration_s=arguments.duration,
        chunks=arguments.chunks,
        rates=dict(arguments.rate),
        seed=arguments.seed,
        model=arguments.model,
    )
    for setting in arguments.set:
        name, _, value = setting.partition("=")
        if name not in {option.name for option in fields(Options)}:
            parser.error(f"unknown option {name}")
        setattr(options, name, json.loads(value))
    asyncio.run(_serve(_State(options), arguments.host, arguments.port, arguments.until_stdin_closes))


async def _serve(state: _State, host: str, port: int, until_stdin_closes: bool) -> None:
    server = await listen(state, host, port)
    url = f"http://{host}:{server.sockets[0].getsockname()[1]}/v1"
    print(json.dumps({"url": url, "model": state.options.model}), flush=True)
    if until_stdin_closes:
        await asyncio.to_thread(sys.stdin.read)
        server.close()
    else:
        await server.serve_forever()


if __name__ == "__main__":
    main()
