"""Examples as ids and labels: what is masked, what is trained, on tokenizers of every kind."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.encode import (
    IGNORED,
    Encoded,
    Row,
    encode_example,
    encode_examples,
    encode_prompt,
    load_tokenizer,
    token_lengths,
)
from alpaca_tui.template import render

pytest.importorskip("transformers")
from tests.support.tiny_tokenizers import byte_level, llama_like, unigram

KINDS = {
    "unigram": unigram,
    "unigram, a space put first unless there is one": lambda: unigram("first"),
    "llama": llama_like,
    "byte-level": byte_level,
    "byte-level with a space put first": lambda: byte_level(prefix_space=True),
    "byte-level that writes both ends": lambda: byte_level(writes_both_ends=True),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)

# Whatever fuses with a colon, starts with a space, is split into bytes, or looks like a control token.
odd = st.sampled_from(
    [
        "-", '"', "(", ":", "\n", " ", "  ", "\t", "a", "é", "🦙", "東京", "\ufffd", "<s>", "</s>", "<|endoftext|>",
        "<|start|>", "<unk>", "### Response:", "Red, blue", "def f(x):\n    return",
    ]
)  # fmt: skip
# `▁` is how SentencePiece writes a space: it comes back as one, whoever encodes it. (And `<0x41>` in a text
# comes back as `A` from a unigram model of tokenizers.)
texts = st.lists(odd | st.text(max_size=6), max_size=8).map("".join).filter(lambda text: "▁" not in text)
LONG = 10**6


def plain(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def decoded(tokenizer: Any, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def parts(encoded: Encoded) -> tuple[list[int], list[int]]:
    """The masked ids and the trained ids."""
    masked = [
        token for token, label in zip(encoded.input_ids, encoded.labels, strict=True) if label == IGNORED
    ]
    trained = [label for label in encoded.labels if label != IGNORED]
    assert encoded.input_ids == masked + trained
    return masked, trained


@each_kind
@given(instruction=texts, input=texts, output=texts)
@example("Sort.", "", "- 1\n- 2")
@example("Say it.", "x", '"Bonjour"')
@example("Begin.", "", "")
@example("Begin.", "", " two  spaces")
@example("Strike <s>this</s>.", "", "<s>so</s>")
def test_masked_ids_are_those_of_inference_and_trained_ids_are_the_output(
    make: Any, instruction: str, input: str, output: str
) -> None:
    tokenizer = make()
    encoded = encode_example(tokenizer, instruction, input, output, LONG)
    masked, trained = parts(encoded)

    lead = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    prompt = plain(tokenizer, render(instruction, input))
    if set(tokenizer.all_special_ids).isdisjoint(prompt):  # unigram models find `<s>` in text
        assert masked == lead + prompt
    assert masked == encode_prompt(tokenizer, instruction, input)
    assert trained[-1] == encoded.labels[-1] == tokenizer.eos_token_id
    assert decoded(tokenizer, masked + trained[:-1]) == decoded(tokenizer, masked) + output
    assert encoded.input_ids.count(tokenizer.eos_token_id) == 1
    assert not lead or encoded.input_ids.count(lead[0]) == 1
    assert not encoded.truncated
    assert encoded.trained == len(trained)


@each_kind
@given(instruction=texts, input=texts, output=texts)
def test_where_the_prompt_begins_the_whole_text_the_rest_is_the_response(
    make: Any, instruction: str, input: str, output: str
) -> None:
    tokenizer = make()
    prompt = plain(tokenizer, render(instruction, input))
    whole = plain(tokenizer, render(instruction, input) + output)
    control = set(tokenizer.all_special_ids)
    if whole[: len(prompt)] == prompt and control.isdisjoint(whole):
        _, trained = parts(encode_example(tokenizer, instruction, input, output, LONG))
        assert trained[:-1] == whole[len(prompt) :]


@each_kind
def test_a_response_by_itself_gets_no_dummy_space(make: Any) -> None:
    tokenizer = make()
    for output in ("- one", '"one"', "one", " one", "\n- one", "\n\none"):
        masked, trained = parts(encode_example(tokenizer, "Count.", "", output, LONG))
        assert decoded(tokenizer, masked + trained[:-1]).endswith("### Response:" + output)


@each_kind
@given(instruction=texts, input=texts, output=texts, max_length=st.integers(2, 150))
def test_a_cut_row_keeps_its_end(
    make: Any, instruction: str, input: str, output: str, max_length: int
) -> None:
    tokenizer = make()
    whole = encode_example(tokenizer, instruction, input, output, LONG)
    encoded = encode_example(tokenizer, instruction, input, output, max_length)

    assert encoded.truncated == (len(whole.input_ids) > max_length)
    assert len(encoded.input_ids) == len(encoded.labels) == min(max_length, len(whole.input_ids))
    assert encoded.input_ids[-1] == encoded.labels[-1] == tokenizer.eos_token_id
    assert encoded.input_ids[:-1] == whole.input_ids[: len(encoded.input_ids) - 1]
    assert encoded.labels[:-1] == whole.labels[: len(encoded.labels) - 1]


@each_kind
def test_overlong_rows_are_cut_shortened_or_dropped(make: Any) -> None:
    tokenizer = make()
    rows: list[Row] = [
        ("Sort.", "3, 1, 2", "1, 2, 3"),
        ("Sum up.", "Water is made of hydrogen and oxygen. " * 40, "Water."),
        ("Explain.", "", "It boils. " * 200),
        ("Explain water. " * 100, "H2O", "Water."),
    ]
    limit = 200
    cut = list(encode_examples(tokenizer, rows, limit, overlong="cut"))
    assert [row is not None and row.truncated for row in cut] == [False, True, True, True]
    assert all(row is not None and len(row.input_ids) <= limit and row.trained for row in cut)

    dropped = list(encode_examples(tokenizer, rows, limit, overlong="drop"))
    assert dropped == [cut[0], None, None, None]

    shortened = list(encode_examples(tokenizer, rows, limit, overlong="shorten-input"))
    assert [row is None for row in shortened] == [False, False, True, True]
    assert shortened[0] == cut[0]
    row = shortened[1]
    assert row is not None
    assert row.truncated
    assert len(row.input_ids) <= limit
    masked, trained = parts(row)
    assert decoded(tokenizer, masked + trained[:-1]).endswith("### Response:Water.")  # the answer is whole
    text = decoded(tokenizer, masked)
    kept = text.split("### Input:\n")[1].split("\n\n### Response:")[0]
    assert rows[1][1].startswith(kept)
    assert rows[1][1][len(kept)] == " "  # a whole word
    words = len(kept.split())
    longer = " ".join(rows[1][1].split()[: words + 1])
    assert encode_example(tokenizer, rows[1][0], longer, "Water.", limit, overlong="drop") is None


@each_kind
@given(
    input=texts.filter(lambda text: len(text) > 1), output=texts.map(lambda text: text[:20]), room=st.integers(-5, 40)
)  # fmt: skip
def test_a_shortened_row_fits_and_keeps_its_output(make: Any, input: str, output: str, room: int) -> None:
    tokenizer = make()
    ((least, _),) = token_lengths(tokenizer, [("Sum up.", input[:1], output)])
    limit = max(2, least + room)
    encoded = encode_example(tokenizer, "Sum up.", input, output, limit, overlong="shorten-input")
    if encoded is None:
        return
    assert len(encoded.input_ids) <= limit
    masked, trained = parts(encoded)
    assert decoded(tokenizer, masked + trained[:-1]) == decoded(tokenizer, masked) + output
    kept = decoded(tokenizer, masked).removesuffix("\n\n### Response:").partition("### Input:\n")[2]
    assert kept
    assert input.startswith(kept)


def test_an_input_without_spaces_is_shortened_between_characters() -> None:
    tokenizer = byte_level()
    encoded = encode_example(
        tokenizer, "要約", "東京は日本の首都" * 50, "東京", 300, overlong="shorten-input"
    )
    assert encoded is not None
    assert 290 < len(encoded.input_ids) <= 300
    assert "\ufffd" not in decoded(tokenizer, encoded.input_ids)


@each_kind
@given(
    rows=st.lists(st.tuples(texts, texts, texts), max_size=4),
    boundary=st.sampled_from(["consistent", "published"]),
)
def test_many_rows_are_encoded_as_each_alone_and_counted_alike(
    make: Any, rows: list[Row], boundary: Any
) -> None:
    tokenizer = make()
    single = [encode_example(tokenizer, *row, LONG, boundary) for row in rows]
    assert list(encode_examples(tokenizer, iter(rows), LONG, boundary)) == single
    assert list(token_lengths(tokenizer, iter(rows), boundary)) == [
        (len(row.input_ids), len(row.input_ids) - row.trained) for row in single
    ]


@each_kind
@given(instruction=texts, input=texts, output=texts, max_length=st.integers(2, 300))
def test_published_boundary_always_trains_the_end(
    make: Any, instruction: str, input: str, output: str, max_length: int
) -> None:
    tokenizer = make()
    encoded = encode_example(tokenizer, instruction, input, output, max_length, "published")
    parts(encoded)
    assert len(encoded.input_ids) <= max_length
    assert encoded.labels[-1] == encoded.input_ids[-1] == tokenizer.eos_token_id


def test_lone_surrogates_are_encoded_as_the_replacement_character() -> None:
    tokenizer = byte_level()
    encoded = encode_example(tokenizer, "a\ud800", "", "\udfffb", LONG)
    assert encoded == encode_example(tokenizer, "a\ufffd", "", "\ufffdb", LONG)


def test_settings_changed_between_two_rows_are_heeded() -> None:
    import copy

    tokenizer = copy.deepcopy(unigram())
    assert encode_example(tokenizer, "Hi.", "", "Hello", LONG).input_ids[0] == tokenizer.bos_token_id
    tokenizer.add_bos_token = False
    assert tokenizer.bos_token_id not in encode_example(tokenizer, "Hi.", "", "Hello", LONG).input_ids


def test_a_tokenizer_without_an_end_token_is_refused() -> None:
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level().backend_tokenizer)
    with pytest.raises(UserError, match="no end token"):
        encode_example(tokenizer, "Hi.", "", "Hello", 100)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="max_length"):
        encode_example(byte_level(), "Hi.", "", "Hello", 1)
    with pytest.raises(ValueError, match="boundary"):
        encode_example(byte_level(), "Hi.", "", "Hello", 100, "whole")  # pyright: ignore


def test_encoding_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, alpaca_tui.finetune.encode\n"
        "assert not {'torch', 'transformers', 'tokenizers', 'textual'} & set(sys.modules)\n"
        "assert not [name for name in sys.modules if name.startswith(('alpaca_tui.store', 'alpaca_tui.tui'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- real tokenizers, real rows


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def real(request: pytest.FixtureRequest, data_dir: Path) -> Any:
    return load_tokenizer(data_dir / "tokenizers" / request.param)


@pytest.fixture(scope="module")
def sample(data_dir: Path) -> list[Row]:
    """2,000 random rows of the published data."""
    rows = json.loads((data_dir / "alpaca_sample.json").read_text("utf-8"))
    return [(row["instruction"], row["input"], row["output"]) for row in rows]


def published(tokenizer: Any, row: Row, max_length: int) -> tuple[list[int], list[int]]:
    """`preprocess` of Stanford Alpaca's train.py (2023), for one row, with its argument names."""

    def tokenize(text: str) -> list[int]:
        return tokenizer(text, max_length=max_length, truncation=True)["input_ids"]

    instruction, input, output = row
    source = render(instruction, input)
    target = f"{output}{tokenizer.eos_token}"
    input_ids = tokenize(source + target)
    labels = [*input_ids]
    source_len = len(tokenize(source))
    labels[:source_len] = [IGNORED] * min(source_len, len(labels))
    return input_ids, labels


