"""A merged row made several: the parts as they were found, to be mended before the cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import TextArea

from alpaca_tui.curation.edits import Part
from alpaca_tui.text import plural
from alpaca_tui.tui.keys import bindings
from alpaca_tui.tui.screens.base import RoomScreen
from alpaca_tui.tui.screens.dataset.shown import Shown
from alpaca_tui.tui.widgets.plain import Plain

_FIELDS = ("instruction", "input", "output")


class SplitScreen(RoomScreen):
    """The parts one below the other. A part whose instruction is empty is left out; the first keeps the row."""

    CSS_PATH = "editor.tcss"
    AREAS: ClassVar[tuple[str, ...]] = ("editor",)
    HELP_PAGE = "editor"
    HELP_TITLE = "Splitting a row"
    BINDINGS: ClassVar[list[BindingType]] = bindings("editor")

    def __init__(self, row: int, parts: Sequence[Part], cut: Callable[[Sequence[Part]], None]) -> None:
        super().__init__()
        self._row = row
        # One part found: a second one stands ready to be filled by hand.
        self._parts = [*parts, Part("", "", "")] if len(parts) == 1 else list(parts)
        self._shown = [[Shown(text) for text in part] for part in self._parts]
        self._cut = cut

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="split", can_focus=False):
            found = len(self._parts)
            told = f"Row {self._row} in {found} parts. ^s cuts it; a part without an instruction is left out."
            yield Plain(told, classes="split-note")
            for place, shown in enumerate(self._shown):
                with Vertical(classes="split-part"):
                    for name, text in zip(_FIELDS, shown, strict=True):
                        area = TextArea(
                            text.text,
                            id=f"part-{place}-{name}",
                            classes="pane",
                            soft_wrap=True,
                            tab_behavior="focus",
                        )
                        area.border_title = f"{place + 1}  {name}"
                        yield area

    def parts(self) -> list[Part]:
        """The parts as they stand, those without an instruction left out."""
        found = [
            Part(
                *(
                    text.read(self.query_one(f"#part-{place}-{name}", TextArea).text)
                    for name, text in zip(_FIELDS, shown, strict=True)
                )
            )
            for place, shown in enumerate(self._shown)
        ]
        return [part for part in found if part.instruction.strip()]

    def action_save(self) -> None:
        parts = self.parts()
        if len(parts) < 2:
            self.alpaca.say("There is nothing to split: fill a second part, or press esc", severity="warning")
            return
        self.dismiss()
        self._cut(parts)
        self.alpaca.say(f"Row {self._row} is {plural(len(parts), 'row')} now")

    def action_close(self) -> None:
        self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "external"
