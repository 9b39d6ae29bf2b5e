"""The filter line: what is typed is a filter at once; below it stand proposals, or what is wrong and where.

Posts what was typed; decides nothing about rows. Knows the filter language, no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from alpaca_tui.curation.query import Completions, QueryError, complete, parse
from alpaca_tui.text import preview
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.paint import Line, Span
from alpaca_tui.tui.widgets.field import TextField
from alpaca_tui.tui.widgets.lines import LineView
from alpaca_tui.tui.widgets.plain import Plain

Values = Callable[[str], Sequence[str]]
_NONE = Completions(0, 0, [])


class FilterField(TextField):
    """The field; its keys are those of the area `find`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("find")

    class Left(Message):
        """The person is done here. clear: the filter goes too."""

        def __init__(self, *, clear: bool = False) -> None:
            super().__init__()
            self.clear = clear

    def _bar(self) -> FilterBar:
        return self.query_ancestor(FilterBar)

    def action_accept(self) -> None:
        self.post_message(self.Left())

    def action_leave(self) -> None:
        self.post_message(self.Left(clear=not self.value.strip()))

    def action_complete(self) -> None:
        if not self._bar().take():
            self.post_message(self.Left())

    def action_choose(self, by: int) -> None:
        if not self._bar().choose(by) and by > 0:
            self.post_message(self.Left())


class Hints(LineView):
    """The line under the field."""

    def __init__(self) -> None:
        super().__init__(id="hints")
        self.spans: Sequence[Span] = ()

    def build(self, width: int, height: int) -> list[Line]:
        return [Line.of(*self.spans)]

    def say(self, spans: Iterable[Span]) -> None:
        self.spans = tuple(spans)
        self.redraw()


class FilterBar(Vertical):
    """The field and the line under it. `values`: what a field of the filter language may be compared with."""

    class Typed(Message):
        """Another filter that can be read."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, values: Values) -> None:
        super().__init__(id="filter")
        self._values = values
        self._proposals = _NONE
        self._chosen = 0
        self._at_rest: Sequence[Span] = ()

    def compose(self) -> ComposeResult:
        with Horizontal(id="filter-line"):
            yield Plain("/", id="filter-sign")
            yield FilterField(
                placeholder='words, "a phrase", flag:empty-output, input:none, nearest>0.6 …',
                id="filter-field",
                compact=True,
            )
        yield Hints()

    @property
    def field(self) -> FilterField:
        return self.query_one(FilterField)

    @property
    def text(self) -> str:
        return self.field.value.strip()

    def put(self, text: str) -> None:
        """Show another filter, as if it had been typed."""
        self.field.value = text
        self.field.cursor_position = len(text)

    def rest(self, spans: Sequence[Span]) -> None:
        """What the line below says while nobody types."""
        self._at_rest = spans
        if not self.field.has_focus:
            self.query_one(Hints).say(spans)

    @on(FilterField.Changed)
    def _changed(self, event: FilterField.Changed) -> None:
        event.stop()
        if not self._broken(event.value):
            self.post_message(self.Typed(event.value.strip()))

    def _broken(self, text: str) -> bool:
        """Whether the filter cannot be read as it stands; says what is wrong, or what could follow."""
        try:
            parse(text, typing=True)
        except QueryError as error:
            self._proposals = _NONE
            self.fault(error)
            return True
        self.propose()
        return False

    def propose(self) -> None:
        """Say what could follow."""
        field = self.field
        place = field.cursor_position
        self._proposals = complete(field.value, place, self._values) if field.has_focus else _NONE
        self._chosen = 0
        self._say_proposals()

    def fault(self, error: QueryError) -> None:
        """Say what is wrong with the filter, and where; not of a word that is still being typed and may become one
        of the proposals."""
        if self._proposals.items and error.position + error.length == self.field.cursor_position:
            return
        sign = "^" * max(error.length, 1)
        hint = f"  {error.next_step}" if error.next_step else ""
        self.query_one(Hints).say(
            [
                (" " * (error.position + 2), "plain"),
                (sign, "error"),
                (f" {error.title}", "error"),
                (hint, "muted"),
            ]
        )

    def _say_proposals(self) -> None:
        hints = self.query_one(Hints)
        items = self._proposals.items
        if not self.field.has_focus or not items:
            hints.say(self._at_rest if not self.field.has_focus or self.text else _HELP)
            return
        width = max(hints.size.width - 4, 20)
        start = self._chosen
        spans: list[Span] = [("  ", "plain")]
        used = 0
        for place in range(start, len(items)):
            text = preview(items[place][0], 40)
            size = cell_len(text) + 3
            if used + size > width * 0.6 and place > start:
                spans.append((glyphs["ellipsis"], "faint"))
                break
            spans.append((f" {text} ", "chip" if place == start else "muted"))
            used += size
        meaning = items[start][1]
        if meaning:
            spans.append((f"   {meaning}", "faint"))
        hints.say(spans)

    def choose(self, by: int) -> bool:
        """Step through the proposals; False where there are none."""
        if not self._proposals.items or not self.text:
            return False
        self._chosen = (self._chosen + by) % len(self._proposals.items)
        self._say_proposals()
        return True

    def take(self) -> bool:
        """Write the chosen proposal into the field; False where there is none."""
        if not self._proposals.items:
            return False
        start, end, items = self._proposals
        text = items[self._chosen][0]
        value = self.field.value
        joined = value[:start] + text
        closed = text.endswith((":", "("))
        self.field.value = joined + ("" if closed else " ") + value[end:].lstrip()
        self.field.cursor_position = len(joined) + (0 if closed else 1)
        self._broken(self.field.value)
        return True

    def on_descendant_focus(self) -> None:
        self._broken(self.field.value)

    def on_descendant_blur(self) -> None:
        self.query_one(Hints).say(self._at_rest)


_HELP: tuple[Span, ...] = (
    ("   words search the texts ", "muted"),
    (" flag: ", "chip"),
    (" findings ", "muted"),
    (" status: ", "chip"),
    (" tag: ", "chip"),
    (" nearest>0.6 ", "chip"),
    (" words(output)<3 ", "chip"),
    (" not ", "chip"),
    (" or ", "chip"),
)
