"""Settings: defaults < the user's config.toml < the workspace's config.toml < environment < explicit ones.

Only what the program really reads stands here. No setting is a secret: keys live in the environment
(`OPENAI_API_KEY`). Knows no room.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from alpaca_tui.errors import UserError

PREFIX = "ALPACA_TUI_"


class Settings(BaseSettings):
    """What a user may set once instead of every time. In config.toml by the names below, in the
    environment as `ALPACA_TUI_` and the name in capitals (`prices` as JSON)."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    theme: str | None = None
    """Colours of the screens, by name; unset follows the terminal."""
    ascii: bool = False
    """Draw with ASCII characters only, for terminals and fonts that lack the others."""
    animations: bool = True
    """Let screens move where that helps the eye; off for slow lines and for calm."""
    teacher: str = "demo"
    """Who is asked unless told otherwise: `demo`, `openai` or a URL."""
    model: str | None = None
    """The teacher's model; needed for `openai`."""
    concurrency: int = Field(default=8, ge=1, le=1000)
    """Requests in flight at most."""
    threshold: float = Field(default=0.7, ge=0, le=1)
    """ROUGE-L F1 above which an instruction is a duplicate."""
    budget_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Dollars a workspace may cost; unset is no limit. Needs a price for the model."""
    prices: dict[str, tuple[float, float]] = {}
    """Price of models in dollars per million tokens: `"model" = [input, output]`. Comes before the
    built-in table."""

    @field_validator("prices")
    @classmethod
    def _prices(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for model, price in value.items():
            if not all(0 <= part < 1e9 for part in price):
                raise ValueError(f"the price of {model} must be two numbers of 0 or more")
        return value


def user_config_path() -> Path:
    """The config.toml that counts for every workspace of this user."""
    return platformdirs.user_config_path("alpaca-tui") / "config.toml"


def load_settings(workspace_root: Path | None = None, **explicit: Any) -> Settings:
    """The settings in force. `explicit`: what flags say; None leaves a setting to the other sources.

    Raises UserError for a file that is no TOML, an unknown key, a value that does not fit: it says where.
    """
    given = {name: value for name, value in explicit.items() if value is not None}
    user_file = user_config_path()
    user = read_config(user_file)
    workspace_file = None if workspace_root is None else workspace_root / "config.toml"
    workspace = {} if workspace_file is None else read_config(workspace_file)

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (
                init_settings,
                env_settings,
                InitSettingsSource(settings_cls, workspace),
                InitSettingsSource(settings_cls, user),
            )

    try:
        layered = Layered(**given)
        return Settings.model_construct(layered.model_fields_set, **dict(layered))
    except SettingsError as error:
        raise _unfit("settings", "the environment", _environment_detail(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        variable = PREFIX + name.upper()
        if name in given:
            place = "what was asked for"
        elif any(key.upper() == variable and value for key, value in os.environ.items()):
            place = f"the environment ({variable})"
        else:
            place = str(workspace_file if name in workspace else user_file)
        raise _unfit(name, place, f"{first['msg']} (given: {first.get('input')!r})") from error


def read_config(path: Path) -> dict[str, Any]:
    """What a config.toml says; {} where there is none. UserError for bad TOML and unknown keys."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        values = tomllib.loads(text.replace("\r\n", "\n"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UserError(
            f"Cannot read {path}", f"{error.strerror}.", "Make it readable, or move it away."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8 text", f"Line {line} holds bytes that are not UTF-8.", "Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML", f"{error}.", "Mend that line.") from error
    for key in values:
        if key not in Settings.model_fields:
            raise _unknown(path, key)
    return values


def _unknown(path: Path, key: str) -> UserError:
    if re.search(r"key|secret|password|token$", key, re.IGNORECASE):
        next_step = "Remove it: keys belong in the environment, as OPENAI_API_KEY, never in a file."
    elif near := difflib.get_close_matches(key.lower().replace("-", "_"), Settings.model_fields, 1, 0.5):
        next_step = f"Did you mean {near[0]}?"
    else:
        next_step = f"Known settings: {', '.join(Settings.model_fields)}."
    return UserError("Unknown setting", f"{path} sets {key}, which is no setting of alpaca-tui.", next_step)


def _unfit(name: str, place: str, detail: str) -> UserError:
    return UserError(
        f"The setting {name} is not usable", f"In {place}: {detail}.", "Correct it and try again."
    )


def _environment_detail(error: SettingsError) -> str:
    """Without the value itself, which pydantic quotes and which nobody checked."""
    field = re.search(r'field "(\w+)"', str(error))
    return f"{PREFIX}{field.group(1).upper()} must be JSON" if field else "a value cannot be read"
