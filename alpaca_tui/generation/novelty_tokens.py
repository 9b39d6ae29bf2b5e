"""The words ROUGE-L compares: those of `rouge-score` where it can read a text, Unicode words where it cannot.

`rouge-score` keeps only a-z and 0-9. On Chinese or Russian text nothing is left, every score is 0 and
deduplication is silently off; so a text that would lose more than half of its letters is cut into Unicode
words instead. The choice looks at one text alone, therefore a score never depends on which of two texts came
first: when a text of each kind meet, they share exactly the words written in plain Latin letters and digits.

Knows nothing of scores, indexes or any other room.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right

# One byte in, one byte out: lower-case letters and digits stay, upper case is lowered, all else is a space.
_ROUGE = (
    bytes(
        code if chr(code).isdigit() or chr(code).islower() else code + 32 if chr(code).isupper() else 32
        for code in range(128)
    )
    + b" " * 128
)
_NOT_A_LETTER = bytes(code for code in range(256) if not ord("a") <= code <= ord("z"))

# Scripts written without spaces between words, and Hangul, whose spaces separate phrases with their particles
# glued on: there each character, with the marks on it, is a word of its own. First and last code point.
_SOLO_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters left uncomposed
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # ideographic iteration mark, zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3100, 0x31BF),  # Bopomofo, Hangul compatibility letters
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xA960, 0xA97F),  # Hangul letters, extended
    (0xA9E0, 0xA9FF),  # Myanmar extended
    (0xAA60, 0xAA7F),  # Myanmar extended
    (0xAA80, 0xAADF),  # Tai Viet
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x1AFF0, 0x1B16F),  # Kana supplements
    (0x20000, 0x3FFFF),  # Han, the supplementary planes
)
_SOLO_STARTS = [first for first, _ in _SOLO_BLOCKS]

_SPACE, _WORD, _SOLO, _MARK, _IGNORED = range(5)


def _kind(char: str) -> int:
    code = ord(char)
    category = unicodedata.category(char)
    if category[0] == "M":
        return _MARK
    if category[0] in "LN":
        block = bisect_right(_SOLO_STARTS, code) - 1
        # Digits of those scripts are numbers like any others: 2024 is one word in every language.
        solo = block >= 0 and code <= _SOLO_BLOCKS[block][1] and category != "Nd"
        return _SOLO if solo else _WORD
    # Joiners and the soft hyphen stand inside words; the zero-width space stands between them.
    return _IGNORED if category == "Cf" and code != 0x200B else _SPACE


class _Kinds(dict[str, int]):
    """What each character met so far is to a word; looked up once per distinct character."""

    def __missing__(self, char: str) -> int:
        kind = self[char] = _kind(char)
        return kind


_KINDS = _Kinds()


def unicode_words(text: str) -> list[str]:
    """The words of `text` in any script: runs of letters, digits and their marks, case and compatibility
    forms folded; each character of a script without word spaces (Han, kana, Hangul, Thai ...) a word."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words: list[str] = []
    current = ""
    current_is_solo = False
    for char in folded:
        kind = _KINDS[char]
        if kind == _WORD and not current_is_solo:
            current += char
        elif kind == _MARK:
            if current:
                current += char
        elif kind != _IGNORED:
            if current:
                words.append(current)
            current = "" if kind == _SPACE else char
            current_is_solo = kind == _SOLO
    if current:
        words.append(current)
    return words


def words(text: str) -> list[str]:
    """The words of `text` that ROUGE-L compares.

    Exactly `rouge_score.tokenize.tokenize(text, None)` unless that would drop more than half of the letters
    of the lower-cased text; then `unicode_words(text)`. A text without letters or digits has no words.
    """
    if text.isascii():
        return text.encode().translate(_ROUGE).decode().split()
    lowered = text.lower()
    plain = lowered.encode("ascii", "replace")
    kept = len(plain.translate(None, _NOT_A_LETTER))
    dropped = sum(char > "\x7f" and char.isalpha() for char in lowered)
    if dropped > kept:
        return unicode_words(text)
    return plain.translate(_ROUGE).decode().split()
