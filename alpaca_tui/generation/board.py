"""The live side of a run: what each request in flight has written so far, with provisional verdicts.

The scheduler's thread only appends text here (`delta` is one list append: at 1,000 streams it must cost
nothing); the judge's thread parses it when it has time (`pump`); screens read frozen views. Nothing
here decides anything: final verdicts are made from the stored text. Knows no store and no screen.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from alpaca_tui.generation.events import LogLine, StreamView, TaskView
from alpaca_tui.generation.parser import Task, TolerantParser

TAIL_CHARACTERS = 600
RECENT_TASKS = 200
LOG_LINES = 200
SHOWN_STREAMS = 64


@dataclass(slots=True)
class _Stream:
    completion_id: int
    index: int
    k: int
    started_at: float
    parser: TolerantParser
    inbox: deque[str] = field(default_factory=deque[str])
    characters: int = 0
    tail: str = ""
    tasks: tuple[TaskView, ...] = ()
    attempt: int = 1
    waiting_until: float | None = None
    problem: str = ""


def _drain(inbox: deque[str]) -> str:
    """Everything in `inbox`; popping (never swapping the deque) loses no append of another thread."""
    parts: list[str] = []
    while inbox:
        parts.append(inbox.popleft())
    return "".join(parts)


class Board:
    """Streams in flight, the latest final verdicts and the latest log lines. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._streams: dict[int, _Stream] = {}
        self._recent: deque[TaskView] = deque(maxlen=RECENT_TASKS)
        self._log: deque[LogLine] = deque(maxlen=LOG_LINES)

    # --- from the scheduler's thread

    def started(self, completion_id: int, index: int, k: int) -> None:
        with self._lock:
            self._streams[completion_id] = _Stream(completion_id, index, k, self._clock(), TolerantParser(k))

    def delta(self, completion_id: int, text: str) -> None:
        stream = self._streams.get(completion_id)
        if stream is not None:
            stream.inbox.append(text)

    def retrying(self, completion_id: int, problem: str, wait_s: float) -> None:
        """The answer broke off and will be asked again: what it had written is void."""
        with self._lock:
            stream = self._streams.get(completion_id)
            if stream is None:
                return
            stream.parser = TolerantParser(stream.k)
            stream.inbox.clear()
            stream.characters, stream.tail, stream.tasks = 0, "", ()
            stream.attempt += 1
            stream.waiting_until = self._clock() + wait_s
            stream.problem = problem

    def ended(self, completion_id: int) -> None:
        with self._lock:
            self._streams.pop(completion_id, None)

    # --- from the judge's thread

    def pump(self, preview: Callable[[Task, int], TaskView]) -> int:
        """Parse what has arrived and give each new task its provisional view; returns how many."""
        fresh = 0
        for stream in list(self._streams.values()):
            if not stream.inbox:
                continue
            with self._lock:
                parser = stream.parser
                text = _drain(stream.inbox)
                stream.characters += len(text)
                stream.tail = (stream.tail + text)[-TAIL_CHARACTERS:]
                stream.waiting_until, stream.problem = None, ""
            views = tuple(preview(task, stream.completion_id) for task in parser.feed(text))
            fresh += len(views)
            if views:
                with self._lock:
                    if stream.parser is parser:
                        stream.tasks += views
        return fresh

    def judged(self, views: list[TaskView]) -> None:
        with self._lock:
            self._recent.extend(views)

    def log(self, kind: str, message: str) -> LogLine:
        line = LogLine(self._clock(), kind, message)
        with self._lock:
            self._log.append(line)
        return line

    # --- for listeners

    def streams(self) -> tuple[StreamView, ...]:
        """The oldest `SHOWN_STREAMS` requests in flight, oldest first."""
        now = self._clock()
        with self._lock:
            shown = list(self._streams.values())[:SHOWN_STREAMS]
            return tuple(
                StreamView(
                    completion_id=stream.completion_id,
                    index=stream.index,
                    started_at=stream.started_at,
                    characters=stream.characters,
                    tasks=stream.tasks,
                    tail=stream.tail,
                    attempt=stream.attempt,
                    waiting_s=None if stream.waiting_until is None else max(0.0, stream.waiting_until - now),
                    problem=stream.problem,
                )
                for stream in shown
            )

    def recent(self) -> tuple[TaskView, ...]:
        """The latest final verdicts, newest last."""
        with self._lock:
            return tuple(self._recent)

    def log_lines(self) -> tuple[LogLine, ...]:
        with self._lock:
            return tuple(self._log)
