"""The root verb and direct object of an instruction, by rules for imperatives and questions.

What self-instruct took from a dependency parse (descend from the root of the first sentence to its first verb;
its lemma and that of its first noun object), told from word order and a lexicon: an instruction begins with its
verb, a question inverts an auxiliary, and the head of a noun phrase is its last noun. English only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from alpaca_tui.curation.diversity import lemmas
from alpaca_tui.curation.diversity.lexicon import (
    ADJECTIVES,
    AUXILIARIES,
    BE,
    CONJUNCTIONS,
    DATIVES,
    DETERMINERS,
    IRREGULAR_VERBS,
    LEADING,
    NOUNS,
    PARTICIPLES,
    PREPOSITIONS,
    PRONOUNS,
    SKIPPED,
    TAKES_PARTICLE,
    VERBS,
    WH,
)

_LONGEST = 400
_QUOTED = re.compile(
    r"[\"“][^\"”]{0,300}[\"”]|(?<![\w])['‘][^'’\n]{1,200}['’](?!\w)|`[^`]{1,200}`|\[[^\]\n]{0,80}\]|\([^)\n]{0,120}\)"
)
_SENTENCE_END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\b[A-Z])(?<!\bSt)(?<!\bDr)(?<!\bMr)(?<!\bMrs)[.!?]+(?=\s|$|[A-Z])|\n"
)
_TOKEN = re.compile(r"[A-Za-z0-9\x00$%€£#+][\w\x00#+$%€£./&-]*(?:['’][A-Za-z]+)?|[,:;–—-]|[^\s\w]")
_ADJECTIVE_ENDINGS = (
    "ful",
    "less",
    "ous",
    "able",
    "ible",
    "ical",
    "ish",
    "ive",
    "ial",
    "ual",
    "onal",
    "ental",
    "ic",
    "iest",
    "most",
)
_BREAK = ":;–—"

Pair = tuple[str | None, str | None]
_NOTHING: Pair = (None, None)


class _Token(NamedTuple):
    """A word: as it stands, in lower case, and whether it stands for something quoted."""

    text: str
    low: str
    quoted: bool


def analyse(instruction: str) -> Pair:
    """(root verb, object): lower-case lemmas, None for what there is not."""
    sentence = _first_sentence(instruction[: _LONGEST * 2].strip())
    tokens = [
        _Token(text, text.lower().replace("’", "'"), "\x00" in text) for text in _TOKEN.findall(sentence)
    ]
    return _clause(_without_opening(tokens))


def _first_sentence(text: str) -> str:
    """The first sentence, what is quoted or in brackets made one sign."""
    text = _QUOTED.sub(lambda found: " \x00 " if found.group()[0] != "(" else " ", text[:_LONGEST])
    for found in _SENTENCE_END.finditer(text):
        if text[: found.start()].strip(" \x00\"'"):
            return text[: found.start()]
    return text


def _without_opening(tokens: list[_Token]) -> list[_Token]:
    """The tokens without greetings, adverbs and phrases that lead up to the clause that counts."""
    while tokens and (
        tokens[0].low in SKIPPED
        or tokens[0].text in ",-:"
        or (tokens[0].low.endswith("ly") and tokens[0].low not in VERBS)
    ):
        tokens = tokens[1:]
    if not tokens or tokens[0].low not in LEADING:
        return tokens
    if (
        tokens[0].low == "to"
        and len(tokens) > 2
        and tokens[1].low in VERBS
        and "," not in [t.text for t in tokens]
    ):
        return tokens
    for place, token in enumerate(tokens):
        rest = tokens[place + 1 :]
        if token.text in ",:" and rest and _opens_clause(rest):
            return _without_opening(rest)
    return tokens


def _opens_clause(tokens: Sequence[_Token]) -> bool:
    first = tokens[0]
    if first.low in SKIPPED and len(tokens) > 1:
        return _opens_clause(tokens[1:])
    if first.low in ("how", "what", "which", "who", "why", "when", "where"):
        return True
    if first.low in VERBS and (len(tokens) < 2 or tokens[1].low not in (*BE, "of")):
        return True
    if first.low in AUXILIARIES or first.low in BE:
        return True
    return first.low in ("you", "i", "we", "it", "they", "there", "he", "she", "please")


def _clause(tokens: list[_Token]) -> Pair:
    if not tokens:
        return _NOTHING
    first = tokens[0]
    if first.low in WH:
        return _wh_question(tokens)
    if first.low in BE or (first.low in AUXILIARIES and len(tokens) > 1 and _starts_subject(tokens[1])):
        return _inverted(tokens, 0, None)
    if first.low in ("let", "let's"):
        rest = [token for token in tokens[1:] if token.low not in ("us", "me")]
        return _imperative(rest) if first.low == "let's" and rest and rest[0].low in VERBS else ("let", None)
    if _is_imperative(tokens):
        return _imperative(tokens)
    return _statement(tokens)


def _starts_subject(token: _Token) -> bool:
    return (
        token.low in PRONOUNS
        or token.low in DETERMINERS
        or token.text[:1].isupper()
        or token.low not in VERBS
    )


def _is_imperative(tokens: Sequence[_Token]) -> bool:
    first = tokens[0]
    if first.quoted or first.low in DETERMINERS or first.low in PRONOUNS or first.low in PREPOSITIONS:
        return False
    if first.low.endswith("'s") or not first.text[0].isalpha():
        return False
    known = first.low in VERBS or first.low.startswith("re-")
    if len(tokens) == 1:
        return known
    second = tokens[1]
    if known:
        finite = second.low in BE or second.low in ("has", "can", "will", "does")
        return not finite
    # A verb nobody listed: it is followed as a verb is, and is no form of another one.
    if lemmas.verb(first.low) is not None or first.low in ADJECTIVES:
        return False
    return second.low in ("the", "a", "an", "this", "these", "your", "me", "my")


# --- imperatives


def _imperative(tokens: Sequence[_Token]) -> Pair:
    if not tokens:
        return _NOTHING
    verb, at = _written_verb(tokens)
    if at < len(tokens) and tokens[at].low in TAKES_PARTICLE.get(verb, ()):
        at += 1
    if at + 1 < len(tokens) and tokens[at].low in ("and", "or") and tokens[at + 1].low in VERBS:
        return verb, None  # the object is the last verb's
    return verb, _object(tokens, at)


def _written_verb(tokens: Sequence[_Token]) -> tuple[str, int]:
    """The verb that opens an imperative, and the place behind it."""
    low = tokens[0].low
    if low.startswith("re-") and low[3:] in VERBS:
        return low.replace("re-", "re"), 1
    return lemmas.verb(low) or low, 1


def _object(tokens: Sequence[_Token], at: int) -> str | None:
    """The head of the noun phrase that begins at `at`, if one does."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if token.low in DATIVES and at + 1 < len(tokens):
        after = tokens[at + 1]
        if token.low == "her" and not _bounds(tokens, at + 1, None):
            return _head(tokens, at + 1)
        if _bounds(tokens, at + 1, None) or after.low in WH or after.low in BE or after.low in AUXILIARIES:
            return None
        return _head(tokens, at + 1)
    if token.low in PREPOSITIONS and token.low not in ("about", "over", "like"):
        return _object_after_phrase(tokens, at)
    if token.low in ("about", "over") and at + 1 < len(tokens) and tokens[at + 1].low[:1].isdigit():
        return _head(tokens, at + 1)
    if token.low in WH or token.low in ("to", "that", "not", "about", "over") or token.low in PRONOUNS:
        return None
    if token.text in _BREAK or (token.text == "," or token.low in CONJUNCTIONS):
        return None
    if token.low.endswith("ly") and at + 1 < len(tokens) and token.low not in ADJECTIVES:
        return _object(tokens, at + 1)
    return _head(tokens, at)


