"""The terminal application: rooms as modes, one session, one place for errors, copying and leaving.

It renders what the rooms know and passes on what the person wants; it decides nothing about data. Heavy
rooms are imported by the workers that need them, after the first paint.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.worker import Worker, WorkerState

from alpaca_tui.errors import UserError
from alpaca_tui.logs import log_to_file, stop_logging
from alpaca_tui.text import plural, preview
from alpaca_tui.tui import clipboard, words
from alpaca_tui.tui.commands import KeyTableCommands
from alpaca_tui.tui.glyphs import glyphs, wants_ascii
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Span
from alpaca_tui.tui.preferences import default_theme, remember_theme
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dialogs import Choice, ErrorDialog, QuestionDialog
from alpaca_tui.tui.session import Session
from alpaca_tui.tui.theme import DARK, LIGHT, with_our_variables
from alpaca_tui.tui.widgets.frame import TopBar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alpaca_tui.config import Settings
    from alpaca_tui.workspace import Workspace

logger = logging.getLogger("alpaca_tui.tui")

INTERRUPT_WINDOW_S = 2.0
STOP_TIMEOUT_S = 30.0
Returned = TypeVar("Returned")


class AsciiScrollBar(ScrollBarRender):
    """A scroll bar of whole blank cells, told apart by their background."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


HERE = Path(__file__).parent
WARM_AFTER_S = 0.3


def _styled(screen: Screen[Any]) -> Screen[Any]:
    """A new screen, which is styled when it is mounted: Textual would first parse every stylesheet twice for it."""
    screen._css_update_count = screen.app._css_update_count  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    return screen


def _home() -> Screen[Any]:
    from alpaca_tui.tui.screens.home import HomeScreen

    return _styled(HomeScreen())


def _generate() -> Screen[Any]:
    from alpaca_tui.tui.screens.generate.screen import GenerateScreen

    return _styled(GenerateScreen())


def _dataset() -> Screen[Any]:
    from alpaca_tui.tui.screens.dataset.screen import DatasetScreen

    return _styled(DatasetScreen())


def _warm() -> None:
    """Load what the Dataset screen needs while the first screen is being read: half of the time it takes to open."""
    for module in ("screen", "loading"):
        import_module(f"alpaca_tui.tui.screens.dataset.{module}")
    import_module("alpaca_tui.generation.opening")


