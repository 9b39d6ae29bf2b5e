"""Home: what is in this workspace and what to do next.

One clear first action, by what is stored: try the demo, watch the live run, go on with the stopped one,
look through what came of it. Knows the session's `Stored`, no store.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from alpaca_tui import __version__
from alpaca_tui.text import fit, plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import BY_ID, bindings
from alpaca_tui.tui.paint import BLANK, Line, Span, clip
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.generate import panes
from alpaca_tui.tui.session import Stored
from alpaca_tui.tui.widgets.art import Alpaca
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.reach import app_of

if TYPE_CHECKING:
    from alpaca_tui.generation.events import Snapshot

TAGLINE = "From nothing to a language model that follows instructions."
SHORT_TAGLINE = "From nothing to a model that follows instructions."
READ_EVERY_S = 2.0
BLINK_EVERY_S = 6.5


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do next: its key in the table and why one would."""

    key_id: str
    title: str
    why: str


def next_steps(stored: Stored, live: bool) -> list[Step]:
    """What can be done, the best first."""
    demo = Step("home.demo", "Try it offline", "the demo teacher needs no key, no network and no GPU")
    setup = Step("home.setup", "Set up a run", "OpenAI, or any server that speaks its protocol")
    take = Step("home.import", "Import a dataset", "Alpaca JSON, JSON lines, CSV, Parquet, chats, the Hub")
    look = Step("home.candidates", "Look through it", "everything the teacher wrote, with its verdicts")
    rows = plural(stored.rows, "row")
    curate = [Step("home.curate", "Curate the dataset", f"find, fix, review and export its {rows}")]
    curate = curate if stored.rows else []
    view = stored.snapshot
    if live:
        return [Step("home.watch", "Watch the run", "it is going on right now"), *curate, look]
    if stored.busy:
        return [Step("home.watch", "Look in", f"{stored.busy} is generating here"), *curate, look]
    if view is None and stored.rows:
        return [*curate, setup, demo]
    if view is None:
        return [demo, setup, take] + ([look] if stored.candidates else [])
    if view.kept < view.goal:
        missing = plural(view.goal - view.kept, "task")
        again = Step(
            "home.continue", "Continue the run", f"{missing} to go to its goal of {words.count(view.goal)}"
        )
        return [again, *curate, look, setup]
    more = Step("home.setup", "Set up the next run", "a higher goal, another topic, another teacher")
    return [*curate, look, more]


