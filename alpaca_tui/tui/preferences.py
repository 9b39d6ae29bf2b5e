"""The one choice the screens write down: the theme, in the user's config.toml, leaving the rest as it is.

Knows where that file lies and how TOML's top level looks, nothing of the settings themselves.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from alpaca_tui.errors import UserError
from alpaca_tui.tui.theme import DARK, LIGHT

_LIGHT_BACKGROUNDS = {"7", "15"}


def default_theme(environment: Mapping[str, str] | None = None) -> str:
    """Ours for a dark terminal, or for a light one where the terminal says so (`COLORFGBG`)."""
    environment = os.environ if environment is None else environment
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in _LIGHT_BACKGROUNDS else DARK.name


def remember_theme(name: str, path: Path | None = None) -> None:
    """Write `theme = "name"` into the user's config.toml. UserError where that cannot be."""
    from alpaca_tui.atomic import atomic_write_text
    from alpaca_tui.config import user_config_path

    path = path or user_config_path()
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        changed = with_theme(text, name)
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(
            "The theme could not be remembered", f"{path}: {error}.", "It holds until you leave the program."
        ) from error
    atomic_write_text(path, changed)


def with_theme(text: str, name: str) -> str:
    """The TOML `text` with its top-level `theme` set; every other line stays. Raises TOMLDecodeError for
    text that is no TOML."""
    tomllib.loads(text)
    line = f"theme = {json.dumps(name)}"
    table = re.search(r"^\s*\[", text, re.MULTILINE)
    head, rest = (text[: table.start()], text[table.start() :]) if table else (text, "")
    head, found = re.subn(r"^\s*theme\s*=.*$", lambda _match: line, head, count=1, flags=re.MULTILINE)
    if not found:
        head = f"{line}\n{head}"
    tomllib.loads(head + rest)
    return head + rest
