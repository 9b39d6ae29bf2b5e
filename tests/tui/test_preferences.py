"""The theme is written into the user's config.toml and nothing else in it changes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from alpaca_tui.config import load_settings, user_config_path
from alpaca_tui.errors import UserError
from alpaca_tui.tui.preferences import default_theme, remember_theme, with_theme


def test_a_first_choice_makes_the_file_and_is_what_settings_read() -> None:
    remember_theme("nord")
    remember_theme("alpaca-light")
    assert user_config_path().read_text() == 'theme = "alpaca-light"\n'
    assert load_settings().theme == "alpaca-light"


def test_everything_else_stays_as_it_is() -> None:
    text = '# mine\nteacher = "openai" # always\ntheme = "old" # was nice\n\n[prices]\ntheme = [1.0, 2.0]\n'
    changed = with_theme(text, "nord")
    assert changed == '# mine\nteacher = "openai" # always\ntheme = "nord"\n\n[prices]\ntheme = [1.0, 2.0]\n'
    assert tomllib.loads(with_theme("[prices]\n", "nord")) == {"theme": "nord", "prices": {}}


def test_a_file_that_is_no_toml_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("theme = = 1")
    with pytest.raises(UserError, match="could not be remembered"):
        remember_theme("nord", path)
    assert path.read_text() == "theme = = 1"


def test_a_light_terminal_gets_the_light_theme() -> None:
    assert default_theme({"COLORFGBG": "0;15"}) == "alpaca-light"
    assert default_theme({"COLORFGBG": "15;0"}) == "alpaca-dark"
    assert default_theme({}) == "alpaca-dark"
