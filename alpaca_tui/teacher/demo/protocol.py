"""The OpenAI wire format as the demo teacher speaks it: requests checked, answers and errors shaped.

Pure functions over JSON values; knows no socket and no clock but the one it is given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

from alpaca_tui.teacher.demo.tokens import count_tokens, token_ends
from alpaca_tui.teacher.demo.writer import Written

MODEL = "demo-alpaca"
DEFAULT_MAX_TOKENS = 4096
Spoken = Literal["chat", "completions"]


class ApiError(Exception):
    """A request that cannot be served, in the words and the shape of an OpenAI error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        parameter: str | None = None,
        allow: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.parameter = parameter
        self.allow = allow

    def body(self) -> bytes:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error = {"message": self.message, "type": kind, "param": self.parameter, "code": self.code}
        return json.dumps({"error": error}).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request. `prompt` is all the text the model would see; `turn_free` says that the same
    prompt must always bring the same answer (temperature 0 or a seed of the request's own)."""

    spoken: Spoken
    prompt: str
    max_tokens: int
    stop: tuple[str, ...]
    seed: int | None
    turn_free: bool
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back: text cut by `stop` and `max_tokens`, its token ends, why it ended."""

    text: str
    ends: list[int]
    finish_reason: str
    prompt_tokens: int

    @property
    def usage(self) -> dict[str, int]:
        completion = len(self.ends)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        }


def read_request(body: bytes, spoken: Spoken) -> Asked:
    """The request in `body`; raises `ApiError` (400, or 404 for a model we do not have)."""
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"We could not parse the JSON body of your request: {error}.") from None
    if not isinstance(parsed, dict):
        raise ApiError(400, "The body of the request must be a JSON object.")
    fields = cast("dict[str, Any]", parsed)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "You must provide a model parameter.", parameter="model")
    if model != MODEL:
        raise ApiError(
            404,
            f"The model '{model}' does not exist. The demo teacher has one model: '{MODEL}'.",
            code="model_not_found",
            parameter="model",
        )
    prompt = _messages(fields.get("messages")) if spoken == "chat" else _prompt(fields.get("prompt"))
    if _integer(fields, "n", 1) not in (None, 1):
        raise ApiError(400, "The demo teacher gives one choice per request: 'n' must be 1.", parameter="n")
    limit = _integer(fields, "max_completion_tokens", 1) or _integer(fields, "max_tokens", 1)
    temperature = _number(fields, "temperature", 0, 2)
    _number(fields, "top_p", 0, 1)
    seed = _integer(fields, "seed", -(2**63))
    options = fields.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise ApiError(400, "'stream_options' must be an object.", parameter="stream_options")
    return Asked(
        spoken=spoken,
        prompt=prompt,
        max_tokens=limit or DEFAULT_MAX_TOKENS,
        stop=_stop(fields.get("stop")),
        seed=seed,
        turn_free=seed is not None or temperature == 0,
        stream=_flag(fields, "stream"),
        include_usage=bool(cast("dict[str, Any]", options or {}).get("include_usage")),
    )


def reply_to(asked: Asked, written: Written) -> Reply:
    """`written` under the request's `stop` strings and `max_tokens`."""
    text, reason = written.text, "length" if written.cut_off else "stop"
    stops = [position for position in (text.find(stop) for stop in asked.stop) if position >= 0]
    if stops:
        text, reason = text[: min(stops)], "stop"
    ends = token_ends(text)
    if len(ends) > asked.max_tokens:
        ends, reason = ends[: asked.max_tokens], "length"
        text = text[: ends[-1]]
    return Reply(text, ends, reason, count_tokens(asked.prompt))


def whole(asked: Asked, reply: Reply, identity: str, created: int) -> dict[str, Any]:
    """The body of an answer that is not streamed."""
    if asked.spoken == "chat":
        message = {"role": "assistant", "content": reply.text, "refusal": None}
        choice: dict[str, Any] = {"index": 0, "message": message}
    else:
        choice = {"index": 0, "text": reply.text}
    choice |= {"logprobs": None, "finish_reason": reply.finish_reason}
    kind = "chat.completion" if asked.spoken == "chat" else "text_completion"
    head = {"id": identity, "object": kind, "created": created, "model": MODEL}
    return head | {"choices": [choice], "usage": reply.usage}


class Chunks:
    """The server-sent events of one streamed answer; the constant part of each is built once."""

    def __init__(self, asked: Asked, identity: str, created: int) -> None:
        self._chat = asked.spoken == "chat"
        self._usage = asked.include_usage
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        self._head = {"id": identity, "object": kind, "created": created, "model": MODEL}
        before, after = self._event("\x00", None).split(json.dumps("\x00").encode())
        self._before, self._after = before, after

    def opening(self) -> bytes:
        """What comes before the first text: chat answers name their role."""
        return self._choice({"role": "assistant", "content": ""}, None) if self._chat else b""

    def text(self, piece: str) -> bytes:
        return self._before + json.dumps(piece).encode() + self._after

    def closing(self, reply: Reply) -> bytes:
        """The finish reason, the usage where it was asked for, and the end of the stream."""
        end = self._choice({}, reply.finish_reason) if self._chat else self._event("", reply.finish_reason)
        if self._usage:
            end += _event(self._head | {"choices": [], "usage": reply.usage})
        return end + b"data: [DONE]\n\n"

    def _event(self, piece: str, finish_reason: str | None) -> bytes:
        if self._chat:
            return self._choice({"content": piece}, finish_reason)
        return self._wrap({"index": 0, "text": piece, "logprobs": None, "finish_reason": finish_reason})

    def _choice(self, delta: dict[str, Any], finish_reason: str | None) -> bytes:
        return self._wrap({"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason})

    def _wrap(self, choice: dict[str, Any]) -> bytes:
        usage: dict[str, Any] = {"usage": None} if self._usage else {}
        return _event(self._head | {"choices": [choice]} | usage)


def models(created: int) -> dict[str, Any]:
    """The body of `GET /v1/models`."""
    return {"object": "list", "data": [model(created)]}


def model(created: int) -> dict[str, Any]:
    """The body of `GET /v1/models/demo-alpaca`."""
    return {"id": MODEL, "object": "model", "created": created, "owned_by": "alpaca-tui"}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _messages(value: Any) -> str:
    if not isinstance(value, list) or not value:
        raise ApiError(400, "'messages' must be a list of at least one message.", parameter="messages")
    texts: list[str] = []
    for position, message in enumerate(cast("list[Any]", value)):
        where = f"messages[{position}]"
        if not isinstance(message, dict):
            raise ApiError(400, f"'{where}' must be an object.", parameter=where)
        entry = cast("dict[str, Any]", message)
        if not isinstance(entry.get("role"), str):
            raise ApiError(400, f"'{where}' must have a role.", parameter=f"{where}.role")
        texts.append(_content(entry.get("content"), f"{where}.content"))
    return "\n".join(texts)


def _content(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        parts: list[str] = []
        for part in cast("list[Any]", value):
            text = cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else None
            if not isinstance(text, str):
                raise ApiError(400, "The demo teacher reads text only.", parameter=where)
            parts.append(text)
        return "\n".join(parts)
    raise ApiError(400, f"'{where}' must be a string.", parameter=where)


def _prompt(value: Any) -> str:
    if isinstance(value, list):
        prompts = cast("list[Any]", value)
        if len(prompts) != 1:
            raise ApiError(400, "The demo teacher takes one prompt per request.", parameter="prompt")
        value = prompts[0]
    if not isinstance(value, str) or not value:
        raise ApiError(400, "'prompt' must be a non-empty string.", parameter="prompt")
    return value


def _stop(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    stops: Any = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in cast("list[Any]", stops)):
        raise ApiError(400, "'stop' must be a string or a list of strings.", parameter="stop")
    strings = cast("list[str]", stops)
    if len(strings) > 4:
        raise ApiError(400, "'stop' takes at most 4 strings.", parameter="stop")
    return tuple(stop for stop in strings if stop)


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise ApiError(400, f"'{name}' must be true or false.", parameter=name)
    return bool(value)


def _integer(fields: dict[str, Any], name: str, least: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ApiError(400, f"'{name}' must be an integer of at least {least}.", parameter=name)
    return value


def _number(fields: dict[str, Any], name: str, least: float, most: float) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ApiError(400, f"'{name}' must be a number from {least} to {most}.", parameter=name)
    return float(value)
