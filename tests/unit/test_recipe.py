"""The recipe: published numbers, settings as a person writes them, what is refused and how it is said."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.presets import DEFAULT_PRESET, PRESETS, default_preset, preset
from alpaca_tui.finetune.recipe import ALIASES, PARAMETERS, Parameter, Recipe, read_recipe


def values_of(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Everything a parameter may be."""
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.kind is bool:
        return st.booleans()
    if parameter.kind is int:
        return st.integers(int(parameter.low), int(parameter.high))
    return st.floats(parameter.low, parameter.high, exclude_min=parameter.above)


RECIPES = st.builds(Recipe, **{name: values_of(one) for name, one in PARAMETERS.items()})


def test_the_default_is_the_published_first_release() -> None:
    recipe = preset(DEFAULT_PRESET).recipe
    assert recipe == Recipe()
    published = {
        "method": "full", "batch": 128, "learning_rate": 2e-5, "epochs": 3, "max_length": 512, "weight_decay": 1,
        "schedule": "cosine", "warmup": 0.03, "precision": "bf16", "optimizer": "adamw",
    }  # fmt: skip
    assert {name: recipe.values()[name] for name in published} == published


@pytest.mark.parametrize(
    ("name", "differences"),
    [
        ("alpaca-7b-corrected", {"weight_decay": (1, 0)}),
        ("alpaca-13b", {"weight_decay": (1, 0), "learning_rate": (2e-5, 1e-5), "epochs": (3, 5)}),
        ("lora", {"method": ("full", "lora"), "weight_decay": (1, 0), "learning_rate": (2e-5, 2e-4)}),
        (
            "qlora",
            {
                "method": ("full", "qlora"), "weight_decay": (1, 0), "learning_rate": (2e-5, 2e-4),
                "lora_rank": (16, 64), "lora_alpha": (32, 16), "lora_dropout": (0.05, 0.1),
            },
        ),
    ],
)  # fmt: skip
def test_presets_differ_from_the_default_where_their_sources_do(
    name: str, differences: dict[str, Any]
) -> None:
    assert preset(name).recipe.differences(Recipe()) == differences
    assert preset(name).source


def test_every_parameter_says_why_and_has_a_default_it_allows() -> None:
    assert [*PARAMETERS] == [one.name for one in fields(Recipe)]
    for name, parameter in PARAMETERS.items():
        assert parameter.why.endswith("."), name
        assert parameter.checked(Recipe().values()[name]) == Recipe().values()[name]
        assert parameter.kind is type(Recipe().values()[name]), name


@given(RECIPES)
def test_what_was_written_is_read_again(recipe: Recipe) -> None:
    assert read_recipe(recipe.values()) == recipe
    assert Recipe().changed(f"{name}={value}" for name, value in recipe.values().items()) == recipe


def test_settings_as_a_person_writes_them() -> None:
    recipe = Recipe().changed(["epochs=2", "learning-rate = 1e-4", "packing=YES", "epochs=0.5", "seed=7"])
    assert recipe == replace(Recipe(), epochs=0.5, learning_rate=1e-4, packing=True, seed=7)
    assert Recipe().changed([]) == Recipe()


def test_of_an_adapter_alone_its_own_parameters_are_told() -> None:
    odd = replace(Recipe(), lora_rank=8)
    assert odd.differences(Recipe()) == {}
    assert replace(odd, method="lora").differences(Recipe()).keys() == {"method", "lora_rank"}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("epochs=0", "more than 0 and at most 1000"),
        ("epochs=nan", "more than 0"),
        ("epochs=inf", "more than 0"),
        ("epochs=many", "a number"),
        ("batch=1.5", "a whole number"),
        ("batch=0", "at least 1"),
        ("batch=", "a whole number"),
        ("weight_decay=-1", "at least 0"),
        ("method=ful", "full, lora, qlora"),
        ("packing=perhaps", "yes or no"),
        ("epoch=2", "epochs"),
        ("xyzzy=2", "There are method, batch"),
        ("=2", "There are method"),
        ("epochs", "KEY=VALUE"),
    ],
)
def test_what_cannot_be_is_refused_in_plain_words(setting: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        Recipe().changed([setting])
    assert told in f"{caught.value.title} {caught.value.cause}"
    assert caught.value.exit_code == 2
    assert caught.value.next_step


def test_nonsense_is_refused_however_a_recipe_is_made() -> None:
    with pytest.raises(UserError, match="batch cannot be 0"):
        Recipe(batch=0)
    with pytest.raises(UserError, match="learning_rate"):
        replace(Recipe(), learning_rate=float("nan"))


def test_there_is_no_other_preset() -> None:
    with pytest.raises(UserError) as caught:
        preset("gpt-4")
    assert all(name in caught.value.cause for name in PRESETS)


def test_names_of_other_programs_are_understood() -> None:
    recipe = Recipe().changed(["lr=1e-5", "batch_size=64", "num-train-epochs=1", "model_max_length=256"])
    assert recipe == replace(Recipe(), learning_rate=1e-5, batch=64, epochs=1.0, max_length=256)
    assert set(ALIASES.values()) <= set(PARAMETERS)
    assert not set(ALIASES) & set(PARAMETERS)


def test_whoever_names_no_preset_gets_that_of_the_method() -> None:
    assert default_preset("full").name == "alpaca-7b"
    assert default_preset("lora").recipe.method == "lora"
    assert default_preset("qlora").recipe.method == "qlora"
    assert default_preset("lora", tiny=True).name == "tiny"
