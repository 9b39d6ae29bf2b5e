"""What every screen of ours shares: the frame, the key table, the list of areas its help speaks of.

Knows the frame and the key table, no room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.await_remove import AwaitRemove
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from alpaca_tui.tui.widgets.frame import KeyBar, TopBar
from alpaca_tui.tui.widgets.reach import app_of

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from alpaca_tui.tui.app import AlpacaApp
    from alpaca_tui.tui.session import Session

Result = TypeVar("Result")
Returned = TypeVar("Returned")
_Screen = Screen[Any] if TYPE_CHECKING else object


class _Ours(_Screen):
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

    # --- work off the loop, whose result nobody gets once the screen has gone

    gone = False
    """Closed: its widgets are on their way out."""

    def remove(self) -> AwaitRemove:
        self.gone = True
        return super().remove()

    def in_thread(
        self,
        group: str,
        job: Callable[[], Returned],
        then: Callable[[Returned], None] | None = None,
        *,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        """As `AlpacaApp.in_thread`."""
        self.alpaca.in_thread(group, job, self._while_here(then), failed=self._or_shown(failed))

    def in_order(
        self,
        job: Callable[[], Returned],
        then: Callable[[Returned], None] | None = None,
        *,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        """As `AlpacaApp.in_order`."""
        self.alpaca.in_order(job, self._while_here(then), failed=self._or_shown(failed))

    def _while_here(self, take: Callable[[Returned], None] | None) -> Callable[[Returned], None] | None:
        if take is None:
            return None

        def hand(value: Returned) -> None:
            if not self.gone:
                take(value)

        return hand

    def _or_shown(
        self, take: Callable[[BaseException], None] | None
    ) -> Callable[[BaseException], None] | None:
        """What fails after the screen has gone is shown all the same."""
        if take is None:
            return None
        app = self.alpaca
        return lambda error: app.show_error(error) if self.gone else take(error)


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
