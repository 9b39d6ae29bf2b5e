"""A tokenizer: what is asked of one, how it is loaded, and how it is told from another.

`transformers` is imported only when a tokenizer is loaded, and of it nothing that brings torch along: its
AutoTokenizer does, so the class is chosen here. Code from a model's own repository is never run.
Knows no prompt and no example.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from alpaca_tui.errors import UserError

# What a tokenizer is made of, and the configuration that may name its end token; never the weights.
_FILES = [
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "*.model",
    "config.json", "generation_config.json",
]  # fmt: skip
# End and start tokens as the common families write them, for a bare vocabulary that names none.
_ENDS = ("</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "<|im_end|>")
_PROBE = "Below is  a\ttest:\n\n### 1+2=3, - “naïve” 東京 🦙 <s></s>"


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer (fast or slow) that is leant on here."""

    @property
    def eos_token(self) -> str | None: ...
    @property
    def eos_token_id(self) -> int | None: ...
    @property
    def bos_token_id(self) -> int | None: ...
    @property
    def unk_token_id(self) -> int | None: ...
    @property
    def all_special_ids(self) -> list[int]: ...

    def __call__(self, text: list[str], /, **options: Any) -> Mapping[str, Any]: ...
    def decode(self, token_ids: list[int], /, **options: Any) -> Any: ...
    def get_vocab(self) -> dict[str, int]: ...


def token_ids(tokenizer: Tokenizer, texts: list[str], **options: Any) -> list[list[int]]:
    """The ids of every text, uncut and unpadded; with special tokens unless told otherwise."""
    encoded = tokenizer(
        texts,
        padding=False,
        truncation=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
        **options,
    )
    return cast(list[list[int]], encoded["input_ids"])


def end_of(tokenizer: Tokenizer) -> int:
    """The id of the end-of-sequence token. Raises UserError where there is none."""
    if tokenizer.eos_token_id is None:
        raise UserError(
            "This tokenizer has no end token",
            "A model trained without an end-of-sequence token never stops answering.",
            "Set eos_token in its tokenizer_config.json, or choose another model.",
        )
    return tokenizer.eos_token_id


def tokenizer_key(tokenizer: Tokenizer) -> str:
    """16 hexadecimal digits that stay the same, over processes and folders, for tokenizers that give the
    same ids: a digest of vocabulary, rules and special tokens. Fit to file what was counted under it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        rules: Any = sorted(tokenizer.get_vocab().items())
    else:
        rules = json.loads(backend.to_str())
        rules["truncation"] = rules["padding"] = None  # the last call's, not the tokenizer's
    parts = [
        rules,
        [tokenizer.bos_token_id, tokenizer.eos_token_id, sorted(tokenizer.all_special_ids)],
        token_ids(tokenizer, [_PROBE, " " + _PROBE]),
    ]
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def load_tokenizer(name: str | Path) -> Tokenizer:
    """The tokenizer in a folder (a model's, a run's; or its tokenizer.json), or of a model on the Hub.

    Raises UserError: transformers is not installed, nothing is there, no network, no permission, files that
    cannot be read, no end token.
    """
    transformers = _needed("transformers")
    folder = _folder(name)
    try:
        tokenizer: Any = _read(transformers, folder)
    except UserError:
        raise
    except Exception as error:  # foreign files go wrong in every way there is
        raise UserError(
            f"The tokenizer of {name} cannot be read",
            f"{_first_line(error)}",
            "Check that its files are complete, or choose another model.",
        ) from error
    _name_ends(tokenizer, folder)
    end_of(tokenizer)
    return tokenizer


def _needed(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            "Tokenizers cannot be used yet",
            f"They need the package {package}, which is not installed.",
            "Install it: pip install 'alpaca-tui[train]'",
        ) from error


def _folder(name: str | Path) -> Path:
    path = Path(name).expanduser()
    if path.name == "tokenizer.json" and path.is_file():
        return path.parent
    if path.is_dir():
        return path
    text = str(name)
    if path.exists() or isinstance(name, Path) or text[:1] in "/.~\\" or text.count("/") > 1:
        raise UserError(
            f"There is no tokenizer at {name}",
            "That is a file of another kind." if path.exists() else "There is no such folder.",
            "Name a folder that holds tokenizer.json, or a model on the Hub: OWNER/NAME.",
        )
    return _downloaded(text)


def _downloaded(name: str) -> Path:
    hub = _needed("huggingface_hub")
    errors = _needed("huggingface_hub.errors")
    hub.utils.disable_progress_bars()  # they would paint over the screen
    try:
        return Path(hub.snapshot_download(name, allow_patterns=_FILES))
    except errors.GatedRepoError as error:
        raise UserError(
            f"{name} is not open to everybody",
            "Its owner asks for an agreement before it can be downloaded.",
            f"Accept it on the page of {name}, then: hf auth login",
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise UserError(
            f"There is no model called {name}",
            "It is neither a folder here nor a model on the Hub (or it is private).",
            "Check the name; a private model needs: hf auth login",
        ) from error
    except Exception as error:  # the network and the Hub have a dozen kinds
        raise UserError(
            f"The tokenizer of {name} could not be downloaded",
            f"There is no folder of that name here, and the Hub cannot be reached. {_first_line(error)}",
            "Check the network, or name a folder that holds the model.",
        ) from error


def _read(transformers: Any, folder: Path) -> Any:
    """tokenizer.json is read as it was written; vocab.json and merges.txt are built up by the class the folder
    names. A tokenizer.model alone is refused: the conversion in transformers 5.24 gives LLaMA's other ids than
    SentencePiece in 3 % of real rows, and no start token."""
    place = str(folder)
    if (folder / "tokenizer.json").is_file():
        return transformers.PreTrainedTokenizerFast.from_pretrained(place, local_files_only=True)
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        named = str(_json(folder / "tokenizer_config.json").get("tokenizer_class") or "GPT2Tokenizer")
        built = getattr(transformers, named, None) if named.endswith(("Tokenizer", "TokenizerFast")) else None
        if built is not None:
            return built.from_pretrained(place, local_files_only=True)
    old = any(folder.glob("*.model"))
    raise UserError(
        f"There is no tokenizer.json in {folder}",
        "It holds a SentencePiece model alone, whose conversion is not exact."
        if old
        else "It holds no vocabulary of a known kind.",
        "Put the tokenizer.json of the same model beside it."
        if old
        else "Name the folder of a whole model, or a model on the Hub: OWNER/NAME.",
    )


def _name_ends(tokenizer: Any, folder: Path) -> None:
    """Name the end token where the tokenizer's own files do not, and the start token it writes anyway."""
    if tokenizer.eos_token_id is None:
        known = [token.content for token in tokenizer.added_tokens_decoder.values() if token.content in _ENDS]
        for file in ("generation_config.json", "config.json"):
            ids: Any = _json(folder / file).get("eos_token_id")
            end: Any = cast(list[Any], ids)[:1] if isinstance(ids, list) else [ids]
            if end and isinstance(end[0], int):
                token = tokenizer.convert_ids_to_tokens(end[0])
                known = [token, *known] if token is not None else known
                break
        if known:
            tokenizer.eos_token = known[0]
    if tokenizer.bos_token_id is None:
        plain = token_ids(tokenizer, ["a"], add_special_tokens=False)[0]
        written = token_ids(tokenizer, ["a"])[0]
        if len(written) > len(plain) and written[1 : 1 + len(plain)] == plain:
            tokenizer.bos_token = tokenizer.convert_ids_to_tokens(written[0])


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
