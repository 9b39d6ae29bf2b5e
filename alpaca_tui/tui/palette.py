"""The looks of `paint`'s style names in the theme in force.

Panes draw segments themselves, so they need rich styles, not stylesheets: giving every pane two dozen
component classes made opening a screen slow. Knows theme variables by name and no widget.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color

_COLORS: dict[str, tuple[str, bool]] = {
    "plain": ("foreground", False),
    "bold": ("foreground", True),
    "muted": ("text-muted", False),
    "faint": ("text-disabled", False),
    "title": ("text-accent", True),
    "key": ("footer-key-foreground", True),
    "primary": ("primary", False),
    "accent": ("text-accent", False),
    "kept": ("kept-color", False),
    "duplicate": ("duplicate-color", False),
    "filtered": ("filtered-color", False),
    "truncated": ("truncated-color", False),
    "surplus": ("surplus-color", False),
    "warning": ("duplicate-color", False),
    "error": ("filtered-color", True),
    "success": ("kept-color", True),
    "track": ("track-color", False),
    "brand": ("primary", True),
    "info": ("surplus-color", False),
    "match": ("text-accent", True),
    "marked": ("primary", True),
    "added": ("kept-color", False),
    "removed": ("filtered-color", False),
}
"""Style name -> theme variable and whether it is bold."""
_DRAWN = {"match": Style(underline=True), "added": Style(underline=True), "removed": Style(strike=True)}
"""What tells these apart where there is no colour."""
_ON_COLOR = {"chip": ("block-cursor-foreground", "primary")}
_CURSORS = {"cursor": ("block-cursor-blurred-background", True), "cursor-blurred": ("panel", False)}


def resolve(value: str, background: Color) -> Color:
    """A theme variable's value as a colour on `background`: `#aabbcc`, `#aabbcc 40%`, `auto 60%`, `ansi_red`."""
    name, _, share = value.partition(" ")
    alpha = float(share.rstrip("%")) / 100 if share.endswith("%") else 1.0
    if name == "auto":
        return (
            background + background.get_contrast_text(alpha)
            if background.ansi is None
            else Color.parse("ansi_default")
        )
    color = Color.parse(name)
    if color.ansi is not None or background.ansi is not None or color.a == 0:
        return color
    return background + color.multiply_alpha(alpha)


def styles(variables: Mapping[str, str], background: Color) -> dict[str, Style]:
    """A rich style for every name, on `background`."""
    base = Style(bgcolor=background.rich_color)
    out: dict[str, Style] = {}
    for name, (variable, bold) in _COLORS.items():
        color = resolve(variables[variable], background)
        out[name] = base + Style(color=color.rich_color if color.a else None, bold=bold or None)
        out[name] += _DRAWN.get(name, Style.null())
    for name, (front, back) in _ON_COLOR.items():
        ground = resolve(variables[back], background)
        out[name] = Style(
            color=resolve(variables[front], ground).rich_color, bgcolor=ground.rich_color, bold=True
        )
    for name, (back, bold) in _CURSORS.items():
        ground = resolve(variables[back], background)
        out[name] = Style(bgcolor=ground.rich_color, bold=bold or None, reverse=(ground.a == 0) or None)
    return out
