"""What the Generate dashboard draws: pure functions from a snapshot and a size to lines.

Foreign text (tasks, twins, server words) enters only through `preview`/`Line.of`, which make it safe.
Knows the run's snapshot by its fields and no widget, so that every pane is tested without a screen.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from alpaca_tui.text import fit, one_line, plural, preview
from alpaca_tui.tui import words
from alpaca_tui.tui.glyphs import glyphs
from alpaca_tui.tui.paint import BLANK, Line, Span, cells, clip, sides

if TYPE_CHECKING:
    from alpaca_tui.generation.events import LogLine, Snapshot, StreamView, TaskView

ACTIVE = ("preparing", "running", "pausing", "paused", "stopping")
_LATELY = 5  # answers
VERDICTS = ("kept", "duplicate", "filtered", "truncated", "surplus")


@dataclass(frozen=True, slots=True)
class TaskKey:
    """A judged task in the feed; `place` tells equal ones apart."""

    completion_id: int
    number: int | None
    place: int


@dataclass(frozen=True, slots=True)
class VerdictKey:
    """A verdict in the statistics, or one rule of the filtered ones."""

    verdict: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class LogKey:
    """A line of the log: its place from the oldest on."""

    place: int
    at: float


def state_spans(view: Snapshot) -> tuple[Span, ...]:
    """Sign and words of the run's state."""
    match view.state:
        case "preparing":
            return ((f"{glyphs['waiting']} Preparing", "primary"),)
        case "running":
            return ((f"{glyphs['running']} Running", "success"),)
        case "pausing":
            return (
                (f"{glyphs['paused']} Pausing", "warning"),
                (f"  {plural(view.in_flight, 'request')} still in flight", "muted"),
            )
        case "paused":
            return ((f"{glyphs['paused']} Paused", "warning"), ("  space goes on", "muted"))
        case "stopping":
            return ((f"{glyphs['waiting']} Stopping", "warning"),)
        case _:
            reason = str(view.stopped_because) if view.stopped_because is not None else None
            sign, style = stop_sign(reason)
            return ((f"{sign} {words.stop_words(reason)}", style),)


def stop_sign(reason: str | None) -> tuple[str, str]:
    """Sign and style of an ended run."""
    if reason == "goal":
        return glyphs["done"], "success"
    if reason in ("user", "budget", "tokens", "saturated", "interrupted"):
        return glyphs["stopped"], "warning"
    return glyphs["fault"], "error"


def header(view: Snapshot, width: int) -> list[Line]:
    """State and teacher to the left, progress to the right; the bar; where a run ended, why."""
    left: list[Span] = [*state_spans(view)]
    if view.model or view.server:
        shown = (
            view.model if view.model and view.model == view.server else f"{view.model or '?'} @ {view.server}"
        )
        left.append((f"   {preview(shown, 48)}", "muted"))
    right: list[Span] = [
        (words.count(view.kept), "kept"),
        (f" of {words.count(view.goal)} kept", "plain"),
        (f"  {words.percent(view.kept, view.goal)}", "bold"),
    ]
    if view.state in ("running", "pausing"):
        eta = words.duration(view.eta_s, "")
        right.append((f"  about {eta} left" if eta else "  time left unknown", "muted"))
    elif view.state == "stopped" and view.elapsed_s > 0:
        right.append((f"  in {words.duration(view.elapsed_s)}", "muted"))
    lines = [sides(left, right, width), Line(bar(view.kept / max(view.goal, 1), width))]
    if view.state == "stopped" and view.stop_detail:
        lines.append(Line(clip(((one_line(view.stop_detail), "muted"),), width)))
    return lines


def bar(fraction: float, width: int, style: str = "kept") -> tuple[Span, ...]:
    """A full-width progress bar: what is done, then the track."""
    done = glyphs.bar(fraction, width)
    rest = width - len(done)
    return ((done, style), (glyphs["track"] * rest, "track")) if rest > 0 else ((done, style),)


