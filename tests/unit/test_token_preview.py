"""The prompt preview: the exact text of every token, what is masked, trained and cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alpaca_tui.finetune.encode import (
    IGNORED,
    Piece,
    Preview,
    encode_example,
    load_tokenizer,
    preview,
)
from alpaca_tui.template import render

pytest.importorskip("transformers")
from tests.support.tiny_tokenizers import byte_level
from tests.unit.test_encode import LONG, each_kind, texts


def text_of(pieces: list[Piece]) -> str:
    """Without start and end token, and without the space that some tokenizers put before a text and show."""
    text = "".join(piece.text for piece in pieces if not piece.special or piece.text == "<unk>")
    return text.removeprefix(" ") if pieces[0].text.startswith(" Be") else text


def ids_of(pieces: list[Piece]) -> list[int]:
    return [token for piece in pieces for token in piece.ids]


@each_kind
@given(instruction=texts, input=texts, output=texts)
@example("東京", "🦙\ufffd", "\ufffd🦙")
@example("Begin.", "", " two  spaces")
def test_the_pieces_are_the_example_letter_for_letter(
    make: Any, instruction: str, input: str, output: str
) -> None:
    tokenizer = make()
    shown = preview(tokenizer, instruction, input, output, LONG)
    encoded = encode_example(tokenizer, instruction, input, output, LONG)

    assert text_of(shown.pieces) == render(instruction, input) + output
    assert text_of([piece for piece in shown.pieces if piece.trained]) == output
    assert ids_of(shown.pieces) == encoded.input_ids
    assert ids_of([piece for piece in shown.pieces if piece.trained]) == encoded.labels[-encoded.trained :]
    assert not any(piece.cut for piece in shown.pieces)
    assert (shown.total, shown.response_tokens) == (len(encoded.input_ids), encoded.trained)
    assert shown.prompt_tokens == encoded.labels.count(IGNORED)
    assert not shown.truncated


@each_kind
@given(instruction=texts, input=texts, output=texts, max_length=st.integers(2, 150))
def test_what_is_cut_off_is_marked(
    make: Any, instruction: str, input: str, output: str, max_length: int
) -> None:
    tokenizer = make()
    shown = preview(tokenizer, instruction, input, output, max_length)
    encoded = encode_example(tokenizer, instruction, input, output, max_length)
    assert shown.truncated == encoded.truncated == any(piece.cut for piece in shown.pieces)
    kept = [piece for piece in shown.pieces if not piece.cut]
    assert kept[-1].id == encoded.input_ids[-1]
    if encoded.truncated:  # a character that is cut in two is marked as a whole
        first = next(piece for piece in shown.pieces if piece.cut)
        seen = ids_of(kept[:-1])
        assert len(seen) < max_length <= len(seen) + len(first.ids)
        assert seen == encoded.input_ids[: len(seen)]


@each_kind
def test_start_and_end_are_seen(make: Any) -> None:
    tokenizer = make()
    shown = preview(tokenizer, "Explain water.", "H2O", "It boils.", LONG)
    special = [piece for piece in shown.pieces if piece.special]
    expected = [tokenizer.bos_token] if tokenizer.bos_token is not None else []
    assert [piece.text for piece in special] == [*expected, tokenizer.eos_token]
    assert [piece.trained for piece in special] == [*(False for _ in expected), True]
    assert special[-1].id == tokenizer.eos_token_id


def test_tokens_that_make_one_character_make_one_piece() -> None:
    shown = preview(byte_level(), "Draw.", "", "a🦙b", LONG)
    llama = next(piece for piece in shown.pieces if piece.text == "🦙")
    assert len(llama.ids) == 4
    assert llama.trained


@each_kind
def test_control_tokens_in_a_row_are_shown_as_the_text_they_are(make: Any) -> None:
    shown = preview(make(), "Strike <s>this</s>.", "", "<|endoftext|> </s>", LONG)
    assert text_of(shown.pieces).endswith("### Response:<|endoftext|> </s>")


def test_the_published_boundary_shows_the_fused_token() -> None:
    tokenizer = byte_level()
    ours = preview(tokenizer, "List.", "", "- one", LONG)
    theirs = preview(tokenizer, "List.", "", "- one", LONG, "published")
    assert next(piece.text for piece in ours.pieces if piece.trained) == "-"
    assert text_of(theirs.pieces) == text_of(ours.pieces)
    (fused,) = [piece for piece in theirs.pieces if piece.text == ":-"]
    assert not fused.trained  # the published preprocessing never trains the dash


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_real_rows_letter_for_letter(name: str, data_dir: Path) -> None:
    tokenizer = load_tokenizer(data_dir / "tokenizers" / name)
    rows = json.loads((data_dir / "alpaca_sample.json").read_text("utf-8"))[:500]
    for row in rows:
        shown: Preview = preview(tokenizer, row["instruction"], row["input"], row["output"], 512)
        assert text_of(shown.pieces) == render(row["instruction"], row["input"]) + row["output"]
        assert text_of([piece for piece in shown.pieces if piece.trained]) == row["output"]
