"""A model's folder on this machine: as named, or downloaded from the Hub once and kept in its cache.

Only weights in safetensors, tokenizer and configuration are fetched; pickles and code never are. Knows no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.folder import ModelRef

_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "tokenizer*", "*.model"]


def model_folder(model: ModelRef) -> Path:
    """Where the model lies; of a Hub model the download may take long. Raises UserError."""
    path = Path(model.name).expanduser()
    if path.is_dir():
        return path.absolute()
    if path.exists() or model.name[:1] in "/.~" or model.name.count("/") > 1:
        raise UserError(
            f"There is no model at {model.name}",
            "That is a file." if path.exists() else "There is no such folder.",
            "Name the folder of a model, a model on the Hub (OWNER/NAME), or tiny.",
        )
    return _downloaded(model)


def cached_folder(model: ModelRef) -> Path | None:
    """Where the model lies without downloading anything; None for a Hub model that was not downloaded yet. UserError."""
    path = Path(model.name).expanduser()
    if path.exists() or model.name[:1] in "/.~" or model.name.count("/") > 1:
        return model_folder(model)
    try:
        import huggingface_hub as hub
    except ImportError:
        return None
    any_hub: Any = hub
    try:
        return Path(
            any_hub.snapshot_download(model.name, revision=model.revision or None, local_files_only=True)
        )
    except Exception:  # whatever is wrong with the name or the cache is met again by the download
        return None


def _downloaded(model: ModelRef) -> Path:
    try:
        import huggingface_hub as hub
        from huggingface_hub import errors
    except ImportError as error:
        raise UserError(
            "Models cannot be downloaded yet",
            "That needs the training packages, which are not installed.",
            "Install them: pip install 'alpaca-tui[train]'",
        ) from error
    any_hub: Any = hub
    try:
        return Path(
            any_hub.snapshot_download(model.name, revision=model.revision or None, allow_patterns=_FILES)
        )
    except errors.GatedRepoError as error:
        raise UserError(
            f"{model.name} is not open to everybody",
            "Its owner asks for an agreement before it can be downloaded.",
            f"Accept it on the page of {model.name}, then: hf auth login",
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise UserError(
            f"There is no model called {model.name}",
            "It is neither a folder here nor a model on the Hub (or it is private).",
            "Check the name; a private model needs: hf auth login",
        ) from error
    except Exception as error:  # the network and the Hub have a dozen kinds
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UserError(
            f"{model.name} could not be downloaded",
            f"There is no folder of that name here, and the Hub cannot be reached. {first}",
            "Check the network, or name a folder that holds the model.",
        ) from error
