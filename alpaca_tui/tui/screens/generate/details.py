"""Stored candidates and answers as lines: every field, every verdict, in full.

Pure functions over store rows; foreign text is made safe by `wrap`. Knows rows by their fields only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alpaca_tui.text import one_line, plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.paint import BLANK, Line, Span, clip, wrap

if TYPE_CHECKING:
    from alpaca_tui.store.rows import CandidateRow, CompletionRow

STATE_WORDS = {
    "in_flight": "being written",
    "done": "done",
    "failed": "failed",
    "lost": "lost when its process died",
}
FINISH_WORDS = {
    "stop": "complete",
    "length": "cut off at the answer's length limit",
    "content_filter": "cut off by the server's content filter",
    "cancelled": "cut off by us",
    "error": "cut off by a broken connection",
    "unknown": "ended, the server did not say why",
}


def verdict_spans(row: CandidateRow) -> tuple[Span, ...]:
    """Verdict and reason of a candidate in words."""
    name = str(row.verdict)
    spans: list[Span] = [(f"{glyphs[name]} {words.VERDICT_WORDS[name]}", name)]
    if row.rescued:
        spans.append((" by hand", "accent"))
    if row.rule:
        spans.append((f"  {row.rule}", "muted"))
    if row.detail:
        spans.append((f"  {one_line(row.detail)}", "muted"))
    return tuple(spans)


def block(title: str, text: str, width: int, empty: str = "(none)") -> list[Line]:
    """A titled text, wrapped."""
    lines = [Line.of((title, "title"))]
    if not text:
        return [*lines, Line.of((f"  {empty}", "faint"))]
    return lines + [Line.of(f"  {part}") for part in wrap(text, max(width - 2, 1))]


def candidate(row: CandidateRow, twins: Mapping[str, str], width: int) -> list[Line]:
    """One candidate in full: verdict, fields, nearest neighbours."""
    out = [Line(clip(verdict_spans(row), width)), BLANK]
    out += block("Instruction", row.instruction, width)
    out += [BLANK, *block("Input", row.input, width)]
    out += [BLANK, *block("Output", row.output, width)]
    if row.score is not None:
        out += [BLANK, *neighbours(row, twins, width)]
    return out


def neighbours(row: CandidateRow, twins: Mapping[str, str], width: int) -> list[Line]:
    """The nearest instructions with their scores, highest first."""
    out = [
        Line.of(
            ("Nearest", "title"), (f"  mean over all {row.mean:.3f}" if row.mean is not None else "", "faint")
        )
    ]
    top: Sequence[tuple[str, float]] = row.top or (
        ((row.nearest, row.score),) if row.nearest and row.score is not None else ()
    )
    if not top:
        return [*out, Line.of(("  nothing to compare with yet", "faint"))]
    for key, score in top:
        style = "duplicate" if row.verdict == "duplicate" and key == row.nearest else "muted"
        text = twins.get(key)
        for place, part in enumerate(wrap(text or key, max(width - 8, 1), limit=3)):
            out.append(
                Line.of(
                    (f"  {score:.2f}  " if not place else "        ", style),
                    (part, "plain" if text else "faint"),
                )
            )
    return out


def candidate_json(row: CandidateRow) -> str:
    """A candidate as an Alpaca row, for the clipboard."""
    return json.dumps(
        {"instruction": row.instruction, "input": row.input, "output": row.output},
        ensure_ascii=False,
        indent=2,
    )


def facts(row: CompletionRow, width: int) -> list[Line]:
    """What is known of an answer, two facts a line where there is room."""
    cost = words.dollars(row.cost_usd)
    tokens = f"{words.count(row.prompt_tokens)} in, {words.count(row.completion_tokens)} out"
    if row.usage_estimated:
        tokens += " (estimated)"
    finish = FINISH_WORDS.get(row.finish_reason or "", row.finish_reason or "")
    state = STATE_WORDS.get(row.state, row.state)
    pairs: list[tuple[str, str]] = [
        ("State", f"{state}, {finish}" if row.state == "done" and finish else state),
        (
            "Teacher",
            f"{row.answered_model or row.model} @ {row.server}" + (f" ({row.spoke})" if row.spoke else ""),
        ),
        ("Tokens", tokens),
        ("Cost", cost),
        (
            "Time",
            (f"{row.latency_s:.1f} s" if row.latency_s is not None else "unknown")
            + (f", first word after {row.first_token_s:.1f} s" if row.first_token_s is not None else ""),
        ),
        ("Attempts", words.count(row.attempts)),
        ("Kept", f"{row.kept_count} of {row.judged_count} judged"),
        ("Prompt", f"{plural(row.k, 'example')} shown, text {row.prompt_hash}"),
    ]
    if row.request_id:
        pairs.append(("Request", row.request_id))
    if row.error:
        pairs.append(("Fault", row.error))
    half = width // 2 if width >= 90 else width
    cells_: list[tuple[Span, ...]] = [
        (
            (f"{name:<9} ", "muted"),
            (preview(value, max(half - 12, 8)), "error" if name == "Fault" else "plain"),
        )
        for name, value in pairs
    ]
    if half == width:
        return [Line.of(*cell) for cell in cells_]
    out: list[Line] = []
    for place in range(0, len(cells_), 2):
        left = Line.of(*cells_[place]).fit(half)
        right = Line.of(*cells_[place + 1]).spans if place + 1 < len(cells_) else ()
        out.append(Line((*left.spans, *right)))
    return out


def tasks(rows: Sequence[CandidateRow], twins: Mapping[str, str], width: int) -> list[Line]:
    """The candidates of an answer, each with verdict and reason; the fields are shown in full."""
    if not rows:
        return [Line.of(("No task could be read in this answer.", "muted"))]
    out: list[Line] = []
    for row in rows:
        number = f"{row.number}." if row.number is not None else "–"
        spans: list[Span] = [(f"{number:<4}", "faint"), *verdict_spans(row)]
        if row.score is not None:
            spans.append((f"   {row.score:.2f}", "duplicate" if row.verdict == "duplicate" else "faint"))
            twin = twins.get(row.nearest or "")
            if twin:
                spans.append((f"  {glyphs['duplicate']} {one_line(twin)}", "muted"))
        out.append(Line(clip(spans, width), key=row.id))
        for part in wrap(row.instruction or "(no instruction)", max(width - 4, 1)):
            out.append(Line.of((f"    {part}", "bold"), key=row.id))
        for label, text in (("in ", row.input), ("out", row.output)):
            if text:
                for place, part in enumerate(wrap(text, max(width - 8, 1), limit=6)):
                    out.append(
                        Line.of(
                            (f"    {label if not place else '   '} ", "faint"), (part, "plain"), key=row.id
                        )
                    )
        out.append(Line((), row.id))
    return out


def answer(text: str, width: int, *, writing: bool = False) -> list[Line]:
    """The raw text, wrapped, with the tasks' markers set apart."""
    if not text and not writing:
        return [Line.of(("The answer is empty.", "muted"))]
    out: list[Line] = []
    for part in wrap(text, width):
        style = "faint" if part.strip() == "###" else "plain"
        out.append(Line.of((part, style)))
    if writing and out:
        out[-1] = Line((*out[-1].spans, (glyphs["caret"], "primary")))
    return out


def prompt(request: Mapping[str, Any] | None, spoke: str | None, width: int) -> list[Line]:
    """What was asked: the messages of a chat, or the text of a completion; then how it was sampled."""
    if not request:
        return [Line.of(("The request was not stored.", "muted"))]
    out: list[Line] = []
    sampling: Any = request.get("sampling") or {}
    shown = ", ".join(f"{name} {value}" for name, value in sampling.items() if value not in (None, [], ()))
    if shown:
        out += [Line.of(("Sampling  ", "muted"), (preview(shown, max(width - 10, 1)), "plain")), BLANK]
    messages = chat_messages(request)
    if spoke == "completions" or not messages:
        return out + block("Text", str(request.get("text", "")), width)
    for role, content in messages:
        out += [*block(role, content, width), BLANK]
    return out


def chat_messages(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The messages of a stored request: (role, content)."""
    chat: Any = request.get("chat") or ()
    return [(str(message[0]), str(message[1])) for message in chat]


def prompt_text(request: Mapping[str, Any], spoke: str | None) -> str:
    """What was asked, as text to copy."""
    messages = chat_messages(request)
    if spoke == "completions" or not messages:
        return str(request.get("text", ""))
    return "\n\n".join(content for _, content in messages)
