"""A teacher's answer read as tasks: the one import for everyone outside this room.

`TolerantParser` (the default) reads text as it streams; `parse_faithful` applies the rules of the 2023
release to a whole answer. Knows no teacher, no store and no screen.
"""

from __future__ import annotations

from typing import Literal

from alpaca_tui.generation.parser_faithful import parse_faithful, strip_leading_header
from alpaca_tui.generation.parser_tolerant import TolerantParser
from alpaca_tui.generation.task import Task

__all__ = ["ParserName", "Task", "TolerantParser", "parse", "parse_faithful", "strip_leading_header"]

ParserName = Literal["tolerant", "faithful"]


def parse(text: str, k: int, finish_reason: str, parser: ParserName = "tolerant") -> list[Task]:
    """All tasks of a whole answer to a prompt that showed k examples, in order.

    A leading `k+1. Instruction:` is allowed for both parsers (chat answers write it, legacy endpoints
    continue it).
    """
    if parser == "faithful":
        return parse_faithful(strip_leading_header(text, k), k, finish_reason)
    tolerant = TolerantParser(k)
    return [*tolerant.feed(text), *tolerant.close(finish_reason)]
