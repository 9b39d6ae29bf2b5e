"""A tokenizer in a process of its own gives what it gives here, and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.encode import load_tokenizer, preview, token_lengths, tokenizer_key
from alpaca_tui.finetune.tokens import TokenizerProcess

pytest.importorskip("transformers")
from tests.support.tiny_tokenizers import byte_level

ROWS = [
    ("Name three colours.", "", "Red, blue, green."),
    ("Sort.", "3, 1", "- 1\n- 3"),
    ("Say <s> 東京 🦙", "</s>", ""),
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tokenizer")
    byte_level().save_pretrained(str(folder))
    return str(folder)


@pytest.fixture(scope="module")
def process(saved: str) -> Iterator[TokenizerProcess]:
    with TokenizerProcess(saved) as process:
        yield process


def test_it_answers_as_the_encoder_does_here(process: TokenizerProcess, saved: str) -> None:
    here = load_tokenizer(saved)
    assert process.key == tokenizer_key(here)
    assert process.lengths(ROWS) == list(token_lengths(here, ROWS))
    for row in ROWS:
        for boundary in ("consistent", "published"):
            assert process.preview(row, 24, boundary) == preview(here, *row, 24, boundary)


def test_no_tokenizer_under_a_name_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        TokenizerProcess(str(tmp_path / "nothing"))
    assert "nothing" in str(refused.value.title) + str(refused.value.cause)
    assert refused.value.next_step


def test_a_process_that_was_killed_is_said(saved: str) -> None:
    with TokenizerProcess(saved) as process:
        process.close()
        with pytest.raises(UserError, match="ended unexpectedly"):
            process.lengths(ROWS)
