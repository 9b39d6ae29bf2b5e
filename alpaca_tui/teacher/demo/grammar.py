"""A tiny text grammar: templates with alternatives and slots, expanded with a seeded generator.

`[one|two|]` picks one of the alternatives (they nest, an empty one is allowed), `{name}` is replaced by
the value of that name, `{a:name}` by the value with its indefinite article. Values are put in verbatim
and never expanded, so brackets in them are safe. Knows nothing of tasks, files or HTTP.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from functools import lru_cache

_SPECIAL = re.compile(r"[\[\]|]")
_SLOT = re.compile(r"\{(?:(a):)?([a-z_][a-z0-9_]*)\}")
_BLANKS = re.compile(r"[ \t]{2,}")

# A template is a sequence of parts: plain text, or a choice between templates.
_Choice = tuple["_Template", ...]
_Template = tuple["str | _Choice", ...]

_SPELLED = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
VOWEL_SOUND_EXCEPTIONS = ("hour", "honest", "heir", "honor", "honour")
CONSONANT_SOUND_EXCEPTIONS = ("uni", "use", "usu", "eu", "one", "once", "uk", "ute")


@lru_cache(maxsize=8192)
def _parse(template: str) -> _Template:
    position = 0

    def sequence(depth: int) -> _Template:
        nonlocal position
        parts: list[str | _Choice] = []
        while position < len(template):
            match = _SPECIAL.search(template, position)
            if match is None:
                parts.append(template[position:])
                position = len(template)
                break
            if match.start() > position:
                parts.append(template[position : match.start()])
            position = match.start()
            if match.group() == "[":
                position += 1
                parts.append(choice(depth + 1))
            elif depth == 0:
                raise ValueError(f"stray {match.group()!r} at {position} in template {template!r}")
            else:
                break
        return tuple(parts)

    def choice(depth: int) -> _Choice:
        nonlocal position
        options = [sequence(depth)]
        while position < len(template) and template[position] == "|":
            position += 1
            options.append(sequence(depth))
        if position >= len(template):
            raise ValueError(f"unclosed '[' in template {template!r}")
        position += 1
        return tuple(options)

    return sequence(0)


def _expand(rng: random.Random, template: _Template) -> str:
    return "".join(
        part if isinstance(part, str) else _expand(rng, part[rng.randrange(len(part))]) for part in template
    )


def article(noun: str) -> str:
    """`noun` with `a` or `an`, by sound for the words our knowledge uses."""
    word = noun.lower()
    vowel = word[:1] in "aeiou" and not word.startswith(CONSONANT_SOUND_EXCEPTIONS)
    if re.match(r"(8|11\b|18\b)", word) or word.startswith(VOWEL_SOUND_EXCEPTIONS):
        vowel = True
    return f"{'an' if vowel else 'a'} {noun}"


def say(rng: random.Random, template: str, /, **slots: object) -> str:
    """One expansion of `template`, blanks collapsed; its first letter raised unless a bare slot opens it.

    Raises ValueError on an unbalanced template and KeyError on a slot without a value.
    """

    def fill(match: re.Match[str]) -> str:
        value = str(slots[match.group(2)])
        return article(value) if match.group(1) else value

    raw = _BLANKS.sub(" ", _expand(rng, _parse(template))).strip().replace(" .", ".").replace(" ,", ",")
    text = _SLOT.sub(fill, raw)
    return text if raw.startswith("{") and not raw.startswith("{a:") else upper_first(text)


@lru_cache(maxsize=8192)
def slot_names(template: str) -> frozenset[str]:
    """The names of the slots `template` may need."""
    return frozenset(match.group(2) for match in _SLOT.finditer(template))


def upper_first(text: str) -> str:
    """`text` with its first character raised, the rest untouched."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """`text` with its first character lowered, unless it starts with an acronym or the word I."""
    if len(text) > 1 and (text[1].isupper() or text.startswith(("I ", "I'"))):
        return text
    return text[:1].lower() + text[1:]


def listing(items: Iterable[object], word: str = "and") -> str:
    """`a, b and c`."""
    names = [str(item) for item in items]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def money(cents: int) -> str:
    """`$12` or `$12.50` from a whole number of cents."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}${whole:,}" if rest == 0 else f"{sign}${whole:,}.{rest:02d}"


def trimmed(value: float, digits: int = 2) -> str:
    """`value` rounded to `digits` decimals without trailing zeros; never `-0`."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def spelled(count: int) -> str:
    """`three` for 3; figures above twelve."""
    return _SPELLED[count] if 0 <= count < len(_SPELLED) else str(count)


def numbered(items: Iterable[str]) -> str:
    """The items as lines `1. Item`."""
    return "\n".join(f"{place}. {upper_first(item)}" for place, item in enumerate(items, 1))


def bullets(items: Iterable[str]) -> str:
    """The items as lines `- Item`."""
    return "\n".join(f"- {upper_first(item)}" for item in items)
