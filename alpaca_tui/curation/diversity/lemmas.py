"""Words in their dictionary form: nouns singular, verbs bare. English, lower case. Knows the lexicon alone."""

from __future__ import annotations

from functools import lru_cache

from alpaca_tui.curation.diversity.lexicon import IRREGULAR_NOUNS, IRREGULAR_VERBS, VERBS

_VOWELS = "aeiou"


@lru_cache(maxsize=20_000)
def noun(word: str) -> str:
    """The singular of a noun: `stories` -> `story`."""
    if word in IRREGULAR_NOUNS:
        return IRREGULAR_NOUNS[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "'s")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=20_000)
def verb(word: str) -> str | None:
    """The bare form of a verb we know: `written` -> `write`, `classifies` -> `classify`; None for another word."""
    if word in IRREGULAR_VERBS:
        return IRREGULAR_VERBS[word]
    if word in VERBS:
        return word
    return next((form for form in _bare_forms(word) if form in VERBS), None)


def _bare_forms(word: str) -> list[str]:
    forms: list[str] = []
    if word.endswith(("ies", "ied")):
        forms.append(word[:-3] + "y")
    if word.endswith("es"):
        forms.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        forms.append(word[:-1])
    for ending in ("ed", "ing"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)]
            forms += [stem + "e", stem]
            if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in _VOWELS:
                forms.append(stem[:-1])
    return forms
