"""How long a run will still take: from the steps of late, with evaluations and saving counted apart.

A mean since the beginning is wrong after a resume and while things warm up, so a step counts the less the longer it
is ago. Knows no clock: it is told how long things took.
"""

from __future__ import annotations

_WEIGHT = 0.9  # of what was before: the last ten steps or so count
_WARMING = 2  # first steps of a start, which load kernels and grow memory


class Pace:
    """Seconds a step, an evaluation and a save take."""

    def __init__(self) -> None:
        self._steps = 0
        self._mean = self._correction = 0.0
        self._first: float | None = None
        self.evaluation: float | None = None
        self.save: float | None = None

    def stepped(self, seconds: float) -> None:
        self._steps += 1
        if self._steps <= _WARMING:
            self._first = seconds
            return
        self._mean = _WEIGHT * self._mean + (1 - _WEIGHT) * seconds
        self._correction = _WEIGHT * self._correction + (1 - _WEIGHT)

    def evaluated(self, seconds: float) -> None:
        self.evaluation = seconds

    def saved(self, seconds: float) -> None:
        self.save = seconds

    @property
    def step(self) -> float | None:
        """Seconds of a step of late; None before the first."""
        return self._mean / self._correction if self._correction else self._first

    def left(self, steps: int, evaluations: int = 0, saves: int = 0) -> float | None:
        """Seconds until so many steps, evaluations and saves are done; None before the first step."""
        if self.step is None:
            return None
        return steps * self.step + evaluations * (self.evaluation or 0.0) + saves * (self.save or 0.0)
