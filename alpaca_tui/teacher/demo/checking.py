"""What the demo teacher says of an answer it is asked to check: it does sums, and owns up to the rest.

It recognises the question by its form: a task between <instruction>, <input> and <answer> tags and the reply's
form with `Reason:`. The sums it can redo are two numbers and a sign with a result behind `=`. Knows no HTTP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_PART = r"<{0}>\n(.*?)\n</{0}>"
_INSTRUCTION = re.compile(_PART.format("instruction"), re.DOTALL)
_ANSWER = re.compile(_PART.format("answer"), re.DOTALL)
_NUMBER = r"-?\d{1,9}(?:\.\d{1,6})?"
_SUM = re.compile(
    rf"(?<![\w.,%^/*×÷+=-])(?<![*×÷+=/^-] )({_NUMBER})\s*([-+*/x×÷−])\s*({_NUMBER})\s*=\s*({_NUMBER})(?![\w%]|[.,]\d|\s*[-+*/×÷^=])"
)
_SIGNS = {"x": "*", "×": "*", "÷": "/", "−": "-"}
_MODEST = "I am the offline demo teacher and check nothing but simple sums"


@dataclass(frozen=True, slots=True)
class ToCheck:
    """A question about an answer. verdict: a verdict is asked for. output: a text is asked for.
    continues: the prompt ends with the reply's first word."""

    answer: str
    verdict: bool
    output: bool
    continues: bool


def read_question(prompt: str) -> ToCheck | None:
    """The question `prompt` asks, None where it is another one."""
    answer = _ANSWER.search(prompt)
    if answer is None or _INSTRUCTION.search(prompt) is None:
        return None
    form = prompt[answer.end() :]
    if "\nReason:" not in form:
        return None
    return ToCheck(
        answer.group(1),
        verdict="\nVerdict:" in form,
        output="\nOutput:" in form,
        continues=prompt.rstrip().endswith(("\n\nVerdict:", "\n\nReason:")),
    )


def check(asked: ToCheck) -> str:
    """The reply, in the form that was asked for."""
    mended, wrong = _redone(asked.answer)
    if not asked.answer.strip():
        verdict, reason = "wrong", "There is no answer."
    elif wrong:
        verdict, reason = "wrong", " ".join(f"{claim} is wrong: it is {right}." for claim, right in wrong)
    elif _SUM.search(asked.answer):
        verdict, reason = "right", "The sums in it are right."
    else:
        verdict, reason = "unsure", f"{_MODEST}; there is none in this answer."
    if not asked.verdict:
        mended = _tidied(mended)
        if not wrong:
            reason = f"{_MODEST}; I can only tidy the answer up."
    lines = [f"Verdict: {verdict}"] if asked.verdict else []
    lines.append(f"Reason: {reason}")
    if asked.output and mended.strip() and (wrong or not asked.verdict):
        lines.append(f"Output:\n{mended}")
    text = "\n".join(lines)
    return text.partition(":")[2] if asked.continues else text


def _redone(answer: str) -> tuple[str, list[tuple[str, str]]]:
    """The answer with its sums put right, and each wrong claim with the right value."""
    wrong: list[tuple[str, str]] = []

    def redo(found: re.Match[str]) -> str:
        left, sign, right, stated = found.groups()
        value = _value(Fraction(left), _SIGNS.get(sign, sign), Fraction(right))
        if value is None or value == Fraction(stated) or _rounds_to(value, stated):
            return found.group(0)
        wrong.append((found.group(0), _written(value)))
        return found.group(0)[: found.start(4) - found.start()] + _written(value)

    return _SUM.sub(redo, answer), wrong


def _value(left: Fraction, sign: str, right: Fraction) -> Fraction | None:
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right if right else None


def _rounds_to(value: Fraction, stated: str) -> bool:
    """Whether `stated` is the value at the precision it is written with."""
    places = len(stated.partition(".")[2])
    return abs(value - Fraction(stated)) <= Fraction(1, 2 * 10**places) and value.denominator != 1


def _written(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"


def _tidied(answer: str) -> str:
    """Blanks at the ends of lines gone, a capital at the start, a stop behind a sentence."""
    text = "\n".join(line.rstrip() for line in answer.strip().split("\n"))
    if not text:
        return text
    if "\n" not in text and len(text.split()) > 3 and text[-1].isalnum():
        text += "."
    return text[0].upper() + text[1:] if text[0].isalpha() else text
