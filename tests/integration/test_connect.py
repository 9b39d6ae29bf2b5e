"""From `--teacher` to an endpoint: the address, the key and the model, and clear words where one is wrong."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.connect import resolve_endpoint
from alpaca_tui.teacher.types import Endpoint, EndpointKind
from tests.support.faulty_server import FaultyServer


def resolve(spec: str, model: str | None = None, kind: EndpointKind = "auto", **environ: str) -> Endpoint:
    return resolve_endpoint(spec, model=model, kind=kind, environ=environ, timeout_s=5.0)


def error_of(spec: str, model: str | None = None, **environ: str) -> UserError:
    with pytest.raises(UserError) as caught:
        resolve(spec, model, **environ)
    error = caught.value
    assert error.title
    assert error.next_step
    assert error.exit_code == 1
    return error


@contextmanager
def web_server(
    answer: Callable[[str], tuple[int, str, str]], headers: dict[str, str] | None = None
) -> Iterator[str]:
    """A server that answers every GET with `answer(path)` = (status, content type, body)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- the address


@pytest.mark.parametrize(
    "ending", ["/v1", "/v1/", "", "/", "/v1/chat/completions", "/v1/models", "/v1/completions"]
)
def test_every_way_to_write_the_address(ending: str) -> None:
    with FaultyServer() as server:
        endpoint = resolve(server.root + ending)
        assert endpoint.base_url == server.url
        assert endpoint.label == server.url
        assert endpoint.model == "test-model"
        assert endpoint.api_key is None


def test_a_server_whose_root_is_the_api() -> None:
    def answer(path: str) -> tuple[int, str, str]:
        good = path == "/api/models"
        return (
            (200, "application/json", '{"models":[{"name":"m"}]}') if good else (404, "text/html", "<html>")
        )

    with web_server(answer) as root:
        assert resolve(root + "/api").base_url == root + "/api"


def test_another_version_is_left_alone() -> None:
    def answer(path: str) -> tuple[int, str, str]:
        good = path == "/v1beta/openai/models"
        return (200, "application/json", '{"data":[{"id":"m"}]}') if good else (404, "", "")

    with web_server(answer) as root:
        assert resolve(root + "/v1beta/openai").base_url == root + "/v1beta/openai"


def test_secrets_in_the_url_are_used_and_not_shown() -> None:
    with FaultyServer() as server:
        endpoint = resolve(server.url.replace("//", "//us%40er:p%3Ass@") + "?key=hidden&v=2")
    assert endpoint.label == endpoint.base_url == server.url
    assert endpoint.basic_auth is not None
    assert endpoint.basic_auth[0] == "us@er"
    assert endpoint.basic_auth[1].get_secret_value() == "p:ss"
    assert endpoint.query is not None
    assert endpoint.query.get_secret_value() == "key=hidden&v=2"
    assert "hidden" not in repr(endpoint)
    assert "p:ss" not in repr(endpoint)


def test_the_label_can_be_given() -> None:
    with FaultyServer() as server:
        endpoint = resolve_endpoint(server.root, model=None, kind="chat", environ={}, label="demo")
    assert (endpoint.label, endpoint.base_url, endpoint.kind) == ("demo", server.url, "chat")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("gpt-4o", "openai --model"),
        ("gpt-4.1", "openai --model"),
        ("", "http"),
        ("ftp://host/v1", "http"),
        ("localhost:8000/v1", "http://localhost:8000/v1"),
        ("192.168.0.7:11434", "http://192.168.0.7:11434"),
        ("api.example.com/v1", "https://api.example.com/v1"),
        ("http://", "http"),
        ("http://host:port/v1", "http"),
        ("http://ho st/v1", "http"),
        ("http://[::1/v1", "http"),
    ],
)
def test_what_is_no_url_is_explained(spec: str, says: str) -> None:
    assert says in error_of(spec).next_step


def test_a_local_model_is_refused_with_a_way_out() -> None:
    error = error_of("local:/models/llama")
    assert "/models/llama" in error.cause
    assert "Ollama" in error.next_step


# --- the key


def test_openai_needs_a_key_and_a_model() -> None:
    assert "OPENAI_API_KEY" in error_of("openai", "gpt-4o-mini").cause
    assert "--model" in error_of("openai", OPENAI_API_KEY="sk-x").next_step


def test_openai_at_another_base_url() -> None:
    with FaultyServer(key="sk-right") as server:
        endpoint = resolve("openai", "test-model", OPENAI_API_KEY=" sk-right\n", OPENAI_BASE_URL=server.url)
        assert endpoint.api_key is not None
        assert endpoint.api_key.get_secret_value() == "sk-right"
        assert endpoint.label == server.url  # what is stored says who really answered
        error = error_of("openai", "test-model", OPENAI_API_KEY="sk-wrong-key", OPENAI_BASE_URL=server.url)
        assert error.title == "The teacher refuses the API key"
        assert "sk-wrong-key" not in str(error)


