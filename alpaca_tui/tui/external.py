"""A task in the person's own editor: written to a file, opened, read back.

The file holds the three texts under headings that occur in none of them. Knows no screen; whoever calls it
has given the terminal back first.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from alpaca_tui.errors import UserError

_NAMES = ("instruction", "input", "output")


def editor_command() -> list[str]:
    """`$VISUAL`, else `$EDITOR`, else vi, as words."""
    return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi") or ["vi"]


def edit_texts(texts: Sequence[str]) -> tuple[str, str, str]:
    """The instruction, input and output as the person left them. Raises UserError: no editor, it failed, or a
    heading is gone; the file is kept then, and named."""
    mark = _mark(texts)
    command = editor_command()
    handle, name = tempfile.mkstemp(prefix="alpaca-", suffix=".txt")
    path = Path(name)
    os.close(handle)
    path.write_text(_written(texts, mark), "utf-8", newline="")
    try:
        done = subprocess.run([*command, name], check=False)
    except OSError as error:
        path.unlink()
        raise UserError(
            f"{command[0]} cannot be started",
            str(error.strerror or error),
            "Set $EDITOR to an editor you have.",
        ) from error
    if done.returncode:
        path.unlink()
        raise UserError(
            f"{command[0]} ended with code {done.returncode}", "The texts stay as they were.", "Try again."
        )
    read = _read(path.read_text("utf-8", errors="replace"), mark)
    if read is None:
        raise UserError(
            "The headings were changed",
            f"The file must hold the lines {', '.join(f'{mark}{name}' for name in _NAMES)}, in this order.",
            f"What you wrote is in {name}.",
        )
    path.unlink()
    return read


def _mark(texts: Sequence[str]) -> str:
    mark = "#:"
    while any(f"{mark}{name}" in text for text in texts for name in _NAMES):
        mark += ":"
    return mark


def _written(texts: Sequence[str], mark: str) -> str:
    return "".join(f"{mark}{name}\n{text}\n" for name, text in zip(_NAMES, texts, strict=True))


def _read(content: str, mark: str) -> tuple[str, str, str] | None:
    parts: dict[str, list[str]] = {}
    order: list[str] = []
    for line in content.split("\n"):
        name = line.rstrip().removeprefix(mark) if line.startswith(mark) else ""
        if name in _NAMES:
            if name in parts:
                return None
            parts[name] = []
            order.append(name)
        elif order:
            parts[order[-1]].append(line)
    if tuple(order) != _NAMES:
        return None
    first, second, third = ("\n".join(parts[name]) for name in _NAMES)
    # The line end before the next heading is the file's, and so is one at its end.
    return first, second, third.removesuffix("\n")