def _object_after_phrase(tokens: Sequence[_Token], at: int) -> str | None:
    """The object of `explain in 100 words the concept`: behind one phrase, with an article of its own."""
    for place in range(at + 2, min(at + 6, len(tokens))):
        token = tokens[place]
        if (
            token.text == ","
            or token.text in _BREAK
            or token.low in PREPOSITIONS
            or token.low in CONJUNCTIONS
        ):
            return None
        if token.low in ("the", "a", "an") and tokens[place - 1].low not in DETERMINERS:
            return _head(tokens, place) if tokens[at].low == "in" else None
    return None


# --- noun phrases


def _bounds(tokens: Sequence[_Token], place: int, last: _Token | None) -> bool:
    """Whether a noun phrase ends before `place`."""
    token = tokens[place]
    if token.text in _BREAK or (
        not token.text[0].isalnum() and not token.quoted and token.text[0] not in "$€£#%,"
    ):
        return True
    if token.low == "based":
        return place + 1 < len(tokens) and tokens[place + 1].low == "on"
    if token.low in WH or token.low in ("to", "that", "not") or token.low in PREPOSITIONS:
        return not (token.low == "that" and last is None)
    if token.low in PRONOUNS or token.low in BE or token.low in AUXILIARIES - {"need"}:
        return last is not None
    return False


