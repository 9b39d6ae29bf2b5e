"""Our two themes, and the variables every other theme falls back on.

Colours come from the Andes: fleece, terracotta, dusk and highland lake. Knows no screen.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="alpaca-dark",
    primary="#e0a15e",
    secondary="#8fb8c9",
    accent="#f2c879",
    warning="#e6c15c",
    error="#ec7f70",
    success="#9ccf7c",
    foreground="#ece4d8",
    background="#171513",
    surface="#1f1c19",
    panel="#2a2622",
    dark=True,
    variables={
        "border": "#e0a15e",
        "border-blurred": "#3b352f",
        "block-cursor-foreground": "#171513",
        "block-cursor-background": "#e0a15e",
        "block-cursor-blurred-background": "#3a332b",
        "footer-background": "#1f1c19",
        "footer-key-foreground": "#f2c879",
        "footer-description-foreground": "#b5aa9b",
        "input-selection-background": "#e0a15e 35%",
        "scrollbar": "#4a4239",
        "scrollbar-hover": "#63584b",
        "scrollbar-active": "#e0a15e",
        "scrollbar-background": "#1c1917",
        "scrollbar-background-hover": "#1c1917",
        "scrollbar-background-active": "#1c1917",
        "button-color-foreground": "#171513",
        "link-color": "#8fb8c9",
        "text-muted": "#a3988a",
        "text-disabled": "#6f675d",
        "kept-color": "#9ccf7c",
        "duplicate-color": "#e6c15c",
        "filtered-color": "#ec7f70",
        "truncated-color": "#c79bd6",
        "surplus-color": "#7fc4cf",
        "track-color": "#37312b",
        "hair-color": "#3b352f",
        "fleece-color": "#f0e6d6",
        "fleece-shade-color": "#cdbda3",
        "hide-color": "#7a5a3f",
        "ground-color": "#6f8f52",
    },
)
LIGHT = Theme(
    name="alpaca-light",
    primary="#a3531c",
    secondary="#2f6b82",
    accent="#8a4312",
    warning="#8a6100",
    error="#b23527",
    success="#3d7a24",
    foreground="#33291f",
    background="#fbf7ef",
    surface="#f5eee1",
    panel="#ebe0cd",
    dark=False,
    variables={
        "border": "#a3531c",
        "border-blurred": "#d9cbb4",
        "block-cursor-foreground": "#fbf7ef",
        "block-cursor-background": "#a3531c",
        "block-cursor-blurred-background": "#ead9bf",
        "footer-background": "#f0e6d5",
        "footer-key-foreground": "#a3531c",
        "footer-description-foreground": "#5f5243",
        "input-selection-background": "#a3531c 25%",
        "scrollbar": "#cdbb9e",
        "scrollbar-hover": "#b9a482",
        "scrollbar-active": "#a3531c",
        "scrollbar-background": "#f3eadb",
        "scrollbar-background-hover": "#f3eadb",
        "scrollbar-background-active": "#f3eadb",
        "button-color-foreground": "#fbf7ef",
        "link-color": "#2f6b82",
        "text-muted": "#75685a",
        "text-disabled": "#a89a87",
        "kept-color": "#3d7a24",
        "duplicate-color": "#8a6100",
        "filtered-color": "#b23527",
        "truncated-color": "#7b4a94",
        "surplus-color": "#1f7480",
        "track-color": "#e3d6c0",
        "hair-color": "#d9cbb4",
        "fleece-color": "#e9d9bd",
        "fleece-shade-color": "#cdb58d",
        "hide-color": "#6b4b32",
        "ground-color": "#7d9c5d",
    },
)

_STAND_INS: dict[str, str] = {
    "kept-color": "text-success",
    "duplicate-color": "text-warning",
    "filtered-color": "text-error",
    "truncated-color": "text-secondary",
    "surplus-color": "text-accent",
    "track-color": "surface-lighten-2",
    "hair-color": "panel-lighten-2",
    "fleece-color": "foreground",
    "fleece-shade-color": "foreground-darken-2",
    "hide-color": "primary",
    "ground-color": "success",
}
_ANSI_GREY = ("track-color", "hair-color", "fleece-shade-color")


def with_our_variables(variables: dict[str, str], *, ansi: bool) -> dict[str, str]:
    """`variables` of any theme, with those of ours it does not know taken from colours it has."""
    ours = {name: variables[source] for name, source in _STAND_INS.items()}
    if ansi:
        ours.update(dict.fromkeys(_ANSI_GREY, "ansi_bright_black"))
    return {**ours, **variables}
