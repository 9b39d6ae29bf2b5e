"""The demo teacher as a server: binds the address, announces it, ends when it is told to.

`serve` is what the command `alpaca-tui teacher demo` and `python -m alpaca_tui.teacher.demo` call;
`run_server` is the same for a loop that already runs. Knows no task and no screen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import threading
import time
from collections.abc import Callable

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.demo.connection import DEFAULT_PACE, Connection, DemoOptions, DemoTeacher
from alpaca_tui.teacher.demo.protocol import MODEL
from alpaca_tui.teacher.demo.writer import DEFAULT_FLAWS

__all__ = ["DEFAULT_FLAWS", "DEFAULT_PACE", "DEFAULT_PORT", "DemoOptions", "run_server", "serve"]

DEFAULT_PORT = 8765
_GRACE_S = 2.0
_OPEN_FILES = 8192
_PARENT_CHECK_S = 1.0


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    seed: int = 0,
    pace: float = DEFAULT_PACE,
    flaws: float = DEFAULT_FLAWS,
    until_stdin_closes: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; blocks, from the main thread only.

    The first line on stdout is one JSON object, `{"url": ..., "model": ...}`; nothing follows it. `port` 0
    takes a free one; the other options are those of `DemoOptions`. With `until_stdin_closes` it also ends
    when stdin does or the parent dies. Raises UserError when the address cannot be bound.
    """
    _allow_many_connections()
    asyncio.run(_serve(host, port, DemoOptions(seed, pace, flaws), until_stdin_closes))


def _allow_many_connections() -> None:
    """Each connection is an open file; the usual soft limit of 1,024 is below what one run may use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # a stricter limit of the machine stands
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(host: str, port: int, options: DemoOptions, until_stdin_closes: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        # From here on the end of either wait is the end of the process, even with a stuck loop.
        for wait in (_wait_for_stdin, _wait_for_parent):
            threading.Thread(target=_then_stop, args=(wait, loop, stop), daemon=True).start()
    await run_server(host, port, options, on_ready=_announce, stop=stop)


async def run_server(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    options: DemoOptions | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until `stop` is set (or the coroutine is cancelled); then every connection is closed.

    `port` 0 takes a free one; `on_ready` is called once with the URL clients use, ending in `/v1`.
    Raises UserError when the address cannot be bound.
    """
    teacher = DemoTeacher(options or DemoOptions())
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await Connection(reader, writer, teacher).run()
        finally:
            connections.discard(task)

    try:
        server = await asyncio.start_server(connected, host, port, backlog=1024)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"The demo teacher cannot listen on {host} port {port}",
            f"{error}.",
            "Take another port with --port, or --port 0 for any free one.",
        ) from error
    async with server:
        bound = server.sockets[0].getsockname()
        if on_ready is not None:
            shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            on_ready(f"http://{shown}:{bound[1]}/v1")
        try:
            await (stop or asyncio.Event()).wait()
        finally:
            server.close()
            for task in list(connections):
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)


def _announce(url: str) -> None:
    print(json.dumps({"url": url, "model": MODEL}), flush=True)


def _then_stop(wait: Callable[[], None], loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
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
