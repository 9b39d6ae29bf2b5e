"""Copying says which way it went and never claims what it does not know."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from alpaca_tui.tui import clipboard


class Machine:
    """Which tools there are, and what they were given."""

    def __init__(self, *tools: str, broken: Sequence[str] = ()) -> None:
        self.tools = tools
        self.broken = broken
        self.given: list[tuple[list[str], bytes]] = []

    def which(self, name: str) -> str | None:
        return f"/usr/bin/{name}" if name in self.tools else None

    def run(self, command: list[str], *, input: bytes, **_: Any) -> subprocess.CompletedProcess[bytes]:
        if command[0] in self.broken:
            raise subprocess.TimeoutExpired(command, 2)
        self.given.append((command, input))
        return subprocess.CompletedProcess(command, 0)

    def copy(self, text: str, **environment: str) -> clipboard.Copied:
        return clipboard.copy(text, environment=environment, which=self.which, run=self.run)


@pytest.mark.parametrize(
    ("tool", "environment"),
    [
        ("wl-copy", {"WAYLAND_DISPLAY": "wayland-0"}),
        ("xclip", {"DISPLAY": ":0"}),
        ("xsel", {"DISPLAY": ":0"}),
        ("pbcopy", {}),
    ],
)
def test_a_local_tool_is_surest(tool: str, environment: dict[str, str]) -> None:
    machine = Machine(tool)
    copied = machine.copy("héllo", **environment)
    assert copied == clipboard.Copied(f"Copied with {tool}", True)
    assert machine.given[0][1] == "héllo".encode()


def test_over_ssh_the_local_tools_are_the_wrong_machines() -> None:
    machine = Machine("xclip")
    copied = machine.copy("text", DISPLAY=":0", SSH_CONNECTION="1.2.3.4 5 6.7.8.9 22")
    assert machine.given == []
    assert copied.words.startswith("Sent to the terminal's clipboard")
    assert copied.write == f"\x1b]52;c;{base64.b64encode(b'text').decode()}\a"


def test_in_tmux_its_buffer_is_taken() -> None:
    machine = Machine("tmux")
    copied = machine.copy("text", TMUX="/tmp/tmux-0/default,1,0", SSH_TTY="/dev/pts/0")
    assert machine.given[0][0] == ["tmux", "load-buffer", "-w", "-"]
    assert "tmux" in copied.words


def test_a_tool_that_hangs_is_passed_over() -> None:
    machine = Machine("xclip", "xsel", broken=["xclip"])
    assert machine.copy("text", DISPLAY=":0").words == "Copied with xsel"


def test_what_no_terminal_takes_is_refused_honestly() -> None:
    copied = Machine().copy("x" * 100_000)
    assert not copied.ok
    assert copied.write == ""
