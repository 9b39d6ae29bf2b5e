"""The chat template makes the very prompt we train on, in text and in ids."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui import template
from alpaca_tui.finetune.encode import encode_prompt
from tests.support import tiny_tokenizers

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXTS, TEXTS)
def test_the_chat_template_is_the_prompt(instruction: str, input: str) -> None:
    if "\n\n### Input:\n" in instruction:
        return
    message = template.chat_message(instruction, input)
    made = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True).from_string(
        template.chat_template(writes_start=False)
    )
    messages = [{"role": "user", "content": message}]
    assert made.render(messages=messages) == template.render(instruction, input)
    answered = [*messages, {"role": "assistant", "content": "Yes."}]
    assert (
        made.render(messages=answered, eos_token="</s>") == template.render(instruction, input) + "Yes.</s>"
    )


@pytest.mark.parametrize("kind", ["unigram", "byte_level"])
def test_a_server_that_formats_gets_the_ids_of_training(kind: str) -> None:
    tokenizer = getattr(tiny_tokenizers, kind)()
    row = ("Sort it.", "3, 1, 2")
    lead = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    tokenizer.chat_template = template.chat_template(writes_start=lead)
    message = {"role": "user", "content": template.chat_message(*row)}
    ids = tokenizer.apply_chat_template([message], tokenize=True, return_dict=False)
    assert list(ids) == encode_prompt(tokenizer, *row)


def test_the_hash_names_the_prompt() -> None:
    assert len(template.prompt_hash()) == 16
