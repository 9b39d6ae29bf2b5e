"""From any widget to our app, typed. (Textual types `widget.app` as an app of unknown result.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from alpaca_tui.tui.app import AlpacaApp


def app_of(node: DOMNode) -> AlpacaApp:
    """The app `node` lives in."""
    return cast("AlpacaApp", cast(Any, node).app)