def test_published_boundary_is_the_published_preprocessing(real: Any, sample: list[Row]) -> None:
    cut = 0
    for row, encoded in zip(sample, encode_examples(real, sample, 512, "published"), strict=True):
        assert encoded is not None
        input_ids, labels = published(real, row, 512)
        if encoded.truncated:  # the one deliberate difference: the end token stays
            cut += 1
            assert input_ids[-1] != real.eos_token_id
            input_ids[-1] = labels[-1] = real.eos_token_id
        assert (encoded.input_ids, encoded.labels) == (input_ids, labels)
    assert 0 < cut < 20


def test_the_boundaries_differ_in_about_3_percent_of_real_rows(real: Any, sample: list[Row]) -> None:
    consistent = list(encode_examples(real, sample, 512))
    whole = list(encode_examples(real, sample, 512, "published"))
    differing = [row for row, a, b in zip(sample, consistent, whole, strict=True) if a != b]
    assert 0.024 < len(differing) / len(sample) < 0.040
    # A token across the border is the reason in every one of them.
    for instruction, input, output in differing:
        prompt = plain(real, render(instruction, input))
        assert plain(real, render(instruction, input) + output)[: len(prompt)] != prompt


def test_real_rows_are_masked_as_at_inference_and_train_the_output(real: Any, sample: list[Row]) -> None:
    for row, encoded in zip(sample, encode_examples(real, sample, LONG), strict=True):
        assert encoded is not None
        instruction, input, output = row
        masked, trained = parts(encoded)
        assert masked == real(render(instruction, input))["input_ids"]
        assert decoded(real, masked + trained[:-1]) == decoded(real, masked) + output
        assert trained[-1] == real.eos_token_id
        assert real.bos_token_id == real.eos_token_id or encoded.input_ids.count(real.bos_token_id) == 1
        whole = plain(real, render(instruction, input) + output)
        prompt = plain(real, render(instruction, input))
        if whole[: len(prompt)] == prompt:
            assert trained[:-1] == whole[len(prompt) :]


def test_every_way_of_loading_llama_gives_the_same_ids(data_dir: Path, sample: list[Row]) -> None:
    """As written in tokenizer.json, or rebuilt by its class, whose dummy space comes another way."""
    from transformers import LlamaTokenizer

    folder = data_dir / "tokenizers" / "llama"
    written = list(encode_examples(load_tokenizer(folder), sample[:500], 512))
    for legacy in (True, False):
        rebuilt = LlamaTokenizer.from_pretrained(folder, legacy=legacy)
        assert list(encode_examples(rebuilt, sample[:500], 512)) == written


def test_few_real_rows_are_too_long(data_dir: Path) -> None:
    with gzip.open(data_dir / "alpaca_rows.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:4000]
    tokenizer = load_tokenizer(data_dir / "tokenizers" / "llama")
    lengths = list(
        token_lengths(tokenizer, ((row["instruction"], row["input"], row["output"]) for row in rows))
    )
    assert len(lengths) == 4000
    assert 0 < sum(total > 512 for total, _ in lengths) < 40
    assert all(prompt < total for total, prompt in lengths)