class AlpacaApp(App[int]):
    """Home, Generate and Dataset over one workspace."""

    TITLE = "alpaca-tui"
    # Of all screens from the beginning: for one that came later Textual would parse every sheet anew.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", *sorted(HERE.glob("screens/**/*.tcss"))]  # type: ignore[assignment]
    COMMANDS = {KeyTableCommands}
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "home": _home,
        "generate": _generate,
        "dataset": _dataset,
    }  # type: ignore[assignment]
    DEFAULT_MODE = "home"
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (170, "-huge")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (20, "-short"), (30, "-tall")]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        session: Session,
        *,
        theme: str | None = None,
        remember_theme: Callable[[str], None] | None = None,
        ascii_only: bool = False,
    ) -> None:
        glyphs.ascii = ascii_only
        ScrollBar.renderer = AsciiScrollBar if ascii_only else ScrollBarRender
        super().__init__()
        self.session = session
        self._remember_theme = remember_theme
        self._interrupted_at = 0.0
        self._leaving = False
        self._retiring: object = None
        self._settling: object = None
        self._generations: dict[str, int] = {}
        self._orders = ThreadPoolExecutor(1, "alpaca-orders")
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = theme if theme in self.available_themes else default_theme()
        self.set_class(glyphs.ascii, "-ascii")

    # --- looks

    def get_css_variables(self) -> dict[str, str]:
        variables = with_our_variables(super().get_css_variables(), ansi=self.current_theme.ansi)
        self.theme_variables = variables
        return variables

    def choose_theme(self, name: str) -> None:
        """Show `name` and remember it for next time."""
        self.theme = name
        if self._remember_theme is not None:
            self.in_thread("app.theme", lambda: self._remember_theme and self._remember_theme(name))

    def search_themes(self) -> None:
        """Textual's own list of themes, whose choice is remembered here too."""
        from textual.theme import ThemeProvider

        before = self.theme

        def chosen(_result: object) -> None:
            if self.theme != before:
                self.choose_theme(self.theme)

        self.push_screen(
            CommandPalette(providers=[ThemeProvider], placeholder="Search for themes…"), callback=chosen
        )

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        return ()

    # --- what the frame shows

    @property
    def current_room(self) -> str:
        return self.current_mode

    def run_summary(self) -> tuple[Span, ...]:
        """The live run in a few words, for the top bar; nothing when there is none."""
        view = self.session.snapshot()
        if view is None or view.state == "stopped":
            return ()
        sign = glyphs["running"] if view.state == "running" else glyphs["paused"]
        style = "success" if view.state == "running" else "warning"
        text = f" {words.count(view.kept)}/{words.count(view.goal)}"
        eta = f" {glyphs['dot']} {words.duration(view.eta_s)} left" if view.eta_s is not None else ""
        return ((sign, style), (text, "plain"), (eta, "muted"))

    def place(self, width: int) -> str:
        """The workspace's path in at most `width` cells, its end rather than its beginning."""
        text = shown_path(self.session.workspace.root)
        if len(text) <= width:
            return text
        return "" if width < 8 else glyphs["ellipsis"] + preview(text[-(width - 1) :], width)

    def on_mount(self) -> None:
        self.set_interval(0.5, self._refresh_bar)
        self.set_timer(WARM_AFTER_S, lambda: self.in_thread("app.warm", _warm))

    def _refresh_bar(self) -> None:
        self._watch_run()
        self._watch_question()
        for bar in self.screen.query(TopBar) if self.screen_stack else ():
            bar.redraw()

    def _watch_run(self) -> None:
        """When the run has ended: say so, and let go of it."""
        run, view = self.session.run, self.session.snapshot()
        if run is None or view is None or view.state != "stopped" or run is self._retiring or self._leaving:
            return
        self._retiring = run
        reason = str(view.stopped_because) if view.stopped_because is not None else None
        told = words.stop_words(reason)
        if reason in ("fatal", "failing", "error"):
            self.show_error(
                UserError(
                    told,
                    view.stop_detail,
                    "What came so far is stored. Mend the cause, then continue the run.",
                )
            )
        else:
            self.say(f"{told}: {plural(view.kept, 'task')} kept")
        self.in_thread("app.retire", self.session.retire)

    # --- going about

    def _watch_question(self) -> None:
        """When the teacher has been asked about rows: say so, and let go of the workspace's lock."""
        question = self.session.question
        if question is None or self.session.asking or question is self._settling or self._leaving:
            return
        self._settling = question
        progress = question.progress()
        told = (
            f"The teacher has answered: {words.count(progress.answered)} of {plural(progress.total, 'row')}"
        )
        severity = "warning" if progress.why or progress.failed else "information"
        self.say(f"{told}. {progress.why}" if progress.why else told, severity=severity)
        self.in_thread("app.settle", self.session.settle_question)

    async def action_go(self, room: str) -> None:
        if room != self.current_mode:
            await self.switch_mode(room)

    async def action_back(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.current_mode != "home":
            await self.switch_mode("home")
        else:
            await self.action_leave()

    async def show_dataset(self, query: str | None = None, row: int | None = None) -> None:
        """Go to the table, with a filter and a row where they are given."""
        from alpaca_tui.tui.screens.dataset.screen import DatasetScreen

        while len(self.screen_stack) > 1:
            self.pop_screen()
        await self.action_go("dataset")
        screen = self.screen_stack[0]
        if isinstance(screen, DatasetScreen):
            screen.show_query(query, row)

    def action_step_out(self) -> None:
        self.screen.set_focus(None)

    def action_help(self) -> None:
        from alpaca_tui.tui.screens.help import HelpScreen

        screen = self.screen
        if isinstance(screen, RoomScreen) and screen.HELP_PAGE:
            self.push_screen(HelpScreen(screen.HELP_TITLE, screen.HELP_PAGE, screen.AREAS))

    # --- leaving

    async def action_leave(self) -> None:
        """Leave; while a run is live, ask first."""
        if self._leaving or isinstance(self.screen, QuestionDialog):
            return
        if not self.session.live and not self.session.asking:
            self.exit(0)
            return
        view = self.session.snapshot() if self.session.live else None
        so_far = f"{words.count(view.kept)} of {words.count(view.goal)} tasks are kept. " if view else ""

        def answered(choice: str | None) -> None:
            if choice == "leave":
                self._stop_and_exit("user")

        self.push_screen(
            QuestionDialog(
                "A run is live" if view else "The teacher is being asked",
                f"{so_far}Stopping is safe: every finished answer is stored, and the rest can be asked later.",
                [Choice("stay", "Keep running"), Choice("leave", "Stop and quit")],
            ),
            answered,
        )

    def action_interrupt(self) -> None:
        """Once hints, twice leaves."""
        now = time.monotonic()
        if now - self._interrupted_at < INTERRUPT_WINDOW_S:
            self._stop_and_exit("interrupted")
            return
        self._interrupted_at = now
        tail = "; the run is stopped safely" if self.session.live else ""
        self.say(f"Press ctrl+c again to quit{tail}")

    def _stop_and_exit(self, reason: str) -> None:
        if self._leaving:
            return
        self._leaving = True
        if self.session.live or self.session.asking:
            self.say("Stopping…")
        self._finish(reason)

    @work(thread=True, exclusive=True, exit_on_error=False, group="app.leave")
    def _finish(self, reason: str) -> None:
        from alpaca_tui.generation.events import StopReason

        try:
            self.session.end(StopReason(reason), STOP_TIMEOUT_S)
        finally:
            self.call_later(self.exit, 130 if reason == "interrupted" else 0)

    # --- words to the person

    def say(self, message: str, *, severity: Any = "information", title: str = "") -> None:
        """A toast. One line, never markup."""
        self.notify(
            preview(message, 200), title=preview(title, 60), severity=severity, markup=False, timeout=4
        )

    def copy(self, text: str, what: str) -> None:
        """Copy `text` and say which way it went."""
        self._copy(text, what)

    @work(thread=True, exit_on_error=False, group="app.copy")
    def _copy(self, text: str, what: str) -> None:
        copied = clipboard.copy(text)
        self.call_later(self._copied, copied, what)

    def _copied(self, copied: clipboard.Copied, what: str) -> None:
        if copied.write and self._driver is not None:
            self._driver.write(copied.write)
        self.say(
            f"{copied.words}: {what}" if copied.ok else copied.words,
            severity="information" if copied.ok else "warning",
        )

    # --- work and its failures

    def in_thread(
        self,
        group: str,
        job: Callable[[], Returned],
        then: Callable[[Returned], None] | None = None,
        *,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Run `job` off the loop; `then` gets its result back on the loop. A newer job of the same group
        makes an older one's result stale: it is dropped. What fails is shown, unless `failed` takes it."""
        generation = self._generations[group] = self._generations.get(group, 0) + 1

        def body() -> None:
            try:
                result = job()
            except BaseException as error:
                if failed is None:
                    raise
                self.call_later(self._deliver, group, generation, failed, error)
                return
            if then is not None:
                self.call_later(self._deliver, group, generation, then, result)

        self.run_worker(body, thread=True, group=group, exit_on_error=False, name=group)

    def _deliver(self, group: str, generation: int, then: Callable[[Any], None], value: Any) -> None:
        if self._generations.get(group) == generation and self.is_running:
            then(value)

    def in_order(
        self,
        job: Callable[[], Returned],
        then: Callable[[Returned], None] | None = None,
        *,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Run `job` off the loop, after every job given here before it; `then` gets its result on the loop.
        For what changes rows: two keys pressed in a row act in a row, and no result is dropped."""

        def body() -> None:
            try:
                result = job()
            except Exception as error:
                self.call_later(_hand, failed or self.show_error, error)
                return
            if then is not None:
                self.call_later(_hand, then, result)

        self._orders.submit(body)

    def command(self, command: Callable[[], object]) -> None:
        """Give the run an order, off the loop and in the order given (an order writes to the log, which
        may have to wait for the disk)."""
        self.in_order(command)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        worker = cast(Any, event).worker
        if event.state is WorkerState.ERROR and worker.error is not None:
            self.show_error(worker.error)

    def show_error(self, error: BaseException) -> None:
        """A window for anything that went wrong; what is no `UserError` also goes to the log."""
        if not isinstance(error, UserError):
            logger.error("unexpected error", exc_info=error)
            error = UserError(
                "Something went wrong that should not have",
                f"{type(error).__name__}: {preview(str(error), 300)}",
                f"What is stored is safe. The details are in {shown_path(log_file(self.session.workspace))}; "
                "please report them.",
            )
        if not self._screen_stack:  # it came before the first screen, or after the last
            if self.is_running and not self._leaving:
                self.set_timer(0.05, lambda: self.show_error(error))
            return
        if isinstance(self.screen, ErrorDialog) and str(self.screen.error) == str(error):
            return
        self.push_screen(ErrorDialog(error))

    def _fatal_error(self) -> None:
        """Textual's last resort, without its traceback on the screen (which would show local values)."""
        logger.critical("the program broke", exc_info=self._exception)
        self._close_messages_no_wait()


def _hand(taker: Callable[[Any], object], value: Any) -> None:
    """Give a result to who wanted it; what comes back (an awaitable of Textual's) is not waited for."""
    taker(value)


def shown_path(path: Path) -> str:
    """A path as people write it: the home directory is `~`."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def log_file(workspace: Workspace) -> Path:
    return workspace.logs_dir / "tui.log"


def run(workspace: Workspace, settings: Settings) -> int:
    """Run the application until the person leaves; returns the exit code. A live run is stopped safely
    whatever ended the program."""
    from alpaca_tui.generation.events import StopReason

    handler = log_to_file(log_file(workspace))
    session = Session(workspace)
    app = AlpacaApp(
        session,
        theme=settings.theme,
        remember_theme=remember_theme,
        ascii_only=settings.ascii or wants_ascii(),
    )
    if not settings.animations:
        app.animation_level = "none"
    try:
        code = app.run()
    finally:
        session.end(StopReason.INTERRUPTED, STOP_TIMEOUT_S)
        session.close()
        stop_logging(handler)
    broken = app._exception  # pyright: ignore[reportPrivateUsage]
    if broken is not None:
        raise UserError(
            "The screen broke",
            f"{type(broken).__name__}: {preview(str(broken), 300)}",
            f"What is stored is safe. The details are in {shown_path(log_file(workspace))}; please report them.",
        ) from broken
    return code if code is not None else 0