def test_which_key_goes_where() -> None:
    with FaultyServer(key="sk-key") as server:
        assert resolve(server.url, ALPACA_TUI_API_KEY="sk-key").api_key is not None
        assert resolve(server.url, ALPACA_TUI_API_KEY="sk-key", OPENAI_API_KEY="other").model == "test-model"
        for same in (server.url, server.url + "/", server.root):
            assert resolve(server.url, OPENAI_API_KEY="sk-key", OPENAI_BASE_URL=same).api_key is not None
        # An OpenAI key is for OpenAI, or for the server the user named beside it.
        for other in ("", "https://api.openai.com/v1", "http://127.0.0.1:1/v1"):
            error = error_of(server.url, OPENAI_API_KEY="sk-key", OPENAI_BASE_URL=other)
            assert error.title == "The teacher wants an API key"
            assert "ALPACA_TUI_API_KEY" in error.next_step


def test_a_key_that_cannot_be_one_is_not_sent() -> None:
    for key in ("sk-a\nsk-b", "sk-ключ", "sk a"):
        error = error_of("openai", "m", OPENAI_API_KEY=key)
        assert "OPENAI_API_KEY" in error.title
        assert key not in str(error)


# --- the model


def test_the_only_model_is_taken_and_a_named_one_is_left() -> None:
    with FaultyServer(models=["only"]) as server:
        assert resolve(server.url).model == "only"
        assert resolve(server.url, "another").model == "another"


def test_many_models_are_listed() -> None:
    with FaultyServer(models=[f"model-{i}" for i in range(30)]) as server:
        error = error_of(server.url)
    assert "30 models" in error.cause
    assert "model-3" in error.cause
    assert "20 more" in error.cause
    assert "--model model-0" in error.next_step


def test_no_model() -> None:
    with FaultyServer(models=[]) as server:
        assert "lists no model" in error_of(server.url).cause


def test_a_server_without_a_list_of_models() -> None:
    with web_server(lambda path: (404, "application/json", '{"detail":"Not Found"}')) as root:
        assert "--model" in error_of(root + "/v1").next_step
        assert resolve(root + "/v1", "m").base_url == root + "/v1"
        assert resolve(root, "m").base_url == root + "/v1"


# --- a server that is none


def test_nobody_listens() -> None:
    error = error_of("http://127.0.0.1:9/v1", "m")
    assert error.title == "The teacher cannot be reached"
    assert "refuses the connection" in error.cause
    assert "running" in error.next_step


def test_a_name_nobody_knows() -> None:
    error = error_of("http://no-such-host.invalid/v1", "m")
    assert error.title == "The teacher cannot be reached"


def test_https_where_http_is_spoken() -> None:
    with web_server(lambda path: (404, "", "")) as root:
        error = error_of(root.replace("http:", "https:"))
    assert error.title == "The teacher cannot be reached"
    assert "http://" in error.next_step


def test_a_web_page() -> None:
    page = "<!doctype html><html><title>Router login</title></html>"
    with web_server(lambda path: (200, "text/html", page)) as root:
        error = error_of(root, "m")
    assert error.title == "This is no OpenAI-compatible server"
    assert "Router login" in error.cause
    assert "/v1" in error.next_step


def test_json_that_lists_nothing() -> None:
    with web_server(lambda path: (200, "application/json", '{"status":"ok"}')) as root:
        assert error_of(root, "m").title == "This is no OpenAI-compatible server"


def test_a_redirect_is_named_not_followed() -> None:
    with web_server(lambda path: (301, "", ""), {"Location": "https://example.com/v1/models"}) as root:
        error = error_of(root, "m")
    assert "https://example.com/v1" in error.cause


def test_a_server_that_still_loads() -> None:
    body = '{"error":{"message":"Loading model","code":503}}'
    with web_server(lambda path: (503, "application/json", body)) as root:
        error = error_of(root, "m")
    assert error.title == "The teacher is not ready"
    assert "Loading model" in error.cause
    assert "wait" in error.next_step


def test_a_key_that_may_not_list_models_may_still_ask() -> None:
    with web_server(lambda path: (403, "application/json", '{"error":"missing scope"}')) as root:
        assert resolve(root + "/v1", "m").model == "m"
        assert "--model" in error_of(root + "/v1").next_step


def test_a_proxy_in_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with FaultyServer() as server:
        assert resolve(server.url).model == "test-model"
    # ... but it is for other machines.
    assert "cannot be reached" in error_of("http://no-such-host.invalid/v1", "m").title


def test_a_silent_server_does_not_hold_us() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(UserError) as caught:
            resolve_endpoint(url, model="m", kind="auto", environ={}, timeout_s=0.5)
    assert caught.value.title == "The teacher cannot be reached"
    assert time.monotonic() - started < 5
