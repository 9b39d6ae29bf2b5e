"""Token ids as the exact text each stands for: what the prompt preview paints.

Byte-level and byte-fallback tokenizers give one character several tokens; such tokens make one piece.
The text of a token depends on what stands before it (SentencePiece drops the first space of a text), so it
is read off by decoding it behind the piece before. Knows nothing of prompts and labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alpaca_tui.finetune.halves import decode
from alpaca_tui.finetune.tokenizer import Tokenizer

_BROKEN = "\ufffd"  # how half a character decodes


@dataclass(frozen=True, slots=True)
class Piece:
    """text: exactly what the tokens stand for ("" for a dummy space, `<s>` and the like for special tokens);
    untrusted. trained: it counts in the loss. special: start, end or unknown token. cut: beyond the maximum
    length. ids: one token, or those that form one character together."""

    text: str
    trained: bool
    special: bool
    cut: bool
    ids: tuple[int, ...]

    @property
    def id(self) -> int:
        """The first token's id."""
        return self.ids[0]


@dataclass(frozen=True, slots=True)
class Preview:
    """An example as the model will be trained on it: all its pieces, those that would be cut off too. Counts
    are tokens before cutting: the prompt's with its start token, the response's with its end token."""

    pieces: list[Piece]
    prompt_tokens: int
    response_tokens: int
    max_length: int

    @property
    def total(self) -> int:
        return self.prompt_tokens + self.response_tokens

    @property
    def truncated(self) -> bool:
        return self.total > self.max_length


def spans(tokenizer: Tokenizer, ids: list[int], special: Sequence[bool]) -> list[tuple[int, str]]:
    """Where each piece of `ids` ends, and its text: [(end, text), ...]. special: for every id, whether it
    stands alone. (A real U+FFFD looks like half a character, and makes one piece with what follows.)
    """
    found: list[tuple[int, str]] = []
    before = start = 0  # the piece before, and the piece being put together, begin here
    text_begins = False
    for end in range(1, len(ids) + 1):
        if not text_begins and special[end - 1]:  # the text's first space is not to be seen behind these
            found.append((end, decode(tokenizer, ids[end - 1 : end])))
            before = start = end
            continue
        text_begins = True
        known = decode(tokenizer, ids[before:start])
        text = decode(tokenizer, ids[before:end])[len(known) :]
        if text.endswith(_BROKEN) and end < len(ids) and not special[end]:
            continue
        found.append((end, text))
        before, start = start, end
    return found