def _head(tokens: Sequence[_Token], start: int) -> str | None:
    """The lemma of the head of the noun phrase at `start`: its last noun."""
    phrase: list[_Token] = []
    place = start
    while place < len(tokens):
        token = tokens[place]
        if _bounds(tokens, place, phrase[-1] if phrase else None):
            break
        if token.text == "," or token.low in ("and", "or"):
            if not phrase or not _goes_on(tokens, place, phrase[-1]):
                break
        elif (
            (phrase and _is_noun_like(phrase[-1]) and _follows_noun(tokens, place))
            or token.low in CONJUNCTIONS
            or (
                phrase
                and token.low
                in ("a", "an", "the", "my", "your", "his", "their", "our", "its", "this", "these")
            )
        ):
            break
        else:
            phrase.append(token)
        place += 1
    return _named(phrase)


def _named(phrase: Sequence[_Token]) -> str | None:
    """The head among the words of a noun phrase."""
    words = [token for token in phrase if not token.low.endswith(("'s", "s'"))] or list(phrase)
    while len(words) > 1 and (words[-1].quoted or words[-1].text[0].isdigit()):
        words.pop()
    while (
        len(words) > 1
        and _only_adjective(words[-1].low)
        and any(_is_noun_like(token) for token in words[:-1])
    ):
        words.pop()
    if not words:
        return None
    head = words[-1]
    if head.quoted or not head.text[0].isalpha():
        return None
    if head.low in DETERMINERS:
        return head.low if head.low in ("few", "couple", "dozen", "half") else None
    if _is_name(head, phrase):
        return None
    return lemmas.noun(head.low.removesuffix("'s"))


def _is_name(head: _Token, phrase: Sequence[_Token]) -> bool:
    """A capital in the middle of a sentence names something of its own. Short forms with an article do not."""
    if not head.text[0].isupper():
        return False
    return not (head.text.isupper() and phrase and phrase[0].low in ("a", "an"))


def _goes_on(tokens: Sequence[_Token], place: int, last: _Token) -> bool:
    """Whether a phrase goes on behind a comma or an `and`: it joins adjectives, not nouns."""
    if not _only_adjective(last.low) or last.quoted:
        return False
    after = place + 1
    while after < len(tokens) and (tokens[after].low in ("and", "or") or tokens[after].text == ","):
        after += 1
    return after < len(tokens) and not _bounds(tokens, after, last) and tokens[after].low not in DETERMINERS


def _follows_noun(tokens: Sequence[_Token], place: int) -> bool:
    """Whether the word at `place`, behind a noun, says something of it (`words used`, `a text describing it`)
    or does something (`what plants need`), rather than being the phrase's next noun."""
    token = tokens[place]
    low = token.low
    if token.quoted:
        return False
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    ends = after is None or after.text in _BREAK or after.text == ","
    opens = after is not None and (
        after.low in DETERMINERS
        or after.low in PREPOSITIONS
        or after.low in ("to", "how", "that", "what", "not")
        or after.low in PRONOUNS
        or after.text[0].isdigit()
    )
    if low in NOUNS:
        return False
    if low.endswith("ed") or low in PARTICIPLES or low in IRREGULAR_VERBS:
        return ends or opens
    if low.endswith("ing") and len(low) > 4:
        return (opens and after is not None and after.low not in ("of", "for", "in", "on", "to", "with")) or (
            opens and lemmas.verb(low) is not None and after is not None and after.low in DETERMINERS
        )
    return False


