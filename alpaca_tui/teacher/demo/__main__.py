"""`python -m alpaca_tui.teacher.demo`: the demo teacher as a process of its own.

The first line on stdout is one JSON object, `{"url": ..., "model": ...}`; nothing follows it. With
`--until-stdin-closes` the process ends when its stdin does or its parent dies, so it cannot outlive
the program that started it, however that one ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
import time

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.demo.protocol import MODEL
from alpaca_tui.teacher.demo.server import DEFAULT_PACE, DEFAULT_PORT, DemoOptions, serve
from alpaca_tui.teacher.demo.writer import DEFAULT_FLAWS

_GRACE_S = 2.0
_PARENT_CHECK_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m alpaca_tui.teacher.demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free port")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, default=DEFAULT_PACE, help="tokens/s of a stream; 0 = at once")
    parser.add_argument("--flaws", type=float, default=DEFAULT_FLAWS, help="share of spoilt tasks, 0..1")
    parser.add_argument("--until-stdin-closes", action="store_true")
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_stdin_closes:
        # From here on the ends of these threads are the end of the process, even with a stuck loop.
        for watch in (_wait_for_stdin, _wait_for_parent):
            threading.Thread(target=_then_stop, args=(watch, loop, stop), daemon=True).start()
    options = DemoOptions(seed=arguments.seed, pace=arguments.pace, flaws=arguments.flaws)
    await serve(arguments.host, arguments.port, options, on_ready=_announce, stop=stop)


def _announce(url: str) -> None:
    print(json.dumps({"url": url, "model": MODEL}), flush=True)


def _then_stop(wait: object, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    assert callable(wait)
    wait()
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:  # the loop has ended already
        return
    time.sleep(_GRACE_S)
    os._exit(0)


def _wait_for_stdin() -> None:
    while os.read(0, 4096):
        pass


def _wait_for_parent() -> None:
    # A process forked by our parent may hold the other end of stdin open after the parent is gone.
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)


if __name__ == "__main__":
    sys.exit(main())
