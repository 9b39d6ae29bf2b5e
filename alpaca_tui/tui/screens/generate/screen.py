"""Generate: set a run up, watch it, steer it; without a live run, what the last one left.

The screen polls the run ten times a second and passes what the person wants to it. It is either the
form or the dashboard. Knows the session and the run's snapshot, no engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widget import Widget

from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.generate import form, panes
from alpaca_tui.tui.screens.generate.dashboard import Dashboard
from alpaca_tui.tui.screens.generate.setup import Setup
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from alpaca_tui.generation.events import Snapshot
    from alpaca_tui.generation.settings import GenerationSettings
    from alpaca_tui.tui.session import Stored

POLL_EVERY_S = 0.1
READ_EVERY_S = 2.0
DEMO_MORE = 100


class GenerateScreen(RoomScreen):
    """The room where data comes from."""

    CSS_PATH = "generate.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("generate", "setup", "list")
    HELP_PAGE = "generate"
    HELP_TITLE = "Generate"
    BINDINGS: ClassVar[list[BindingType]] = bindings("generate")
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self._known = False
        self.preparing = False
        self._setting_up = False
        self._wanted_concurrency: int | None = None
        self._state_seen = ""
        self._timer: Timer | None = None
        self._when_read: list[Any] = []

    def body(self) -> Iterable[Widget]:
        yield Plain("", id="notice")
        yield Container(id="room")

    def on_mount(self) -> None:
        self._timer = self.set_interval(POLL_EVERY_S, self.poll)
        self.set_interval(READ_EVERY_S, self.read)

    def on_screen_resume(self) -> None:
        if self._timer is not None:
            self._timer.resume()
        self.poll()
        self.read()

    def on_screen_suspend(self) -> None:
        if self._timer is not None:
            self._timer.pause()

    # --- what is shown

    @property
    def stored(self) -> Stored | None:
        return self.session.stored

    @property
    def view(self) -> Snapshot | None:
        """The run on the screen: the live one, else the last one stored."""
        live = self.session.snapshot()
        if live is not None:
            return live
        return self.stored.snapshot if self.stored is not None else None

    @property
    def state(self) -> str:
        """`setup`, `preparing`, `stored` or the live run's state."""
        if self.preparing:
            return "preparing"
        if self._setting_up:
            return "setup"
        live = self.session.snapshot()
        if live is not None and live.state != "stopped":
            return live.state
        if self.view is None:
            return "reading" if self.stored is None else "setup"
        return "stored"

    def poll(self) -> None:
        """Look at the live run; ten times a second."""
        state = self.state
        if state != self._state_seen:
            self._state_seen = state
            self._notice()
            self.call_later(self._show_part)
        view = self.view
        for dashboard in self.query(Dashboard):
            if view is not None and dashboard.is_mounted:
                dashboard.show(view)

    def read(self) -> None:
        """Read the store anew while no run of ours is live."""
        if (self.is_current and not self.session.live and not self.preparing) or not self._known:
            self.in_thread("generate.read", self.session.read, self._read)

    def _read(self, _stored: Stored) -> None:
        self._known = True
        self._notice()
        self.poll()
        waiting, self._when_read = self._when_read, []
        for then in waiting:
            then()

    def _notice(self) -> None:
        text = ""
        if self.preparing:
            text = f"{glyphs['waiting']} Getting ready: seeds, teacher, everything kept so far…"
        elif self.stored is not None and self.stored.busy and not self.session.live:
            text = f"{glyphs['warning']} {self.stored.busy} is generating here. This is what is stored, read anew every {READ_EVERY_S:.0f} s."
        notice = self.query_one("#notice", Plain)
        notice.display = bool(text)
        notice.say(text)

    async def _show_part(self) -> None:
        """Form or dashboard, made when it is needed, and the keys that go with it."""
        state = self.state
        if state == "setup":
            if not self.query(Setup):
                await self._furnish(self._new_setup(), "#field-teacher")
        elif state != "reading" and self.view is not None:
            if not self.query(Dashboard):
                await self._furnish(Dashboard())
            self.poll()
            focused = self.focused
            if focused is None or not focused.display:
                self._focus("#feed" if self.query_one(Dashboard).has_class("-idle") else "#streams")
        self.refresh_bindings()
        self.redraw_bar()

    async def _furnish(self, part: Widget, focus: str = "") -> None:
        """Put `part` in the room. It is painted only once it is whole and has the focus, so that keys typed
        the moment it is seen land in it."""
        room = self.query_one("#room", Container)
        with self.alpaca.batch_update():
            await room.remove_children()
            await room.mount(part)
            if focus:
                self._focus(focus)

    def _focus(self, selector: str) -> None:
        for found in self.query(selector):
            self.set_focus(found)

    # --- starting

    def _after_read(self, then: Any) -> None:
        """Run `then` once it is known what is stored."""
        if not self._known:
            self._when_read.append(then)
            self.read()
        else:
            then()

    def _new_setup(self, *, fresh: bool = False) -> Setup:
        """A form filled with the last run's settings, or (`fresh`) with the defaults."""
        from alpaca_tui.generation.filters import RULES

        stored = self.stored
        values = (
            form.from_config(stored.config)
            if stored is not None and stored.config and not fresh
            else form.defaults()
        )
        view = self.view
        if view is not None and view.kept >= int(str(values["goal"]) or 0):
            values["goal"] = str(next_goal(view.kept))
        return Setup(values, view.kept if view is not None else 0, RULES)

    async def on_setup_defaults(self) -> None:
        await self._furnish(self._new_setup(fresh=True), "#field-teacher")

    async def on_setup_start(self, event: Setup.Start) -> None:
        values = event.values
        self.begin(lambda: form.build(values))

    def on_setup_cancelled(self) -> None:
        if self.view is not None:
            self._setting_up = False
            self.poll()
        else:
            self.call_later(self.alpaca.action_go, "home")

    def start_demo(self) -> None:
        """Start a run with the demo teacher, adding some to what is there."""

        def go() -> None:
            assert self.stored is not None
            values = form.defaults()
            values["goal"] = str(self.stored.kept + DEMO_MORE)
            self.begin(lambda: form.build(values))

        self._after_read(go)

    def begin(self, make: Any) -> None:
        """Make the settings and start the run, off the loop."""
        if self.preparing or self.session.live:
            return
        self.preparing = True
        self.poll()
        self._notice()

        def job() -> GenerationSettings:
            settings = make()
            self.session.begin(settings)
            return settings

        self.in_thread("generate.begin", job, self._begun, failed=self._not_begun)

    def _begun(self, _settings: GenerationSettings) -> None:
        self.preparing = False
        self._setting_up = False
        self._wanted_concurrency = None
        self._state_seen = ""
        self.poll()

    def _not_begun(self, error: BaseException) -> None:
        self.preparing = False
        self._state_seen = ""
        self.poll()
        self.alpaca.show_error(error)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        state = self.state if self.is_mounted else "reading"
        live = state in ("running", "pausing", "paused")
        match action:
            case "pause":
                return state == "running"
            case "resume":
                return state in ("pausing", "paused")
            case "stop" | "tune" | "concurrency":
                return live
            case "continue_run":
                return state == "stored" and self._can_continue()
            case "new_setup":
                return state == "stored"
            case "candidates" | "answers":
                return state not in ("setup", "reading", "preparing")
            case "next_view":
                return state != "setup" and self.has_class("-narrow")
            case _:
                return True

    def _can_continue(self) -> bool:
        view = self.view
        return (
            view is not None and view.kept < view.goal and not (self.stored is not None and self.stored.busy)
        )

    def action_pause(self) -> None:
        run = self.session.run
        if run is not None:
            self.alpaca.command(run.pause)

    def action_resume(self) -> None:
        run = self.session.run
        if run is not None:
            self.alpaca.command(run.resume)

    def action_stop(self) -> None:
        run = self.session.run
        if run is not None:
            self.alpaca.command(run.stop)
            self.alpaca.say("Stopping; r continues the run later")

    def action_concurrency(self, by: int) -> None:
        view, run = self.session.snapshot(), self.session.run
        if view is None or run is None:
            return
        now = self._wanted_concurrency or view.concurrency
        step = max(1, now // 8)
        wanted = self._wanted_concurrency = min(max(now + by * step, 1), 1000)
        self.alpaca.command(lambda: run.set_concurrency(wanted))

    def action_tune(self) -> None:
        from alpaca_tui.tui.screens.generate.tune import TuneDialog

        view, run = self.session.snapshot(), self.session.run
        if view is None or run is None:
            return

        def tuned(changes: dict[str, Any] | None) -> None:
            setters = {
                "temperature": run.set_temperature,
                "threshold": run.set_threshold,
                "concurrency": run.set_concurrency,
            }
            for name, value in (changes or {}).items():
                self.alpaca.command(lambda name=name, value=value: setters[name](value))
            if changes:
                self._wanted_concurrency = None
                told = ", ".join(
                    f"{name} {value if value is not None else 'default'}" for name, value in changes.items()
                )
                self.alpaca.say(f"Changed: {told}")

        self.alpaca.push_screen(TuneDialog(view), tuned)

    def action_continue_run(self) -> None:
        """Go on with the settings of the last run."""

        def go() -> None:
            stored = self.stored
            if stored is None or not stored.config or not self._can_continue():
                return
            config = stored.config
            self.begin(lambda: settings_of(config))

        self._after_read(go)

    def action_new_setup(self) -> None:
        def go() -> None:
            if self.session.live:
                return
            self._setting_up = True
            self.poll()

        self._after_read(go)

    def action_next_view(self) -> None:
        for dashboard in self.query(Dashboard):
            dashboard.next_view()

    def action_candidates(self, verdict: str = "", rule: str = "") -> None:
        from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen

        self.alpaca.push_screen(CandidatesScreen(verdict=verdict, rule=rule))

    def action_answers(self) -> None:
        from alpaca_tui.tui.screens.generate.answers import AnswersScreen

        self.alpaca.push_screen(AnswersScreen())

    # --- opening what the cursor is on

    @on(LineView.Opened, "#streams")
    def _open_stream(self, event: LineView.Opened) -> None:
        self._open_completion(event.key)

    @on(LineView.Opened, "#feed")
    def _open_task(self, event: LineView.Opened) -> None:
        if isinstance(event.key, panes.TaskKey):
            self._open_completion(event.key.completion_id)

    def _open_completion(self, completion_id: Any) -> None:
        from alpaca_tui.tui.screens.generate.completion import CompletionScreen

        self.alpaca.push_screen(CompletionScreen(int(completion_id)))

    @on(LineView.Opened, "#verdicts")
    def _open_verdict(self, event: LineView.Opened) -> None:
        if isinstance(event.key, panes.VerdictKey):
            self.action_candidates(verdict=event.key.verdict, rule=event.key.rule)

    @on(LineView.Opened, "#log")
    def _open_log(self, event: LineView.Opened) -> None:
        from alpaca_tui.tui.screens.dialogs import TextDialog

        view = self.view
        if view is None or not isinstance(event.key, panes.LogKey):
            return
        if event.key.place < len(view.log):
            entry = view.log[event.key.place]
            self.alpaca.push_screen(TextDialog(f"Log, {words.clock_time(entry.at)}", entry.message))


def next_goal(kept: int) -> int:
    """A sensible next goal: the next round number well above what is kept."""
    for step in (100, 500, 1000, 5000, 10_000, 52_000):
        if kept < step:
            return step
    return (kept // 10_000 + 1) * 10_000


def settings_of(config: dict[str, Any]) -> GenerationSettings:
    """The settings of a stored run."""
    from alpaca_tui.generation.settings import GenerationSettings

    return GenerationSettings.from_json(config)
