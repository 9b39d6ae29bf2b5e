"""The demo teacher over real HTTP: any OpenAI client can talk to it, and it ends with its parent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.demo import process as process_module
from alpaca_tui.teacher.demo.process import DemoProcess, start_demo
from alpaca_tui.teacher.demo.server import DemoOptions

EXAMPLES = "\n###\n".join(
    f"{number}. Instruction: Name {number} things\n{number}. Input:\n<noinput>\n{number}. Output:\nthing"
    for number in (1, 2, 3)
)
CHAT = [{"role": "user", "content": f"Write tasks 4 to 23 like these.\n\n{EXAMPLES}"}]
LEGACY = f"Write a set of 20 tasks.\n\n{EXAMPLES}\n###\n4. Instruction:"


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoProcess]:
    with start_demo(pace=0, flaws=0) as started:
        yield started


@pytest.fixture
def client(demo: DemoProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=demo.url, api_key="unused", max_retries=0) as made:
        yield made


def test_chat_writes_the_numbers_asked_for(demo: DemoProcess, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=demo.model, messages=CHAT)
    text = answer.choices[0].message.content or ""
    numbers = [int(line.split(".")[0]) for line in text.splitlines() if ". Instruction: " in line]
    assert numbers == list(range(4, 24))
    assert text.count("\n###\n") in (19, 20)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_legacy_continues_the_open_task(demo: DemoProcess, client: openai.OpenAI) -> None:
    text = client.completions.create(model=demo.model, prompt=LEGACY).choices[0].text
    assert text.startswith(" ")
    assert not text.lstrip().startswith("4. Instruction")
    assert "\n4. Input:\n" in text
    assert "\n23. Output:\n" in text


@pytest.mark.parametrize("spoken", ["chat", "completions"])
def test_streaming_gives_the_same_text_and_the_usage(
    demo: DemoProcess, client: openai.OpenAI, spoken: str
) -> None:
    options = {"include_usage": True}
    if spoken == "chat":
        whole = client.chat.completions.create(model=demo.model, messages=CHAT, seed=5)
        text, usage = whole.choices[0].message.content, whole.usage
        chunks = list(
            client.chat.completions.create(
                model=demo.model, messages=CHAT, seed=5, stream=True, stream_options=options
            )
        )
        pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    else:
        whole = client.completions.create(model=demo.model, prompt=LEGACY, seed=5)
        text, usage = whole.choices[0].text, whole.usage
        chunks = list(
            client.completions.create(
                model=demo.model, prompt=LEGACY, seed=5, stream=True, stream_options=options
            )
        )
        pieces = [chunk.choices[0].text for chunk in chunks if chunk.choices]
    assert len(pieces) > 5
    assert "".join(pieces) == text
    assert chunks[-1].choices == []
    assert chunks[-1].usage == usage
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_limits_of_the_request_are_kept(demo: DemoProcess, client: openai.OpenAI) -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        cut = client.chat.completions.create(model=demo.model, messages=CHAT, extra_body={field: 50})
        assert cut.choices[0].finish_reason == "length"
        assert cut.usage is not None
        assert cut.usage.completion_tokens == 50
    stopped = client.completions.create(model=demo.model, prompt=LEGACY, stop=["\n6.", "6. "])
    assert stopped.choices[0].finish_reason == "stop"
    assert "5. Output" in stopped.choices[0].text
    assert "6. Instruction" not in stopped.choices[0].text


def test_same_prompt_varies_unless_fixed(demo: DemoProcess, client: openai.OpenAI) -> None:
    def ask(**options: object) -> str:
        answer = client.chat.completions.create(model=demo.model, messages=CHAT, extra_body=options)
        return answer.choices[0].message.content or ""

    assert ask() != ask()
    assert ask(seed=1) == ask(seed=1)
    assert ask(seed=1) != ask(seed=2)
    assert ask(temperature=0) == ask(temperature=0)


def test_a_fresh_process_repeats_itself_and_another_seed_does_not(demo: DemoProcess) -> None:
    texts: list[str] = []
    for seed in (7, 7, 8):
        with start_demo(pace=0, flaws=0, seed=seed) as other:
            client = openai.OpenAI(base_url=other.url, api_key="unused")
            answer = client.chat.completions.create(model=other.model, messages=CHAT)
            texts.append(answer.choices[0].message.content or "")
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_other_questions_get_a_sentence(demo: DemoProcess, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=demo.model, messages=[{"role": "user", "content": "Hello!"}]
    )
    assert "demo teacher" in (answer.choices[0].message.content or "")


def test_models_and_health(demo: DemoProcess, client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [demo.model]
    assert client.models.retrieve(demo.model).id == demo.model
    assert _raw(demo, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    ("request_line", "body", "status", "says"),
    [
        ("POST /v1/chat/completions", b"{not json", 400, "JSON"),
        ("POST /v1/chat/completions", b"[]", 400, "object"),
        ("POST /v1/chat/completions", b'{"messages": []}', 400, "model"),
        ("POST /v1/chat/completions", b'{"model": "demo-alpaca", "messages": []}', 400, "messages"),
        ("POST /v1/chat/completions", b'{"model": "gpt-9", "messages": []}', 404, "gpt-9"),
        ("POST /v1/completions", b'{"model": "demo-alpaca", "prompt": 3}', 400, "prompt"),
        ("POST /v1/completions", b'{"model": "demo-alpaca", "prompt": "x", "n": 2}', 400, "'n'"),
        (
            "POST /v1/completions",
            b'{"model": "demo-alpaca", "prompt": "x", "max_tokens": 0}',
            400,
            "max_tokens",
        ),
        (
            "POST /v1/completions",
            b'{"model": "demo-alpaca", "prompt": "x", "temperature": 3}',
            400,
            "temperature",
        ),
        ("POST /v1/completions", b'{"model": "demo-alpaca", "prompt": "x", "stop": [1]}', 400, "stop"),
        ("POST /v1/completions", b'{"model": "demo-alpaca", "prompt": "x", "stream": 1}', 400, "stream"),
        ("POST /chat/completions", b"{}", 404, "/v1"),
        ("GET /v1/nothing", b"", 404, "/v1/nothing"),
        ("GET /v1/completions", b"", 405, "POST"),
        ("DELETE /v1/models", b"", 405, "GET"),
    ],
)
def test_faulty_requests_get_json_errors(
    demo: DemoProcess, request_line: str, body: bytes, status: int, says: str
) -> None:
    head = f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    got, answer = _raw(demo, head.encode() + body)
    assert got == status
    assert says in json.loads(answer)["error"]["message"]


def test_garbage_and_oversize_are_refused_and_the_server_lives(demo: DemoProcess) -> None:
    status, answer = _raw(demo, b"\x16\x03\x01 hello\r\n\r\n")
    assert status == 400
    assert "HTTP" in json.loads(answer)["error"]["message"]
    big = b"x" * (9 * 1024 * 1024)
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(big)
    assert _raw(demo, head + big)[0] in (413, 0)  # 0: the answer was lost as the rest of the body was refused
    assert _raw(demo, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 200


def test_pace_holds_and_an_abandoned_stream_does_no_harm() -> None:
    with start_demo(pace=100, flaws=0) as slow:
        client = openai.OpenAI(base_url=slow.url, api_key="unused")
        begun = time.monotonic()
        answer = client.chat.completions.create(model=slow.model, messages=CHAT, max_tokens=150)
        assert answer.usage is not None
        assert 1.2 < time.monotonic() - begun < 4
        stream = client.chat.completions.create(model=slow.model, messages=CHAT, stream=True)
        next(iter(stream))
        stream.close()
        assert len(list(client.models.list())) == 1


def test_stop_ends_the_child_at_once() -> None:
    started = start_demo(pace=1)
    assert started.running
    begun = time.monotonic()
    started.stop()
    assert not started.running
    assert time.monotonic() - begun < 2.5
    assert started.process.returncode == 0
    started.stop()


def test_the_child_ends_when_its_parent_is_killed() -> None:
    script = (
        "import time; from alpaca_tui.teacher.demo.process import start_demo; d = start_demo(); "
        "print(d.process.pid, flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    for _ in range(100):
        if not _alive(child):
            break
        time.sleep(0.1)
    assert not _alive(child)


def test_a_child_that_does_not_come_up_is_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "module_environment", lambda: {"PYTHONHOME": "/nonexistent"})
    with pytest.raises(UserError) as caught:
        start_demo()
    assert "did not start" in caught.value.title
    assert caught.value.cause


def test_a_taken_port_is_named(demo: DemoProcess) -> None:
    port = demo.url.rsplit(":", 1)[1].removesuffix("/v1")
    ended = subprocess.run(
        [sys.executable, "-m", "alpaca_tui.teacher.demo", "--port", port],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr


@pytest.mark.parametrize("options", [{"flaws": 1.5}, {"flaws": -0.1}, {"pace": -1}, {"pace": float("inf")}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError):
        DemoOptions(**options)


def _raw(demo: DemoProcess, data: bytes) -> tuple[int, bytes]:
    """Status (0: none) and body of the answer to raw bytes."""
    port = int(demo.url.rsplit(":", 1)[1].removesuffix("/v1"))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            pass
    head, _, body = received.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), body


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
