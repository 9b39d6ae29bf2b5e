"""What every part of curation calls a row it only reads."""

from __future__ import annotations

from typing import Protocol


class Texts(Protocol):
    """Anything with the three texts: an example, an imported row, a seed task."""

    @property
    def instruction(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def output(self) -> str: ...
