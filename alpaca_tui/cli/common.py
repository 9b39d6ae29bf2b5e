"""What every command shares: the global options, the two output channels, and how an error looks.

Standard output carries data only (with `--json` exactly one JSON object); words, progress and errors go
to standard error. Knows no room but errors, text and the workspace.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from alpaca_tui.errors import UserError
from alpaca_tui.text import visible

if TYPE_CHECKING:
    from alpaca_tui.config import Settings
    from alpaca_tui.workspace import Workspace

GLOBAL_FLAGS = {"--json", "--quiet", "-q", "-v", "--verbose"}
GLOBAL_VALUES = {"--workspace", "-w"}
LINE_INTERVAL_S = 10.0
"""Between two lines of progress where there is no terminal."""
_FRAME = 6
"""Cells of a line with a title that are not the title's."""


@dataclass(slots=True)
class Invocation:
    """The global options of one call."""

    workspace_dir: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def out(self) -> Console:
        return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)

    @property
    def err(self) -> Console:
        return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, quiet=self.quiet)

    def workspace(self) -> Workspace:
        from alpaca_tui.workspace import Workspace

        return Workspace.resolve(self.workspace_dir)

    def settings(self, workspace: Workspace) -> Settings:
        from alpaca_tui.config import load_settings

        return load_settings(workspace.root)

    def say(self, message: str) -> None:
        """A word to the person, never to a script."""
        self.err.print(Text(visible(message)))

    def result(self, data: dict[str, Any], words: str = "") -> None:
        """The command's result: one JSON object with `--json`, else `words` for a person."""
        if self.json:
            print(
                json.dumps(data, ensure_ascii=False, default=str).encode("utf-8", "replace").decode("utf-8")
            )
        elif words and not self.quiet:
            self.out.print(Text(visible(words)))


def clock(seconds: float | None) -> str:
    """`1:05:09`, `3:20`, or `?` where it is not known."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def hoist(arguments: list[str]) -> list[str]:
    """Global options moved to the front, so that they are accepted before or after the subcommand.

    An argument after `--` is left alone.
    """
    front: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument == "--":
            rest.extend(arguments[position:])
            break
        if argument in GLOBAL_FLAGS or (argument.startswith("--workspace=")):
            front.append(argument)
        elif argument in GLOBAL_VALUES and position + 1 < len(arguments):
            front.extend(arguments[position : position + 2])
            position += 1
        else:
            rest.append(argument)
        position += 1
    return front + rest


def show_error(error: UserError, *, as_json: bool) -> None:
    """The same three sentences as on screen: what happened, why, what to do next."""
    if as_json:
        print(
            json.dumps(
                {
                    "error": {
                        "title": visible(error.title),
                        "cause": visible(error.cause),
                        "next_step": visible(error.next_step),
                    }
                },
                ensure_ascii=False,
            )
        )
    lines = [Text(visible(part)) for part in (error.cause, error.next_step) if part]
    if lines and error.next_step:
        lines[-1].stylize("bold")
    console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
    width = min(console.width, 100)
    title = Text(visible(error.title))
    above = bool(lines) and title.cell_len <= width - _FRAME
    console.print(
        Panel(
            Group(*lines) if above else Group(title, *lines),
            title=title if above else None,
            title_align="left",
            border_style="red",
            width=width,
        )
    )
