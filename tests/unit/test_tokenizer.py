"""Loading a tokenizer: from a folder or the Hub, with its ends named, or with words on what is wrong."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.encode import encode_prompt, load_tokenizer, tokenizer_key

pytest.importorskip("transformers")
from tests.support.tiny_tokenizers import byte_level, llama_like
from tests.unit.test_encode import each_kind


@each_kind
def test_a_saved_tokenizer_is_loaded_as_it_was(make: Any, tmp_path: Path) -> None:
    make().save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert tokenizer_key(loaded) == tokenizer_key(make())
    assert encode_prompt(loaded, "Sort.", "3, 1") == encode_prompt(make(), "Sort.", "3, 1")
    assert tokenizer_key(load_tokenizer(str(tmp_path / "tokenizer.json"))) == tokenizer_key(loaded)


def test_keys_tell_tokenizers_apart_and_not_what_they_were_used_for() -> None:
    from tests.unit.test_encode import KINDS

    keys = {tokenizer_key(make()) for make in KINDS.values()}
    assert len(keys) == len(KINDS)
    tokenizer = copy.deepcopy(llama_like())
    key = tokenizer_key(tokenizer)
    assert len(key) == 16
    tokenizer("a b c d", truncation=True, max_length=3)
    assert tokenizer_key(tokenizer) == key
    tokenizer.add_tokens(["alpaca"])
    assert tokenizer_key(tokenizer) != key


def test_a_bare_tokenizer_json_gets_its_ends_named(tmp_path: Path) -> None:
    llama_like().backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded: Any = load_tokenizer(tmp_path)
    assert (loaded.bos_token, loaded.eos_token) == ("<s>", "</s>")


@pytest.mark.parametrize("ids", [1, [1, 0]])
def test_the_models_configuration_names_the_end(tmp_path: Path, ids: Any) -> None:
    byte_level().backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text(json.dumps({"eos_token_id": ids}))
    assert load_tokenizer(tmp_path).eos_token == "<|start|>"


def test_a_folder_with_vocabulary_and_merges_alone_is_gpt2s_kind(tmp_path: Path) -> None:
    made = byte_level()
    model = json.loads(made.backend_tokenizer.to_str())["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    (tmp_path / "merges.txt").write_text("\n".join(" ".join(merge) for merge in model["merges"]))
    loaded = load_tokenizer(tmp_path)
    assert loaded.eos_token == "<|endoftext|>"
    assert encode_prompt(loaded, "Sort.") == encode_prompt(made, "Sort.")


def refusal(name: str | Path) -> UserError:
    with pytest.raises(UserError) as caught:
        load_tokenizer(name)
    assert caught.value.cause
    assert caught.value.next_step
    return caught.value


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "absent").cause
    assert "no such folder" in refusal("./absent").cause
    assert "no tokenizer.json" in refusal(tmp_path).title
    (tmp_path / "model.safetensors").touch()
    assert "another kind" in refusal(tmp_path / "model.safetensors").cause
    (tmp_path / "tokenizer.model").touch()
    assert "SentencePiece" in refusal(tmp_path).cause


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": 3}', "\0", "[" * 100_000])
def test_a_broken_file_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    assert "cannot be read" in refusal(tmp_path).title


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    text = byte_level().backend_tokenizer.to_str().replace("<|endoftext|>", "<|other|>")
    (tmp_path / "tokenizer.json").write_text(text)
    assert "no end token" in refusal(tmp_path).title


def test_code_of_a_model_is_never_run(tmp_path: Path) -> None:
    byte_level().save_pretrained(tmp_path)
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    config |= {"auto_map": {"AutoTokenizer": [None, "own.Own"]}, "tokenizer_class": "Own"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    load_tokenizer(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    byte_level().save_pretrained(tmp_path)
    asked: list[str] = []

    def download(name: str, **options: Any) -> str:
        asked.append(name)
        assert not any(pattern in options["allow_patterns"] for pattern in ("*", "*.safetensors", "*.bin"))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert tokenizer_key(load_tokenizer("owner/name")) == tokenizer_key(byte_level())
    assert asked == ["owner/name"]


def test_what_the_hub_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2
    import huggingface_hub
    from huggingface_hub import errors

    response = httpx2.Response(403, request=httpx2.Request("GET", "https://hub.example/owner/name"))
    for error, expected in (
        (errors.GatedRepoError("gated", response=response), "not open to everybody"),
        (errors.RepositoryNotFoundError("none", response=response), "no model called"),
        (errors.HFValidationError("bad name"), "no model called"),
        (errors.LocalEntryNotFoundError("not in the cache"), "could not be downloaded"),
        (errors.OfflineModeIsEnabled("offline"), "could not be downloaded"),
        (httpx2.ConnectError("no route"), "could not be downloaded"),
    ):

        def fail(*_: Any, error: Exception = error, **__: Any) -> str:
            raise error

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
        assert expected in refusal("owner/name").title


def test_without_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "alpaca-tui[train]" in refusal(tmp_path).next_step


def test_loading_brings_no_torch_along(tmp_path: Path) -> None:
    byte_level().save_pretrained(tmp_path)
    code = (
        "import sys; from alpaca_tui.finetune.encode import load_tokenizer, preview\n"
        f"preview(load_tokenizer({str(tmp_path)!r}), 'Sort.', '3, 1', '- 1', 512)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_real_tokenizers(data_dir: Path, tmp_path: Path) -> None:
    llama: Any = load_tokenizer(data_dir / "tokenizers" / "llama")
    assert (llama.bos_token_id, llama.eos_token_id) == (1, 2)
    assert load_tokenizer(data_dir / "tokenizers" / "gpt2").eos_token_id == 50256
    shutil.copy(data_dir / "tokenizers" / "llama" / "tokenizer.model", tmp_path)
    assert "SentencePiece" in refusal(tmp_path).cause
