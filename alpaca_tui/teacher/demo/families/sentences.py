"""Task families about English sentences: voice, tense, negation, questions, joining, correcting.

Sentences are built from parts whose forms are known, so every rewriting is right by construction.
"""

from __future__ import annotations

import random
import re

from alpaca_tui.teacher.demo.grammar import article, listing, upper_first
from alpaca_tui.teacher.demo.knowledge import Row, rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


def _forms(rng: random.Random) -> dict[str, str]:
    """One event in many forms, each a whole sentence."""
    action, when = rng.choice(table("actions")), rng.choice(table("times-past"))["when"]
    agent, thing = action["agent"], action["object"]
    agent_many = action["third"] == action["base"] and agent not in ("the company",)
    thing_many = action["number"] == "many"
    was, is_, has = ("were", "are", "have") if thing_many else ("was", "is", "has")
    does = "do" if agent_many else "does"
    active_has = "have" if agent_many else "has"
    active_is = "are" if agent_many else "is"
    sentences = {
        "present": f"{agent} {action['third']} {thing}.",
        "past": f"{agent} {action['past']} {thing}.",
        "past_when": f"{agent} {action['past']} {thing} {when}.",
        "future": f"{agent} will {action['base']} {thing}.",
        "perfect": f"{agent} {active_has} {action['participle']} {thing}.",
        "progressive": f"{agent} {active_is} {action['ing']} {thing}.",
        "passive_past": f"{thing} {was} {action['participle']} by {agent}.",
        "passive_present": f"{thing} {is_} {action['participle']} by {agent}.",
        "passive_perfect": f"{thing} {has} been {action['participle']} by {agent}.",
        "negative_past": f"{agent} did not {action['base']} {thing}.",
        "negative_present": f"{agent} {does} not {action['base']} {thing}.",
        "question_past": f"did {agent} {action['base']} {thing}?",
        "question_present": f"{does} {agent} {action['base']} {thing}?",
        "question_who": f"who {action['past']} {thing}?",
        "question_what": f"what did {agent} {action['base']}?",
        "question_when": f"when did {agent} {action['base']} {thing}?",
    }
    forms = {name: upper_first(sentence) for name, sentence in sentences.items()}
    reported = f"had {action['participle']} {thing}"
    return forms | {
        "agent": agent,
        "verb": action["past"],
        "base": action["base"],
        "object": thing,
        "when": when,
        "reported": reported,
    }


def _simple(name: str, weight: float = 1.0) -> None:
    """A family whose wordings pick the sentence forms they need."""

    @REGISTER.family(name, weight=weight)
    def family(rng: random.Random) -> Slots:
        return dict(_forms(rng))

    assert family


for _name, _weight in (
    ("to-passive", 1.7),
    ("to-active", 1.7),
    ("change-tense", 1.7),
    ("negate", 1.2),
    ("to-question", 1.5),
    ("sentence-parts", 1.5),
    ("name-tense", 1.2),
    ("name-voice", 0.9),
):
    _simple(_name, _weight)


@REGISTER.family("reported-speech", weight=1.2)
def reported_speech(rng: random.Random) -> Slots:
    forms = _forms(rng)
    speaker = rng.choice(rows("common", "names"))
    statement = forms["past"].rstrip(".")
    return {
        "speaker": speaker,
        "statement": f"{statement}.",
        "indirect": f"{speaker} said that {forms['agent']} {forms['reported']}.",
    }


@REGISTER.family("join-because", weight=1.8)
def join_because(rng: random.Random) -> Slots:
    row = rng.choice(table("reasons"))
    effect, cause = row["effect"], row["cause"]
    joined = f"{upper_first(effect)} because {cause}."
    return {
        "effect": f"{upper_first(effect)}.",
        "cause": f"{upper_first(cause)}.",
        "joined": joined,
        "front": f"Because {cause}, {effect}.",
        "so": f"{upper_first(cause)}, so {effect}.",
        "bare_cause": cause,
        "bare_effect": effect,
    }


