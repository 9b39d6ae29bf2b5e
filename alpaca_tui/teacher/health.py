"""Is it worth going on? With the run: how the latest completions ended, after all their tries. With one request:
how long it has been silent, compared with others. Knows nothing else.
"""

from __future__ import annotations

from collections import deque

WINDOW = 20
FIRST = 5
LEAST_PATIENCE_S = 20.0
TIMES_THE_LONGEST = 5

_KNOWN = 10
_RECENT = 50


class Health:
    """The teacher is failing when more than half of the last 20 completions failed, or when each of the first
    five did: a server that never answers should not be asked a hundred times."""

    def __init__(self) -> None:
        self._failed: deque[bool] = deque(maxlen=WINDOW)
        self._ever_answered = False

    def answered(self) -> None:
        self._ever_answered = True
        self._failed.append(False)

    def failed(self, words: str) -> str | None:
        """A completion failed for good; `words` say why. Returns a sentence when the run should stop."""
        self._failed.append(True)
        count, last = sum(self._failed), f"The last one: {words}"
        if not self._ever_answered and count >= FIRST:
            return f"None of the first {count} requests brought an answer, each after all its tries. {last}"
        if len(self._failed) == WINDOW and count > WINDOW / 2:
            return f"{count} of the last {WINDOW} requests failed after all their tries. {last}"
        return None


class Patience:
    """How long a request may be silent before it is asked again. A server that drops a request without a word
    would otherwise hold its slot until the client's own, necessarily long, timeout.

    Five times the longest silence in any of the last 50 answers (before the first word or between two),
    and no less than 20 s; unlimited until ten answers are known.
    """

    def __init__(self) -> None:
        self._silences: deque[float] = deque(maxlen=_RECENT)

    def answered(self, longest_silence_s: float) -> None:
        self._silences.append(longest_silence_s)

    @property
    def limit_s(self) -> float | None:
        if len(self._silences) < _KNOWN:
            return None
        return max(LEAST_PATIENCE_S, TIMES_THE_LONGEST * max(self._silences))
