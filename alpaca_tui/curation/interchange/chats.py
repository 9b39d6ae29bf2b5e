"""Conversations in and out: ShareGPT (`from`, `value`) and chat messages (`role`, `content`).

Of a conversation, the first turn of the person is the instruction and the first turn of the model after it
the output; an input stands in the person's turn behind `### Input:`, as the chat template has it. A whole
conversation that is more than those two plain turns stays in the row's `extra`, under its own column, and
is written back with the texts, edited or not, in their places: system prompts, further turns and unknown
keys of a turn are never lost. (A turn whose own text holds the marker is read as instruction and input;
joined again it is the same turn.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from alpaca_tui.curation.interchange.jsons import name_of
from alpaca_tui.curation.interchange.mapping import free
from alpaca_tui.curation.interchange.model import Raw, Record, Refused, Row
from alpaca_tui.store.encoding import storable

ChatFormat = Literal["sharegpt", "messages"]
Turns = list[dict[str, Any]]
MARKER = "\n\n### Input:\n"
_PERSON = ("human", "user", "prompter")
_MODEL = ("gpt", "assistant", "chatgpt", "model", "bot", "bing", "bard", "chatbot")


@dataclass(frozen=True, slots=True)
class _Dialect:
    column: str
    role: str
    text: str
    person: str
    model: str


_DIALECTS: Mapping[ChatFormat, _Dialect] = {
    "sharegpt": _Dialect("conversations", "from", "value", "human", "gpt"),
    "messages": _Dialect("messages", "role", "content", "user", "assistant"),
}


def join(instruction: str, input: str) -> str:
    """The person's turn: the instruction, with the input behind the marker where there is one."""
    return instruction + MARKER + input if input else instruction


def split(turn: str) -> tuple[str, str]:
    """`join` undone: instruction and input. A marker with nothing behind it is part of the instruction."""
    instruction, marker, input = turn.partition(MARKER)
    return (instruction, input) if marker and input else (turn, "")


def chat_format(value: object) -> ChatFormat | None:
    """The format of `value` if it is a conversation: a list of turns, each with a role and a text."""
    if not isinstance(value, list) or not value:
        return None
    for name, dialect in _DIALECTS.items():
        for turn in cast(list[object], value):
            if not isinstance(turn, dict) or dialect.role not in turn or dialect.text not in turn:
                break
        else:
            return name
    return None


def chat_column(entries: Mapping[str, Any]) -> str | None:
    """The first field that holds a conversation."""
    return next((name for name, value in entries.items() if chat_format(value)), None)


def record(raw: Raw, column: str) -> Record | Refused:
    """The row whose conversation is in `column`, or why there is none."""
    entries = raw.fields
    if entries is None:
        return Refused(raw.row, f"not an object but {name_of(raw.value)}", raw.line)
    if column not in entries:
        return Refused(raw.row, f"no {column}", raw.line)
    texts = _texts(entries[column])
    if isinstance(texts, str):
        return Refused(raw.row, f"{column}: {texts}", raw.line)
    instruction, input = split(storable(texts[0]))
    if not instruction.strip():
        return Refused(raw.row, f"{column}: the instruction is empty", raw.line)
    if _is_plain(column, entries[column]):
        entries = {name: value for name, value in entries.items() if name != column}
    return Record(raw.row, raw.line, instruction, input, storable(texts[1]), entries)


def written(row: Row, format: ChatFormat, *, extra: bool = True) -> dict[str, Any]:
    """`row` as an object of `format`: its own conversation with its texts in place (whatever format it
    came in), or a new one of two turns; the other fields of `extra` beside it if wanted."""
    dialect = _DIALECTS[format]
    source = chat_column(row.extra)
    if source is not None and isinstance(_texts(row.extra[source]), str):
        source = None  # a conversation without question and answer is but another field
    fields = {name: value for name, value in row.extra.items() if extra or name == source}
    person = join(storable(row.instruction), storable(row.input))
    output = storable(row.output)
    if source is None:
        turns = _plain(dialect, person, output)
        return {free(dialect.column, fields): turns, **fields}
    others = [name for name in fields if name != source]
    name = source if chat_format(fields[source]) == format else free(dialect.column, others)
    turns = _edited(cast(Turns, fields[source]), person, output, dialect)
    return {
        name if field == source else field: turns if field == source else fields[field] for field in fields
    }


def _plain(dialect: _Dialect, person: str, answer: str) -> Turns:
    return [
        {dialect.role: dialect.person, dialect.text: person},
        {dialect.role: dialect.model, dialect.text: answer},
    ]


def _is_plain(column: str, turns: Turns) -> bool:
    """Whether `written` would make the same of the texts alone."""
    if len(turns) != 2:
        return False
    for dialect in _DIALECTS.values():
        if column == dialect.column:
            return turns == _plain(dialect, turns[0].get(dialect.text, ""), turns[1].get(dialect.text, ""))
    return False


def _texts(conversation: object) -> tuple[str, str] | str:
    """The person's first turn and the model's answer to it, or why they cannot be had."""
    format = chat_format(conversation)
    if format is None:
        return (
            "no list of turns" if not isinstance(conversation, list) else "a turn lacks its role or its text"
        )
    turns = cast(Turns, conversation)
    places = _places(turns, _DIALECTS[format])
    if isinstance(places, str):
        return places
    texts: list[str] = []
    for place in places:
        text = _text(turns[place][_DIALECTS[format].text])
        if text is None:
            value = turns[place][_DIALECTS[format].text]
            return f"turn {place + 1} is {name_of(value)}, not text"
        texts.append(text)
    return texts[0], texts[1]


def _places(turns: Turns, dialect: _Dialect) -> tuple[int, int] | str:
    person = None
    for place, turn in enumerate(turns):
        if person is None:
            person = place if _is(turn[dialect.role], _PERSON) else None
        elif _is(turn[dialect.role], _MODEL):
            return person, place
    return "nobody asks anything" if person is None else "nobody answers"


def _is(role: object, names: Sequence[str]) -> bool:
    return isinstance(role, str) and role.lower() in names


def _text(content: object) -> str | None:
    """The text of a turn; content in parts is text if all its parts are."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        return None
    texts: list[str] = []
    for part in cast(list[object], content):
        entries = cast(dict[str, object], part) if isinstance(part, dict) else {}
        text = entries.get("text")
        if entries.get("type") != "text" or not isinstance(text, str):
            return None
        texts.append(text)
    return "\n".join(texts)


def _edited(turns: Turns, person: str, answer: str, dialect: _Dialect) -> Turns:
    """`turns` in `dialect` with the two texts in their places; what did not change stays as it was."""
    own = _DIALECTS[cast(ChatFormat, chat_format(turns))]
    places = cast(tuple[int, int], _places(turns, own))
    result: Turns = []
    for place, turn in enumerate(turns):
        wanted = person if place == places[0] else answer if place == places[1] else None
        entries: dict[str, Any] = {}
        for name, value in turn.items():
            if name == own.text:
                keep = wanted is None or storable(_text(value) or "") == wanted
                entries[dialect.text] = value if keep else wanted
            elif name == own.role:
                entries[dialect.role] = _role(value, own, dialect)
            else:
                entries[name] = value
        result.append(entries)
    return result


def _role(role: Any, own: _Dialect, dialect: _Dialect) -> Any:
    if own is dialect:
        return role
    return dialect.person if _is(role, _PERSON) else dialect.model if _is(role, _MODEL) else role