@REGISTER.family("unscramble-sentence", weight=1.2)
def unscramble_sentence(rng: random.Random) -> Slots:
    sentence = _forms(rng)[rng.choice(("past_when", "future", "perfect", "passive_past"))]
    words = sentence.rstrip(".").split()
    words[0] = words[0].lower() if words[0].lower() in ("the", "a", "an", "two", "our", "her") else words[0]
    mixed = words
    while mixed == words:
        mixed = rng.sample(words, len(words))
    return {"mixed": " / ".join(mixed), "sentence": sentence, "first": upper_first(words[0])}


@REGISTER.family("fix-capitals", weight=1.4)
def fix_capitals(rng: random.Random) -> Slots:
    name, other = rng.sample(rows("common", "names"), 2)
    town, day = rng.choice(rows("common", "towns")), rng.choice(rows("common", "weekdays"))
    month = rng.choice(rows("common", "months"))
    place = rng.choice(table("events"))["place"]
    sentences = (
        f"{name} moved to {town} in {month}.",
        f"On {day}, {name} and {other} meet at {place}.",
        f"Does {name} know that the train to {town} leaves on {day}?",
        f"{name} told {other} about {town} last {month}.",
        f"Every {day} in {month}, {other} visits {place}.",
    )
    sentence = rng.choice(sentences)
    count = sum(word[0].isupper() for word in sentence.split())
    return {
        "sentence": sentence,
        "lower": sentence.lower(),
        "bare": sentence.lower().rstrip(".?").replace(",", ""),
        "count": count,
        "name": name,
        "town": town,
        "day": day,
        "names": listing(
            sorted(
                {word for word in (name, other, town, day, month) if word in sentence},
                key=sentence.index,
            )
        ),
    }


@REGISTER.family("typo-word", weight=1.4)
def typo_word(rng: random.Random) -> Slots:
    chosen: list[Row] = rng.sample(table("typos"), 3)
    row = chosen[0]
    pair = rng.sample([row["wrong"], row["right"]], 2)
    good = [other["right"] for other in chosen[1:]]
    mixed = rng.sample([row["wrong"], *good], 3)
    return {
        "wrong": row["wrong"],
        "right": row["right"],
        "pair": f"{pair[0]} or {pair[1]}",
        "wrongs": ", ".join(other["wrong"] for other in chosen),
        "rights": ", ".join(other["right"] for other in chosen),
        "mixed": listing(mixed),
    }


@REGISTER.family("count-words")
def count_words(rng: random.Random) -> Slots:
    sentence = _forms(rng)[rng.choice(("past_when", "passive_past", "perfect", "future"))]
    words = sentence.rstrip(".").split()
    longest = max(words, key=len)
    return {
        "sentence": sentence,
        "count": len(words),
        "the": sum(word.lower() == "the" for word in words),
        "longest": longest,
        "length": len(longest),
        "last": words[-1],
        "first": words[0],
        "initials": "".join(word[0].upper() for word in words),
    }


@REGISTER.family("articles", weight=1.2)
def articles(rng: random.Random) -> Slots:
    chosen = [row["word"] for row in rng.sample(table("plain-nouns"), 4)]
    return {
        "words": listing(chosen),
        "with": ", ".join(article(word) for word in chosen),
        "one": chosen[0],
        "answer": article(chosen[0]),
        "list": chosen,
    }


@REGISTER.family("replace-word", weight=1.8)
def replace_word(rng: random.Random) -> Slots:
    row = rng.choice(table("synonyms"))
    synonym = rng.choice((row["synonym"], row["second"]))
    slots = {
        "word": row["word"],
        "synonym": synonym,
        "sentence": _with_word(row["sentence"], row["word"]),
        "same": _with_word(row["sentence"], synonym),
    }
    if "opposite" in row:
        slots |= {"opposite": row["opposite"], "contrary": _with_word(row["sentence"], row["opposite"])}
    return slots


def _with_word(sentence: str, word: str) -> str:
    """`sentence` with `word` at its gap `{w}`, and the article before it made to fit."""
    text = re.sub(r"\b[Aa]n? \{w\}", lambda match: match.group()[0] + article(word)[1:], sentence)
    return upper_first(text.replace("{w}", word))
