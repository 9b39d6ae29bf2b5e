"""What a filter is once it is read: a tree of plain values, each with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from alpaca_tui.errors import UserError

Operator = Literal[":", "=", "!=", "<", "<=", ">", ">=", "~"]


class QueryError(UserError):
    """A filter that cannot be read. `position` and `length` say where in the text, in characters."""

    def __init__(self, message: str, position: int, length: int = 1, hint: str = "") -> None:
        super().__init__(message, "", hint)
        self.position = position
        self.length = length

    def pointing(self, text: str) -> str:
        """The text with a caret under the place, for a terminal."""
        line = text.replace("\n", " ")
        return f"{line}\n{' ' * self.position}{'^' * max(self.length, 1)} {self.title}"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the filter's text; of no account when two trees are compared."""

    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty filter."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words looked for in the texts: all of them in a row when `phrase`, as the beginning of a word when
    `prefix`. `field` is one of the three texts, "" for any."""

    text: str
    field: str = ""
    phrase: bool = False
    prefix: bool = False
    span: Span = Span()


@dataclass(frozen=True, slots=True)
class Compare:
    """A fact asked for: `field`, or `function(field)`, against a value; `upper` ends a range `a..b`."""

    field: str
    operator: Operator
    value: str
    upper: str | None = None
    function: str = ""
    span: Span = Span()
    value_span: Span = Span()


@dataclass(frozen=True, slots=True)
class Not:
    part: Node
    span: Span = Span()


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


Node = Everything | Words | Compare | Not | And | Or


@dataclass(frozen=True, slots=True)
class Query:
    """A filter: its tree, and the text it was read from."""

    root: Node
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return show(self.root)


def show(node: Node, inside: type | None = None) -> str:
    """The tree as text that reads as the same tree."""
    match node:
        case Everything():
            return ""
        case Words(text, name, phrase, prefix):
            word = quoted(text) if phrase or not _bare(text) else text
            return (f"{name}:" if name else "") + word + ("*" if prefix else "")
        case Compare(name, operator, value, upper, function):
            left = f"{function}({name})" if function else name
            if operator == "~":
                return f"{left}~{value}"
            shown = quoted(value) if not _bare_value(value) else value
            return f"{left}{operator}{shown}" + (f"..{upper}" if upper is not None else "")
        case Not(part):
            return f"not {show(part, Not)}"
        case And(parts):
            text = " and ".join(show(part, And) for part in parts)
            return f"({text})" if inside in (Not, And) else text
        case Or(parts):
            text = " or ".join(show(part, Or) for part in parts)
            return f"({text})" if inside is not None else text


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bare_value(text: str) -> bool:
    return (
        bool(text)
        and ".." not in text
        and not text.startswith("-")
        and not any(character.isspace() or character in '()":=<>!~*\\' for character in text)
    )


def _bare(text: str) -> bool:
    """Whether a word can stand without quotes and still be read as that word."""
    return (
        bool(text)
        and text.lower() not in ("and", "or", "not")
        and not text.startswith("-")
        and not any(character.isspace() or character in '()":=<>!~*\\' for character in text)
    )
