"""Who loads what, seen in fresh processes: a static import graph cannot see what is imported later."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import alpaca_tui

HEAVY = {"textual", "torch", "transformers", "openai", "numpy", "rapidfuzz", "datasets", "peft"}
FOR_SCREENS = ("alpaca_tui.tui", "alpaca_tui.cli", "alpaca_tui.__main__")
IN_THE_WORKER = "alpaca_tui.finetune.training"


def loaded(code: str, *arguments: str) -> set[str]:
    """Top-level packages in memory after `code` ran in a fresh interpreter."""
    program = (
        f"import sys\n{code}\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def core_modules() -> list[str]:
    found = pkgutil.walk_packages(alpaca_tui.__path__, "alpaca_tui.")
    return [
        module.name
        for module in found
        if not module.name.startswith((*FOR_SCREENS, IN_THE_WORKER)) and "__main__" not in module.name
    ]


def test_core_loads_neither_screens_nor_torch() -> None:
    modules = core_modules()
    assert "alpaca_tui.generation.engine" in modules
    packages = loaded("\n".join(f"import {name}" for name in modules))
    assert not packages & {"textual", "typer", "torch", "transformers", "datasets", "peft"}


def test_the_package_itself_loads_nothing() -> None:
    before = loaded("pass")
    assert loaded("import alpaca_tui") - before == {"alpaca_tui"}


@pytest.mark.parametrize("argument", ["--help", "--version", "generate --help"])
def test_help_loads_nothing_heavy(argument: str) -> None:
    code = f"sys.argv = ['alpaca-tui', *{argument.split()!r}]\nfrom alpaca_tui.__main__ import main\nassert main() == 0"
    packages = loaded(code)
    assert not packages & HEAVY
    if argument == "--version":
        assert "typer" not in packages


def test_the_first_screen_loads_no_engine() -> None:
    packages = loaded("import alpaca_tui.tui.app")
    assert not packages & {"torch", "transformers", "openai", "numpy", "rapidfuzz", "datasets"}
