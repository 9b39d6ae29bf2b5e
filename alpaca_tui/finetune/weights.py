"""The tensors of a model folder, by name and size, from the headers of its safetensors files alone.

A header is a length of 8 bytes and as much JSON; the weights behind it are never read, so a model of any size
takes milliseconds. Knows files; what the tensors mean is for `shape.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from alpaca_tui.errors import UserError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_LONGEST_HEADER = 100_000_000  # what the format allows
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_POINTER = b"version https://git-lfs"


class Tensor(NamedTuple):
    """A stored tensor. dtype: as safetensors writes it: F32, BF16, I64."""

    name: str
    size: tuple[int, ...]
    dtype: str = "F32"


@dataclass(frozen=True, slots=True)
class Stored:
    """All tensors of a model, and the bytes of the files they are in."""

    tensors: tuple[Tensor, ...]
    bytes: int


def read_tensors(folder: Path) -> Stored | None:
    """What is stored in the folder's safetensors files; None where it holds no weights at all. Raises UserError
    for a broken or missing file, and where there are pickles only."""
    if (folder / SINGLE).is_file():  # as transformers looks: the single file first
        files = [folder / SINGLE]
    elif (folder / INDEX).is_file():
        files = _shards(folder / INDEX)
    elif pickles := sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern)):
        raise UserError(
            "These weights are pickles",
            f"{folder} holds {pickles[0]} and no safetensors: loading a pickle can run any code that was put in it.",
            'Choose a copy in safetensors; or, if you trust it, convert it: python -c "from transformers import '
            "AutoModelForCausalLM as M; M.from_pretrained('OLD').save_pretrained('NEW')\", the tokenizer beside it.",
        )
    else:
        return None
    try:
        return Stored(
            tuple(tensor for file in files for tensor in _header(file)),
            sum(file.stat().st_size for file in files),
        )
    except OSError as error:
        raise UserError(
            "The weights cannot be read",
            f"{error.filename}: {error.strerror}.",
            "Check the file's permissions.",
        ) from error


def read_json(file: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file. Raises UserError."""
    try:
        value = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(
            f"{what} cannot be read", f"{file}: {error.strerror}.", "Check the file's permissions."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{what} is not JSON", f"{file}: {error}.", "Download the model again, or mend the file."
        ) from error
    if not isinstance(value, dict):
        raise UserError(
            f"{what} is not a JSON object", f"{file} holds something else.", "Download the model again."
        )
    return cast(dict[str, Any], value)


def _shards(index: Path) -> list[Path]:
    placed = read_json(index, "The index of the weights").get("weight_map")
    names = set(cast(Mapping[str, object], placed).values()) if isinstance(placed, dict) else set[object]()
    # A name with a folder in it would lead out of the model's own.
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise UserError(
            "The index of the weights is broken",
            f"{index} does not say which file holds which tensor.",
            "Download the model again.",
        )
    files = [index.parent / str(name) for name in sorted(map(str, names))]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(files)} files of weights are missing",
            f"{index.parent} has no {missing[0]}.",
            "Finish the download of the model.",
        )
    return files


def _header(file: Path) -> list[Tensor]:
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if start + stream.read(len(_POINTER) - 8) == _POINTER:
            raise _broken(
                file, "It is a Git LFS pointer, not the weights.", "Run git lfs pull in its folder."
            )
        if len(start) < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise _broken(file, f"It has {size:,} bytes, fewer than its header.")
        stream.seek(8)
        text = stream.read(length)
    try:
        entries: dict[str, Any] = json.loads(text)
        entries.pop("__metadata__", None)
        tensors = [Tensor(name, tuple(one["shape"]), one["dtype"]) for name, one in entries.items()]
        end = max((int(one["data_offsets"][1]) for one in entries.values()), default=0)
        sound = all(
            type(one.dtype) is str and all(type(side) is int and side >= 0 for side in one.size)
            for one in tensors
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise _broken(file, "Its header cannot be understood.") from error
    if not sound:
        raise _broken(file, "Its header names tensors without a size or a type.")
    if size < 8 + length + end:
        raise _broken(file, f"It has {size:,} bytes of {8 + length + end:,}.")
    return tensors


def _broken(
    file: Path, cause: str, next_step: str = "Download it again: it broke off, or is no safetensors file."
) -> UserError:
    return UserError(f"{file.name} is not whole", f"{file}: {cause}", next_step)
