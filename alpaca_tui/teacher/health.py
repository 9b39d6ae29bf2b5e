"""Is it worth going on? Looks at how the latest completions ended, after all their tries. Knows nothing else."""

from __future__ import annotations

from collections import deque

WINDOW = 20
FIRST = 5


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
