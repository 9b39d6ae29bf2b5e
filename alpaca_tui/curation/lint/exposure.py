"""Rules about what should not be there: data of real people, and prompts a model will be measured on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from alpaca_tui.curation.lint.model import Context, Finding, LeakIndex, Row

_EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]{2,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b")
# Hosts that are reserved for examples (RFC 2606, RFC 6761) or plainly made up.
_MADE_UP_HOST = re.compile(
    r"@(?:[\w-]+\.)*(?:example|test|invalid|localhost|e?mail|domain|(?:your|my)?(?:company|domain|website|business|store|organi[sz]ation)|abc|(?:abc|xyz|acme)[a-z]*|xyz|sample|somewhere|something|server|host|fake[a-z]*)\.",
    re.IGNORECASE,
)
# Anyone's mailbox: a name that stands for nobody.
_MADE_UP_NAME = re.compile(
    r"(?:your|my|user|name|first|last|example|test|sample|info|contact|support|sales|admin|hello|help|service|customer|no-?reply|john|jane|doe|smith|alice|bob|abc|xyz|foo|bar|someone|recipient|sender|receiver|email)[\w.+-]*@",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w.,/=+*-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-]|[.,]\d)"
)
_CARD = re.compile(r"(?<![\w.-])(?:\d{4}[ -]){3}\d{4}(?![\w.-])")
_SOCIAL = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_DIGITS = re.compile(r"\d{3}")
_KINDS = ((_CARD, "a card number"), (_SOCIAL, "a social security number"), (_PHONE, "a telephone number"))


def personal_data(row: Row, _context: Context) -> Iterator[Finding]:
    """An e-mail address, telephone, card or social security number that is not plainly made up.

    Checked by hand: all 9 hits in the Alpaca rows and all 19 in the others: 26 have the form of what they are
    called; whose they are, or that they were made up, no rule can tell.
    """
    for field, text in row.fields():
        found = _email(text) if "@" in text else None
        if found is None and _DIGITS.search(text):
            found = _number(text)
        if found is not None:
            what, start, end = found
            yield Finding("personal-data", field, f"looks like {what}", start, end)


def _email(text: str) -> tuple[str, int, int] | None:
    for found in _EMAIL.finditer(text):
        if not _MADE_UP_HOST.search(found.group()) and not _MADE_UP_NAME.match(found.group()):
            return "an e-mail address", *found.span()
    return None


def _number(text: str) -> tuple[str, int, int] | None:
    for pattern, what in _KINDS:
        for found in pattern.finditer(text):
            digits = re.sub(r"\D", "", found.group())
            if not _made_up(digits, pattern):
                return what, *found.span()
    return None


def _made_up(digits: str, pattern: re.Pattern[str]) -> bool:
    """Too regular to be anyone's, or not of the form such numbers have."""
    if (
        len(set(digits)) <= 2
        or digits in "12345678901234567890"
        or "1234567" in digits
        or "0000" in digits[-5:]
    ):
        return True
    if pattern is _PHONE:
        return "555" in (digits[-7:-4], digits[-10:-7])
    return pattern is _CARD and not _luhn(digits)


def _luhn(digits: str) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


# --- leaks

_WORD = re.compile(r"[^\W_]+")
_SHORTEST_LEAK = 4


def leakage(row: Row, context: Context) -> Iterator[Finding]:
    """The prompt is a seed's or an evaluation suite's, but for case, punctuation and spacing. Exact."""
    if context.leaks:
        place = context.leaks.get(prompt_fingerprint(row.instruction, row.input))
        if place is not None:
            yield Finding("leakage", "instruction", f"the same prompt is in {place}", 0, len(row.instruction))


def prompt_fingerprint(instruction: str, input: str = "") -> str:
    """A prompt without case, punctuation and spacing, instruction and input joined, since evaluation suites
    often hold the two as one text."""
    return " ".join(_WORD.findall(f"{instruction} {input}".casefold()))


def leak_index(prompts: Iterable[tuple[str, str, str]]) -> LeakIndex:
    """(instruction, input, name of where it is from) of every prompt that must not be in the data, as
    `Context.leaks` wants it. The first name of a prompt counts; prompts of fewer than four words are left out,
    as anyone writes those.
    """
    index: dict[str, str] = {}
    for instruction, input, name in prompts:
        fingerprint = prompt_fingerprint(instruction, input)
        if fingerprint.count(" ") >= _SHORTEST_LEAK - 1:
            index.setdefault(fingerprint, name)
    return index
