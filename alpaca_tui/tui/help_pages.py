"""The help of each screen as text: its page and its keys, for the help window and for `alpaca-tui help`.

Knows the key table and the shipped pages; no widget, so that the command line can print it without Textual.
"""

from __future__ import annotations

from importlib import resources

from alpaca_tui.tui.keys import help_groups

_AREAS = {
    "home": ("home", "list", "app"),
    "generate": ("generate", "setup", "list", "app"),
    "answers": ("answers", "list", "app"),
    "candidates": ("candidates", "list", "app"),
    "dataset": ("dataset", "find", "list", "app"),
    "editor": ("editor", "texts", "app"),
    "review": ("review", "app"),
    "lint": ("lint", "list", "app"),
    "ask": ("ask", "list", "app"),
    "statistics": ("statistics", "list", "app"),
    "twins": ("twins", "list", "app"),
    "transfer": ("transfer", "app"),
    "operations": ("operations", "list", "app"),
}


def pages() -> list[str]:
    """The names that have a page."""
    return list(_AREAS)


def page(name: str) -> str:
    """The help text of a screen (Markdown), without its keys."""
    return (resources.files("alpaca_tui.tui") / "help" / f"{name}.md").read_text("utf-8")


def full_page(name: str) -> str:
    """The help text of a screen and its keys (Markdown). KeyError for a name not in `pages()`."""
    parts = [page(name).rstrip()]
    for group, keys in help_groups(_AREAS[name]):
        lines = [f"- `{key.all_shown}` {key.help}" for key in keys]
        parts.append(f"## {group}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"
