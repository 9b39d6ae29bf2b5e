# pyright: basic
# torch and transformers are typed in parts only.
"""The built-in student: a small LLaMA made from nothing, with a tokenizer trained on the dataset.

So the whole way can be gone with no download and no GPU. It learns its examples by heart and little else. Run by itself
(`FOLDER VOCABULARY`, texts as a JSON list at its input) this module writes the tokenizer alone, for which no torch is
needed. Knows the texts it is given and a folder to write to; no run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alpaca_tui.finetune.student_size import SIZE, config_of

END, START, PAD = "</s>", "<s>", "<pad>"


def make(folder: Path, texts: Iterable[str], size: Mapping[str, int], positions: int, seed: int) -> None:
    """Write a tokenizer trained on `texts` and a model with random weights to `folder`, which exists and is empty.

    size: as SIZE, which stands for what is missing. positions: tokens the model can see. The same arguments give
    the same files.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = train_tokenizer(texts, {**SIZE, **size}["vocabulary"])
    config = LlamaConfig(
        **config_of(size, positions, len(tokenizer)),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """Byte-level BPE (any text can be written in it) that puts `<s>` before a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", pair=f"{START} $A {START} $B", special_tokens=[(START, 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=PAD, add_bos_token=True
    )


if __name__ == "__main__":
    train_tokenizer(json.load(sys.stdin), int(sys.argv[2])).save_pretrained(sys.argv[1])
