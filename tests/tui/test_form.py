"""The set-up form as values: what is wrong is said beside the field, what is right becomes settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from alpaca_tui.errors import UserError
from alpaca_tui.generation.filters import FilterRules
from alpaca_tui.generation.settings import GenerationSettings
from alpaca_tui.tui.screens.generate import form


def values(**changes: str | bool) -> form.Values:
    return {**form.defaults(), **changes}


def test_the_defaults_are_a_run_with_the_demo_teacher() -> None:
    settings = form.build(values())
    assert settings == GenerationSettings()


def test_every_field_is_a_setting() -> None:
    assert set(form.FIELDS) - {"url"} <= set(GenerationSettings.model_fields)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("goal", "", "cannot be empty"),
        ("goal", "many", "a whole number"),
        ("goal", "0", "between 1 and"),
        ("temperature", "3", "between 0 and 2"),
        ("temperature", "nan", "between 0 and 2"),
        ("threshold", "1.5", "between 0 and 1"),
        ("budget_usd", "cheap", "an amount"),
        ("budget_usd", "-1", "0 or more"),
        ("price", "0.15", "two numbers"),
        ("price", "a,b", "two numbers"),
        ("price", "1,inf", "0 or more"),
        ("concurrency", "1001", "between 1 and 1,000"),
        ("seeds_file", "/nowhere/seeds.jsonl", "no such file"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(name: str, text: str, said: str) -> None:
    errors = form.check(values(**{name: text})).errors
    assert list(errors) == [name]
    assert said in errors[name]
    with pytest.raises(ValueError):
        form.build(values(**{name: text}))


def test_openai_needs_a_model_and_a_url_must_be_one() -> None:
    assert list(form.check(values(teacher="openai")).errors) == ["model"]
    assert list(form.check(values(teacher="url", url="localhost:8000")).errors) == ["url"]
    assert (
        form.check(values(teacher="url", url="http://localhost:8000/v1")).settings["teacher"]
        == "http://localhost:8000/v1"
    )


def test_what_means_nothing_is_not_asked_for() -> None:
    assert form.check(values(teacher="demo", url="nonsense")).errors == {}
    assert "url" not in form.check(values(url="nonsense")).settings


def test_written_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text("")
    read = form.check(
        values(goal="52,000", budget_usd="$5", price="0.15, 0.60", temperature="0,7", seeds_file=str(seeds))
    ).settings
    assert read["goal"] == 52_000
    assert read["budget_usd"] == 5.0
    assert read["price"] == (0.15, 0.6)
    assert read["temperature"] == 0.7
    assert read["seeds_file"] == seeds


def test_rules_switched_off_reach_the_settings() -> None:
    settings = form.build(
        values(**{form.RULE_PREFIX + "too-long": False, form.RULE_PREFIX + "too-short": True})
    )
    assert settings.filters == FilterRules(off=("too-long",))


@pytest.mark.parametrize(
    "settings",
    [
        GenerationSettings(),
        GenerationSettings(
            goal=52_000,
            teacher="http://localhost:8000/v1",
            model="m",
            budget_usd=2.5,
            price=(0.15, 0.6),
            topic="cooking",
            language="German",
            temperature=None,
            threshold=0.65,
            rpm=60,
            parser="faithful",
            filters=FilterRules(off=("too-long",)),
            seed=7,
        ),
        GenerationSettings(
            teacher="openai", model="gpt-test", token_budget=1000, from_kept=2, endpoint="chat"
        ),
    ],
)
def test_a_runs_settings_come_back_into_the_form_and_out_again(settings: GenerationSettings) -> None:
    assert form.build(form.from_config(settings.to_json())) == settings


def test_settings_that_do_not_fit_together_are_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(form.FIELDS, "goal", form.Field("goal", "Goal", "", lambda text: -1))
    with pytest.raises(UserError, match="goal"):
        form.build(values())


def test_the_forecast_follows_the_goal_and_what_is_kept() -> None:
    rows = dict(form.forecast(values(goal="300"), 90, None))
    assert rows["To keep"] == "210 more tasks"
    assert rows["Answers"] == "about 18"
    assert rows["Cost"] == "nothing"
    assert dict(form.forecast(values(goal="50"), 90, None)) == {"To do": "nothing: 90 are kept already"}
    assert form.forecast(values(goal="x"), 0, None) == []


def test_the_forecast_never_invents_a_price() -> None:
    assert "unknown" in dict(form.forecast(values(teacher="openai", model="m"), 0, None))["Cost"]
    assert dict(form.forecast(values(teacher="openai", model="m"), 0, (0.15, 0.6)))["Cost"].startswith(
        "about $0.0"
    )
