"""Terminals that are closed after their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.terminal import Terminal

OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def open_terminal() -> Iterator[OpenTerminal]:
    opened: list[Terminal] = []

    def start(command: list[str], size: tuple[int, int] = (110, 34)) -> Terminal:
        opened.append(Terminal(command, size))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()
