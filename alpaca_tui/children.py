"""How this program starts a module of its own as another process. Knows none of the modules."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_INSTALLED = ("site-packages", "dist-packages")


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line of `module`. `-P` keeps the current directory (a user's own modules) out of the
    child's path; start it with `module_environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment() -> dict[str, str]:
    """Ours, with the place of this package added where Python would not find it by itself."""
    environment = dict(os.environ)
    root = Path(__file__).resolve().parent.parent
    if root.name not in _INSTALLED:
        paths = [path for path in (environment.get("PYTHONPATH"), str(root)) if path]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
