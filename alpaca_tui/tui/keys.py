"""The one key table: it drives dispatch, the footer, the help and the palette.

A key that is not here does not exist. `command` is the palette's `area: Verb`. Knows no screen and no
widget; `bindings` is the only bridge to Textual (imported when asked for, so that the command line can
print the table without it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import BindingType


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


_MOVE = "Moving about"
_RUN = "The run"
_LOOK = "Looking closer"
_PROGRAM = "The program"

KEYS: tuple[Key, ...] = (
    # --- everywhere
    Key(
        "app",
        "app.home",
        ("1", "f1"),
        "app.go('home')",
        "Home",
        "Home: what this workspace holds and what to do next.",
        _PROGRAM,
        show=False,
        command="go: Home",
    ),
    Key(
        "app",
        "app.generate",
        ("2", "f2"),
        "app.go('generate')",
        "Generate",
        "Generate: set a run up, watch it, look into its answers.",
        _PROGRAM,
        show=False,
        command="go: Generate",
    ),
    Key(
        "app",
        "app.back",
        ("q",),
        "app.back",
        "Back",
        "One step back; on Home, leave the program.",
        _PROGRAM,
        show=False,
    ),
    Key("app", "app.escape", ("escape",), "app.step_out", "Close", "Step out of a field or a window.", _PROGRAM, show=False),
    Key(
        "app",
        "app.theme",
        ("ctrl+t",),
        "app.change_theme",
        "Theme",
        "Choose a theme; the choice is remembered.",
        _PROGRAM,
        show=False,
        command="view: Change theme",
    ),
    Key(
        "app",
        "app.help",
        ("question_mark",),
        "app.help",
        "Help",
        "What this screen is and every key of it.",
        _PROGRAM,
        command="help: This screen",
    ),
    Key(
        "app",
        "app.palette",
        ("ctrl+p",),
        "app.command_palette",
        "Palette",
        "Every action by name.",
        _PROGRAM,
        priority=True,
    ),
    Key(
        "app",
        "app.quit",
        ("ctrl+q",),
        "app.leave",
        "Quit",
        "Leave the program; asks only while a run is live.",
        _PROGRAM,
        command="program: Quit",
        priority=True,
    ),
    Key(
        "app",
        "app.interrupt",
        ("ctrl+c",),
        "app.interrupt",
        "Quit",
        "Twice: leave at once. A live run is stopped safely and can be continued.",
        _PROGRAM,
        show=False,
    ),
    # --- Home
    Key("home", "home.demo", ("d",), "demo", "Try the demo", "Start a run with the offline demo teacher.", command="home: Try the demo teacher"),
    Key("home", "home.continue", ("r",), "continue_run", "Continue", "Continue the last run where it stopped.", command="home: Continue the last run"),
    Key("home", "home.watch", ("w",), "watch", "Watch", "Go to the live run.", command="home: Watch the run"),
    Key("home", "home.setup", ("n",), "setup", "New run", "Set up a run with a teacher of your choice.", command="home: Set up a run"),
    Key("home", "home.candidates", ("c",), "candidates", "Candidates", "Browse everything the teacher wrote, kept or not.", command="home: Browse candidates"),
    # --- Generate
    Key("generate", "generate.pause", ("space", "p"), "pause", "Pause", "Pause: what is in flight is finished, nothing new is asked.", _RUN, command="generate: Pause the run"),
    Key("generate", "generate.resume", ("space", "p"), "resume", "Go on", "Go on after a pause.", _RUN, command="generate: Go on after the pause"),
    Key("generate", "generate.stop", ("s",), "stop", "Stop", "Stop the run. Everything so far is stored and the run can be continued.", _RUN, command="generate: Stop the run"),
    Key("generate", "generate.continue", ("r",), "continue_run", "Continue", "Continue with the same settings.", _RUN, command="generate: Continue the run"),
    Key("generate", "generate.new", ("n",), "new_setup", "New set-up", "Change the settings for the next run.", _RUN, command="generate: New set-up"),
    Key("generate", "generate.tune", ("t",), "tune", "Tune", "Change temperature, threshold and requests at once while it runs.", _RUN, command="generate: Tune the run"),
    Key("generate", "generate.candidates", ("c",), "candidates", "Candidates", "Browse every candidate: kept, duplicate, filtered, cut off, surplus.", _LOOK, command="generate: Browse candidates"),
    Key("generate", "generate.completions", ("a",), "answers", "Answers", "Browse every answer of the teacher: prompt, raw text, usage.", _LOOK, command="generate: Browse answers"),
    Key("generate", "generate.more", ("plus", "equals_sign"), "concurrency(1)", "More", "Ask more requests at once.", _RUN, command="generate: More requests at once"),
    Key("generate", "generate.fewer", ("minus",), "concurrency(-1)", "Fewer", "Ask fewer requests at once.", _RUN, command="generate: Fewer requests at once"),
    Key("generate", "generate.view", ("v",), "next_view", "View", "On a narrow screen: next pane.", _LOOK, command="generate: Next pane"),
    Key("generate", "generate.focus-next", ("tab",), "app.focus_next", "Next pane", "Next pane.", _MOVE, show=False),
    Key("generate", "generate.focus-previous", ("shift+tab",), "app.focus_previous", "Previous pane", "Previous pane.", _MOVE, show=False),
    # --- the set-up form
    Key("setup", "setup.start", ("ctrl+s", "f5"), "start", "Start", "Check the settings and start the run.", _RUN, command="set-up: Start the run"),
    Key("setup", "setup.cancel", ("escape",), "cancel", "Back to the run", "Leave the settings as they were.", _RUN),
    Key("setup", "setup.defaults", ("ctrl+r",), "defaults", "Defaults", "Put every field back to its default.", _RUN, show=False, command="set-up: Defaults"),
    Key("setup", "setup.next", ("tab",), "next_field", "Next field", "Next field.", _MOVE, show=False, priority=True),
    Key("setup", "setup.previous", ("shift+tab",), "previous_field", "Previous field", "Previous field.", _MOVE, show=False, priority=True),
    Key("setup", "setup.down", ("down",), "next_field", "Next field", "Next field; in a choice, open it.", _MOVE, show=False),
    Key("setup", "setup.up", ("up",), "previous_field", "Previous field", "Previous field.", _MOVE, show=False),
    # --- candidates
    Key("candidates", "candidates.next-tab", ("right_square_bracket", "right", "l"), "next_tab(1)", "Next list", "Next list: all, kept, duplicate, filtered, cut off, surplus.", _MOVE, show=False),
    Key("candidates", "candidates.previous-tab", ("left_square_bracket", "left", "h"), "next_tab(-1)", "Previous list", "Previous list.", _MOVE, show=False),
    Key("candidates", "candidates.search", ("slash",), "search", "Search", "Show only candidates whose text contains what you type.", _LOOK, command="candidates: Search"),
    Key("candidates", "candidates.rescue", ("R",), "rescue", "Rescue", "Keep a rejected candidate by hand.", "This candidate", command="candidates: Rescue"),
    Key("candidates", "candidates.copy", ("y",), "copy", "Copy", "Copy the candidate as JSON.", "This candidate", command="candidates: Copy"),
    Key("candidates", "candidates.completion", ("a",), "answer", "Whole answer", "The answer this candidate came from.", _LOOK, command="candidates: Open the whole answer"),
    Key("candidates", "candidates.close", ("escape",), "close", "Back", "Clear the search, then go back.", _MOVE),
    # --- one completion
    Key("completion", "completion.next-tab", ("right_square_bracket", "right", "l"), "next_tab(1)", "Next view", "Next view: tasks, answer, prompt.", _MOVE),
    Key("completion", "completion.previous-tab", ("left_square_bracket", "left", "h"), "next_tab(-1)", "Previous view", "Previous view.", _MOVE, show=False),
    Key("completion", "completion.older", ("comma",), "walk(-1)", "Older", "The answer before this one.", _MOVE),
    Key("completion", "completion.newer", (".",), "walk(1)", "Newer", "The answer after this one.", _MOVE),
    Key("completion", "completion.copy", ("y",), "copy", "Copy", "Copy what is shown.", "This answer", command="answer: Copy"),
    Key("completion", "completion.close", ("escape",), "close", "Back", "Go back.", _MOVE),
    # --- answers
    Key("answers", "answers.close", ("escape",), "close", "Back", "Go back.", _MOVE),
    # --- every list
    Key("list", "list.up", ("up", "k"), "cursor_up", "Up", "Up.", _MOVE, show=False),
    Key("list", "list.down", ("down", "j"), "cursor_down", "Down", "Down.", _MOVE, show=False),
    Key("list", "list.page-up", ("pageup", "ctrl+u"), "page_up", "Page up", "A page up.", _MOVE, show=False),
    Key("list", "list.page-down", ("pagedown", "ctrl+d"), "page_down", "Page down", "A page down.", _MOVE, show=False),
    Key("list", "list.first", ("home", "g"), "cursor_home", "First", "To the first.", _MOVE, show=False),
    Key("list", "list.last", ("end", "G"), "cursor_end", "Last", "To the last.", _MOVE, show=False),
    Key("list", "list.open", ("enter",), "open", "Open", "Open what the cursor is on.", _LOOK, show=False),
    # --- dialogs
    Key("dialog", "dialog.close", ("escape",), "close", "Close", "Close.", _MOVE),
    Key("dialog", "dialog.copy", ("c", "y"), "copy", "Copy", "Copy the text.", _LOOK),
    Key("dialog", "dialog.left", ("left", "h"), "app.focus_previous", "Previous", "Previous button.", _MOVE, show=False),
    Key("dialog", "dialog.right", ("right", "l"), "app.focus_next", "Next", "Next button.", _MOVE, show=False),
    # --- tuning
    Key("tune", "tune.apply", ("ctrl+s", "f5"), "apply", "Apply", "Apply the changes.", _RUN),
    Key("tune", "tune.close", ("escape",), "close", "Cancel", "Leave everything as it is.", _MOVE),
    Key("tune", "tune.next", ("down",), "app.focus_next", "Next field", "Next field.", _MOVE, show=False),
    Key("tune", "tune.previous", ("up",), "app.focus_previous", "Previous field", "Previous field.", _MOVE, show=False),
    # --- help
    Key("help", "help.close", ("escape", "q", "question_mark"), "close", "Close", "Close the help.", _MOVE),
    Key("help", "help.up", ("up", "k"), "scroll(-1)", "Up", "Up.", _MOVE, show=False),
    Key("help", "help.down", ("down", "j"), "scroll(1)", "Down", "Down.", _MOVE, show=False),
)  # fmt: skip

BY_ID = {key.id: key for key in KEYS}
BY_ACTION = {(key.area, key.action): key for key in KEYS}


def of_area(area: str) -> list[Key]:
    return [key for key in KEYS if key.area == area]


def bindings(area: str) -> list[BindingType]:
    """The area's keys as Textual bindings, in the table's order."""
    from textual.binding import Binding

    return [
        Binding(
            ",".join(key.keys),
            key.action,
            key.label,
            show=key.show,
            key_display=key.shown,
            priority=key.priority,
            tooltip=key.help,
            id=key.id,
        )
        for key in of_area(area)
    ]


def help_groups(areas: Sequence[str]) -> list[tuple[str, list[Key]]]:
    """The keys of `areas` by heading, for the help: the screen's own first."""
    groups: dict[str, list[Key]] = {}
    for area in areas:
        for key in of_area(area):
            groups.setdefault(key.group, []).append(key)
    return list(groups.items())
