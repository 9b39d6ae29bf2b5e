"""A tokenizer in a process of its own: whoever only counts or shows tokens need not load transformers.

This module run by itself is that process: it loads the tokenizer, answers requests at its standard output, and
ends with its input. Knows `encode`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, cast

from alpaca_tui.children import module_command, module_environment
from alpaca_tui.errors import UserError
from alpaca_tui.finetune.encode import (
    Boundary,
    Preview,
    load_tokenizer,
    preview,
    token_lengths,
    tokenizer_key,
)

Rows = Sequence[tuple[str, str, str]]


class TokenizerProcess:
    """The tokenizer of a name, loaded elsewhere. Threads may share it; requests are answered in turn."""

    def __init__(self, name: str) -> None:
        """Raises UserError where the tokenizer cannot be loaded."""
        self.name = name
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            module_command(__name__, name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=module_environment(),
            start_new_session=True,
        )
        try:
            self.key: str = self._ask(("key",))
            """What the tokenizer does, in short (`encode.tokenizer_key`)."""
        except UserError:
            self.close()
            raise

    def preview(
        self, row: tuple[str, str, str], max_length: int, boundary: Boundary = "consistent"
    ) -> Preview:
        """An example token by token. Raises UserError."""
        return self._ask(("preview", row, max_length, boundary))

    def lengths(self, rows: Rows, boundary: Boundary = "consistent") -> list[tuple[int, int]]:
        """(tokens in all, tokens of the prompt) of each row. Raises UserError."""
        return self._ask(("lengths", list(rows), boundary))

    def _ask(self, request: tuple[Any, ...]) -> Any:
        with self._lock:
            try:
                pickle.dump(request, cast(IO[bytes], self._process.stdin))
                cast(IO[bytes], self._process.stdin).flush()
                answer: Any = pickle.load(cast(IO[bytes], self._process.stdout))
            except (
                OSError,
                EOFError,
                ValueError,
                pickle.UnpicklingError,
            ) as error:  # ValueError: closed here
                raise UserError(
                    "The process of the tokenizer ended unexpectedly",
                    f"The tokenizer was {self.name}.",
                    "Try again, or choose another tokenizer.",
                ) from error
        kind, value = answer
        if kind == "refused":
            raise UserError(*value)
        return value

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> TokenizerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer(tokenizer: Any, request: tuple[Any, ...]) -> Any:
    match request:
        case ("key",):
            return tokenizer_key(tokenizer)
        case ("preview", (instruction, input, output), max_length, boundary):
            return preview(tokenizer, instruction, input, output, max_length, boundary)
        case ("lengths", rows, boundary):
            return list(token_lengths(tokenizer, rows, boundary))
        case _:
            raise ValueError(f"no such request: {request[0]!r}")


def main(arguments: list[str]) -> int:
    """Answer requests until the input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a library prints must not stand among the answers
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    tokenizer: Any = None
    while True:
        try:
            request: tuple[Any, ...] = pickle.load(requests)
        except EOFError:
            return 0
        try:
            if tokenizer is None:
                tokenizer = load_tokenizer(arguments[0])
            answer = "answer", _answer(tokenizer, request)
        except UserError as error:
            answer = "refused", (error.title, error.cause, error.next_step)
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