class Facts(LineView):
    """The name, the workspace, what it holds."""

    def __init__(self) -> None:
        super().__init__(id="facts")
        self.stored: Stored | None = None
        self.live = False

    def build(self, width: int, height: int) -> list[Line]:
        app = app_of(self)
        lines = [
            Line.of(("alpaca-tui ", "title"), (__version__, "faint")),
            Line(clip(((TAGLINE if len(TAGLINE) <= width else SHORT_TAGLINE, "muted"),), width)),
            BLANK,
        ]
        stored = self.stored
        if stored is None:
            return [*lines, Line.of(("Reading the workspace…", "muted"))]
        place = app.place(max(width - 11, 10))
        lines.append(Line.of(("Workspace  ", "muted"), (place, "plain")))
        if stored.empty:
            lines += [
                BLANK,
                Line.of("Nothing here yet. A run fills it with tasks a"),
                Line.of("teacher model invents: instruction, input, output."),
            ]
            return lines
        return lines + self._holdings(stored, width)

    def _holdings(self, stored: Stored, width: int) -> list[Line]:
        live = app_of(self).session.snapshot()
        view = live or stored.snapshot
        kept = live.kept if live is not None else stored.kept
        share = f", {words.percent(stored.with_input, stored.kept)} with an input" if stored.kept else ""
        rows: list[tuple[str, list[Span]]] = [
            ("Dataset", [(plural(kept, "task"), "bold"), (" kept" + share, "plain")])
        ]
        if stored.imported:
            at_work = (
                f" {glyphs['dot']} {words.count(stored.unmeasured)} being compared"
                if stored.unmeasured
                else ""
            )
            rows.append(("", [(f"+ {plural(stored.imported, 'row')} imported", "plain"), (at_work, "muted")]))
        if view is not None:
            filtered = sum(view.filtered.values())
            rows.append(
                (
                    "Dropped",
                    [
                        (f"{glyphs['duplicate']} ", "duplicate"),
                        (f"{plural(view.duplicates, 'near-duplicate')}   ", "plain"),
                        (f"{glyphs['filtered']} ", "filtered"),
                        (f"{words.count(filtered)} filtered", "plain"),
                    ],
                )
            )
        cost, tokens = stored.cost_usd, stored.tokens
        if live is not None:
            cost, tokens = live.money.spent, live.prompt_tokens + live.completion_tokens
        spent = words.dollars(cost, "an unknown amount")
        rows.append(
            ("Spent", [(spent, "plain"), (f" {glyphs['dot']} {words.short(tokens)} tokens", "muted")])
        )
        if view is not None:
            when = stored.ended_at or stored.started_at
            ago = f" {glyphs['dot']} {words.ago(when)}" if when and view.state == "stopped" else ""
            whom = (
                f" {glyphs['dot']} {preview(view.model or view.server, 24)}"
                if view.model or view.server
                else ""
            )
            name = "Last run" if view.state == "stopped" else "This run"
            rows.append((name, [*panes.state_spans(view)[:1], (ago + whom, "muted")]))
            rows.append(
                (
                    "Goal",
                    [
                        (f"{words.count(view.kept)} of {words.count(view.goal)} ", "plain"),
                        *panes.bar(view.kept / max(view.goal, 1), min(max(width - 30, 8), 30)),
                    ],
                )
            )
        return [Line.of(*clip(((f"{name:<9}  ", "muted"), *spans), width)) for name, spans in rows]


class Steps(LineView):
    """What to do next; Enter or the step's own key does it."""

    def __init__(self) -> None:
        super().__init__(id="steps", selectable=True, always_show_cursor=True, classes="pane")
        self.border_title = "What next"
        self.steps: list[Step] = []

    def build(self, width: int, height: int) -> list[Line]:
        lines: list[Line] = []
        roomy = app_of(self).size.height >= 30
        title_width = max((cell_len(step.title) for step in self.steps), default=0)
        for place, step in enumerate(self.steps):
            key = BY_ID[step.key_id]
            mark: Span = (f"{glyphs['cursor']} ", "primary") if place == 0 else ("  ", "plain")
            spans: list[Span] = [
                mark,
                (f" {key.shown} ", "chip" if place == 0 else "key"),
                (f"  {fit(step.title, title_width)}", "bold"),
                (f"   {step.why}", "muted"),
            ]
            if roomy and place == 0:
                lines.append(Line((), step.key_id))
            lines.append(Line.of(*clip(spans, width), key=step.key_id).fit(width))
            if roomy and place == 0:
                lines.append(Line((), step.key_id))
        return lines


class Latest(LineView):
    """The newest verdicts."""

    def __init__(self) -> None:
        super().__init__(id="latest", classes="pane", selectable=True)
        self.border_title = "Latest from the teacher"
        self.view: Snapshot | None = None

    def build(self, width: int, height: int) -> list[Line]:
        return panes.feed(self.view.recent, width) if self.view else []


class Overview(LineView):
    """Verdicts and novelty of everything so far, where there is room."""

    def __init__(self) -> None:
        super().__init__(id="overview", classes="pane")
        self.border_title = "Candidates so far"
        self.view: Snapshot | None = None

    def build(self, width: int, height: int) -> list[Line]:
        return panes.verdicts(self.view, width) if self.view else []


