"""The command line called in this process: as quick as a function, with the exit code and both channels."""

from __future__ import annotations

import contextlib
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from alpaca_tui.cli.app import run

_FRAME = re.compile("[│╭╮╰╯─]+")


@dataclass(frozen=True, slots=True)
class Called:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on standard output."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """Standard error as one line, without the frame around it."""
        return " ".join(_FRAME.sub(" ", self.err).split())


def call(*arguments: object) -> Called:
    """Run `alpaca-tui ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    assert "Traceback" not in err.getvalue()
    return Called(code, out.getvalue(), err.getvalue())


def done(*arguments: object) -> Any:
    """Run it with `--json`, which must succeed; its result."""
    called = call("--json", *arguments)
    assert called.code == 0, called.err or called.out
    return called.json
