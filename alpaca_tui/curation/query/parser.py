"""Text to tree, by recursive descent; errors say where and what was probably meant."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal, cast

import regex

from alpaca_tui.curation.query.fields import FIELDS, FUNCTIONS, IS_VALUES, TEXT_FIELDS, Field
from alpaca_tui.curation.query.tree import (
    And,
    Compare,
    Everything,
    Node,
    Not,
    Operator,
    Or,
    Query,
    QueryError,
    Span,
    Words,
    show,
)
from alpaca_tui.curation.query.values import check_date, check_number

_Kind = Literal["(", ")", "word", "string", "op", "minus", "regex", "star", "end"]
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<open>\() | (?P<close>\))
  | (?P<string>"(?:[^"\\]|\\.)*"?)
  | (?P<regex>~/(?:[^/\\]|\\.)*(?:/[a-z]*)?)
  | (?P<op>!=|<=|>=|[:=<>~])
  | (?P<star>\*)
  | (?P<word>(?:[^\s()":=<>~*!]|!(?!=))+)
    """,
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str
    start: int
    end: int
    spaced: bool
    """Whether a blank stands before it."""

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


def parse(text: str, *, typing: bool = False) -> Query:
    """Read a filter. typing: it is being typed, so its last word may be the beginning of one, and an end that
    is not finished yet (an open quote or bracket, an operator, a field without a value) is left out.
    Raises QueryError."""
    return Query(_Parser(text, typing).read(), text)


def conjoin(text: str, more: str) -> str:
    """A filter for what both match; a term that is there already is not added again."""
    if not text.strip():
        return more
    try:
        query = parse(text)
    except QueryError:
        return more
    if parse(more).root in (query.root.parts if isinstance(query.root, And) else (query.root,)):
        return text
    held = f"({text.strip()})" if isinstance(query.root, Or) else text.strip()
    return f"{held} {more}"


def holds(text: str, more: str) -> bool:
    """Whether a filter asks for `more` already, as one of the things that all must hold."""
    try:
        return set(_parts(parse(more).root)) <= set(_parts(parse(text).root))
    except QueryError:
        return False


def without(text: str, less: str) -> str:
    """A filter that no longer asks for `less`; one that does not ask for it stays as it is."""
    if not holds(text, less):
        return text
    gone = set(_parts(parse(less).root))
    kept = tuple(part for part in _parts(parse(text).root) if part not in gone)
    return show(And(kept)) if len(kept) > 1 else show(kept[0]) if kept else ""


def _parts(node: Node) -> tuple[Node, ...]:
    if isinstance(node, And):
        return node.parts
    return () if isinstance(node, Everything) else (node,)


def _tokens(text: str) -> list[_Token]:
    out: list[_Token] = []
    at, spaced = 0, True
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise QueryError("this cannot be read", at)
        kind = cast(str, found.lastgroup)
        if kind == "space":
            spaced = True
        else:
            value = found.group()
            if kind == "word" and value.startswith("-") and len(value) > 1 and spaced:
                out.append(_Token("minus", "-", at, at + 1, spaced))
                out.append(_Token("word", value[1:], at + 1, found.end(), False))
            else:
                name: _Kind = cast(_Kind, {"open": "(", "close": ")"}.get(kind, kind))
                if value == "-" and spaced:
                    name = "minus"
                out.append(_Token(name, value, at, found.end(), spaced))
            spaced = False
        at = found.end()
    out.append(_Token("end", "", len(text), len(text), spaced))
    return out


class _Unfinished(Exception):  # noqa: N818 - the person is still typing
    """The text ends where something must follow."""