def tiles(view: Snapshot, width: int, height: int) -> list[Line]:
    """The figures: label over value, and with three rows a word of context under it."""
    money = view.money
    judged = view.kept + view.duplicates + sum(view.filtered.values())
    accepted = view.kept / judged if judged else None
    cost = words.dollars(money.spent)
    if money.budget is not None:
        cost += f"{' of ' if width >= 110 else '/'}{words.dollars(money.budget)}"
    cost_note = f"+{words.dollars(money.reserved)} asked" if money.reserved else ""
    if money.budget is None:
        cost_note = cost_note or "no limit"
    slash = " / " if width >= 100 else "/"
    tokens = f"{words.short(view.prompt_tokens)}{slash}{words.short(view.completion_tokens)}"
    token_note = f"{words.short(view.prompt_tokens + view.completion_tokens)} in all"
    if view.token_budget is not None:
        token_note = f"of {words.short(view.token_budget)} allowed"
    cells_: list[tuple[str, str, str, str]] = [
        *_pace(view),
        (
            "Accepted",
            words.percent(view.kept, judged),
            "plain" if accepted is None or accepted > 0.15 else "warning",
            f"of {words.short(judged)} judged",
        ),
        ("Answers", words.count(view.completions), "plain", _answers_note(view)),
        ("Tokens in/out" if width >= 100 else "Tokens", tokens, "plain", token_note),
        ("Cost", cost, "plain" if money.spent is not None else "muted", cost_note),
        (
            "Forecast",
            words.dollars(money.forecast),
            "plain" if money.forecast is not None else "muted",
            f"{words.dollars(money.per_kept)} each" if money.per_kept is not None else "",
        ),
    ]
    if height < 3:
        cells_ = [cell for cell in cells_ if cell[0] != "Answers"]
    size = width // len(cells_)
    rows: list[list[Span]] = [[], [], []]
    for label, value, style, note in cells_:
        rows[0].append((fit(label, size - 1) + " ", "muted"))
        rows[1].append((fit(value, size - 1) + " ", "bold" if style == "plain" else style))
        rows[2].append((fit(note, size - 1) + " ", "faint"))
    return [Line(tuple(row)) for row in rows[: max(height, 2)]]


def _pace(view: Snapshot) -> list[tuple[str, str, str, str]]:
    """In flight and tokens a second; of a run that is over, how long it took and what it kept."""
    if view.state == "stopped":
        return [
            ("This run", f"{words.count(view.kept_this_run)} kept", "plain", "by this run"),
            ("Took", words.duration(view.elapsed_s), "plain", f"at {words.count(view.concurrency)} at once"),
        ]
    slowed = view.allowed < view.concurrency
    return [
        (
            "In flight",
            f"{view.in_flight}/{view.allowed}",
            "warning" if slowed else "plain",
            f"up to {words.count(view.concurrency)}" + (", slowed" if slowed else ""),
        ),
        ("Tokens/s", words.short(view.tokens_per_s), "plain", f"{view.tasks_per_min:,.0f} tasks/min"),
    ]


def _answers_note(view: Snapshot) -> str:
    parts: list[str] = []
    if view.failed:
        parts.append(f"{words.count(view.failed)} failed")
    if view.lost:
        parts.append(f"{words.count(view.lost)} lost")
    if view.judging_backlog:
        parts.append(f"{words.count(view.judging_backlog)} to judge")
    return ", ".join(parts) or "none failed"


# --- streams


