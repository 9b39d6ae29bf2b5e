"""Copying that works where people are: on this machine, in tmux, over ssh. It says which way it went.

A local tool is sure to reach the clipboard; without one the terminal itself is asked (OSC 52), which
crosses ssh but cannot be confirmed. Knows no screen; `Way.write` is what the terminal must be sent.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

OSC52_LIMIT = 100_000
"""Bytes of base64 many terminals accept at most; more is cut silently by them, so we do not try."""

_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Copied:
    """How a copy went: words for a toast, whether it may be trusted, and what the terminal must be sent."""

    words: str
    ok: bool
    write: str = ""


def _tools(environment: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Local tools that reach a clipboard from here, best first."""
    remote = "SSH_CONNECTION" in environment or "SSH_TTY" in environment
    found: list[tuple[str, list[str]]] = []
    if not remote:
        if "WAYLAND_DISPLAY" in environment:
            found.append(("wl-copy", ["wl-copy"]))
        if "DISPLAY" in environment:
            found += [
                ("xclip", ["xclip", "-selection", "clipboard"]),
                ("xsel", ["xsel", "--clipboard", "--input"]),
            ]
        found += [("pbcopy", ["pbcopy"]), ("clip.exe", ["clip.exe"])]
    if "TMUX" in environment:
        found.append(("tmux", ["tmux", "load-buffer", "-w", "-"]))
    return found


def osc52(text: str) -> str:
    """The escape sequence that asks a terminal to take `text` into its clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')).decode('ascii')}\a"


def copy(
    text: str,
    *,
    environment: Mapping[str, str] | None = None,
    which: Callable[[str], str | None] = shutil.which,
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run,
) -> Copied:
    """Copy `text` by the surest way there is. Blocks for up to a few seconds: call it in a thread."""
    environment = os.environ if environment is None else environment
    data = text.encode("utf-8", "replace")
    for name, command in _tools(environment):
        if which(command[0]) is None:
            continue
        try:
            done = run(
                command,
                input=data,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if done.returncode == 0:
            where = (
                "Copied to tmux's buffer and, where it may, the terminal"
                if name == "tmux"
                else f"Copied with {name}"
            )
            return Copied(where, True)
    sequence = osc52(text)
    if len(sequence) > OSC52_LIMIT:
        return Copied("Too long for the terminal's clipboard, and no clipboard tool was found", False)
    return Copied("Sent to the terminal's clipboard (OSC 52)", True, sequence)