class HomeScreen(RoomScreen):
    """The first screen."""

    CSS_PATH = "home.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("home", "list")
    HELP_PAGE = "home"
    HELP_TITLE = "Home"
    BINDINGS: ClassVar[list[BindingType]] = bindings("home")
    AUTO_FOCUS = "#steps"

    def __init__(self) -> None:
        super().__init__()
        self.stored: Stored | None = None

    def body(self) -> Iterable[Widget]:
        with Vertical(id="home"):
            with Horizontal(id="hero"):
                yield Alpaca()
                yield Facts()
                yield Overview()
            yield Steps()
            yield Latest()

    def on_mount(self) -> None:
        self.set_interval(READ_EVERY_S, self.read)
        if self.alpaca.animation_level == "full":
            self.set_interval(BLINK_EVERY_S, self.query_one(Alpaca).blink)

    def on_screen_resume(self) -> None:
        self.read()

    def read(self) -> None:
        """Read the workspace in a thread and show it."""
        if self.is_current:
            self.in_thread("home.read", self.session.read, self.show)

    def show(self, stored: Stored) -> None:
        """Show what was read."""
        self.stored = stored
        self.set_class(stored.empty, "-empty")
        facts, steps, latest, overview = (
            self.query_one(Facts),
            self.query_one(Steps),
            self.query_one(Latest),
            self.query_one(Overview),
        )
        facts.stored = stored
        latest.view = overview.view = self.session.snapshot() or stored.snapshot
        steps.steps = next_steps(stored, self.session.live)
        for view in (facts, steps, latest, overview):
            view.redraw()
        self.refresh_bindings()

    # --- what can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        mine = {key.action: key.id for key in BY_ID.values() if key.area == "home"}
        if action not in mine:
            return True
        steps = {step.key_id for step in self.query_one(Steps).steps} if self.is_mounted else set[str]()
        if action == "setup":
            return not self.session.live
        if action == "demo":
            return self.stored is not None and not self.session.live and not self.stored.busy
        return mine[action] in steps

    @on(LineView.Opened, "#steps")
    async def _chosen(self, event: LineView.Opened) -> None:
        await self.run_action(BY_ID[str(event.key)].action)

    @on(LineView.Opened, "#latest")
    def _open_answer(self, event: LineView.Opened) -> None:
        self.open_completion(event.key)

    def open_completion(self, key: Hashable) -> None:
        from alpaca_tui.tui.screens.generate.completion import CompletionScreen

        if isinstance(key, panes.TaskKey):
            self.alpaca.push_screen(CompletionScreen(key.completion_id))

    async def action_demo(self) -> None:
        from alpaca_tui.tui.screens.generate.screen import GenerateScreen

        await self.alpaca.action_go("generate")
        screen = self.alpaca.screen
        if isinstance(screen, GenerateScreen):
            screen.start_demo()

    async def action_curate(self) -> None:
        await self.alpaca.action_go("dataset")

    async def action_import(self) -> None:
        from alpaca_tui.tui.screens.dataset.importing import ImportScreen

        await self.alpaca.action_go("dataset")
        self.alpaca.push_screen(ImportScreen())

    async def action_setup(self) -> None:
        from alpaca_tui.tui.screens.generate.screen import GenerateScreen

        await self.alpaca.action_go("generate")
        screen = self.alpaca.screen
        if isinstance(screen, GenerateScreen):
            screen.action_new_setup()

    async def action_watch(self) -> None:
        await self.alpaca.action_go("generate")

    async def action_continue_run(self) -> None:
        from alpaca_tui.tui.screens.generate.screen import GenerateScreen

        await self.alpaca.action_go("generate")
        screen = self.alpaca.screen
        if isinstance(screen, GenerateScreen):
            screen.action_continue_run()

    def action_candidates(self) -> None:
        from alpaca_tui.tui.screens.generate.candidates import CandidatesScreen

        self.alpaca.push_screen(CandidatesScreen())