def streams(
    views: Sequence[StreamView], width: int, height: int, now: float, chosen: object = None
) -> list[Line]:
    """A card for each request in flight: as many lines each as there is room, one at least. Lines left over
    go to the `chosen` one (a completion id), else to the first."""
    if not views:
        return []
    each = max(height // len(views), 1)
    spare = max(height - each * len(views), 0)
    ids = [stream.completion_id for stream in views]
    larger = chosen if chosen in ids else ids[0]
    out: list[Line] = []
    for stream in views:
        out.extend(_card(stream, width, each + (spare if stream.completion_id == larger else 0), now))
    return out


_LABEL = re.compile(r"^(\d{1,6})\s*\.\s*(Instruction|Input|Output)\s*:?\s*", re.IGNORECASE)


def _marks(stream: StreamView) -> tuple[Span, ...]:
    return tuple((glyphs[str(task.verdict)], str(task.verdict)) for task in stream.tasks)


def _writing(stream: StreamView, width: int) -> tuple[Span, ...]:
    """The line the teacher is writing right now, its end rather than its beginning, and the caret."""
    caret: Span = (glyphs["caret"], "primary")
    line = stream.tail.rstrip("\n").rsplit("\n", 1)[-1].strip()
    label = _LABEL.match(line)
    head: tuple[Span, ...] = ()
    if label is not None:
        kind = label[2].lower()
        line = line[label.end() :]
        sign = {"instruction": "", "input": "in ", "output": "out "}[kind]
        head = ((f"{label[1]} {sign}", "faint"),)
    room = max(width - cells(head) - 1, 1)
    text = one_line(line.strip("#").strip())
    if cell_len(text) > room:
        text = (
            glyphs["ellipsis"]
            + set_cell_size(text[::-1], max(room - cell_len(glyphs["ellipsis"]), 0))[::-1].lstrip()
        )
    return (*head, (text, "muted"), caret)


def _trouble(stream: StreamView) -> tuple[Span, ...]:
    """Why a request waits, when it does."""
    if stream.waiting_s is None and not stream.problem:
        return ()
    wait = f"asking again in {words.duration(stream.waiting_s)}" if stream.waiting_s else "asking again"
    problem = f" {glyphs['dot']} {one_line(stream.problem)}" if stream.problem else ""
    return ((f"{glyphs['warning']} {wait}", "warning"), (problem, "muted"))


def _card(stream: StreamView, width: int, height: int, now: float) -> list[Line]:
    key = stream.completion_id
    number: Span = (f"#{stream.index:<4} ", "faint")
    marks, trouble = _marks(stream), _trouble(stream)
    if height == 1:
        head = (number, *marks, (" " if marks else "", "plain"))
        return [Line(clip((*head, *(trouble or _writing(stream, width - cells(head)))), width), key)]
    facts = (
        f"{words.short(stream.characters)} chars {glyphs['dot']} {words.duration(now - stream.started_at)}"
    )
    if stream.attempt > 1:
        facts = f"attempt {stream.attempt} {glyphs['dot']} {facts}"
    out = [sides((number, *marks), ((facts, "faint"),), width, key)]
    room = height - 2
    out.extend(task_line(task, width, key, indent=2) for task in (stream.tasks[-room:] if room > 0 else ()))
    indent: Span = ("  ", "plain")
    if trouble:
        out.append(Line(clip((indent, *trouble), width), key))
    elif stream.tail.strip():
        out.append(Line(clip((indent, *_writing(stream, width - 2)), width), key))
    else:
        waiting: Span = ("waiting for the first words ", "faint")
        out.append(Line((indent, waiting, (glyphs["caret"], "primary")), key))
    return out


# --- tasks


def reason_of(task: TaskView) -> str:
    """Why a task was not kept, in a few words: the twin for a duplicate, the rule's words otherwise."""
    if str(task.verdict) == "duplicate":
        return one_line(task.twin or task.reason)
    if str(task.verdict) == "truncated":
        return one_line(task.reason or "cut off")
    if str(task.verdict) == "surplus":
        return "more than the goal needs"
    return one_line(task.reason) if str(task.verdict) == "filtered" else ""


def task_line(task: TaskView, width: int, key: Hashable = None, indent: int = 0) -> Line:
    """Verdict, score, instruction; for what was not kept the reason (or the twin) beside it."""
    verdict = str(task.verdict)
    score = f"{task.score:.2f}" if task.score is not None else " –  "
    head: list[Span] = [
        (" " * indent + glyphs[verdict] + " ", verdict),
        (score + "  ", verdict if verdict == "duplicate" else "faint"),
    ]
    room = width - indent - 8
    reason = reason_of(task)
    style = "muted" if task.provisional else "plain"
    instruction = task.task.instruction or task.task.output or "(empty)"
    if not reason or room < 24:
        return Line((*head, (preview(instruction, max(room, 1)), style)), key)
    mark = glyphs["duplicate"] + " " if verdict == "duplicate" else ""
    left = max(room - max(min(len(reason) + len(mark) + 2, round(room * 0.45)), 12), 8)
    right = room - left - 2
    return Line(
        (*head, (fit(instruction, left), style), ("  ", "plain"), (preview(mark + reason, right), verdict)),
        key,
    )


def feed(recent: Sequence[TaskView], width: int) -> list[Line]:
    """The latest verdicts, newest first."""
    return [
        task_line(task, width, key=TaskKey(task.completion_id, task.task.number, len(recent) - place))
        for place, task in enumerate(reversed(recent))
    ]


# --- statistics


def histogram(bins: Sequence[int], threshold: float, width: int, height: int) -> list[Line]:
    """Candidates by the score of their nearest neighbour (0..1); what lies over the threshold is a duplicate."""
    rows = height - 2
    if rows < 1 or width < 12:
        return []
    total = sum(bins)
    if not total:
        return [Line.of(("No candidate judged yet.", "muted"))]
    each = max(width // len(bins), 1)
    span = each * len(bins)
    top = max(bins)
    out: list[Line] = []
    for row in range(rows - 1, -1, -1):
        spans: list[Span] = []
        for place, size in enumerate(bins):
            cell = glyphs.column(size / top, rows, row)
            body = cell * max(each - 1, 1) + (" " if each > 1 else "")
            spans.append((body, _bin_style(place, len(bins), threshold)))
        if row == rows - 1:
            spans = _overlay(spans, f"peak {words.short(top)}", span)
        out.append(Line(tuple(spans)))
    mark = min(round(threshold * span), span - 1)
    axis = glyphs["track"] * mark + glyphs["up"] + glyphs["track"] * (span - mark - 1)
    out.append(Line(((axis[:mark], "track"), (axis[mark], "warning"), (axis[mark + 1 :], "track"))))
    label = f"{threshold:.2f}"
    at = min(max(mark - 1, 4), span - len(label) - 2)
    scale = list("0" + " " * (span - 2) + "1")
    scale[at : at + len(label)] = label
    text = "".join(scale)
    out.append(Line(((text[:at], "faint"), (label, "warning"), (text[at + len(label) :], "faint"))))
    return out


def _bin_style(place: int, count: int, threshold: float) -> str:
    """A bin that lies over the threshold (but for rounding) holds duplicates."""
    return "duplicate" if (place + 0.5) / count > threshold else "kept"


def _overlay(spans: list[Span], note: str, width: int) -> list[Span]:
    """`note` at the left end of a line where the line is blank there."""
    text = "".join(part for part, _ in spans)
    if text[: len(note) + 1].strip():
        return spans
    out: list[Span] = [(note, "faint")]
    skip = len(note)
    for part, style in spans:
        if skip >= len(part):
            skip -= len(part)
            continue
        out.append((part[skip:], style))
        skip = 0
    return out


def verdicts(view: Snapshot, width: int) -> list[Line]:
    """How many of each verdict, with bars; under `filtered` its rules."""
    filtered = sum(view.filtered.values())
    numbers = {
        "kept": view.kept,
        "duplicate": view.duplicates,
        "filtered": filtered,
        "truncated": view.truncated,
        "surplus": view.surplus,
    }
    total = max(sum(numbers.values()), 1)
    room = max(width - 2 - 10 - 8 - 7, 3)
    out: list[Line] = []
    for name in VERDICTS:
        number = numbers[name]
        if name in ("truncated", "surplus") and not number:
            continue
        drawn = glyphs.bar(number / total, room)
        out.append(
            Line.of(
                (glyphs[name] + " ", name),
                (f"{words.VERDICT_WORDS[name]:<10}", "plain"),
                (f"{words.count(number):>7} ", "bold"),
                (drawn + " " * (room - len(drawn)), name),
                (f"{words.percent(number, total):>7}", "faint"),
                key=VerdictKey(name),
            )
        )
        if name == "filtered":
            for rule, hits in sorted(view.filtered.items(), key=lambda item: (-item[1], item[0])):
                if hits:
                    out.append(
                        Line.of(
                            (f"    {fit(rule.replace('-', ' '), width - 14)}", "muted"),
                            (f"{words.count(hits):>8}", "muted"),
                            key=VerdictKey("filtered", rule),
                        )
                    )
    return out


def acceptance(values: Sequence[float], width: int, height: int) -> list[Line]:
    """The share kept over time as an area, and in words whether the well is running dry."""
    if not values:
        return [Line.of(("Comes with the first answers.", "muted"))]
    rows = max(height - 1, 1)
    points = resample(values, width)
    out: list[Line] = []
    for row in range(rows - 1, -1, -1):
        body = "".join(glyphs.column(value, rows, row) for value in points)
        out.append(Line(((body, "primary"),)))
    lately = values[-_LATELY:]
    now = sum(lately) / len(lately)
    if now < 0.05:
        verdict: Span = ("nearly saturated", "error")
    elif now < 0.2:
        verdict = ("getting saturated", "warning")
    else:
        verdict = ("still fresh", "success")
    if height > 1:
        out.append(Line(clip(((f"{100 * now:.0f} % kept lately ", "plain"), verdict), width)))
    return out


def resample(values: Sequence[float], width: int) -> list[float]:
    """At most `width` points, each the mean of those it stands for; fewer values are stretched to fill it."""
    size = len(values)
    if size >= width:
        edges = [round(place * size / width) for place in range(width + 1)]
        return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    return [values[min(place * size // width, size - 1)] for place in range(width)]


# --- log

_LOG_STYLES = {"fault": "error", "change": "primary", "note": "muted"}


def log(entries: Sequence[LogLine], width: int) -> list[Line]:
    """The run's log, newest first."""
    out: list[Line] = []
    for place, entry in enumerate(reversed(entries)):
        sign = glyphs[entry.kind] if entry.kind in _LOG_STYLES else glyphs["note"]
        style = _LOG_STYLES.get(entry.kind, "muted")
        spans: tuple[Span, ...] = (
            (words.clock_time(entry.at) + " ", "faint"),
            (sign + " ", style),
            (one_line(entry.message), "plain" if entry.kind == "fault" else "muted"),
        )
        out.append(Line(clip(spans, width), key=LogKey(len(entries) - place - 1, entry.at)))
    return out


def nothing(text: str, hint: str, width: int, height: int) -> list[Line]:
    """An empty pane says why it is empty, in its middle."""
    above = max((height - 2) // 2, 0)
    lines = [BLANK] * above
    for words_, style in ((text, "muted"), (hint, "faint")):
        shown = preview(words_, width)
        lines.append(Line.of((" " * ((width - len(shown)) // 2) + shown, style)))
    return lines
