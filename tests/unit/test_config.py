"""Settings: which source wins, and what is said of a file that cannot be used."""

from __future__ import annotations

import pytest

from alpaca_tui.config import Settings, load_settings, read_config, user_config_path
from alpaca_tui.errors import UserError


@pytest.fixture
def user_file():
    path = user_config_path()
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def workspace_file(tmp_path):
    return tmp_path / "config.toml"


def error_of(call, *arguments, **named) -> UserError:
    with pytest.raises(UserError) as caught:
        call(*arguments, **named)
    assert caught.value.cause
    assert caught.value.next_step
    return caught.value


def test_without_any_file_the_defaults_hold(tmp_path):
    settings = load_settings(tmp_path)
    assert (settings.teacher, settings.concurrency, settings.threshold, settings.prices) == (
        "demo",
        8,
        0.7,
        {},
    )
    assert (settings.theme, settings.model, settings.budget_usd, settings.ascii, settings.animations) == (
        None,
        None,
        None,
        False,
        True,
    )
    assert load_settings() == settings


def test_later_sources_win(tmp_path, user_file, workspace_file, monkeypatch):
    user_file.write_text(
        'theme = "user"\nteacher = "openai"\nmodel = "user"\nconcurrency = 2\nthreshold = 0.1\n'
    )
    workspace_file.write_text('teacher = "http://workspace/v1"\nmodel = "workspace"\nconcurrency = 3\n')
    monkeypatch.setenv("ALPACA_TUI_MODEL", "environment")
    monkeypatch.setenv("ALPACA_TUI_CONCURRENCY", "4")
    monkeypatch.setenv("ALPACA_TUI_THEME", "")
    settings = load_settings(tmp_path, concurrency=5, threshold=None)
    assert (settings.theme, settings.threshold) == ("user", 0.1)
    assert settings.teacher == "http://workspace/v1"
    assert settings.model == "environment"
    assert settings.concurrency == 5


def test_prices_of_several_sources_add_up(tmp_path, user_file, workspace_file, monkeypatch):
    user_file.write_text('[prices]\n"a" = [1, 2]\n"b" = [3, 4]\n')
    workspace_file.write_text('prices."b" = [5.5, 6]\n')
    assert load_settings(tmp_path).prices == {"a": (1, 2), "b": (5.5, 6)}
    monkeypatch.setenv("ALPACA_TUI_PRICES", '{"c": [0, 0.25]}')
    assert load_settings(tmp_path).prices == {"a": (1, 2), "b": (5.5, 6), "c": (0, 0.25)}


def test_other_variables_with_our_prefix_are_not_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("ALPACA_TUI_WORKSPACE", "/somewhere")
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("concurency", "concurrency"),
        ("Concurrency", "concurrency"),
        ("budget", "budget_usd"),
        ("budget-usd", "budget_usd"),
        ("zzz", "Known settings: theme"),
        ("openai_api_key", "OPENAI_API_KEY"),
    ],
)
def test_an_unknown_key_names_file_key_and_neighbour(tmp_path, workspace_file, key, hint):
    workspace_file.write_text(f'{key} = "sesame"\n')
    error = error_of(load_settings, tmp_path)
    assert str(workspace_file) in error.cause
    assert key in error.cause
    assert hint in error.next_step
    assert "sesame" not in str(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'theme = "a"\nthreshold = = 3\n', ("not valid TOML", "line 2")),
        (b'theme = "a"\ntheme = "b"\n', ("not valid TOML", "line 2")),
        (b"# fine\n# \xff\xfe\n", ("not UTF-8", "Line 2")),
    ],
)
def test_a_malformed_file_is_named_with_its_line(user_file, content, words):
    user_file.write_bytes(content)
    error = error_of(load_settings)
    assert str(user_file) in error.title
    assert all(word in str(error) for word in words)


def test_windows_files_are_read(user_file):
    user_file.write_bytes(b'\xef\xbb\xbftheme = "dark"\r\nascii = true\r\n')
    assert (load_settings().theme, load_settings().ascii) == ("dark", True)


def test_a_folder_in_place_of_the_file(user_file):
    user_file.mkdir()
    assert str(user_file) in error_of(load_settings).title


def test_a_workspace_that_is_no_folder_has_no_settings(tmp_path):
    (tmp_path / "file").touch()
    assert read_config(tmp_path / "file" / "config.toml") == {}


@pytest.mark.parametrize(
    "line",
    [
        "concurrency = 0",
        'concurrency = "many"',
        "threshold = 1.5",
        "budget_usd = -1",
        "budget_usd = inf",
        'prices = {"m" = [1]}',
        'prices = {"m" = [1, -2]}',
        'prices = {"m" = [nan, 1]}',
        "prices = 3",
    ],
)
def test_a_value_that_does_not_fit_names_setting_and_file(tmp_path, workspace_file, line):
    workspace_file.write_text(line + "\n")
    error = error_of(load_settings, tmp_path)
    assert line.split(" ")[0] in error.title
    assert str(workspace_file) in error.cause


def test_where_a_bad_value_came_from(tmp_path, user_file, workspace_file, monkeypatch):
    user_file.write_text("concurrency = 0\n")
    assert str(user_file) in error_of(load_settings, tmp_path).cause
    workspace_file.write_text("concurrency = 5\n")
    assert load_settings(tmp_path).concurrency == 5
    monkeypatch.setenv("ALPACA_TUI_CONCURRENCY", "lots")
    assert "ALPACA_TUI_CONCURRENCY" in error_of(load_settings, tmp_path).cause
    assert "asked for" in error_of(load_settings, tmp_path, concurrency=-1).cause
    monkeypatch.delenv("ALPACA_TUI_CONCURRENCY")
    monkeypatch.setenv("ALPACA_TUI_PRICES", "{not json")
    error = error_of(load_settings, tmp_path)
    assert "ALPACA_TUI_PRICES" in error.cause
    assert "not json" not in str(error)


def test_every_setting_says_what_it_is():
    assert all(field.description for field in Settings.model_fields.values())
