"""An example as token ids and labels: the one place where that is decided.

The trainer, the prompt preview, the estimate and the lint rule on length all ask here, so that what is shown
and counted is what is trained on: the Alpaca prompt, the output right after it, the end token; the loss on
output and end token alone. Every row that comes out ends with a trained end token, whatever was cut.
Knows nothing of stores, screens or torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, overload

from alpaca_tui.finetune.halves import Boundary, Halver, Halves, Row, halver
from alpaca_tui.finetune.pieces import Piece, Preview, spans
from alpaca_tui.finetune.tokenizer import Tokenizer, load_tokenizer, tokenizer_key

__all__ = [
    "IGNORED",
    "Boundary",
    "Encoded",
    "Overlong",
    "Piece",
    "Preview",
    "Row",
    "Tokenizer",
    "encode_example",
    "encode_examples",
    "encode_prompt",
    "load_tokenizer",
    "preview",
    "token_lengths",
    "tokenizer_key",
]

Overlong = Literal["cut", "shorten-input", "drop"]

IGNORED = -100  # the label torch's cross-entropy leaves out
_BATCH = 256  # rows a tokenizer call: enough for all cores, little to hold
_WORD = 32  # characters given up at most so that a shortened input ends with a whole word


@dataclass(frozen=True, slots=True)
class Encoded:
    """input_ids and labels: of one length, at most the maximum; labels are IGNORED on the prompt and the ids
    elsewhere. truncated: the row was too long, and was cut or its input shortened."""

    input_ids: list[int]
    labels: list[int]
    truncated: bool

    @property
    def trained(self) -> int:
        """How many tokens count in the loss, the end token among them. 1 in a truncated row: the prompt left
        no room for the response."""
        return len(self.labels) - self.labels.count(IGNORED)


@overload
def encode_example(
    tokenizer: Tokenizer,
    instruction: str,
    input: str,
    output: str,
    max_length: int,
    boundary: Boundary = "consistent",
    overlong: Literal["cut"] = "cut",
) -> Encoded: ...
@overload
def encode_example(
    tokenizer: Tokenizer,
    instruction: str,
    input: str,
    output: str,
    max_length: int,
    boundary: Boundary = "consistent",
    overlong: Overlong = "cut",
) -> Encoded | None: ...
def encode_example(
    tokenizer: Tokenizer,
    instruction: str,
    input: str,
    output: str,
    max_length: int,
    boundary: Boundary = "consistent",
    overlong: Overlong = "cut",
) -> Encoded | None:
    """One example as ids and labels; see `encode_examples`, which is much faster for many."""
    row = (instruction, input, output)
    return next(encode_examples(tokenizer, [row], max_length, boundary, overlong))


def encode_examples(
    tokenizer: Tokenizer,
    rows: Iterable[Row],
    max_length: int,
    boundary: Boundary = "consistent",
    overlong: Overlong = "cut",
) -> Iterator[Encoded | None]:
    """Each (instruction, input, output) as ids and labels, in order; None for a row that was dropped.

    max_length: in tokens, start and end token included; at least 2. boundary: "consistent" encodes the prompt
    as at inference; "published" encodes the whole text at once, as Stanford Alpaca did. overlong, for rows
    beyond max_length: "cut" drops the tail and keeps the end token as the last; "shorten-input" takes
    words off the end of the input until the row fits and drops those where that is not enough; "drop".

    Raises UserError for a tokenizer without an end token; ValueError for a max_length below 2.
    """
    if max_length < 2:
        raise ValueError(f"max_length must be at least 2, not {max_length}")
    split = halver(tokenizer, boundary)
    for batch in _batches(rows):
        for row, halves in zip(batch, split.halves(batch), strict=True):
            if _length(halves) <= max_length:
                yield _labelled(halves, truncated=False)
            elif overlong == "cut":
                yield _labelled(_cut(halves, max_length), truncated=True)
            else:
                shorter = _shortened(split, row, max_length) if overlong == "shorten-input" else None
                yield None if shorter is None else _labelled(shorter, truncated=True)


def encode_prompt(tokenizer: Tokenizer, instruction: str, input: str = "") -> list[int]:
    """The ids a model is given at inference; training masks exactly these."""
    return halver(tokenizer).prompts([(instruction, input)])[0]


def token_lengths(
    tokenizer: Tokenizer, rows: Iterable[Row], boundary: Boundary = "consistent"
) -> Iterator[tuple[int, int]]:
    """(tokens in all, uncut; tokens of the prompt) of each row, start and end token included."""
    split = halver(tokenizer, boundary)
    for batch in _batches(rows):
        for halves in split.halves(batch):
            yield _length(halves), len(halves[0])


def preview(
    tokenizer: Tokenizer,
    instruction: str,
    input: str,
    output: str,
    max_length: int,
    boundary: Boundary = "consistent",
) -> Preview:
    """The example piece by piece, as "cut" would train on it: what is masked, trained and cut off."""
    split = halver(tokenizer, boundary)
    prompt, response = split.halves([(instruction, input, output)])[0]
    ids = prompt + response
    last = len(ids) - 1
    kept = len(ids) if len(ids) <= max_length else max_length - 1
    named = set(tokenizer.all_special_ids)
    special = [i < len(split.lead) or i == last or token in named for i, token in enumerate(ids)]
    pieces: list[Piece] = []
    start = 0
    for end, text in spans(tokenizer, ids, special):
        pieces.append(
            Piece(
                text,
                trained=end > len(prompt),
                special=special[end - 1],
                cut=kept < end <= last,  # the end token stays
                ids=tuple(ids[start:end]),
            )
        )
        start = end
    return Preview(pieces, len(prompt), len(response), max_length)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _length(halves: Halves) -> int:
    return len(halves[0]) + len(halves[1])


def _labelled(halves: Halves, *, truncated: bool) -> Encoded:
    prompt, response = halves
    return Encoded(prompt + response, [IGNORED] * len(prompt) + response, truncated)


def _cut(halves: Halves, max_length: int) -> Halves:
    prompt, response = halves
    prompt = prompt[: max_length - 1]
    return prompt, [*response[:-1][: max_length - 1 - len(prompt)], response[-1]]


def _shortened(split: Halver, row: Row, max_length: int) -> Halves | None:
    """The row with the longest beginning of its input that fits, or None. Something of the input must be
    left: without any, the instruction would ask about nothing."""
    instruction, input, output = row

    def tried(beginning: str) -> Halves | None:
        halves = split.halves([(instruction, beginning, output)])[0]
        return halves if _length(halves) <= max_length else None

    size = _longest(len(input) - 1, max_length, lambda size: tried(input[:size]) is not None)
    kept = input[:size]
    words = kept.rsplit(maxsplit=1)
    if not input[size : size + 1].isspace() and len(words) == 2 and len(words[1]) < _WORD:
        whole_words = tried(words[0])
        if whole_words is not None:
            return whole_words
    return tried(kept) if kept.strip() else None


def _longest(most: int, guess: int, fits: Callable[[int], bool]) -> int:
    """The largest size in 1..most that fits, else 0 (-1..0 where most is); sought from `guess` upwards, so that
    a huge text is not encoded again and again."""
    high = min(most, guess)
    low = 0
    while low < high < most and fits(high):
        low, high = high, min(2 * high, most)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return max(low, 0)
