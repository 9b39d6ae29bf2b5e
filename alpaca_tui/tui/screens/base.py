"""What every screen of ours shares: the frame, the key table, the list of areas its help speaks of.

Knows the frame and the key table, no room.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from alpaca_tui.tui.widgets.frame import KeyBar, TopBar
from alpaca_tui.tui.widgets.reach import app_of

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from alpaca_tui.tui.app import AlpacaApp
    from alpaca_tui.tui.session import Session

Result = TypeVar("Result")


class _Ours:
    """AREAS: the areas of the key table in force here, the screen's own first. HELP_PAGE: its help text."""

    AREAS: ClassVar[tuple[str, ...]] = ()
    HELP_PAGE: ClassVar[str] = ""
    HELP_TITLE: ClassVar[str] = ""

    @property
    def alpaca(self) -> AlpacaApp:
        return app_of(cast("DOMNode", self))

    @property
    def session(self) -> Session:
        return self.alpaca.session


class RoomScreen(_Ours, Screen[None]):
    """A full screen: rooms above, keys below, `body` between."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield from self.body()
        yield KeyBar()

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def redraw_bar(self) -> None:
        self.query_one(TopBar).redraw()


class Dialog(_Ours, ModalScreen[Result], Generic[Result]):
    """A window over a screen."""

    DEFAULT_CLASSES = "dialog-screen"
