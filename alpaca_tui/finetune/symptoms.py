"""Why a run died: its log and exit code, held against a table of what is known to go wrong, and how to mend it.

What is printed last counts most, but a cause counts more than what comes of it: when one of several processes runs out
of memory, the others complain of a lost connection after it. Knows no run; reads a log and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from alpaca_tui.errors import UserError
from alpaca_tui.finetune import symptoms_machine as machine
from alpaca_tui.finetune import symptoms_model as model
from alpaca_tui.finetune.symptom import Symptom
from alpaca_tui.text import visible

__all__ = ["STARTED", "SYMPTOMS", "Symptom", "explain", "markdown", "tail"]

STARTED = "--- started"
"""A line of a log that begins so says that the run was started then: what stands before it is of an earlier start."""

GROUPS = (
    ("Memory", machine.MEMORY),
    ("GPUs", machine.GPU),
    ("Several processes", machine.SEVERAL),
    ("Disks", machine.DISK),
    ("Ended from outside", machine.ENDED),
    ("Training", model.TRAINING),
    ("Tokenizers", model.TOKENIZER),
    ("The Hub", model.HUB),
    ("Model files", model.FILES),
    ("Kinds of models", model.ARCHITECTURE),
    ("Packages and settings", model.PACKAGES),
)
SYMPTOMS: tuple[Symptom, ...] = (*machine.MACHINE, *model.MODEL)

_LONGEST = 1 << 18
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_RANK = re.compile(r"^\[(?:rank|default)\d+\]: ?", re.MULTILINE)
_WELL = re.compile(r"^\{['\"]loss['\"]: ", re.MULTILINE)
_WARNING = re.compile(r"Warning: |\bWARNING\b|thrown while requesting")
_CODE_WEIGHT = 1.5


def explain(log_tail: str, exit_code: int | None = None) -> UserError | None:
    """What the end of a log and an exit code (as of a subprocess or of a shell) say; None where they say nothing."""
    text = _plain(log_tail)
    well = [match.start() for match in _WELL.finditer(text)]
    recent = text[well[-1] :] if well else text
    found = _best(recent, exit_code)
    if found is None and well:  # what is printed on two ways may come in another order than it was written
        found = _best(text, None)
    return found


def tail(path: Path, bytes: int = 65_536) -> str:
    """The end of a text file; "" where there is none. What is no UTF-8 is replaced."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - bytes))
            return file.read(bytes).decode("utf-8", "replace")
    except OSError:
        return ""


def markdown() -> str:
    """The whole table."""
    lines = ["# When a run dies", ""]
    for title, symptoms in GROUPS:
        lines += [f"## {title}", "", "| Symptom | Cause | What to do |", "| --- | --- | --- |"]
        lines += [f"| {' | '.join(_cells(symptom))} |" for symptom in symptoms]
        lines.append("")
    return "\n".join(lines)


def _cells(symptom: Symptom) -> Iterable[str]:
    told = symptom.told()
    codes = ", ".join(f"{code} or {128 - code}" for code in symptom.codes)
    title = f"**{told.title}**" + (f" (exit code {codes})" if codes else "")
    return (cell.replace("|", r"\|") for cell in (title, told.cause, told.next_step))


def _plain(log: str) -> str:
    """The log of the last start without warnings, and without what commands a terminal or says which process spoke:
    what a run was warned of it may have lived with for hours."""
    text = _ESCAPES.sub("", log[-_LONGEST:].replace("\r\n", "\n").replace("\r", "\n"))
    start = text.rfind(f"\n{STARTED}")
    lines = _RANK.sub("", visible(text[start + 1 :])).split("\n")
    return "\n".join(line for line in lines if not _WARNING.search(line))


def _best(text: str, exit_code: int | None) -> UserError | None:
    """Causes before an exit code, and that before what may be a consequence; of several, the last, and of those on
    one line the first of the table."""
    found: list[tuple[float, int, int, UserError]] = []
    for order, symptom in enumerate(SYMPTOMS):
        met = symptom.met(text)
        coded = exit_code is not None and _signal(exit_code) in symptom.codes
        if met is None and not coded:
            continue
        end, match = met or (0, None)
        weight = max(symptom.weight if met else 0, _CODE_WEIGHT if coded else 0)
        found.append((weight, text.count("\n", 0, end), -order, symptom.told(match)))
    return max(found, key=lambda one: one[:3])[3] if found else None


def _signal(exit_code: int) -> int:
    """A shell says 128 + n where a process ended by signal n, a subprocess -n."""
    return 128 - exit_code if 128 < exit_code < 160 else exit_code
