"""Statistics of the rows of a filter: root verbs as a figure and a list, lengths, sources, novelty, vocabulary.

Enter on any bar goes to the table with the rows behind it. Knows what `curation.stats` tells, no query of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from alpaca_tui.text import plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import BLANK, Line, columns
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset.dialogs import Chooser, Item, LineDialog
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.ring import LETTERS, Ring

if TYPE_CHECKING:
    from alpaca_tui.curation.stats import Bin, Comparison, Known, Statistics
    from alpaca_tui.curation.texts import Texts
    from alpaca_tui.store.store import Store

_PAGE = 2_000


def bar_lines(
    title: str, bins: Sequence[Bin], width: int, *, most: int = 12, style: str = "primary"
) -> list[Line]:
    """A titled histogram; a line's key is the filter behind its bar."""
    if not bins:
        return []
    shown = bins[:most]
    top = max(one.count for one in shown) or 1
    name = min(max(len(one.label) for one in shown), max(width // 3, 6))
    lines = [Line.of((title, "title"))]
    for one in shown:
        count = words.short(one.count)
        room = max(width - name - 9, 4)
        bar = glyphs.bar(one.count / top, room)
        lines.append(
            Line.of(
                (f"  {preview(one.label, name):<{name}} ", "plain" if one.count else "faint"),
                (bar, style),
                (f" {count}", "muted"),
                key=one.query or None,
            )
        )
    return [*lines, BLANK]


def growth_lines(curve: Sequence[tuple[int, int]], width: int, height: int = 4) -> list[Line]:
    """How many different words the instructions hold after so many rows."""
    if len(curve) < 2:
        return []
    room = max(min(width - 4, len(curve)), 2)
    picked = [curve[round(place * (len(curve) - 1) / (room - 1))][1] for place in range(room)]
    top = max(picked) or 1
    lines = [
        Line.of(
            ("Vocabulary", "title"),
            (f"  {words.count(curve[-1][1])} words after {plural(curve[-1][0], 'row')}", "muted"),
        )
    ]
    for row in reversed(range(height)):
        lines.append(
            Line.of(
                ("  ", "plain"),
                ("".join(glyphs.column(value / top, height, row) for value in picked), "kept"),
            )
        )
    return [*lines, BLANK]


class VerbList(LineView):
    """The verbs of the figure with their objects; a letter names a verb as the ring does without colour."""

    def __init__(self, *, id: str = "verbs") -> None:
        super().__init__(id=id, classes="pane", selectable=True)
        self.border_title = "Root verbs"
        self.statistics: Statistics | None = None

    def build(self, width: int, height: int) -> list[Line]:
        if self.statistics is None:
            return [Line.of(("Counting…", "muted"))]
        figure = self.statistics.figure
        lettered = any(ring.display for ring in self.screen.query(Ring))
        lines: list[Line] = []
        for place, one in enumerate(figure.slices):
            objects = ", ".join(f"{name} {words.short(count)}" for name, count in one.objects)
            lines.append(
                Line.of(
                    (f"{LETTERS[place]} " if lettered else "", "faint"),
                    (f"{preview(one.verb, 11):<11}", "bold"),
                    (f"{words.short(one.count):>6}  ", "muted"),
                    (preview(objects, max(width - 21, 4)), "plain"),
                    key=f"verb:{one.verb}",
                )
            )
        if not lines:
            return [Line.of(("No verb with an object was found.", "muted"))]
        told = f"{plural(figure.verbs, 'verb')}, {plural(figure.pairs, 'pair')}"
        return [*lines, BLANK, Line.of((told, "muted"))]


class Numbers(LineView):
    """Everything else, bar by bar."""

    def __init__(self, *, id: str = "numbers") -> None:
        super().__init__(id=id, classes="pane", selectable=True)
        self.border_title = "Numbers"
        self.statistics: Statistics | None = None

    def build(self, width: int, height: int) -> list[Line]:
        found = self.statistics
        if found is None:
            return [Line.of(("Counting…", "muted"))]
        if not found.rows:
            return [Line.of(("No rows.", "muted"))]
        head = [
            Line.of(
                (words.count(found.unique_instructions), "bold"),
                (" different instructions", "plain"),
            ),
            Line.of(
                (f"{words.percent(found.with_input, found.rows)} with an input", "plain"),
                ("  (Alpaca: 40 %)", "faint"),
                key="input:any",
            ),
            BLANK,
        ]
        blocks = [
            bar_lines(f"{name.capitalize()}: words, {one.mean:.0f} on average", one.bins, width)
            for name, one in found.lengths.items()
        ]
        blocks += [
            bar_lines("Nearest row or seed, ROUGE-L", found.similarity, width, style="duplicate"),
            bar_lines("Findings", found.flags, width, style="warning"),
            bar_lines("Source", found.sources, width),
            bar_lines("Status", found.statuses, width),
            growth_lines(found.growth, width),
        ]
        return [*head, *(line for block in blocks for line in block)]


class StatisticsScreen(RoomScreen):
    """The numbers of the rows of a filter."""

    CSS_PATH = "statistics.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("statistics", "list")
    HELP_PAGE = "statistics"
    HELP_TITLE = "Statistics"
    BINDINGS: ClassVar[list[BindingType]] = bindings("statistics")
    AUTO_FOCUS = "#verbs"

    def __init__(self, query: str) -> None:
        super().__init__()
        self._query = query
        self.statistics: Statistics | None = None

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="statistics"):
            with Vertical(id="diversity"):
                yield Ring(id="ring")
                yield VerbList()
            yield Numbers()

    def on_mount(self) -> None:
        def job() -> Statistics:
            from alpaca_tui.curation.stats import statistics_of

            return statistics_of(known(self.session.ensure_store(), self._query))

        self.in_thread("statistics.read", job, self.show)

    def show(self, found: Statistics) -> None:
        """Show the numbers."""
        self.statistics = found
        self.query_one(Ring).show(found.figure)
        for view in (self.query_one(VerbList), self.query_one(Numbers)):
            view.statistics = found
            view.redraw()
        of = f" with {preview(self._query, 40)}" if self._query else ""
        self.query_one(Numbers).border_title = f"{plural(found.rows, 'row')}{of}"
        self.refresh_bindings()

    # --- keys

    @on(LineView.Opened)
    async def _opened(self, event: LineView.Opened) -> None:
        await self._go(str(event.key))

    @on(Ring.Chosen)
    async def _slice(self, event: Ring.Chosen) -> None:
        await self._go(f"verb:{event.verb}" + (f" object:{event.object}" if event.object else ""))

    async def action_show(self) -> None:
        view = self.focused
        if isinstance(view, LineView) and view.cursor is not None:
            await self._go(str(view.cursor))

    async def _go(self, query: str) -> None:
        from alpaca_tui.curation.query import conjoin

        await self.alpaca.show_dataset(conjoin(self._query, query))

    def action_export(self) -> None:
        found = self.statistics
        if found is None:
            return
        default = str(self.session.workspace.root / "exports" / "diversity.svg")

        def written(text: str | None) -> None:
            if not text:
                return
            path = Path(text).expanduser()

            def job() -> Path:
                from alpaca_tui.curation.diversity import write_figure

                path.parent.mkdir(parents=True, exist_ok=True)
                dark = self.alpaca.current_theme.dark and path.suffix != ".png"
                write_figure(found.figure, path, "Root verbs and objects", dark=dark)
                return path

            self.in_order(job, lambda done: self.alpaca.say(f"Figure written: {done}"))

        self.alpaca.push_screen(
            LineDialog("Export the figure", "A name that ends in .svg, .png or .html.", default), written
        )

    def action_compare(self) -> None:
        items = [
            Item("seeds", "the seed tasks"),
            Item("file", "a file…"),
            Item("rest", "the rows the filter leaves out"),
        ]

        def chosen(what: str | None) -> None:
            if what == "file":
                self.alpaca.push_screen(LineDialog("Compare with a file", "Its path."), named)
            elif what:
                self.alpaca.push_screen(ComparisonScreen(self._query, what))

        def named(path: str | None) -> None:
            if path:
                self.alpaca.push_screen(ComparisonScreen(self._query, str(Path(path).expanduser())))

        self.alpaca.push_screen(Chooser("Compare these rows with", items), chosen)

    def action_close(self) -> None:
        self.dismiss()


def known(store: Store, query: str) -> Iterable[tuple[Texts, Known | None]]:
    """The rows of a filter with what the store knows of them."""
    from alpaca_tui.curation.inspection import flags_of, rules_of
    from alpaca_tui.curation.query import compile_sql, parse
    from alpaca_tui.curation.stats import Known

    sql = compile_sql(parse(query), flags_of(store))
    bits = store.flag_bits()
    ids = store.example_ids(sql.where, sql.values)
    for start in range(0, len(ids), _PAGE):
        for row in store.examples_by_id(ids[start : start + _PAGE]):
            rules = rules_of(row.flags, bits)
            yield row, Known(row.verb, row.object, row.nearest_score, row.source, row.status, rules)


class ComparisonScreen(RoomScreen):
    """These rows beside others: figures, verbs, and how near the others' instructions come."""

    CSS_PATH = "statistics.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("answers",)
    HELP_PAGE = "statistics"
    HELP_TITLE = "Comparison"
    BINDINGS: ClassVar[list[BindingType]] = bindings("answers")

    def __init__(self, query: str, other: str) -> None:
        super().__init__()
        self._query = query
        self._other = other

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="rings"):
            yield Ring(id="here", classes="pane")
            yield Ring(id="there", classes="pane")
        yield Beside()

    def on_mount(self) -> None:
        self.query_one("#here").border_title = "These rows"
        self.query_one("#there").border_title = {"seeds": "Seed tasks", "rest": "The other rows"}.get(
            self._other, Path(self._other).name
        )

        def job() -> Comparison:
            from alpaca_tui.curation.stats import compare

            store = self.session.ensure_store()
            return compare([row for row, _ in known(store, self._query)], self._others(store))

        def show(found: Comparison) -> None:
            self.query_one("#here", Ring).show(found.here.figure)
            self.query_one("#there", Ring).show(found.there.figure)
            view = self.query_one(Beside)
            view.comparison = found
            view.redraw()

        self.in_thread("statistics.compare", job, show)

    def _others(self, store: Store) -> Sequence[Texts]:
        from alpaca_tui.curation.interchange import Refused, open_source
        from alpaca_tui.generation.opening import seeds_of_last_run

        if self._other == "seeds":
            return seeds_of_last_run(self.session.workspace, store)
        if self._other == "rest":
            return [row for row, _ in known(store, f"not ({self._query})" if self._query else "is:deleted")]
        return [row for row in open_source(self._other) if not isinstance(row, Refused)]

    def action_close(self) -> None:
        self.dismiss()


