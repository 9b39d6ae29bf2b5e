"""Task families about letters and words as strings: spelling, sorting, counting, codes and numerals."""

from __future__ import annotations

import random
import string
from typing import TypeVar

from alpaca_tui.teacher.demo.families.money import person
from alpaca_tui.teacher.demo.grammar import article, listing, spelled
from alpaca_tui.teacher.demo.knowledge import rows, table
from alpaca_tui.teacher.demo.task import Register, Slots

REGISTER = Register()
Item = TypeVar("Item")
_ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC")),
    *((50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"


# Categories whose members people would also count among each other (a cherry is a tree, too).
_CLASHES = ({"fruits", "trees"}, {"tools", "kitchen utensils"}, {"fruits", "vegetables"})


def nouns(rng: random.Random, count: int) -> list[str]:
    return [row["word"] for row in rng.sample(table("plain-nouns"), count)]


def category_members(rng: random.Random) -> tuple[str, str, list[str]]:
    """A category: its name, the word for one member, and all its members in random order."""
    row = rng.choice(table("categories"))
    return row["category"], row["one"], rng.sample(row["members"], len(row["members"]))


def shuffled_apart(rng: random.Random, items: list[Item], order: list[Item]) -> list[Item]:
    """`items` in random order, but not in `order`: what is to be sorted must not be sorted already."""
    while items == order:
        items = rng.sample(items, len(items))
    return items


def _clash(first: str, second: str) -> bool:
    return first == second or {first, second} in _CLASHES


@REGISTER.family("sort-words", weight=1.6)
def sort_words(rng: random.Random) -> Slots:
    if rng.random() < 0.5:
        kind, _, members = category_members(rng)
        words = members[: rng.randint(4, 6)]
    else:
        kind, words = "words", nouns(rng, rng.randint(4, 6))
    backwards = rng.random() < 0.3
    words = shuffled_apart(rng, words, sorted(words, reverse=backwards))
    return {
        "list": words,
        "kind": kind,
        "words": listing(words),
        "commas": ", ".join(words),
        "name": person(rng),
        "order": "reverse alphabetical order" if backwards else "alphabetical order",
        "sorted": ", ".join(sorted(words, reverse=backwards)),
    }


@REGISTER.family("sort-by-length")
def sort_by_length(rng: random.Random) -> Slots:
    words: list[str] = []
    for word in nouns(rng, 30):
        if len(word) not in {len(other) for other in words}:
            words.append(word)
    words = words[: rng.randint(4, 5)]
    order = sorted(words, key=len)
    words = shuffled_apart(rng, words, order)
    return {
        "words": listing(words),
        "commas": ", ".join(words),
        "list": words,
        "sorted": ", ".join(order),
        "longest": order[-1],
        "length": spelled(len(order[-1])),
        "shortest": order[0],
    }


@REGISTER.family("count-letter", weight=0.7)
def count_letter(rng: random.Random) -> Slots:
    word = rng.choice([row["word"] for row in table("plain-nouns") if len(row["word"]) > 6])
    letter = rng.choice(sorted(set(word)))
    count = word.count(letter)
    return {
        "word": word,
        "letter": letter,
        "count": count,
        "length": len(word),
        "vowels": sum(char in "aeiou" for char in word),
        "times": {1: "once", 2: "twice"}.get(count, f"{count} times"),
    }


@REGISTER.family("reverse-word", weight=1.2)
def reverse_word(rng: random.Random) -> Slots:
    words = nouns(rng, rng.randint(2, 4))
    back = [word[::-1] for word in words]
    return {
        "words": listing(words),
        "list": words,
        "reversed": ", ".join(back),
        "mirror": ", ".join(back),
        "plain": ", ".join(words),
    }


@REGISTER.family("palindrome")
def palindrome(rng: random.Random) -> Slots:
    good = rng.choice(table("palindromes"))["word"]
    bad = nouns(rng, 3)
    mixed = rng.sample([good, *bad], 4)
    yes = rng.random() < 0.5
    word = good if yes else bad[0]
    reading = f'"{word}" reads {word[::-1]} backwards'
    verdict = f"Yes, {reading}, which is the same" if yes else f"No, {reading}, which is different"
    return {"word": word, "verdict": verdict, "mixed": listing(mixed), "good": good}


@REGISTER.family("anagram")
def anagram(rng: random.Random) -> Slots:
    pair = rng.choice(table("anagrams"))
    first, second = pair["first"], pair["second"]
    if rng.random() < 0.5:
        first, second = second, first
    yes = rng.random() < 0.6
    letters = " ".join(sorted(first))
    other = second if yes else rng.choice([noun for noun in nouns(rng, 12) if sorted(noun) != sorted(first)])
    sorted_other = " ".join(sorted(other))
    verdict = (
        f"Yes, both consist of the letters {letters}"
        if yes
        else f"No, {first} has the letters {letters} but {other} has {sorted_other}"
    )
    return {
        "first": first,
        "second": second,
        "other": other,
        "verdict": verdict,
        "decoys": listing(rng.sample([second, *nouns(rng, 2)], 3)),
    }


@REGISTER.family("scrambled", weight=0.9)
def scrambled(rng: random.Random) -> Slots:
    category, one, members = category_members(rng)
    word = next(member for member in members if member.isalpha() and len(member) > 3)
    shuffled = word
    while shuffled == word:
        shuffled = "".join(rng.sample(word, len(word)))
    return {"category": category, "one": one, "word": word, "shuffled": shuffled.upper(), "first": word[0]}


@REGISTER.family("caesar", weight=0.8)
def caesar(rng: random.Random) -> Slots:
    word, shift = nouns(rng, 1)[0], rng.randint(1, 6)
    letters = string.ascii_lowercase
    coded = word.translate(str.maketrans(letters, letters[shift:] + letters[:shift]))
    return {
        "word": word,
        "shift": shift,
        "places": f"{spelled(shift)} place{'s' * (shift > 1)}",
        "coded": coded,
        "name": person(rng),
        "a": letters[shift],
    }


@REGISTER.family("case-style", weight=1.2)
def case_style(rng: random.Random) -> Slots:
    words = nouns(rng, rng.randint(3, 4))
    title = " ".join(word.capitalize() for word in words)
    styles = {
        "snake_case": "_".join(words),
        "camelCase": words[0] + "".join(word.capitalize() for word in words[1:]),
        "kebab-case": "-".join(words),
        "Title Case": title,
        "upper case": " ".join(words).upper(),
    }
    style = rng.choice(sorted(styles))
    return {"phrase": " ".join(words), "style": style, "result": styles[style]}


@REGISTER.family("acronym", weight=1.4)
def acronym(rng: random.Random) -> Slots:
    words = [word.capitalize() for word in nouns(rng, 4)]
    initials = "".join(word[0] for word in words)
    return {
        "phrase": " ".join(words),
        "initials": initials,
        "dotted": ".".join(initials) + ".",
        "name": person(rng),
    }


@REGISTER.family("roman", weight=1.4)
def roman(rng: random.Random) -> Slots:
    number = rng.choice((rng.randint(4, 99), rng.randint(100, 999), rng.randint(1000, 2100)))
    return {
        "number": number,
        "roman": to_roman(number),
        "subject": rng.choice(rows("common", "inscriptions")),
    }


def to_roman(number: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        text += sign * (number // value)
        number %= value
    return text


@REGISTER.family("number-words", weight=1.3)
def number_words(rng: random.Random) -> Slots:
    number = rng.choice((rng.randint(21, 99), rng.randint(101, 999), rng.randint(1001, 9999)))
    return {
        "number": number,
        "words": in_words(number),
        "digits": sum(map(int, str(number))),
        "name": person(rng),
    }


def in_words(number: int) -> str:
    if number >= 1000:
        rest = number % 1000
        return f"{in_words(number // 1000)} thousand" + (
            "" if not rest else f" {'and ' if rest < 100 else ''}{in_words(rest)}"
        )
    if number >= 100:
        rest = number % 100
        return f"{spelled(number // 100)} hundred" + (f" and {in_words(rest)}" if rest else "")
    if number <= 12:
        return spelled(number)
    if number < 20:
        return _TEENS.split()[number - 13]
    tens = _TENS.split()[number // 10 - 2]
    return tens + (f"-{spelled(number % 10)}" if number % 10 else "")


@REGISTER.family("binary", weight=1.2)
def binary(rng: random.Random) -> Slots:
    number = rng.randint(5, 255)
    places = [1 << bit for bit in reversed(range(8)) if number & (1 << bit)]
    return {
        "number": number,
        "binary": f"{number:b}",
        "hex": f"{number:X}",
        "sum": " + ".join(map(str, places)),
        "octal": f"{number:o}",
    }


@REGISTER.family("odd-one-out", weight=1.4)
def odd_one_out(rng: random.Random) -> Slots:
    (category, one, members), other = category_members(rng), category_members(rng)
    while _clash(category, other[0]):
        other = category_members(rng)
    count = rng.randint(3, 5)
    odd = other[2][0]
    words = rng.sample([*members[:count], odd], count + 1)
    return {
        "words": listing(words),
        "commas": ", ".join(words),
        "list": words,
        "odd": odd,
        "category": category,
        "other": article(other[1]),
        "one": one,
    }


@REGISTER.family("categorise", weight=1.8)
def categorise(rng: random.Random) -> Slots:
    first, second = rng.sample(table("categories"), 2)
    while _clash(first["category"], second["category"]):
        first, second = rng.sample(table("categories"), 2)
    left, right = (rng.sample(row["members"], rng.randint(2, 3)) for row in (first, second))
    mixed = rng.sample([*left, *right], len(left) + len(right))
    kept1 = [word for word in mixed if word in left]
    kept2 = [word for word in mixed if word in right]
    return {
        "first": first["category"],
        "second": second["category"],
        "list": mixed,
        "mixed": ", ".join(mixed),
        "words": listing(mixed),
        "lines": f"{first['category'].capitalize()}: {', '.join(kept1)}\n"
        f"{second['category'].capitalize()}: {', '.join(kept2)}",
        "one": mixed[0],
        "answer_one": first["category"] if mixed[0] in left else second["category"],
        "only": ", ".join(kept1),
        "count": len(kept1),
    }


@REGISTER.family("name-members", weight=1.2)
def name_members(rng: random.Random) -> Slots:
    category, one, members = category_members(rng)
    count = rng.randint(3, 6)
    given = members[count : count + 2]
    return {
        "category": category,
        "one": one,
        "count": spelled(count),
        "members": ", ".join(members[:count]),
        "given": listing(given),
        "lines": "\n".join(f"- {member}" for member in members[:count]),
    }


@REGISTER.family("analogy", weight=0.9)
def analogy(rng: random.Random) -> Slots:
    relations = rows("common", "relations")
    relation = rng.choice(relations)
    (a, b), (c, d) = rng.sample(relation["pairs"], 2)
    return {"a": a, "b": b, "c": c, "d": d, "why": relation["why"]}


@REGISTER.family("duplicates-in-list", weight=1.2)
def duplicates_in_list(rng: random.Random) -> Slots:
    category, one, members = category_members(rng)
    unique = members[: rng.randint(4, 5)]
    double = rng.sample(unique, 2)
    mixed = rng.sample([*unique, *double], len(unique) + 2)
    order = list(dict.fromkeys(mixed))
    return {
        "category": category,
        "one": one,
        "list": mixed,
        "mixed": ", ".join(mixed),
        "unique": ", ".join(order),
        "double": listing(sorted(double, key=mixed.index)),
        "count": len(order),
    }


@REGISTER.family("missing-vowels")
def missing_vowels(rng: random.Random) -> Slots:
    category, one, members = category_members(rng)
    words = [word for word in members if word.isalpha() and len(word) > 4][:2]
    gaps = ["".join("_" if char in "aeiou" else char for char in word) for word in words]
    return {"one": one, "category": category, "gaps": listing(gaps), "words": listing(words), "list": words}
