"""A prompt and its response as token ids: the two halves of an example, whatever the kind of tokenizer.

The prompt is always encoded alone, so that training and inference agree on every one of its ids. The response
is what follows them in the ids of the whole text, where they begin it; else a token stands across the border
(`:` fused with a leading quote, dash or bracket), and the response is encoded by itself, without the space
that SentencePiece tokenizers put before a text. Because such tokenizers hide that space, it is found by
what they do, not by their settings: slow and fast, `legacy` or not, `add_prefix_space` or not.

Text is text: `<s>` or `</s>` inside a row (HTML has both) is spelled out and never becomes the control
token. Knows nothing of labels, lengths or files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, get_args

from alpaca_tui import template
from alpaca_tui.finetune.tokenizer import Tokenizer, end_of, token_ids

Boundary = Literal["consistent", "published"]
Row = tuple[str, str, str]  # instruction, input, output
Halves = tuple[list[int], list[int]]  # the prompt with its start token, the response with its end token

# Texts behind which a response has no dummy space. First the end of every prompt, which decides whether a token
# stands across the border; then others, for a tokenizer may fuse one of them with the response as well.
_BORDER = template.WITHOUT_INPUT.rpartition("\n")[2]
_ANCHORS = (_BORDER, "\n", "#", "a", "1", "“", "ж", "東")
_SETTINGS = ("add_bos_token", "add_eos_token", "add_prefix_space", "split_special_tokens")
_SURROGATE = re.compile("[\ud800-\udfff]")


def halver(tokenizer: Tokenizer, boundary: Boundary = "consistent") -> Halver:
    """The Halver of a tokenizer as it is now; the last ones are kept.

    Raises UserError for a tokenizer without an end token, ValueError for an unknown boundary.
    """
    if boundary not in get_args(Boundary):
        raise ValueError(f"boundary is one of {get_args(Boundary)}, not {boundary!r}")
    end_of(tokenizer)
    settings = tuple(getattr(tokenizer, name, None) for name in _SETTINGS)
    return _made(tokenizer, boundary, tokenizer.bos_token_id, tuple(tokenizer.all_special_ids), settings)


@lru_cache(maxsize=2)
def _made(tokenizer: Tokenizer, boundary: Boundary, *_now: object) -> Halver:
    return Halver(tokenizer, boundary)


class Halver:
    """Splits examples into the ids of prompt and response. What is peculiar to the tokenizer is found once.
    Not for several threads at once: fast tokenizers change state while they work.
    """

    def __init__(self, tokenizer: Tokenizer, boundary: Boundary) -> None:
        self.boundary: Boundary = boundary
        self.eos = end_of(tokenizer)
        self._tokenizer = tokenizer
        self._control = {
            special
            for special in tokenizer.all_special_ids
            if special != tokenizer.unk_token_id or special in (tokenizer.bos_token_id, self.eos)
        }
        self._spelled: dict[int, list[int]] = {}
        plain = self._ids(["a"])[0]
        anchors = [*filter(self._holds, zip(_ANCHORS, self._ids(list(_ANCHORS)), strict=True))]
        if self._decode(plain + plain) == self._decode(plain) + "a":  # nothing is put before a text
            anchors = [*(anchor for anchor in anchors if anchor[0] == _BORDER), ("", [])]
        self._anchors: list[tuple[str, list[int]]] = anchors or [("", [])]
        self.lead = _lead(token_ids(tokenizer, ["a"])[0], plain)

    def prompts(self, rows: Sequence[tuple[str, str]]) -> list[list[int]]:
        """The ids of each (instruction, input)'s prompt, as a model is given them at inference."""
        texts = [clean(template.render(instruction, input)) for instruction, input in rows]
        return [self.lead + ids for ids in self._ids(texts)]

    def halves(self, rows: Sequence[Row]) -> list[Halves]:
        """The ids of each row's prompt and response, uncut. The response ends with the end token.

        The whole text need not be encoded: where the ids of an anchor begin the ids of anchor + response, no
        token crosses from one to the other, and what follows is what follows any other text that way. (A
        sequence of BPE tokens is the encoding of its text if every two neighbours are; of a unigram model's
        best path, both parts are best. The tests compare with the whole text.)
        """
        prompts = [clean(template.render(instruction, input)) for instruction, input, _ in rows]
        outputs = [clean(output) for _, _, output in rows]
        if self.boundary == "published":
            return self._published(prompts, outputs)
        anchor, before = self._anchors[0]
        ids = self._ids(prompts + [anchor + output for output in outputs])
        return [
            (
                self.lead + prompt,
                [*(both[len(before) :] if both[: len(before)] == before else self.bare(output)), self.eos],
            )
            for prompt, both, output in zip(ids[: len(rows)], ids[len(rows) :], outputs, strict=True)
        ]

    def _published(self, prompts: list[str], outputs: list[str]) -> list[Halves]:
        """As `preprocess` of Stanford Alpaca's train.py: prompt, output and end token encoded as one text,
        control tokens in it heeded, and as many ids taken for the prompt as it has when encoded alone."""
        end = self._tokenizer.eos_token or ""
        alone = token_ids(self._tokenizer, prompts)
        whole = token_ids(self._tokenizer, [p + o + end for p, o in zip(prompts, outputs, strict=True)])
        halves: list[Halves] = []
        for prompt, both in zip(alone, whole, strict=True):
            if both[-1:] != [self.eos]:
                both = [*both, self.eos]
            border = min(len(prompt), len(both) - 1)  # the end token is trained, whatever was fused
            halves.append((both[:border], both[border:]))
        return halves

    def bare(self, text: str) -> list[int]:
        """The ids of `text` by itself: no dummy space, no control tokens."""
        for anchor, before in self._anchors:
            ids = self._ids([anchor + text])[0]
            if ids[: len(before)] == before:
                return ids[len(before) :]
        return self._ids([text])[0]

    def _holds(self, anchor: tuple[str, list[int]]) -> bool:
        """Whether the tokenizer keeps the anchor as it is and puts no space after it."""
        text, before = anchor
        ids = self._ids([text + "a"])[0]
        return (
            ids[: len(before)] == before
            and text in self._decode(before)
            and self._decode(ids) == self._decode(before) + "a"
        )

    def _ids(self, texts: list[str]) -> list[list[int]]:
        """The ids of each text as plain text; no start or end token."""
        if not texts:
            return []
        encoded = token_ids(self._tokenizer, texts, add_special_tokens=False, split_special_tokens=True)
        return [ids if self._control.isdisjoint(ids) else self._spell(ids) for ids in encoded]

    def _spell(self, ids: list[int]) -> list[int]:
        """Unigram models find a control token's piece in plain text too: write it by its characters."""
        spelled: list[int] = []
        for token in ids:
            if token in self._control and token not in self._spelled:
                self._spelled[token] = [token]  # of a single character: nothing to spell it by
                characters = self._decode([token])
                if len(characters) > 1:
                    self._spelled[token] = [i for character in characters for i in self.bare(character)]
            spelled += self._spelled.get(token, [token])
        return spelled

    def _decode(self, ids: list[int]) -> str:
        return decode(self._tokenizer, ids)


def decode(tokenizer: Tokenizer, ids: list[int]) -> str:
    """The exact text of `ids`, control tokens included, nothing tidied up."""
    text: Any = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


def clean(text: str) -> str:
    """`text` with lone surrogates, which no tokenizer takes, as U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def _lead(written: list[int], plain: list[int]) -> list[int]:
    """What the tokenizer writes before a text (the start token; nothing for GPT-2). What some are set to write
    after it, the end token, is left out: a prompt goes on."""
    for start in range(len(written) - len(plain) + 1):
        if written[start : start + len(plain)] == plain:
            return written[:start]
    return []
