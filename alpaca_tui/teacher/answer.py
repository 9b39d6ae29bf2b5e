"""One answer as it arrives: the JSON of streamed events (or of a whole response) becomes text, finish
reason and usage. Speaks chat and legacy completions; knows no HTTP.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any, cast

from alpaca_tui.teacher import faults
from alpaca_tui.teacher.dialect import whole_text
from alpaca_tui.teacher.responses import plain
from alpaca_tui.teacher.types import Endpoint, FailureKind, TeacherFailure, Usage

MAX_ANSWER_CHARACTERS = 16 * 1024 * 1024
_MAX_TOKENS = 10**9  # more is no count

_SURROGATE = re.compile("[\ud800-\udfff]")


class AnswerReader:
    """Collects one answer. `feed` raises `TeacherFailure` where the server reports an error or talks
    nonsense; `on_delta` gets every piece of text once, whole characters only."""

    def __init__(self, endpoint: Endpoint, on_delta: Callable[[str], None] | None = None) -> None:
        self._endpoint = endpoint
        self._on_delta = on_delta
        self._parts: list[str] = []
        self._held = ""  # a high surrogate whose other half is in the next event
        self.characters = 0
        self.events = 0
        self.finish_reason: str | None = None
        self.done = False
        self.refusal = ""
        self.usage: Usage | None = None
        self.model = ""
        self.answer_id = ""
        self.first_at: float | None = None  # time.monotonic() of the first text

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    @property
    def ended(self) -> bool:
        """Whether the server has said that the answer is over."""
        return self.done or self.finish_reason is not None

    def feed(self, data: str) -> None:
        """Take the data of one event."""
        self.events += 1
        if data.strip() == "[DONE]":
            self.done = True
            return
        try:
            value: object = json.loads(data)
        except (ValueError, RecursionError):
            if "\n" not in data:
                raise self._nonsense("The teacher sent something that is no JSON.") from None
            # A server that leaves out the blank line between events runs them together.
            for line in filter(str.strip, data.split("\n")):
                self.feed(line)
            return
        self.take(value)

    def take(self, value: object) -> None:
        """Take a decoded event or a whole response."""
        if not isinstance(value, dict):
            raise self._nonsense("The teacher sent something that is no answer.")
        event = cast(dict[str, Any], value)
        if event.get("error") or event.get("object") == "error":
            raise faults.error_event(event, self._endpoint, self.text)
        if (usage := event.get("usage")) is not None:
            self.usage = _usage(usage) or self.usage
        if not self.model and isinstance(model := event.get("model"), str):
            self.model = plain(model)
        if not self.answer_id and isinstance(answer_id := event.get("id"), str):
            self.answer_id = plain(answer_id)
        choices = event.get("choices")
        if not isinstance(choices, list):
            return
        for choice in cast(list[object], choices):
            if isinstance(choice, dict):
                self._take_choice(cast(dict[str, Any], choice))

    def _take_choice(self, choice: dict[str, Any]) -> None:
        if choice.get("index"):  # one answer was asked for
            return
        message = choice.get("delta") or choice.get("message")
        if isinstance(message, dict):
            said = cast(dict[str, Any], message)
            content: object = said.get("content")
            if isinstance(refusal := said.get("refusal"), str):
                self.refusal += refusal
        else:
            content = choice.get("text")
        if content:
            self._add(content if isinstance(content, str) else _joined(content))
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = plain(reason)

    def _add(self, text: str) -> None:
        if self._held or not text.isascii():
            text = self._whole(text)
        if not text:
            return
        if self.first_at is None:
            self.first_at = time.monotonic()
        self._parts.append(text)
        self.characters += len(text)
        if self.characters > MAX_ANSWER_CHARACTERS:
            raise self._nonsense("The teacher's answer has no end.")
        if self._on_delta is not None:
            self._on_delta(text)

    def _whole(self, text: str) -> str:
        """Some servers cut a character outside the basic plane into two events."""
        text, self._held = self._held + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return whole_text(text) if _SURROGATE.search(text) else text

    def _nonsense(self, message: str) -> TeacherFailure:
        return TeacherFailure(FailureKind.TRANSIENT, message, partial=self.text, hint=faults.URL_HINT)


def _joined(content: object) -> str:
    """Content given as a list of parts."""
    if not isinstance(content, list):
        return ""
    texts: list[str] = []
    for part in cast(list[object], content):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(text := cast(dict[str, object], part).get("text"), str):
            texts.append(text)
    return "".join(texts)


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    counts = cast(dict[str, object], value)
    prompt, completion = counts.get("prompt_tokens"), counts.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    if not (0 <= prompt <= _MAX_TOKENS and 0 <= completion <= _MAX_TOKENS):
        return None
    return Usage(prompt, completion) if prompt or completion else None


def estimated_usage(prompt_characters: int, answer_characters: int) -> Usage:
    """What a request probably cost where the server does not tell: four characters a token."""
    return Usage(-(-prompt_characters // 4), -(-answer_characters // 4), estimated=True)
