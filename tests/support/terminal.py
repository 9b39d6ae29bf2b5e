"""The real program in a real terminal (tmux): keys in, the screen out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
REPOSITORY = Path(__file__).resolve().parent.parent.parent


class Terminal:
    """A tmux session with one program in it."""

    def __init__(self, command: list[str], size: tuple[int, int] = (110, 34)) -> None:
        self._socket = f"alpaca-{uuid.uuid4().hex[:8]}"
        self.log: list[str] = []
        width, height = size
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        exports = " ".join(f"{name}='{value}'" for name, value in environment.items())
        words = " ".join(f"'{word}'" for word in command)
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-s", "s", "-x", str(width), "-y", str(height)),
            f"cd '{REPOSITORY}'; env -i {exports} TERM=xterm-256color LC_ALL=C.UTF-8 {words}; echo \"[exit $?]\"; sleep 600",
        )
        self._tmux("set", "-g", "status", "off")

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        return subprocess.run(
            ["tmux", "-L", self._socket, *arguments], check=check, capture_output=True, text=True, timeout=20
        ).stdout

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "s")

    def until(self, text: str, seconds: float = 60.0) -> str:
        """Wait until `text` is on the screen; the screen."""
        end = time.monotonic() + seconds
        while text not in (shown := self.screen):
            assert time.monotonic() < end, f"never on the screen: {text!r}\n{shown}"
            time.sleep(0.1)
        return shown

    def until_gone(self, text: str, seconds: float = 20.0) -> str:
        """Wait until `text` has left the screen; the screen."""
        end = time.monotonic() + seconds
        while text in (shown := self.screen):
            assert time.monotonic() < end, f"still on the screen: {text!r}\n{shown}"
            time.sleep(0.1)
        return shown

    def press(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", "-t", "s", key)
            time.sleep(0.1)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "s", "-l", text)
        time.sleep(0.1)

    def pid_of(self, needle: str) -> int:
        """The process id of the program (a descendant of tmux's shell whose command holds `needle`)."""
        shell = int(self._tmux("list-panes", "-t", "s", "-F", "#{pane_pid}").strip())
        found = subprocess.run(
            ["ps", "-o", "pid=,ppid=,args=", "-A"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        rows = [line.split(None, 2) for line in found]
        family = {shell}
        for _ in range(4):
            family |= {int(row[0]) for row in rows if int(row[1]) in family}
        return max(
            int(row[0])
            for row in rows
            if int(row[0]) in family and needle in row[2] and "python" in row[2].split()[0]
        )

    def close(self) -> None:
        self._tmux("kill-server", check=False)


def program(workspace: Path) -> list[str]:
    return [sys.executable, "-m", "alpaca_tui", "--workspace", str(workspace)]
