"""The teacher client against a real server on loopback: every way an answer may come, or fail to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from alpaca_tui.teacher.client import OpenAITeacher, Timeouts
from alpaca_tui.teacher.types import (
    Answer,
    Endpoint,
    FailureKind,
    RateHeaders,
    Sampling,
    TeacherFailure,
    TeacherRequest,
)
from tests.support.faulty_server import FaultyServer

REQUEST = TeacherRequest(
    chat=(("user", "3. Instruction: this\nWrite tasks 4 and on."),),
    text="3. Instruction: this\n###\n4. Instruction:",
    sampling=Sampling(temperature=0.7, top_p=0.9, max_tokens=500, stop=("\n20", "20.")),
)
QUICK = Timeouts(connect_s=5, first_byte_s=1.5, idle_s=0.6, total_s=2.5)


@asynccontextmanager
async def teacher_of(
    server: FaultyServer, timeouts: Timeouts | None = None, **endpoint: Any
) -> AsyncIterator[OpenAITeacher]:
    fields = {"base_url": server.url, "model": server.model, "label": server.url} | endpoint
    teacher = OpenAITeacher(Endpoint(**fields), timeouts=timeouts)
    try:
        yield teacher
    finally:
        await teacher.aclose()


async def failure_of(asking: Awaitable[Answer]) -> TeacherFailure:
    with pytest.raises(TeacherFailure) as caught:
        await asking
    return caught.value


# --- answers


@pytest.mark.parametrize("kind", ["chat", "completions"])
async def test_an_answer_arrives_whole_and_piece_by_piece(kind: str) -> None:
    with FaultyServer(tasks=5, chunks=7, duration_s=0.1) as server:
        async with teacher_of(server, kind=kind) as teacher:
            pieces: list[str] = []
            answer = await teacher.ask(REQUEST, pieces.append)
        [entry] = server.served()
        assert answer.text == entry.text == "".join(pieces)
        assert len(pieces) == 7
        assert answer.text.count("Instruction:") == (5 if kind == "chat" else 4)
        assert answer.finish_reason == "stop"
        assert answer.spoke == kind == entry.endpoint
        assert answer.request_id == entry.request_id
        assert answer.model == "test-model"
        assert answer.rate == RateHeaders(5000, 2_000_000, 4999, 1_999_000)
        assert not answer.usage.estimated
        assert answer.usage.completion_tokens == len(answer.text) // 4
        assert answer.first_token_s is not None
        assert 0 < answer.first_token_s < answer.latency_s
        assert answer.latency_s >= 0.09


async def test_what_is_sent() -> None:
    with FaultyServer() as server:
        async with teacher_of(server, kind="chat") as chat, teacher_of(server, kind="completions") as legacy:
            await chat.ask(REQUEST)
            await legacy.ask(REQUEST)
        sent, sent_legacy = (entry.body for entry in server.served())
    common = {
        "model": "test-model",
        "temperature": 0.7,
        "top_p": 0.9,
        "stop": ["\n20", "20."],
        "max_tokens": 500,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert sent == common | {"messages": [{"role": "user", "content": REQUEST.chat[0][1]}]}
    assert sent_legacy == common | {"prompt": REQUEST.text}


async def test_the_servers_defaults_are_left_alone() -> None:
    request = replace(REQUEST, sampling=Sampling(temperature=None, top_p=None, max_tokens=7))
    with FaultyServer() as server:
        async with teacher_of(server) as teacher:
            await teacher.ask(request)
        assert set(server.served()[0].body) == {"model", "messages", "max_tokens", "stream", "stream_options"}


async def test_missing_usage_is_estimated_and_says_so() -> None:
    with FaultyServer(usage=False) as server:
        async with teacher_of(server) as teacher:
            answer = await teacher.ask(REQUEST)
    assert answer.usage.estimated
    assert answer.usage.completion_tokens == -(-len(answer.text) // 4)
    assert answer.usage.prompt_tokens == -(-(len(REQUEST.chat[0][1]) + 16) // 4)


async def test_a_stream_may_end_without_done() -> None:
    with FaultyServer(done=False) as server:
        async with teacher_of(server) as teacher:
            assert (await teacher.ask(REQUEST)).text == server.served()[0].text


async def test_a_server_that_cannot_stream_is_accepted() -> None:
    with FaultyServer(plan=["json"]) as server:
        async with teacher_of(server) as teacher:
            pieces: list[str] = []
            answer = await teacher.ask(REQUEST, pieces.append)
        assert pieces == [answer.text] == [server.served()[0].text]
        assert not answer.usage.estimated


async def test_an_answer_cut_by_its_limit_is_an_answer() -> None:
    with FaultyServer(plan=["length"]) as server:
        async with teacher_of(server) as teacher:
            assert (await teacher.ask(REQUEST)).finish_reason == "length"


async def test_no_character_is_lost_between_chunks() -> None:
    text = "héllo 🦙🦙🦙 „quoted“ 日本語 \x1b[31m\u202e\x00 end " * 5
    with FaultyServer(answer=text, chunks=len(text), duration_s=0.05) as server:
        async with teacher_of(server) as teacher:
            pieces: list[str] = []
            answer = await teacher.ask(REQUEST, pieces.append)
    assert answer.text == "".join(pieces) == text


async def test_connections_are_reused() -> None:
    with FaultyServer(duration_s=0.02) as server:
        async with teacher_of(server) as teacher:
            for _ in range(5):
                await asyncio.gather(*(teacher.ask(REQUEST) for _ in range(40)))
        assert len(server.served("complete")) == 200
        assert server.stats()["connections"] <= 41


async def test_the_raw_bytes_a_server_may_send() -> None:
    """Null and listed contents, reasoning, comments, odd line ends, a character cut between chunks."""
    events = (
        b": OPENROUTER PROCESSING\r\n\r\n"
        b'data: {"id":"a1","model":"real-model","choices":[{"delta":{"role":"any","content":null}}]}\r\n\r\n'
        b'data: {"choices":[{"delta":{"reasoning_content":"hmm"}}],"error":null}\r\n\r\n'
        b'data: {"choices":[{"delta":{"content":[{"type":"text","text":"A"},{"type":"image"}]}}]}\r\n\r\n'
        b'data: {"choices":[{"index":1,"delta":{"content":"OTHER"}}]}\r\n\r\n'
        b'data: {"choices":[{"delta":{"content":"\xf0\x9f\xa6\x99"}}]}\r\n\r\n'
        b'data: {"choices":[{"delta":{"content":"\\ud83e"}}]}\r\n\r\n'
        b'data: {"choices":[{"delta":{"content":"\\udd99"}}]}\r\n\r\n'
        b'data: {"choices":[{"delta":{"content":"\\ud800!"},"finish_reason":"stop"}]}\r\n\r\n'
        b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\r\n\r\n'
        b"data: [DONE]\r\n\r\n"
    )

    async def byte_by_byte(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for at in range(0, len(events), 11):
            writer.write(events[at : at + 11])
            await writer.drain()
            await asyncio.sleep(0)

    async with raw_server(byte_by_byte) as url:
        pieces: list[str] = []
        answer = await OpenAITeacher(Endpoint(url, "m", url)).ask(REQUEST, pieces.append)
    assert pieces == ["A", "🦙", "🦙", "\ufffd!"]
    assert answer.text == "A🦙🦙\ufffd!"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 4)
    assert (answer.model, answer.request_id) == ("real-model", "a1")


@asynccontextmanager
async def raw_server(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that reads one request and writes whatever `answer` writes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        await reader.readexactly(length)
        try:
            await answer(writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


# --- faults


@pytest.mark.parametrize(
    ("fault", "kind", "status", "says"),
    [
        ("429", FailureKind.RATE, 429, "slow down"),
        ("429-after", FailureKind.RATE, 429, "slow down"),
        ("429-quota", FailureKind.QUOTA, 429, "no credit left"),
        ("500", FailureKind.TRANSIENT, 500, "The server had an error"),
        ("502", FailureKind.TRANSIENT, 502, "Bad gateway"),
        ("503-after", FailureKind.TRANSIENT, 503, "Loading model"),
        ("401", FailureKind.FATAL, 401, "API key"),
        ("403", FailureKind.FATAL, 403, "not supported"),
        ("400", FailureKind.FATAL, 400, "empty array"),
        ("context", FailureKind.TOO_LONG, 400, "too long for the model"),
        ("html", FailureKind.FATAL, None, "a web page (“Welcome”)"),
        ("html-error", FailureKind.TRANSIENT, 502, "a web page, “Welcome”"),
        ("reset", FailureKind.TRANSIENT, None, "without an answer"),
        ("cut", FailureKind.TRANSIENT, None, "connection to the teacher broke"),
        ("cut-clean", FailureKind.TRANSIENT, None, "ended before the answer was complete"),
        ("garbage", FailureKind.TRANSIENT, None, "no answer"),
        ("garbage-http", FailureKind.TRANSIENT, None, "no HTTP"),
        ("endless", FailureKind.TRANSIENT, None, "without end"),
        ("empty", FailureKind.CONTENT, None, "empty"),
        ("json-empty", FailureKind.CONTENT, None, "empty"),
        ("content-filter", FailureKind.CONTENT, None, "content filter"),
        ("error-in-stream", FailureKind.TRANSIENT, 500, "The model crashed."),
        ("hang", FailureKind.TRANSIENT, None, "did not begin to answer"),
        ("hang-mid", FailureKind.TRANSIENT, None, "fell silent"),
        ("comments", FailureKind.TRANSIENT, None, "did not finish"),
    ],
)
async def test_every_fault_is_named_and_the_next_answer_comes(
    fault: str, kind: FailureKind, status: int | None, says: str
) -> None:
    timeouts = QUICK if fault in ("hang", "hang-mid", "comments") else Timeouts(first_byte_s=20, total_s=30)
    with FaultyServer(plan=[fault], drip_s=0.1, retry_after_s=3) as server:
        async with teacher_of(server, timeouts) as teacher:
            pieces: list[str] = []
            failure = await failure_of(teacher.ask(REQUEST, pieces.append))
            answer = await teacher.ask(REQUEST)
        assert failure.kind is kind
        assert failure.status == status
        assert says in failure.message
        assert failure.partial == "".join(pieces)
        assert bool(failure.partial) == (
            fault in ("cut", "cut-clean", "content-filter", "error-in-stream", "hang-mid")
        )
        assert failure.retry_after_s == (3.0 if fault.endswith("-after") else None)
        assert answer.text == server.served("complete")[-1].text


async def test_rate_headers_come_with_failures() -> None:
    with FaultyServer(plan=["429", "empty"]) as server:
        async with teacher_of(server) as teacher:
            for _ in range(2):
                failure = await failure_of(teacher.ask(REQUEST))
                assert failure.rate == RateHeaders(5000, 2_000_000, 4999, 1_999_000)


async def test_a_slow_answer_is_waited_for_but_not_for_ever() -> None:
    """Each piece is a sign of life; the whole answer still has its limit."""
    with FaultyServer(plan=["drip"], chunks=8, drip_s=0.3) as server:
        async with teacher_of(server, Timeouts(first_byte_s=2, idle_s=2, total_s=30)) as teacher:
            answer = await teacher.ask(REQUEST)
            assert answer.latency_s > 2.3
            assert answer.text == server.served()[0].text
    with FaultyServer(plan=["drip"], chunks=100, drip_s=0.1) as server:
        async with teacher_of(server, Timeouts(first_byte_s=5, idle_s=5, total_s=1.2)) as teacher:
            failure = await failure_of(teacher.ask(REQUEST))
        assert "did not finish" in failure.message
        assert failure.partial


async def test_a_long_thought_before_the_first_word_is_no_silence() -> None:
    with FaultyServer(first_delay_s=1.5) as server:
        async with teacher_of(server, Timeouts(first_byte_s=10, idle_s=0.5)) as teacher:
            assert (await teacher.ask(REQUEST)).text


async def test_a_server_that_holds_the_connection_open_after_the_end() -> None:
    async def hold(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        writer.write(b'data: {"choices":[{"text":"hello","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        await asyncio.sleep(20)

    async with raw_server(hold) as url:
        started = time.monotonic()
        answer = await OpenAITeacher(Endpoint(url, "m", url, "completions")).ask(REQUEST)
        assert answer.text == "hello"
        assert time.monotonic() - started < 5


async def test_nobody_listens() -> None:
    teacher = OpenAITeacher(Endpoint("http://127.0.0.1:9/v1", "m", "http://127.0.0.1:9/v1"))
    failure = await failure_of(teacher.ask(REQUEST))
    assert failure.kind is FailureKind.TRANSIENT
    assert failure.message == "http://127.0.0.1:9/v1 refuses the connection."
    assert "running" in failure.hint


async def test_an_error_page_without_end_does_not_fill_the_memory() -> None:
    sent = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b"oops " * 20_000)
            sent += 100_000
            await writer.drain()

    async with raw_server(flood) as url:
        failure = await failure_of(OpenAITeacher(Endpoint(url, "m", url)).ask(REQUEST))
    assert failure.status == 500
    assert sent < 50_000_000


async def test_cancelling_closes_the_connection() -> None:
    with FaultyServer(plan=["hang-mid", "hang"]) as server:
        async with teacher_of(server) as teacher:
            arrived = asyncio.Event()
            asking = asyncio.create_task(teacher.ask(REQUEST, lambda _: arrived.set()))
            await asyncio.wait_for(arrived.wait(), 5)
            waiting = asyncio.create_task(teacher.ask(REQUEST))
            while len(server.served()) < 2:
                await asyncio.sleep(0.01)
            for task in (asking, waiting):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            for _ in range(200):
                if len(server.served("aborted")) == 2:
                    break
                await asyncio.sleep(0.01)
            assert [entry.outcome for entry in server.served()] == ["aborted", "aborted"]
            assert (await teacher.ask(REQUEST)).text


async def test_closing_fails_what_is_in_flight() -> None:
    with FaultyServer(plan=["hang-mid"]) as server:
        async with teacher_of(server) as teacher:
            arrived = asyncio.Event()
            asking = asyncio.create_task(teacher.ask(REQUEST, lambda _: arrived.set()))
            await asyncio.wait_for(arrived.wait(), 5)
        failure = await failure_of(asking)
        assert failure.kind is FailureKind.TRANSIENT


# --- keys


async def test_the_key_is_sent_and_never_told() -> None:
    key = "custom-secret-0123456789"
    with FaultyServer(key=key) as server:
        async with teacher_of(server, api_key=SecretStr(key)) as teacher:
            assert (await teacher.ask(REQUEST)).text
            assert key not in repr(teacher.endpoint)
        wrong = "wrong-" + key
        async with teacher_of(server, api_key=SecretStr(wrong)) as teacher:
            failure = await failure_of(teacher.ask(REQUEST))
            assert failure.kind is FailureKind.FATAL
            assert "[key]" in failure.message
            assert key not in failure.message + failure.hint
        async with teacher_of(server) as teacher:
            failure = await failure_of(teacher.ask(REQUEST))
            assert "wants an API key" in failure.message


async def test_nothing_meant_for_openai_goes_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-secret")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-secret")
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", "X-Internal: header-secret\nAuthorization: Bearer auth-secret"
    )
    seen: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    plain = OpenAITeacher(Endpoint(url, "m", url))
    await failure_of(plain.ask(REQUEST))
    with pytest.raises(TeacherFailure):
        await plain.list_models()
    login = ("user", SecretStr("pass"))
    full = OpenAITeacher(
        Endpoint(url, "m", url, basic_auth=login, query=SecretStr("api-version=2&key=k%20k"))
    )
    await failure_of(full.ask(REQUEST))
    server.close()
    assert len(seen) == 3
    assert all(b"secret" not in head for head in seen)
    assert b"authorization" not in seen[0].lower()
    assert b"authorization: basic dxnlcjpwyxnz" in seen[2].lower()
    assert seen[2].split(b" ")[1] in (
        b"/v1/chat/completions?api-version=2&key=k+k",
        b"/v1/chat/completions?api-version=2&key=k%20k",
    )


# --- learning


@pytest.mark.parametrize("style", ["openai", "vllm", "pydantic", "llamacpp"])
@pytest.mark.parametrize(
    "refuses", [["stop"], ["max_tokens", "temperature", "top_p", "stop", "stream_options"]]
)
async def test_a_refusal_is_paid_for_once(style: str, refuses: list[str]) -> None:
    with FaultyServer(refuses=refuses, refusal_style=style, duration_s=0.02) as server:
        async with teacher_of(server) as teacher:
            answers = await asyncio.gather(*(teacher.ask(REQUEST) for _ in range(50)))
            await teacher.ask(REQUEST)
        assert all(answer.text for answer in answers)
        assert len(server.served("refused")) == len(refuses)
        assert len(server.served("complete")) == 51
        for entry in server.served("complete"):
            assert not set(refuses) & set(entry.body)
            assert entry.body.get("max_tokens", entry.body.get("max_completion_tokens")) == 500


@pytest.mark.parametrize("not_chat_model", [False, True])
async def test_auto_finds_the_legacy_endpoint_and_stays_there(not_chat_model: bool) -> None:
    with FaultyServer(speaks=["completions"], not_chat_model=not_chat_model, duration_s=0.01) as server:
        async with teacher_of(server) as teacher:
            answers = await asyncio.gather(*(teacher.ask(REQUEST) for _ in range(20)))
            assert {answer.spoke for answer in answers} == {"completions"}
            assert {entry.endpoint for entry in server.served()} == {"completions"}
        async with teacher_of(server, kind="chat") as teacher:
            assert (await failure_of(teacher.ask(REQUEST))).kind is FailureKind.FATAL


async def test_a_legacy_model_on_a_server_that_only_chats() -> None:
    with FaultyServer(speaks=["chat"], model="davinci-002") as server:
        async with teacher_of(server) as teacher:
            assert (await teacher.ask(REQUEST)).spoke == "chat"


async def test_neither_endpoint_exists() -> None:
    with FaultyServer(speaks=[]) as server:
        async with teacher_of(server) as teacher:
            failure = await failure_of(teacher.ask(REQUEST))
        assert failure.kind is FailureKind.FATAL
        assert "no such service" in failure.message
        assert "/v1" in failure.hint


async def test_a_first_request_that_hangs_does_not_hold_the_others_up() -> None:
    with FaultyServer(plan=["hang"], duration_s=0.02) as server:
        async with teacher_of(server, Timeouts(first_byte_s=4)) as teacher:
            first = asyncio.create_task(teacher.ask(REQUEST))
            started = time.monotonic()
            await asyncio.sleep(0.05)
            answers = await asyncio.gather(*(teacher.ask(REQUEST) for _ in range(20)))
            assert len(answers) == 20
            assert time.monotonic() - started < 3
            first.cancel()


async def test_an_unknown_model_is_answered_with_those_there_are() -> None:
    with FaultyServer(models=["alpha-7b", "beta-13b"]) as server:
        async with teacher_of(server, model="alpha-8b") as teacher:
            failures = await asyncio.gather(*(failure_of(teacher.ask(REQUEST)) for _ in range(5)))
        for failure in failures:
            assert failure.kind is FailureKind.FATAL
            assert "alpha-8b" in failure.message
            assert failure.hint == "It offers alpha-7b, beta-13b."


async def test_the_models_of_a_server() -> None:
    with FaultyServer(models=["a", "b"]) as server:
        async with teacher_of(server) as teacher:
            assert await teacher.list_models() == ["a", "b"]


# --- a thousand at once


async def test_a_thousand_answers_at_once_are_each_their_own() -> None:
    with FaultyServer(duration_s=1.0, chunks=4, tasks=1) as server:
        async with teacher_of(server) as teacher:
            await teacher.ask(REQUEST)
            answers = await asyncio.gather(*(teacher.ask(REQUEST) for _ in range(1000)))
        served = {entry.request_id: entry.text for entry in server.served("complete")}
        assert len({answer.request_id for answer in answers}) == 1000
        assert all(served[answer.request_id or ""] == answer.text for answer in answers)
        assert server.stats()["peak_in_flight"] > 600
