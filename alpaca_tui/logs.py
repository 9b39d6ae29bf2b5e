"""The program's own log: what a person is not bothered with, tracebacks above all, in the workspace.

Only our own logger writes there: what libraries log may hold addresses with keys in them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TextIO

logger = logging.getLogger("alpaca_tui")
logger.addHandler(logging.NullHandler())  # else the last resort writes on standard error, over the screen
_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def log_to_file(path: Path) -> logging.Handler | None:
    """Write the log to `path` (made at the first line); None where that cannot be: the program still works."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    except OSError:
        return None
    return _add(handler)


def log_to_stream(stream: TextIO) -> logging.Handler:
    """Write the log to `stream` as well, from INFO on."""
    logger.setLevel(logging.INFO)
    return _add(logging.StreamHandler(stream))


def stop_logging(handler: logging.Handler | None) -> None:
    if handler is not None:
        logger.removeHandler(handler)
        handler.close()


def _add(handler: logging.Handler) -> logging.Handler:
    handler.setFormatter(logging.Formatter(_FORMAT))
    logger.addHandler(handler)
    return handler