class _Parser:
    def __init__(self, text: str, typing: bool) -> None:
        self._text = text
        self._typing = typing
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    # --- tokens

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _word(self, name: str) -> bool:
        token = self._peek()
        return token.kind == "word" and token.text.lower() == name and not self._is_field(token)

    def _is_field(self, token: _Token) -> bool:
        place = self._tokens.index(token, self._at) + 1
        after = self._tokens[place]
        return after.kind in ("op", "regex") and not after.spaced

    def _missing(self, message: str) -> Exception:
        """What to raise where something must follow and nothing does."""
        token = self._peek()
        if self._typing and token.kind == "end":
            return _Unfinished()
        return QueryError(message, token.start, max(token.end - token.start, 1))

    # --- grammar

    def read(self) -> Node:
        if self._peek().kind == "end":
            return Everything()
        try:
            node = self._either()
        except _Unfinished:
            return Everything()
        if self._peek().kind == ")":
            raise QueryError("this bracket closes nothing", self._peek().start)
        if self._peek().kind != "end":
            raise QueryError(
                f"{self._peek().text} cannot stand here", self._peek().start, len(self._peek().text)
            )
        return node

    def _either(self) -> Node:
        parts = [self._both()]
        while self._word("or"):
            self._take()
            try:
                parts.append(self._both())
            except _Unfinished:
                break
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Node:
        parts = [self._negated()]
        while True:
            try:
                if self._word("and"):
                    self._take()
                    parts.append(self._negated())
                elif self._peek().kind in ("end", ")") or self._word("or"):
                    break
                else:
                    parts.append(self._negated())
            except _Unfinished:
                break
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negated(self) -> Node:
        token = self._peek()
        if token.kind == "minus" or self._word("not"):
            self._take()
            with self._nested(token):
                part = self._negated()
            return Not(part, Span(token.start, self._tokens[self._at - 1].end))
        return self._term()

    def _nested(self, token: _Token) -> _Depth:
        if self._depth >= _DEEPEST:
            raise QueryError("this is nested too deeply", token.start)
        return _Depth(self)

    def _term(self) -> Node:
        token = self._peek()
        if token.kind == "(":
            self._take()
            with self._nested(token):
                if self._peek().kind == ")":
                    raise QueryError("the brackets hold nothing", token.start, 2)
                node = self._either()
            if self._peek().kind == ")":
                self._take()
            elif not (self._typing and self._peek().kind == "end"):
                raise QueryError("this bracket is never closed", token.start)
            return node
        if token.kind == "string":
            self._take()
            return self._words(token, "", token.start)
        if token.kind == "word":
            if self._word("and") or self._word("or"):
                raise QueryError(
                    f"`{token.text}` needs something on both sides", token.start, len(token.text)
                )
            return self._word_or_field()
        if token.kind == "op":
            raise QueryError(f"`{token.text}` needs a field before it", token.start, len(token.text))
        if token.kind == "star":
            raise QueryError("`*` stands for the rest of a word: write the beginning before it", token.start)
        if token.kind == "regex":
            raise QueryError("a regular expression needs a text: output~/…/", token.start, len(token.text))
        raise self._missing("something is missing here")

    def _word_or_field(self) -> Node:
        token = self._take()
        after = self._peek()
        if after.kind == "(" and not after.spaced and token.text.lower() in FUNCTIONS:
            return self._function(token)
        if after.kind == "regex" and not after.spaced:
            return self._regex(token)
        if after.kind == "op" and not after.spaced:
            return self._comparison(token, self._field(token), "", token.start)
        return self._words(token, "", token.start)

    def _function(self, name: _Token) -> Node:
        self._take()
        inner = self._take()
        if inner.kind == "end" and self._typing:
            raise _Unfinished
        if inner.text.lower() not in TEXT_FIELDS:
            raise QueryError(
                f"{name.text}() counts in instruction, input or output", inner.start, max(len(inner.text), 1)
            )
        if self._peek().kind != ")":
            raise self._missing("a `)` is missing here")
        self._take()
        if self._peek().kind != "op":
            raise self._missing(f"compare it: {name.text}({inner.text}) < 10")
        field = Field(inner.text.lower(), "number", "", "", (), True)
        return self._comparison(inner, field, name.text.lower(), name.start)

    def _field(self, token: _Token) -> Field:
        field = FIELDS.get(token.text.lower())
        if field is not None:
            return field
        near = difflib.get_close_matches(token.text.lower(), list(FIELDS), 1, 0.6)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise QueryError(
            f"unknown field `{token.text}`{hint}",
            token.start,
            len(token.text),
            f"Fields: {', '.join(FIELDS)}. To find the words themselves, put them in quotes.",
        )

    def _regex(self, token: _Token) -> Node:
        field = self._field(token)
        if field.kind != "text":
            raise QueryError(
                f"`{field.name}` takes no regular expression; instruction, input and output do",
                token.start,
                len(token.text),
            )
        found = self._take()
        body, closed, options = found.text[1:].rpartition("/")
        pattern = body[1:]
        if not closed or not body.startswith("/"):
            if self._typing and self._peek().kind == "end":
                raise _Unfinished
            raise QueryError("the regular expression is never closed: /…/", found.start, len(found.text))
        if set(options) - set("i"):
            raise QueryError(
                "only `i` (any case) may follow a regular expression", found.start, len(found.text)
            )
        try:
            regex.compile(pattern)
        except regex.error as error:
            raise QueryError(f"not a regular expression: {error}", found.start, len(found.text)) from error
        return Compare(
            field.name,
            "~",
            found.text[1:],
            None,
            "",
            Span(token.start, found.end),
            found.span,
        )

    def _comparison(self, token: _Token, field: Field, function: str, start: int) -> Node:
        operator = self._take()
        shown = f"{function}({field.name})" if function else field.name
        if operator.text == "~":
            raise self._missing(f"write a regular expression: {shown}~/…/")
        if operator.text in ("<", "<=", ">", ">=") and not field.compared:
            raise QueryError(f"`{shown}` cannot be compared by size", operator.start, len(operator.text))
        value = self._peek()
        if value.kind == "minus" and self._tokens[self._at + 1].kind == "word":
            self._take()
            value = self._peek()
            value = _Token("word", "-" + value.text, value.start - 1, value.end, False)
            self._tokens[self._at] = value
        if value.kind not in ("word", "string"):
            if value.kind == "end" and self._typing:
                raise _Unfinished
            raise QueryError(
                f"`{shown}{operator.text}` needs a value", token.start, operator.end - token.start
            )
        self._take()
        if field.kind == "text" and not function:
            return self._text_value(field, operator, value, start)
        text, upper = unquoted(value), None
        if value.kind == "word" and ".." in text and field.compared:
            text, _, upper = text.partition("..")
            if operator.text not in (":", "="):
                raise QueryError("a range follows `:`", operator.start, len(operator.text))
        node = Compare(
            field.name,
            cast(Operator, operator.text),
            text,
            upper,
            function,
            Span(start, value.end),
            value.span,
        )
        return self._checked(node, field, value)

    def _text_value(self, field: Field, operator: _Token, value: _Token, start: int) -> Node:
        if operator.text not in (":", "=", "!="):
            raise QueryError(
                f"`{field.name}` is a text: {field.name}:word", operator.start, len(operator.text)
            )
        if value.kind == "word" and value.text.lower() in field.values:
            node: Node = Compare(
                field.name, ":", value.text.lower(), None, "", Span(start, value.end), value.span
            )
        else:
            node = self._words(value, field.name, start)
        return Not(node, Span(start, value.end)) if operator.text == "!=" else node

    def _words(self, token: _Token, field: str, start: int) -> Node:
        text = unquoted(token)
        prefix = False
        end = token.end
        if self._peek().kind == "star" and not self._peek().spaced:
            end = self._take().end
            prefix = True
        elif self._typing and self._peek().kind == "end" and not self._peek().spaced:
            prefix = token.kind == "word" or not _closed(token.text)
        if not text.strip():
            if self._typing:
                raise _Unfinished
            raise QueryError("the quotes hold nothing", token.start, token.end - token.start)
        if token.kind == "string" and not _closed(token.text) and not self._typing:
            raise QueryError("this quote is never closed", token.start)
        return Words(text, field, token.kind == "string", prefix, Span(start, end))

    def _checked(self, node: Compare, field: Field, token: _Token) -> Node:
        """The comparison with its value in its usual form; an error where there is no such value."""
        value = node.value if field.kind in ("word", "tag") else node.value.lower()
        choices: tuple[str, ...] = ()
        if field.kind == "choice":
            choices = field.values
        elif field.kind == "is":
            choices = tuple(IS_VALUES)
        if choices and value not in choices:
            if self._typing and self._peek().kind == "end" and any(one.startswith(value) for one in choices):
                raise _Unfinished
            raise QueryError(
                f"`{field.name}` is one of {', '.join(choices)}", token.start, max(token.end - token.start, 1)
            )
        if field.kind in ("number", "number-or-none") and not (
            field.kind == "number-or-none" and value in ("none", "any") and node.upper is None
        ):
            for part in (value, node.upper):
                if part is not None and not check_number(part, empty=node.upper is not None):
                    if self._typing and self._peek().kind == "end":
                        raise _Unfinished
                    raise QueryError(f"`{part}` is no number", token.start, max(token.end - token.start, 1))
        if field.kind == "date":
            for part in (value, node.upper):
                if part is not None and not check_date(part, empty=node.upper is not None):
                    if self._typing and self._peek().kind == "end":
                        raise _Unfinished
                    raise QueryError(
                        f"`{part}` is no date: 2026-01-31, 2026-01, today, 7d",
                        token.start,
                        max(token.end - token.start, 1),
                    )
        if not value and node.upper is None:
            raise QueryError(f"`{field.name}` needs a value", token.start, max(token.end - token.start, 1))
        return Compare(
            node.field, node.operator, value, node.upper, node.function, node.span, node.value_span
        )


class _Depth:
    def __init__(self, parser: _Parser) -> None:
        self._parser = parser

    def __enter__(self) -> None:
        self._parser._depth += 1  # pyright: ignore[reportPrivateUsage]

    def __exit__(self, *_: object) -> None:
        self._parser._depth -= 1  # pyright: ignore[reportPrivateUsage]


def unquoted(token: _Token) -> str:
    """A token's words without quotes and backslashes."""
    if token.kind != "string":
        return token.text
    body = token.text[1:-1] if _closed(token.text) else token.text[1:]
    return re.sub(r"\\(.)", r"\1", body, flags=re.DOTALL)


def _closed(text: str) -> bool:
    return re.fullmatch(r'"(?:[^"\\]|\\.)*"', text, re.DOTALL) is not None
