"""The dashboard of a run, live or stored: header, figures, streams, verdicts, statistics, log.

It shows snapshots and nothing else; ten a second cost little, for only lines that changed are drawn. On
a narrow screen one of the panes is shown at a time. Knows `panes` and the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget

from alpaca_tui.tui import words
from alpaca_tui.tui.paint import Line, Span
from alpaca_tui.tui.screens.generate import panes
from alpaca_tui.tui.widgets.lines import LineView

if TYPE_CHECKING:
    from alpaca_tui.generation.events import Snapshot

NARROW_VIEWS = ("streams", "feed", "stats", "log")
_VIEW_NAMES = {"streams": "Streams", "feed": "Judged", "stats": "Statistics", "log": "Log"}


class SnapshotView(LineView):
    """A pane that draws part of a snapshot; `parts` names what it depends on, so that it is built anew only
    when that has changed."""

    def __init__(
        self,
        id: str,
        title: str,
        build: Callable[[Snapshot, int, int], Sequence[Line]],
        parts: Callable[[Snapshot], object],
        *,
        selectable: bool = False,
        boxed: bool = True,
    ) -> None:
        super().__init__(id=id, selectable=selectable, classes="pane" if boxed else None)
        if boxed:
            self.border_title = title
        self._build = build
        self._parts = parts
        self._seen: object = None
        self.view: Snapshot | None = None

    def build(self, width: int, height: int) -> Sequence[Line]:
        return self._build(self.view, width, height) if self.view is not None else []

    def show(self, view: Snapshot) -> None:
        """Show another snapshot, if what it says to this pane is new."""
        self.view = view
        seen = self._parts(view)
        if seen != self._seen:
            self._seen = seen
            self.redraw()


class Views(LineView):
    """On a narrow screen: which pane is shown, and which key shows the next."""

    def __init__(self) -> None:
        super().__init__(id="views")
        self.current = NARROW_VIEWS[0]
        self.available: tuple[str, ...] = NARROW_VIEWS

    def build(self, width: int, height: int) -> list[Line]:
        spans: list[Span] = []
        for name in self.available:
            spans.append((f" {_VIEW_NAMES[name]} ", "chip" if name == self.current else "muted"))
        return [Line.of(*spans, ("  v", "key"), (" next", "faint"))]


class Dashboard(Container):
    """Everything one sees of a run."""

    def __init__(self) -> None:
        super().__init__(id="dashboard")
        self.view: Snapshot | None = None
        self._panes: dict[str, SnapshotView] = {}
        self._views = Views()

    def compose(self) -> Iterable[Widget]:
        with Vertical(id="top"):
            yield SnapshotView(
                "header",
                "",
                lambda view, width, _height: panes.header(view, width),
                lambda v: (
                    v.state,
                    v.stopped_because,
                    v.stop_detail,
                    v.kept,
                    v.goal,
                    v.model,
                    v.server,
                    v.in_flight,
                    v.eta_s and round(v.eta_s),
                ),
                boxed=False,
            )
            yield SnapshotView("tiles", "", panes.tiles, _tile_parts, boxed=False)
            yield self._views
        with Horizontal(id="main"):
            with Vertical(id="flow"):
                yield SnapshotView(
                    "streams",
                    "Streams",
                    self._streams,
                    lambda v: (v.streams, round(words.now()), v.state),
                    selectable=True,
                )
                yield SnapshotView(
                    "feed",
                    "Judged",
                    self._feed,
                    lambda v: (v.recent[-1:], len(v.recent), v.judged),
                    selectable=True,
                )
            with Vertical(id="stats"):
                yield SnapshotView(
                    "verdicts",
                    "Verdicts",
                    lambda view, width, _height: panes.verdicts(view, width),
                    lambda v: (v.kept, v.duplicates, v.filtered, v.truncated, v.surplus),
                    selectable=True,
                )
                yield SnapshotView(
                    "histogram",
                    "Nearest neighbour (ROUGE-L)",
                    lambda view, width, height: panes.histogram(
                        view.histogram, view.threshold, width, height
                    ),
                    lambda v: (v.histogram, v.threshold),
                )
                yield SnapshotView(
                    "acceptance",
                    "Accepted over time",
                    lambda view, width, height: panes.acceptance(view.acceptance, width, height),
                    lambda v: v.acceptance,
                )
        with Vertical(id="bottom"):
            yield SnapshotView(
                "log",
                "Log",
                lambda view, width, height: (
                    panes.log(view.log, width)
                    or panes.nothing(
                        "Nothing to report.",
                        "Faults and changes of settings are written here.",
                        width,
                        height,
                    )
                ),
                lambda v: (v.log[-1:], len(v.log)),
                selectable=True,
            )

    def _streams(self, view: Snapshot, width: int, height: int) -> Sequence[Line]:
        if view.streams:
            return panes.streams(view.streams, width, height, words.now(), self._panes["streams"].cursor)
        hint = "Press space to go on." if view.state == "paused" else ""
        return panes.nothing("No request is in flight.", hint, width, height)

    def _feed(self, view: Snapshot, width: int, height: int) -> Sequence[Line]:
        return panes.feed(view.recent, width) or panes.nothing(
            "No task of this run has been judged yet.",
            "Each appears here with its verdict once its answer is complete.",
            width,
            height,
        )

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        if event.view.id == "streams":
            event.view.redraw()

    def show(self, view: Snapshot) -> None:
        """Show another snapshot."""
        self.view = view
        if not self._panes:
            return
        idle = not view.streams and view.state == "stopped"
        if self.has_class("-idle") != idle:
            self.set_class(idle, "-idle")
            self._settle_views(idle)
        detail = bool(view.state == "stopped" and view.stop_detail)
        if self.has_class("-detail") != detail:
            self.set_class(detail, "-detail")
        for pane in self._panes.values():
            pane.show(view)
        self._titles(view)

    def _titles(self, view: Snapshot) -> None:
        for name, text in (
            ("streams", f"{words.count(view.in_flight)} in flight" if view.in_flight else ""),
            ("feed", f"{words.count(view.judged)} in all" if view.judged else ""),
            ("histogram", f"duplicate over {view.threshold:.2f}"),
            ("acceptance", _new_verbs(view.new_verb_rate)),
        ):
            pane = self._panes[name]
            if pane.border_subtitle != text:
                pane.border_subtitle = text

    # --- one pane at a time

    def _settle_views(self, idle: bool) -> None:
        bar = self._views
        bar.available = NARROW_VIEWS[1:] if idle else NARROW_VIEWS
        if bar.current not in bar.available:
            bar.current = bar.available[0]
        self._choose(bar.current)

    def next_view(self) -> None:
        """Show the next pane (where they are shown one at a time)."""
        bar = self._views
        place = bar.available.index(bar.current)
        self._choose(bar.available[(place + 1) % len(bar.available)], focus=True)

    def _choose(self, name: str, *, focus: bool = False) -> None:
        bar = self._views
        bar.current = name
        for view in NARROW_VIEWS:
            self.set_class(view == name, f"-view-{view}")
        bar.redraw()
        if focus:
            target = "verdicts" if name == "stats" else name
            self.query_one(f"#{target}").focus()

    def on_mount(self) -> None:
        self._panes = {pane.id or "": pane for pane in self.query(SnapshotView)}
        self._choose(NARROW_VIEWS[0])


def _new_verbs(rate: float | None) -> str:
    """How many of the last hundred kept tasks ask for something no task has asked for before."""
    return "" if rate is None else f"{100 * rate:.0f} % new verbs"


def _tile_parts(view: Snapshot) -> object:
    return (
        view.state,
        view.in_flight,
        view.allowed,
        view.concurrency,
        round(view.tokens_per_s, 1),
        round(view.tasks_per_min),
        view.kept_this_run,
        view.judged,
        view.completions,
        view.failed,
        view.lost,
        view.judging_backlog,
        view.prompt_tokens,
        view.completion_tokens,
        view.money,
    )
