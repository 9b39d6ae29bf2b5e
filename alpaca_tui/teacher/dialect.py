"""What a server speaks: chat or legacy completions, and which request parameters it takes.

Nobody knows this beforehand, so the first request is written the common way and every refusal teaches:
`learn` reads the server's complaint and changes what later requests look like. Knows no HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from alpaca_tui.teacher.responses import ServerError, is_unknown_model
from alpaca_tui.teacher.types import EndpointKind, TeacherRequest

Spoken = Literal["chat", "completions"]

# Models that OpenAI offers on the legacy endpoint alone.
_COMPLETIONS_ONLY = re.compile(r"^(?:.*/)?(?:gpt-3\.5-turbo-instruct|davinci-002|babbage-002)")

_REFUSES = re.compile(
    r"unsupported|not supported|n[o']t support|unrecogni[sz]ed|unknown|unexpected|"
    r"extra (?:fields?|inputs?)|not permitted|not allowed|forbidden|deprecated|not implemented",
    re.I,
)
_REFUSAL_CODES = {"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"}
_BOTH = re.compile(r"(?:cannot|can't|can not|may not|not) (?:be )?both|only one of|use only one", re.I)
_NO_CHAT = re.compile(r"not a chat model|n[o']t support chat|chat[ _]template", re.I)
_NO_COMPLETIONS = re.compile(
    r"(?:is|this is) a chat model|v1/chat/completions|n[o']t support (?:text )?completion", re.I
)
_DROPPABLE = ("stream_options", "stop", "top_p", "temperature", "stream")
_COMMON_WORDS = {"stop", "stream"}  # these also occur in sentences that are not about the parameter
_MAX_STOPS = 4  # OpenAI refuses more


def whole_text(text: str) -> str:
    """`text` with surrogate pairs joined and lone surrogates replaced, so that it can be encoded."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Dialect:
    """How requests to one server are written. `version` grows with everything learned, so that a request
    refused for what has been learned meanwhile is simply written anew."""

    def __init__(self, kind: EndpointKind, model: str) -> None:
        self.version = 0
        self._model = model
        self._free = kind == "auto"
        self.spoken: Spoken = "chat"
        if kind == "completions" or (kind == "auto" and _COMPLETIONS_ONLY.match(model)):
            self.spoken = "completions"
        self._tried: set[Spoken] = {self.spoken}
        self._length_fields = ["max_tokens", "max_completion_tokens"]
        self._dropped: set[str] = set()

    def body(self, request: TeacherRequest) -> dict[str, Any]:
        """The JSON of `request` for this server."""
        sampling = request.sampling
        body: dict[str, Any] = {"model": self._model}
        if self.spoken == "chat":
            body["messages"] = [{"role": role, "content": _encodable(text)} for role, text in request.chat]
            body[self._length_fields[0]] = sampling.max_tokens
        else:
            body["prompt"] = _encodable(request.text)
            body["max_tokens"] = sampling.max_tokens
        optional: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop[:_MAX_STOPS]) or None,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        for name, value in optional.items():
            if value is not None and name not in self._dropped:
                body[name] = value
        return body

    def learn(self, status: int, error: ServerError, sent: Mapping[str, Any]) -> bool:
        """Whether `error`, the answer to the body `sent`, taught something: if so, ask again at once.

        Every lesson removes a possibility, so there are at most nine. A limit on the answer's length is
        never given up: the budget counts on it.
        """
        if status not in (400, 404, 405, 422, 501):
            return False
        learned = self._learn_endpoint(status, error) or self._learn_parameters(error, sent)
        self.version += learned
        return learned

    def _learn_endpoint(self, status: int, error: ServerError) -> bool:
        other: Spoken = "completions" if self.spoken == "chat" else "chat"
        if not self._free or other in self._tried:
            return False
        complaint = _NO_CHAT if self.spoken == "chat" else _NO_COMPLETIONS
        absent = status in (404, 405, 501) and not is_unknown_model(status, error)
        if not absent and not complaint.search(error.words):
            return False
        self.spoken = other
        self._tried.add(other)
        return True

    def _learn_parameters(self, error: ServerError, sent: Mapping[str, Any]) -> bool:
        refused = bool({error.code, error.type} & _REFUSAL_CODES) or bool(_REFUSES.search(error.words))
        named = [name for name in _DROPPABLE if name in sent and _names(error, name)]
        if {"temperature", "top_p"} <= set(named) and _BOTH.search(error.words):
            self._dropped.add("top_p")
            return True
        if not refused:
            return False
        length = self._length_fields[0]
        if length in sent and _names(error, length):
            # The complaint about one of the two fields usually recommends the other.
            if len(self._length_fields) == 1 or self.spoken != "chat":
                return False
            del self._length_fields[0]
            return True
        if "stream" in named:
            named.append("stream_options")
        self._dropped.update(named)
        return bool(named)


def _names(error: ServerError, name: str) -> bool:
    """Whether the error is about the parameter `name`."""
    if error.param:
        return error.param.partition(".")[0] == name
    if error.fields:
        return name in error.fields
    if name not in _COMMON_WORDS:
        return bool(re.search(rf"\b{name}\b", error.words))
    return bool(
        re.search(rf"['\"`]{name}['\"`]", error.words)
        or re.search(rf"\b(?:argument|parameter|field|input|option|propert|key)\w*:?\s+{name}\b", error.words)
    )


def _encodable(text: str) -> str:
    return text if text.isascii() else whole_text(text)