class Beside(LineView):
    """What a comparison told, in two columns."""

    def __init__(self) -> None:
        super().__init__(id="beside", classes="pane")
        self.can_focus = True
        self.border_title = "Beside each other"
        self.comparison: Comparison | None = None

    def build(self, width: int, height: int) -> Sequence[Line]:
        found = self.comparison
        if found is None:
            return [Line.of(("Comparing…", "muted"))]
        half = (width - 3) // 2
        blocks: list[list[Line]] = []
        for one, alone in ((found.here, found.only_here), (found.there, found.only_there)):
            average = f"{one.lengths['output'].mean:.0f} words an output" if "output" in one.lengths else ""
            blocks.append(
                [
                    Line.of(
                        (plural(one.rows, "row"), "bold"),
                        (f"  {words.percent(one.with_input, one.rows)} with input", "plain"),
                    ),
                    Line.of((average, "muted")),
                    Line.of(
                        (
                            f"{plural(one.figure.verbs, 'root verb')}, {plural(one.figure.pairs, 'pair')}",
                            "muted",
                        )
                    ),
                    BLANK,
                    *bar_lines("Root verbs", one.verbs, half, most=10),
                    Line.of(("Only here", "title")),
                    *(
                        Line.of((f"  {verb.label} ", "plain"), (words.count(verb.count), "muted"))
                        for verb in alone[:8]
                    ),
                ]
            )
        lines = columns(blocks, [half, half], 3)
        if found.similarity:
            lines += [
                BLANK,
                *bar_lines(
                    "The others' instructions, by the nearest of these rows",
                    found.similarity,
                    width,
                    style="duplicate",
                ),
            ]
        return lines
