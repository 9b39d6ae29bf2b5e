"""Tokenizers of every kind the encoding must treat alike, trained on the spot in milliseconds.

Unlike real ones they are free to commit, and small enough that most words fall into odd pieces.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from alpaca_tui.template import render

_TEXTS = [
    render("Name three primary colours.", "") + "Red, blue, and yellow.",
    render("Sort these numbers.", "3, 1, 2") + "- 1\n- 2\n- 3",
    render('Say "hello" in French.', "") + '"Bonjour" (or: «salut»)',
    render("Write a function.", "") + "def f(x):\n    return x + 1\n\nprint(f(1))",
    render("Explain water.", "H2O") + "Water is made of hydrogen and oxygen. It boils at 100 degrees.",
] * 4
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


@cache
def unigram(scheme: str = "always") -> Any:
    """SentencePiece's way with a unigram model: `▁` for spaces, one put before a text ("always", or unless it
    has one: "first"), bytes for unknown characters, `<s>` before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
    )
    trained.train_from_iterator(_TEXTS, trainer)
    pieces = [(piece, score) for piece, score in json.loads(trained.to_str())["model"]["vocab"]]
    tokenizer = Tokenizer(models.Unigram([*pieces, *((b, -30.0) for b in _BYTES)], 0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        add_bos_token=True,
    )


@cache
def byte_level(prefix_space: bool = False, writes_both_ends: bool = False) -> Any:
    """GPT-2's way: byte-level BPE, no start token. prefix_space: one is put before a text. writes_both_ends:
    `<|start|>` and `<|endoftext|>` are put around every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|endoftext|>", "<|start|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Fuses the colon with what follows it, as GPT-2's and Llama 3's vocabularies do.
    tokenizer.train_from_iterator([*_TEXTS, *[':- a:"b:(c'] * 50], trainer)
    if not writes_both_ends:
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|start|>",
        eos_token="<|endoftext|>",
        add_bos_token=True,
        add_eos_token=True,
    )


@cache
def llama_like() -> Any:
    """LLaMA's way: BPE over `▁` and bytes with no splitting at all, so that tokens cross every border."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<unk>", "<s>", "</s>", *_BYTES], show_progress=False
    )
    trained.train_from_iterator([line for text in _TEXTS for line in text.split("\n")], trainer)
    model = json.loads(trained.to_str())["model"]
    vocabulary: dict[str, int] = model["vocab"]
    merges = [tuple(merge) for merge in model["merges"]]
    for pair in ((":", "-"), (":", '"')):
        if "".join(pair) not in vocabulary:
            vocabulary["".join(pair)] = len(vocabulary)
            merges.append(pair)
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = trained.normalizer
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
