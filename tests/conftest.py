"""What every test may lean on: the real data (where it is at hand) and a clean environment."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code under test: no deadlines, no complaint about slow generation.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real seed tasks, instructions and evaluation suites; never part of the repository.

    `ALPACA_TUI_TEST_DATA`, else `../shared/data` beside the repository; tests that need it skip by name.
    """
    folder = Path(os.environ.get("ALPACA_TUI_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (folder / "instructions.jsonl.gz").is_file():
        pytest.skip(
            f"needs the real data: {folder}/instructions.jsonl.gz is absent (set ALPACA_TUI_TEST_DATA)"
        )
    return folder


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off the developer's own settings, keys and workspaces."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    for name in [*os.environ]:
        if name.startswith(("ALPACA_TUI_", "OPENAI_")) and name != "ALPACA_TUI_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure that shows a lone surrogate must not take the worker down that reports it."""
    report = yield
    if report.longrepr is not None and report.failed:
        report.longrepr = str(report.longrepr).encode("utf-8", "backslashreplace").decode()
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode()) for title, text in report.sections
    ]
    return report
