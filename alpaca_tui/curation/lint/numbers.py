"""Numbers as people write them, and small expressions over them, worked out exactly.

No `eval`: a tokenizer and a precedence climb over Fractions, bounded in length and in size. Knows nothing of rows.
"""

from __future__ import annotations

import re
from fractions import Fraction

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_TOKEN = re.compile(rf"\s*(?:({NUMBER})(\s?%)?|(\*\*|[-+*/^()×÷·−–xX]))")
_OPERATORS = {"×": "*", "·": "*", "x": "*", "X": "*", "÷": "/", "−": "-", "–": "-", "**": "^"}
_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_LONGEST = 60
_BITS = 512


class NotAnExpression(ValueError):  # noqa: N818 - an outcome, not a fault
    """The text is none, or too large to be worked out."""


def value_of(text: str) -> Fraction:
    """A written number: `1,234.5` -> 1234.5. ValueError where it is none."""
    return Fraction(text.replace(",", ""))


def evaluate(text: str) -> Fraction:
    """An expression of numbers, + - * / ^, brackets and percent signs. Raises NotAnExpression."""
    tokens = _tokens(text)
    if len(tokens) > _LONGEST:
        raise NotAnExpression("too long")
    value, at = _climb(tokens, 0, 0, 0)
    if at != len(tokens):
        raise NotAnExpression(text)
    return value


def operators_of(text: str) -> int:
    """How many operators stand between the numbers of an expression."""
    return sum(isinstance(token, str) and token in _STRENGTH for token in _tokens(text))


def _tokens(text: str) -> list[Fraction | str]:
    out: list[Fraction | str] = []
    at = 0
    while at < len(text):
        if text[at:].isspace():
            break
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotAnExpression(text)
        if found[1] is not None:
            number = value_of(found[1])
            out.append(number / 100 if found[2] else number)
        else:
            out.append(_OPERATORS.get(found[3], found[3]))
        at = found.end()
        if len(out) > _LONGEST:
            raise NotAnExpression("too long")
    return out


def _climb(tokens: list[Fraction | str], at: int, weakest: int, depth: int) -> tuple[Fraction, int]:
    """The value of the expression that begins at `at`, of operators no weaker than `weakest`."""
    if depth > 20:
        raise NotAnExpression("nested too deeply")
    left, at = _operand(tokens, at, depth)
    while at < len(tokens):
        operator = tokens[at]
        if not isinstance(operator, str) or operator not in _STRENGTH or _STRENGTH[operator] < weakest:
            break
        strength = _STRENGTH[operator]
        # A power binds to its right, everything else to its left.
        right, at = _climb(tokens, at + 1, strength if operator == "^" else strength + 1, depth + 1)
        left = _apply(operator, left, right)
    return left, at


def _operand(tokens: list[Fraction | str], at: int, depth: int) -> tuple[Fraction, int]:
    if at >= len(tokens):
        raise NotAnExpression("unfinished")
    token = tokens[at]
    if isinstance(token, Fraction):
        return token, at + 1
    if token == "(":
        value, at = _climb(tokens, at + 1, 0, depth + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise NotAnExpression("open bracket")
        return value, at + 1
    if token in "+-":
        value, at = _climb(tokens, at + 1, 3, depth + 1)
        return (-value if token == "-" else value), at
    raise NotAnExpression(token)


def _apply(operator: str, left: Fraction, right: Fraction) -> Fraction:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return _bounded(left * right)
    if operator == "/":
        if not right:
            raise NotAnExpression("division by zero")
        return _bounded(left / right)
    if right.denominator != 1 or abs(right) > 64 or (not left and right < 0):
        raise NotAnExpression("power out of bounds")
    if left.numerator.bit_length() * abs(right.numerator) > _BITS:
        raise NotAnExpression("power out of bounds")
    return _bounded(left ** int(right))


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > _BITS or value.denominator.bit_length() > _BITS:
        raise NotAnExpression("too large")
    return value


def decimals_of(text: str) -> int:
    """Digits after the point of a written number."""
    return len(text.partition(".")[2])


def agrees(stated: str, right: Fraction) -> bool:
    """Whether a written number is `right`, or `right` rounded or cut at the digits that are written.

    Where `right` is no whole number, half a percent is allowed: numbers before it may have been rounded.
    """
    value = value_of(stated)
    if value == right:
        return True
    if right.denominator == 1:
        return False
    return (
        abs(value - right) < Fraction(1, 10 ** decimals_of(stated)) or abs(value - right) <= abs(right) / 200
    )


def written(value: Fraction, like: str) -> str:
    """`value` in full where four decimals are enough for that, else with as many as `like` has (two at
    least); thousands set apart where `like` does so, or was too short to need it."""
    places = next((places for places in range(5) if (value * 10**places).denominator == 1), None)
    if places is None:
        places = max(decimals_of(like), 2)
    text = f"{float(round(value, places)):.{places}f}" if value.denominator != 1 else str(int(value))
    whole, point, rest = text.partition(".")
    if "," in like or (len(whole.lstrip("-")) >= 5 and len(like.partition(".")[0]) <= 3):
        whole = f"{int(whole):,}" if whole != "-0" else whole
    return whole + point + rest
