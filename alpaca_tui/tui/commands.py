"""The palette: every action of the key table that works here and now, as `area: Verb`, with its key.

Knows the key table; an action runs exactly as its key would.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from alpaca_tui.tui.keys import KEYS, Key

if TYPE_CHECKING:
    from alpaca_tui.tui.app import AlpacaApp


class KeyTableCommands(Provider):
    """Commands from the key table and, as `view: Theme NAME`, every theme."""

    def _usable(self) -> Iterator[tuple[Key, str]]:
        """The commands in force: the key and the action with the place it runs in."""
        active = {
            binding.id: node for node, binding, enabled, _ in self.screen.active_bindings.values() if enabled
        }
        for key in KEYS:
            if key.command and key.id in active:
                yield key, key.action

    async def discover(self) -> Hits:
        for key, action in self._usable():
            yield DiscoveryHit(
                key.command,
                partial(self._run, key, action),
                help=f"{key.help}  ({key.all_shown})",
            )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for key, action in self._usable():
            score = matcher.match(key.command)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(key.command),
                    partial(self._run, key, action),
                    text=key.command,
                    help=f"{key.help}  ({key.all_shown})",
                )
        app = cast("AlpacaApp", self.app)
        for name in sorted(app.available_themes):
            command = f"view: Theme {name}"
            score = matcher.match(command)
            if score > 0:
                yield Hit(score, matcher.highlight(command), partial(app.choose_theme, name), text=command)

    async def _run(self, key: Key, action: str) -> None:
        """Run the action where its key would have run it."""
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.id == key.id and enabled:
                await self.app.run_action(action, node)
                return