def _is_noun_like(token: _Token) -> bool:
    low = token.low
    if low in DETERMINERS or low[:1].isdigit() or low.endswith("'s") or token.quoted:
        return False
    return not _only_adjective(low)


def _only_adjective(low: str) -> bool:
    """A word that is no noun: it can stand before or behind one, and is never the head beside one."""
    if low in NOUNS:
        return False
    if low in ADJECTIVES:
        return True
    return (
        (len(low) > 5 and low.endswith(_ADJECTIVE_ENDINGS))
        or (low.endswith("ed") and lemmas.verb(low) is not None)
        or ("-" in low and low.endswith(("ed", "ing", "based")))
    )


# --- questions


def _wh_question(tokens: list[_Token]) -> Pair:
    first = tokens[0].low
    if first == "if":
        return _NOTHING
    asked: str | None = None
    place = 1
    if first in ("what", "which", "whose", "how"):
        asked, place = _asked(tokens)
    if place >= len(tokens):
        return _NOTHING
    token = tokens[place]
    if token.low in AUXILIARIES or token.low in BE:
        return _inverted(tokens, place, asked)
    if token.low == "to" and place + 1 < len(tokens):
        return _imperative(tokens[place + 1 :]) if tokens[place + 1].low in VERBS else _NOTHING
    verb = lemmas.verb(token.low)
    if verb is not None and (first in ("who", "what", "which") or asked is not None):
        return verb, _object(tokens, place + 1)  # who wrote…, what makes…, which row needs…
    return _NOTHING


def _asked(tokens: Sequence[_Token]) -> tuple[str | None, int]:
    """The noun a question asks for (`what suggestions can you…`) and the place behind it."""
    place = 1
    while place < len(tokens) and not (
        tokens[place].low in AUXILIARIES - {"need"} or tokens[place].low in BE or tokens[place].text in _BREAK
    ):
        if place > 1 and lemmas.verb(tokens[place].low) is not None and tokens[place].low not in NOUNS:
            before = tokens[place - 1].low
            if tokens[place].low not in VERBS or (
                before not in DETERMINERS and before not in PREPOSITIONS and before not in ADJECTIVES
            ):
                break
        place += 1
    noun = _head(tokens, 1) if place > 1 else None
    if tokens[0].low == "how" and place > 1 and tokens[1].low not in ("many", "much"):
        noun = None
    return noun, place


def _inverted(tokens: Sequence[_Token], at: int, asked: str | None) -> Pair:
    """A clause whose auxiliary stands at `at`, before its subject."""
    auxiliary = tokens[at].low
    place = at + 1
    if auxiliary in BE:
        return _after_be(tokens, place, asked)
    # The main verb is the first bare verb behind the subject.
    seen_subject = False
    while place < len(tokens):
        token = tokens[place]
        before = tokens[place - 1].low
        if token.text in _BREAK:
            break
        if (
            token.low in VERBS
            and seen_subject
            and before not in DETERMINERS
            and before not in PREPOSITIONS
            and not before.endswith("'s")
            and before not in ADJECTIVES
        ):
            if (
                token.low in ("have", "be")
                and place + 1 < len(tokens)
                and lemmas.verb(tokens[place + 1].low)
                and tokens[place + 1].low not in VERBS
            ):
                place += 1
                continue
            found = _object(tokens, place + 1)
            return token.low, asked if asked is not None else found
        if token.low == "be":
            return _after_be(tokens, place + 1, asked)
        if token.low in PRONOUNS or (place > at and token.text[0].isalnum() and token.low not in DETERMINERS):
            seen_subject = True
        place += 1
    if auxiliary in ("have", "has", "had"):
        return "have", _object(tokens, at + 2)
    return _NOTHING


