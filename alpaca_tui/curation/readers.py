"""Processes that read rows for `inspection`, so that many rows hold up neither a screen nor a run.

Each is this module run by itself: it takes a batch at its standard input, answers at its standard output and
ends with its input, so that none outlives the program however that ends. Knows the rules, no store.
"""

from __future__ import annotations

import logging
import pickle
import queue
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, cast

from alpaca_tui.children import module_command, module_environment
from alpaca_tui.curation.diversity import ANALYSER_VERSION, root_verb_object
from alpaca_tui.curation.lint import LINT_VERSION, Context, lint_row, prompt_key, whole_key
from alpaca_tui.store.curated import Inspection

logger = logging.getLogger(__name__)
READER_VERSION = LINT_VERSION * 1_000 + ANALYSER_VERSION
"""What was told by another version is stale."""

Batch = Sequence[tuple[str, str, str]]
"""(instruction, input, output) of some hundred rows."""


def read_batch(rows: Batch, context: Context) -> list[Inspection]:
    """What reading rows tells, the rules about several rows apart."""
    out: list[Inspection] = []
    for instruction, input, output in rows:
        rules = tuple(dict.fromkeys(found.rule for found in lint_row(instruction, input, output, context)))
        verb, object = root_verb_object(instruction)
        keys = prompt_key(instruction, input), whole_key(instruction, input, output)
        out.append(Inspection(rules, verb, object, *keys, READER_VERSION))
    return out


class Readers:
    """Some processes at once. A process that cannot be started, or dies, is replaced by this one."""

    def __init__(self, number: int, context: Context) -> None:
        self._context = context
        self._processes = [process for _ in range(number) if (process := _start()) is not None]
        self._free: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        for process in self._processes:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(max(len(self._processes), 1), "alpaca-readers")

    def read(self, rows: Batch) -> Future[list[Inspection]]:
        """What `read_batch` tells, once a process is free."""
        return self._threads.submit(self._read, rows)

    def _read(self, rows: Batch) -> list[Inspection]:
        if not self._processes:
            return read_batch(rows, self._context)
        process = self._free.get()
        try:
            pickle.dump((list(rows), self._context), cast(IO[bytes], process.stdin))
            cast(IO[bytes], process.stdin).flush()
            return cast("list[Inspection]", pickle.load(cast(IO[bytes], process.stdout)))
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            logger.warning("a reading process is gone, its rows are read here: %s", error)
            return read_batch(rows, self._context)
        finally:
            self._free.put(process)

    def __enter__(self) -> Readers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.kill()
            process.communicate()


def _start() -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            module_command(__name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=module_environment(),
            start_new_session=True,
        )
    except OSError as error:
        logger.warning("no reading process can be started: %s", error)
        return None


def main() -> int:
    """Read batches until the input ends."""
    while True:
        try:
            rows, context = pickle.load(sys.stdin.buffer)
        except EOFError:
            return 0
        pickle.dump(read_batch(rows, context), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
