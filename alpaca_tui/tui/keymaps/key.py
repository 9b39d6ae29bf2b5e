"""A row of the key table: one action, its keys, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass

MOVE = "Moving about"
RUN = "The run"
LOOK = "Looking closer"
PROGRAM = "The program"


@dataclass(frozen=True, slots=True)
class Key:
    """One action and its keys.

    area: the screen or widget it belongs to (`app` is everywhere). id: unique. keys: Textual's key names,
    the first is the one shown. action: Textual action. label: the footer's word. help: a sentence for the
    help. group: the help's heading. show: in the footer. command: the palette's words, "" for none.
    priority: works whatever has the focus, and at once, ahead of keys that still wait for their field. So what
    moves the focus must have it (or keys typed ahead land in the wrong field), and what reads a form must not.
    """

    area: str
    id: str
    keys: tuple[str, ...]
    action: str
    label: str
    help: str
    group: str = "This screen"
    show: bool = True
    command: str = ""
    priority: bool = False

    @property
    def shown(self) -> str:
        """The first key as people write it."""
        return display(self.keys[0])

    @property
    def all_shown(self) -> str:
        return " ".join(dict.fromkeys(display(key) for key in self.keys))


_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "underscore": "_",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "space": "space",
    "enter": "enter",
    "escape": "esc",
    "tab": "tab",
    "shift+tab": "shift+tab",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "comma": ",",
    "asterisk": "*",
    "number_sign": "#",
    "delete": "del",
}


def display(key: str) -> str:
    """A Textual key name as people write it: `ctrl+p` -> `^p`, `question_mark` -> `?`, `f1` -> `F1`."""
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("ctrl+"):
        return "^" + display(key[5:])
    if len(key) in (2, 3) and key[0] == "f" and key[1:].isdigit():
        return key.upper()
    return key
