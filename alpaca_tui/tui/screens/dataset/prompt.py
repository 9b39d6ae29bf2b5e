"""A row as the exact text a model is trained on: what it is shown, and what it must learn to write.

With a tokenizer chosen, token by token as `finetune.encode` cuts it, special tokens and the cut at the maximal
length visible. Lines from plain values; knows no store and no widget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alpaca_tui.template import render
from alpaca_tui.text import plural
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.paint import BLANK, Line, wrap
from alpaca_tui.tui.screens.dataset.detail import paragraph

if TYPE_CHECKING:
    from alpaca_tui.finetune.encode import Preview

_LEGEND = (
    Line.of(("masked", "muted"), ("  what the model is shown", "faint")),
    Line.of(("trained", "kept"), (" what it learns to write", "faint")),
)


def plain_lines(instruction: str, input: str, output: str, width: int) -> list[Line]:
    """The row as text, where no tokenizer is chosen."""
    prompt = render(instruction, input)
    text = prompt + output
    marks = [(0, len(prompt), "muted"), (len(prompt), len(text), "kept")]
    hint = "Choose a tokenizer (K) to see it in tokens, with its begin and end and what would be cut."
    return [
        *_LEGEND,
        *(Line.of((part, "faint")) for part in wrap(hint, width)),
        BLANK,
        *paragraph(text, width, marks, 0),
    ]


def token_lines(
    preview: Preview, tokenizer: str, max_length: int, too_long: int, rows: int, width: int
) -> list[Line]:
    """The row in tokens. too_long: how many of the dataset's `rows` would be cut."""
    over = preview.total - max_length
    head = [
        Line.of(
            (plural(preview.total, "token"), "bold"),
            (f", {words.count(preview.prompt_tokens)} of them the prompt", "plain"),
            (f"  {over} too many" if over > 0 else "", "error"),
        ),
        Line.of((f"{tokenizer.rsplit('/', 1)[-1]}, at most {words.count(max_length)}", "muted")),
        Line.of(
            (f"{words.percent(too_long, rows)} of the rows would be cut", "warning" if too_long else "muted")
        ),
        *_LEGEND,
        BLANK,
    ]
    text, marks = "", list[tuple[int, int, str]]()
    odd = False
    for piece in preview.pieces:
        shown = piece.text
        if piece.special:
            style = "accent"
        elif piece.cut:
            style = "removed"
        elif piece.trained:
            style = "kept" if odd else "success"
        else:
            style = "muted" if odd else "plain"
        if not piece.special and shown == "\n":
            shown = "⏎\n" if not glyphs.ascii else "\n"
        odd = not odd
        marks.append((len(text), len(text) + len(shown), style))
        text += shown
    return [*head, *paragraph(text, width, marks, 0)]
