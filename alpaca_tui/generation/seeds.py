"""Seed tasks: the human-written examples a teacher is shown, and against which all it writes is compared.

Reads the shipped ones and the user's own (self-instruct JSON lines or Alpaca JSON), writes them back as
JSON lines, and says what a set of them is like. Knows no prompt, no teacher, no store and no screen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any, cast

from alpaca_tui.errors import UserError
from alpaca_tui.generation.json_rows import BrokenJsonError, Malformed, json_rows
from alpaca_tui.text import preview

if TYPE_CHECKING:
    from alpaca_tui.generation.filters import FilterRules

MAX_BYTES = 256 * 2**20  # ten times the largest Alpaca dataset; keeps `--seeds /dev/zero` from eating memory
SHOWN_PROBLEMS = 5

_SHAPES = (
    "Seed tasks are UTF-8 text, either JSON lines like "
    '{"id": "…", "name": "…", "instruction": "…", "instances": [{"input": "…", "output": "…"}], '
    '"is_classification": false} or one JSON list of {"instruction": "…", "input": "…", "output": "…"}.'
)


@dataclass(frozen=True, slots=True)
class SeedTask:
    """One task with its right answer. `input` is "" where none is needed; `is_classification` is None
    where the source does not say; `id` is unique within its file."""

    id: str
    name: str
    instruction: str
    input: str
    output: str
    is_classification: bool | None = None


def load_builtin() -> list[SeedTask]:
    """The seed tasks written for this project, in file order."""
    data = resources.files("alpaca_tui").joinpath("data/seed_tasks.jsonl").read_bytes()
    return parse_seeds(data, "the built-in seed tasks")


def load_file(path: Path) -> list[SeedTask]:
    """The seed tasks in `path`, in file order.

    The shape is told by content, not by name: JSON lines or one JSON list, of self-instruct tasks (their
    first instance counts) or of Alpaca rows. Alpaca rows and tasks without an id are called `row_N`,
    N counting from 0; an id that comes again gets a suffix (`-2`, `-3`, ...).

    Raises UserError if the file is missing, unreadable, no UTF-8, empty, or has any bad task: the message
    names the line of each (the first five) and what is wrong there.
    """
    shown = preview(str(path), 200)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(
            f"There is no seed file {shown}",
            "",
            "Check the path, or leave --seeds out for the built-in ones.",
        ) from None
    except IsADirectoryError:
        raise UserError(
            f"{shown} is a directory", "Seed tasks are read from one file.", "Name the file inside it."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(
            f"The seed file {shown} cannot be read",
            preview(reason, 200),
            "Check the path and its permissions.",
        ) from None
    if len(data) > MAX_BYTES:
        raise UserError(
            f"The seed file {shown} is too large",
            f"It holds more than {MAX_BYTES // 2**20} MB; a few hundred seed tasks are plenty.",
            "Give a smaller file; whole datasets are taken in with `alpaca-tui import`.",
        )
    return parse_seeds(data, shown)


def parse_seeds(data: bytes, source: str) -> list[SeedTask]:
    """The seed tasks in the content of a file; `source` is what errors call it. See `load_file`."""
    text = _decode(data, source)
    if not text.strip():
        raise UserError(f"There are no seed tasks in {source}", "It is empty.", _SHAPES)
    seeds: list[SeedTask] = []
    problems: list[str] = []
    taken: set[str] = set()
    try:
        for row, (place, value) in enumerate(json_rows(text)):
            try:
                if isinstance(value, Malformed):
                    raise _BadTaskError(value.reason)
                seed = _seed(value, f"row_{row}")
            except _BadTaskError as error:
                problems.append(f"{place}: {error}")
                continue
            seeds.append(_with_own_id(seed, taken))
    except BrokenJsonError as error:
        problems.append(str(error))
    if problems:
        shown = "; ".join(problems[:SHOWN_PROBLEMS])
        more = len(problems) - SHOWN_PROBLEMS
        cause = f"{shown}{f'; and {more:,} more' if more > 0 else ''}."
        raise UserError(f"The seed tasks in {source} cannot be used", cause, _SHAPES)
    if not seeds:
        raise UserError(f"There are no seed tasks in {source}", "It is an empty list.", _SHAPES)
    return seeds


def to_jsonl(seeds: Sequence[SeedTask]) -> str:
    """`seeds` as self-instruct JSON lines, each ended by a newline; `load_file` gives the same back."""
    return "".join(
        json.dumps(
            {
                "id": seed.id,
                "name": seed.name,
                "instruction": seed.instruction,
                "instances": [{"input": seed.input, "output": seed.output}],
                "is_classification": seed.is_classification,
            },
            ensure_ascii=False,
        )
        + "\n"
        for seed in seeds
    )


# --- reading ------------------------------------------------------------------------------------------


class _BadTaskError(Exception):
    """Why one task cannot be used: its text is shown to the user."""


def _decode(data: bytes, source: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{source} is no UTF-8 text", "It is written in UTF-16.", "Save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        cause = f"line {line}: byte 0x{data[error.start]:02x} is not valid there."
        raise UserError(f"{source} is no UTF-8 text", cause, "Save it as UTF-8, uncompressed.") from None


def _seed(value: object, row_id: str) -> SeedTask:
    if not isinstance(value, dict):
        raise _BadTaskError(f"a JSON object is needed, this is {_kind(value)}")
    task = cast("dict[str, Any]", value)
    instruction = _text(task, "instruction")
    if not instruction.strip():
        raise _BadTaskError("the instruction is empty")
    source = task
    if "instances" in task:
        source = _first_instance(task["instances"])
    elif "output" not in task:
        raise _BadTaskError('there is neither "instances" nor "output"')
    input_text = _text(source, "input") if "input" in source else ""
    if input_text.strip().casefold() in ("", "<noinput>"):
        input_text = ""
    output = _text(source, "output")
    if not output.strip():
        raise _BadTaskError("the output is empty: a seed task needs its answer")
    is_classification = task.get("is_classification")
    if not isinstance(is_classification, bool | None):
        raise _BadTaskError(f'"is_classification" must be true or false, it is {_kind(is_classification)}')
    return SeedTask(
        id=_identity(task, row_id),
        name=_text(task, "name") if "name" in task else "",
        instruction=instruction,
        input=input_text,
        output=output,
        is_classification=is_classification,
    )


def _first_instance(value: object) -> dict[str, Any]:
    if not isinstance(value, list):
        raise _BadTaskError(f'"instances" must be a list, it is {_kind(value)}')
    instances = cast("list[object]", value)
    if not instances:
        raise _BadTaskError('"instances" is empty: one with "input" and "output" is needed')
    first = instances[0]
    if not isinstance(first, dict):
        raise _BadTaskError(f"the first instance must be an object, it is {_kind(first)}")
    return cast("dict[str, Any]", first)


def _identity(task: dict[str, Any], row_id: str) -> str:
    value = task.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return row_id if value is None else _text(task, "id").strip() or row_id


def _text(task: dict[str, Any], key: str) -> str:
    if key not in task:
        raise _BadTaskError(f'"{key}" is missing')
    value = task[key]
    if not isinstance(value, str):
        raise _BadTaskError(f'"{key}" must be text, it is {_kind(value)}')
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _BadTaskError(f'"{key}" holds half of a surrogate pair, which is no Unicode text')
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


def _with_own_id(seed: SeedTask, taken: set[str]) -> SeedTask:
    """`seed`, under an id no earlier one has. Two files put together share ids, and an id is what a stored
    verdict names; refusing them would only make people renumber by hand."""
    identity, again = seed.id, 1
    while identity in taken:
        again += 1
        identity = f"{seed.id}-{again}"
    taken.add(identity)
    if identity == seed.id:
        return seed
    return SeedTask(identity, seed.name, seed.instruction, seed.input, seed.output, seed.is_classification)


# --- report -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lengths:
    """Words: least, lower quartile, median, upper quartile, most."""

    least: int
    lower: float
    median: float
    upper: float
    most: int


@dataclass(frozen=True, slots=True)
class RejectedSeed:
    """A seed that a filter would reject if a teacher wrote it: it teaches what is then thrown away."""

    id: str
    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class SeedPair:
    """Two seeds whose instructions are nearly the same; `twin` stands earlier in the file."""

    id: str
    twin: str
    score: float


@dataclass(frozen=True, slots=True)
class SeedReport:
    """What a set of seeds is like. `first_words`: (first word of an instruction, how many), most frequent
    first. `classification` counts those marked true. `input_words` is over seeds with an input, None if
    there are none."""

    count: int
    with_input: int
    classification: int
    first_words: tuple[tuple[str, int], ...]
    instruction_words: Lengths
    input_words: Lengths | None
    output_words: Lengths
    rejected: tuple[RejectedSeed, ...]
    near_duplicates: tuple[SeedPair, ...]


def report(
    seeds: Sequence[SeedTask], rules: FilterRules | None = None, *, threshold: float = 0.7
) -> SeedReport:
    """Counts, lengths, the seeds that `rules` (the defaults if None) would reject, and the pairs whose
    instructions have a ROUGE-L F1 above `threshold` (for each seed among its ten nearest).

    Raises ValueError without any seed.
    """
    # numpy and RapidFuzz are needed by this report alone; the rest of the room reads seeds without them.
    from alpaca_tui.generation.filters import FilterRules, check
    from alpaca_tui.generation.novelty import NoveltyIndex
    from alpaca_tui.generation.task import Task

    if not seeds:
        raise ValueError("a report needs at least one seed")
    rules = rules or FilterRules()
    rejected: list[RejectedSeed] = []
    pairs: list[SeedPair] = []
    index = NoveltyIndex(threshold)
    for seed in seeds:
        rejection = check(Task(None, seed.instruction, seed.input, seed.output), rules)
        if rejection is not None:
            rejected.append(RejectedSeed(seed.id, rejection.rule, rejection.detail))
        nearest = index.judge(seed.instruction).top
        pairs.extend(SeedPair(seed.id, str(twin), score) for twin, score in nearest if score > threshold)
        index.add(seed.instruction, seed.id)
    inputs = [len(seed.input.split()) for seed in seeds if seed.input]
    return SeedReport(
        count=len(seeds),
        with_input=len(inputs),
        classification=sum(seed.is_classification is True for seed in seeds),
        first_words=tuple(Counter(first_word(seed.instruction) for seed in seeds).most_common()),
        instruction_words=_lengths([len(seed.instruction.split()) for seed in seeds]),
        input_words=_lengths(inputs) if inputs else None,
        output_words=_lengths([len(seed.output.split()) for seed in seeds]),
        rejected=tuple(rejected),
        near_duplicates=tuple(sorted(pairs, key=lambda pair: -pair.score)),
    )


def first_word(instruction: str) -> str:
    """The first word of `instruction`, lower case, without the signs around it ("" if it has no word)."""
    words = (word.strip("\"'“”‘’.,:;!?()[]-–—*") for word in instruction.casefold().split())
    return next((word for word in words if word), "")


def _lengths(counts: Sequence[int]) -> Lengths:
    if len(counts) == 1:
        return Lengths(counts[0], counts[0], counts[0], counts[0], counts[0])
    lower, median, upper = quantiles(counts, n=4, method="inclusive")
    return Lengths(min(counts), lower, median, upper, max(counts))
