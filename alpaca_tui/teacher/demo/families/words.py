"""Task families about single words and letters."""

from __future__ import annotations

import random

from alpaca_tui.teacher.demo.grammar import listing
from alpaca_tui.teacher.demo.knowledge import rows
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()


@REGISTER.family("sort-words", frame="plain")
def sort_words(rng: random.Random) -> Slots:
    words = rng.sample(rows("words", "nouns"), rng.randint(4, 6))
    backwards = rng.random() < 0.3
    return {
        "words": listing(words),
        "commas": ", ".join(words),
        "order": "reverse alphabetical order" if backwards else "alphabetical order",
        "sorted": ", ".join(sorted(words, reverse=backwards)),
    }


@REGISTER.family("count-letter", frame="plain")
def count_letter(rng: random.Random) -> Slots:
    word = rng.choice([noun for noun in rows("words", "nouns") if len(noun) > 5])
    letter = rng.choice(sorted(set(word)))
    count = word.count(letter)
    return {
        "word": word,
        "letter": letter,
        "count": count,
        "times": {1: "once", 2: "twice"}.get(count, f"{count} times"),
    }


@REGISTER.family("reverse-word", frame="plain")
def reverse_word(rng: random.Random) -> Slots:
    words = rng.sample(rows("words", "nouns"), 3)
    return {"words": listing(words), "reversed": ", ".join(word[::-1] for word in words)}
