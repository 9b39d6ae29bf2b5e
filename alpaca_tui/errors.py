"""The only error a user is shown: what happened, why, what to do next.

Knows nothing of terminals or screens: the command line renders it as a panel on stderr, the
screens as a modal. Anything else that escapes a room is a bug and goes to the log with its traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """Something the user can understand and act on.

    title: what happened, a short phrase. cause: why, in one or two sentences. next_step: what to do now.
    exit_code: what a command ends with (1 unless a limit the user set was hit).
    """

    def __init__(self, title: str, cause: str = "", next_step: str = "", *, exit_code: int = 1) -> None:
        super().__init__(title)
        self.title = title
        self.cause = cause
        self.next_step = next_step
        self.exit_code = exit_code

    def __str__(self) -> str:
        return " ".join(
            part.strip() for part in (self.title + ".", self.cause, self.next_step) if part.strip()
        )
