"""Keys of Home and Generate."""

from __future__ import annotations

from alpaca_tui.tui.keymaps.key import LOOK, MOVE, RUN, Key

GENERATE: tuple[Key, ...] = (
    # --- Home
    Key("home", "home.demo", ("d",), "demo", "Try the demo", "Start a run with the offline demo teacher.", command="home: Try the demo teacher"),
    Key("home", "home.continue", ("r",), "continue_run", "Continue", "Continue the last run where it stopped.", command="home: Continue the last run"),
    Key("home", "home.watch", ("w",), "watch", "Watch", "Go to the live run.", command="home: Watch the run"),
    Key("home", "home.setup", ("n",), "setup", "New run", "Set up a run with a teacher of your choice.", command="home: Set up a run"),
    Key("home", "home.curate", ("e",), "curate", "Curate", "Go to the dataset: find, fix, review, export.", command="home: Curate the dataset"),
    Key("home", "home.import", ("i",), "import", "Import", "Take rows in from a file, a folder or the Hub.", command="home: Import a dataset"),
    Key("home", "home.candidates", ("c",), "candidates", "Candidates", "Browse everything the teacher wrote, kept or not.", command="home: Browse candidates"),
    # --- Generate
    Key("generate", "generate.pause", ("space", "p"), "pause", "Pause", "Pause: what is in flight is finished, nothing new is asked.", RUN, command="generate: Pause the run"),
    Key("generate", "generate.resume", ("space", "p"), "resume", "Go on", "Go on after a pause.", RUN, command="generate: Go on after the pause"),
    Key("generate", "generate.stop", ("s",), "stop", "Stop", "Stop the run. Everything so far is stored and the run can be continued.", RUN, command="generate: Stop the run"),
    Key("generate", "generate.continue", ("r",), "continue_run", "Continue", "Continue with the same settings.", RUN, command="generate: Continue the run"),
    Key("generate", "generate.new", ("n",), "new_setup", "New set-up", "Change the settings for the next run.", RUN, command="generate: New set-up"),
    Key("generate", "generate.tune", ("t",), "tune", "Tune", "Change temperature, threshold and requests at once while it runs.", RUN, command="generate: Tune the run"),
    Key("generate", "generate.candidates", ("c",), "candidates", "Candidates", "Browse every candidate: kept, duplicate, filtered, cut off, surplus.", LOOK, command="generate: Browse candidates"),
    Key("generate", "generate.completions", ("a",), "answers", "Answers", "Browse every answer of the teacher: prompt, raw text, usage.", LOOK, command="generate: Browse answers"),
    Key("generate", "generate.more", ("plus", "equals_sign"), "concurrency(1)", "More", "Ask more requests at once.", RUN, command="generate: More requests at once"),
    Key("generate", "generate.fewer", ("minus",), "concurrency(-1)", "Fewer", "Ask fewer requests at once.", RUN, command="generate: Fewer requests at once"),
    Key("generate", "generate.view", ("v",), "next_view", "View", "On a narrow screen: next pane.", LOOK, command="generate: Next pane"),
    Key("generate", "generate.focus-next", ("tab",), "app.focus_next", "Next pane", "Next pane.", MOVE, show=False),
    Key("generate", "generate.focus-previous", ("shift+tab",), "app.focus_previous", "Previous pane", "Previous pane.", MOVE, show=False),
    # --- the set-up form
    Key("setup", "setup.start", ("ctrl+s", "f5"), "start", "Start", "Check the settings and start the run.", RUN, command="set-up: Start the run"),
    Key("setup", "setup.cancel", ("escape",), "cancel", "Back to the run", "Leave the settings as they were.", RUN),
    Key("setup", "setup.defaults", ("ctrl+r",), "defaults", "Defaults", "Put every field back to its default.", RUN, show=False, command="set-up: Defaults"),
    Key("setup", "setup.next", ("tab",), "next_field", "Next field", "Next field.", MOVE, show=False, priority=True),
    Key("setup", "setup.previous", ("shift+tab",), "previous_field", "Previous field", "Previous field.", MOVE, show=False, priority=True),
    Key("setup", "setup.down", ("down",), "next_field", "Next field", "Next field; in a choice, open it.", MOVE, show=False),
    Key("setup", "setup.up", ("up",), "previous_field", "Previous field", "Previous field.", MOVE, show=False),
    # --- tuning
    Key("tune", "tune.apply", ("ctrl+s", "f5"), "apply", "Apply", "Apply the changes.", RUN),
    Key("tune", "tune.close", ("escape",), "close", "Cancel", "Leave everything as it is.", MOVE),
    Key("tune", "tune.next", ("down",), "app.focus_next", "Next field", "Next field.", MOVE, show=False),
    Key("tune", "tune.previous", ("up",), "app.focus_previous", "Previous field", "Previous field.", MOVE, show=False),
    # --- candidates
    Key("candidates", "candidates.next-tab", ("right_square_bracket", "right", "l"), "next_tab(1)", "Next list", "Next list: all, kept, duplicate, filtered, cut off, surplus.", MOVE, show=False),
    Key("candidates", "candidates.previous-tab", ("left_square_bracket", "left", "h"), "next_tab(-1)", "Previous list", "Previous list.", MOVE, show=False),
    Key("candidates", "candidates.search", ("slash",), "search", "Search", "Show only candidates whose text contains what you type.", LOOK, command="candidates: Search"),
    Key("candidates", "candidates.rescue", ("R",), "rescue", "Rescue", "Keep a rejected candidate by hand.", "This candidate", command="candidates: Rescue"),
    Key("candidates", "candidates.again", ("J",), "again", "Judge again", "Judge everything the teacher wrote under other rules; you see what would change first.", "Everything", command="candidates: Judge again under other rules"),
    Key("candidates", "candidates.copy", ("y",), "copy", "Copy", "Copy the candidate as JSON.", "This candidate", command="candidates: Copy"),
    Key("candidates", "candidates.completion", ("a",), "answer", "Whole answer", "The answer this candidate came from.", LOOK, command="candidates: Open the whole answer"),
    Key("candidates", "candidates.close", ("escape",), "close", "Back", "Clear the search, then go back.", MOVE),
    # --- one completion
    Key("completion", "completion.next-tab", ("right_square_bracket", "right", "l"), "next_tab(1)", "Next view", "Next view: tasks, answer, prompt.", MOVE),
    Key("completion", "completion.previous-tab", ("left_square_bracket", "left", "h"), "next_tab(-1)", "Previous view", "Previous view.", MOVE, show=False),
    Key("completion", "completion.older", ("comma",), "walk(-1)", "Older", "The answer before this one.", MOVE),
    Key("completion", "completion.newer", (".",), "walk(1)", "Newer", "The answer after this one.", MOVE),
    Key("completion", "completion.copy", ("y",), "copy", "Copy", "Copy what is shown.", "This answer", command="answer: Copy"),
    Key("completion", "completion.close", ("escape",), "close", "Back", "Go back.", MOVE),
    # --- answers
    Key("answers", "answers.close", ("escape",), "close", "Back", "Go back.", MOVE),
)  # fmt: skip
