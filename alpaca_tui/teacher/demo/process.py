"""Starts the demo teacher as a child process that cannot outlive this one.

A process of its own, so that the teacher's work never competes with a screen's event loop, and a real
server, so that the whole road (HTTP, streaming, faults) is the one any other teacher takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO

from alpaca_tui.children import module_command, module_environment
from alpaca_tui.errors import UserError
from alpaca_tui.teacher.demo.server import DEFAULT_PACE
from alpaca_tui.teacher.demo.writer import DEFAULT_FLAWS

START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 3.0


@dataclass(slots=True)
class DemoProcess:
    """A running demo teacher. `url` ends in `/v1`; `stop()` may be called more than once, and happens by
    itself when this process ends, however it ends."""

    url: str
    model: str
    process: subprocess.Popen[bytes] = field(repr=False)
    errors: IO[bytes] = field(repr=False)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """End the child: its stdin closes, and it is killed if that does not do within seconds."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def __enter__(self) -> DemoProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_demo(
    *,
    seed: int = 0,
    pace: float = DEFAULT_PACE,
    flaws: float = DEFAULT_FLAWS,
    timeout_s: float = START_TIMEOUT_S,
) -> DemoProcess:
    """Start a demo teacher on a free loopback port and wait until it answers. Blocks (well under a
    second as a rule). Options as in `server.DemoOptions`. Raises UserError when it does not come up."""
    options = ["--port", "0", "--until-stdin-closes", "--seed", str(seed)]
    options += ["--pace", repr(float(pace)), "--flaws", repr(float(flaws))]
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
    try:
        process = subprocess.Popen(
            module_command("alpaca_tui.teacher.demo", *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=module_environment(),
            # Its own session: ctrl+c in the terminal is for us to handle, not for the teacher.
            start_new_session=True,
        )
    except OSError as error:
        errors.close()
        raise _not_started(f"{error}.") from error
    demo = DemoProcess("", "", process, errors)
    try:
        ready = json.loads(_first_line(process, timeout_s))
        demo.url, demo.model = str(ready["url"]), str(ready["model"])
    except (ValueError, KeyError, TypeError, TimeoutError) as error:
        process.kill()
        process.wait()
        cause = _tail(errors) or f"It said nothing for {timeout_s:g} seconds ({type(error).__name__})."
        demo.stop()
        raise _not_started(cause) from error
    except BaseException:
        demo.stop()
        raise
    return demo


def _not_started(cause: str) -> UserError:
    return UserError(
        "The demo teacher did not start",
        cause,
        "Run `alpaca-tui teacher demo` to see what it says, then try again.",
    )


def _first_line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    """The first line of the child's stdout; what there is when it ends early. Raises TimeoutError."""
    assert process.stdout is not None
    deadline = time.monotonic() + timeout_s
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while b"\n" not in line:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            data = os.read(process.stdout.fileno(), 4096)
            if not data:
                break
            line += data
    return line.partition(b"\n")[0]


def _tail(errors: IO[bytes], limit: int = 2000) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - limit))
    return errors.read().decode("utf-8", "replace").strip()