def _after_be(tokens: Sequence[_Token], place: int, asked: str | None) -> Pair:
    """A form of `be`: with a participle behind it, that is the verb; else there is none to speak of."""
    if place < len(tokens):
        token = tokens[place]
        verb = lemmas.verb(token.low)
        if (
            verb is not None
            and (token.low.endswith("ed") or token.low in PARTICIPLES)
            and token.low not in NOUNS
        ):
            return verb, None
        if token.low in PRONOUNS or asked is not None or token.low in DETERMINERS:
            for ahead in range(place + 1, min(place + 7, len(tokens))):
                word = tokens[ahead].low
                if tokens[ahead].text in _BREAK or word in PREPOSITIONS or word in WH:
                    break
                verb = lemmas.verb(word)
                if (
                    verb is not None
                    and word.endswith("ing")
                    and word not in NOUNS
                    and (asked is not None or token.low in PRONOUNS)
                ):
                    return verb, _object(tokens, ahead + 1)
                if (
                    verb is not None
                    and token.low in PRONOUNS
                    and (word.endswith("ed") or word in PARTICIPLES)
                ):
                    return verb, _object(tokens, ahead + 1)
    return _NOTHING


# --- statements


def _statement(tokens: list[_Token]) -> Pair:
    """A sentence with its subject first: its finite verb, where one is found."""
    for place, token in enumerate(tokens):
        if token.text == ":" and place + 1 < len(tokens):
            return _clause(_without_opening(tokens[place + 1 :]))
        if place == 0:
            if (
                token.low.endswith("ing")
                and lemmas.verb(token.low)
                and len(tokens) > 1
                and token.low not in NOUNS
            ):
                return lemmas.verb(token.low), _object(tokens, 1)
            continue
        before = tokens[place - 1]
        if token.low in BE:
            return _statement_be(tokens, place)
        if token.low in (
            "can",
            "could",
            "will",
            "would",
            "shall",
            "should",
            "may",
            "might",
            "must",
            "do",
            "does",
            "did",
        ):
            return _verb_behind(tokens, place + 1)
        if token.low in ("have", "has", "had"):
            ahead = place + 1
            if ahead < len(tokens) and (
                tokens[ahead].low.endswith("ed")
                or tokens[ahead].low in PARTICIPLES
                or tokens[ahead].low == "been"
            ):
                return _verb_behind(tokens, ahead)
            return "have", _object(tokens, place + 1)
        if token.low == "to" or token.low in PREPOSITIONS or token.low in DETERMINERS or token.low in WH:
            continue
        verb = lemmas.verb(token.low)
        if (
            verb is None
            or before.low in DETERMINERS
            or before.low in PREPOSITIONS
            or before.low in ADJECTIVES
            or before.low == "to"
            or before.low.endswith("'s")
        ):
            continue
        finite = (
            token.low not in VERBS or before.low in ("i", "you", "we", "they") or before.low.endswith("s")
        )
        if finite and not (token.low.endswith("ing")):
            return verb, _object(tokens, place + 1)
    return _NOTHING


def _statement_be(tokens: Sequence[_Token], place: int) -> Pair:
    if tokens[place - 1].low == "there" and place == 1:
        return "be", None
    ahead = place + 1
    while ahead < len(tokens) and (tokens[ahead].low.endswith("ly") or tokens[ahead].low == "not"):
        ahead += 1
    if ahead < len(tokens):
        low = tokens[ahead].low
        verb = lemmas.verb(low)
        if verb is not None and low not in NOUNS and (low.endswith(("ing", "ed")) or low in PARTICIPLES):
            return verb, _object(tokens, ahead + 1)
    if tokens[0].low.endswith("ing") and tokens[0].low not in NOUNS and lemmas.verb(tokens[0].low):
        return lemmas.verb(tokens[0].low), _object(tokens, 1)
    return _NOTHING


def _verb_behind(tokens: Sequence[_Token], place: int) -> Pair:
    while place < len(tokens) and (
        tokens[place].low.endswith("ly") or tokens[place].low in ("not", "be", "been")
    ):
        if tokens[place].low in ("be", "been"):
            return _statement_be(tokens, place)
        place += 1
    if place < len(tokens):
        verb = lemmas.verb(tokens[place].low)
        if verb is not None:
            return verb, _object(tokens, place + 1)
    return _NOTHING
