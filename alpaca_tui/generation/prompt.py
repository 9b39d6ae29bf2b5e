"""What a teacher is asked: our requirements, a few sampled tasks as examples, and where to go on.

One `Prompt` holds the question in both forms: a chat message that asks for tasks k+1 to k+20, and a text
that ends in an open `k+1. Instruction:` for legacy completions endpoints. The requirements are a template
(`data/prompt.txt`, or the user's `--prompt-file`) with the placeholders of PLACEHOLDERS, written `{tasks}`;
`{{tasks}}` means the word in braces, and braces around anything but a name mean themselves. Deterministic
for a given random generator. Knows seed tasks and the `###` format, no teacher and no store.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path

from alpaca_tui.errors import UserError
from alpaca_tui.generation.filters import is_english, task_marker
from alpaca_tui.generation.seeds import SeedTask

NO_INPUT = "<noinput>"
MOST_TASKS = 200
MOST_TEMPLATE_BYTES = 2**20

PLACEHOLDERS: dict[str, str] = {
    "tasks": "how many new tasks are asked for",
    "first": "the number of the first new task (k+1)",
    "last": "the number of the last new task (k+tasks)",
    "language": "the language to write in",
    "topic": "the topic that was set, or nothing",
    "topic_line": "a sentence that holds the teacher to the topic, or nothing",
    "examples": "the example tasks; without it they follow the text",
}

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PLACEHOLDER = re.compile(rf"\{{\{{(?P<literal>{_NAME})\}}\}}|\{{(?P<name>{_NAME})\}}")
_BREAKS_FORMAT = re.compile(r"^[ \t]{0,3}(?:#{3}|#{2,}[ \t]*$)", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_TOPIC_LINE = "Every new task must belong to this topic: {topic}."
_LANGUAGE_LINE = (
    'Write every new task in {language}; only the labels "Instruction", "Input" and "Output" stay English.'
)
_CHAT_CLOSING = (
    "Now write tasks {first} to {last} in exactly this layout, labels, numbers and ### lines included. "
    'Begin with "{first}. Instruction:" and write nothing before the first task or after the last.'
)


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """What decides the text of a prompt.

    examples: seeds shown (at least 1); from_kept: kept tasks shown besides; tasks: new tasks asked for;
    seed_token_limit: most tokens (estimated) all examples may take; template: text of `--prompt-file`,
    None for ours. Raises UserError where a number is out of range or a text cannot be sent.
    """

    examples: int = 3
    tasks: int = 20
    language: str = "English"
    topic: str = ""
    from_kept: int = 0
    seed_token_limit: int = 1500
    template: str | None = None

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("examples", self.examples, 1, 100),
            ("tasks", self.tasks, 1, MOST_TASKS),
            ("from_kept", self.from_kept, 0, 100),
            ("seed_token_limit", self.seed_token_limit, 1, 1_000_000),
        ):
            if not least <= value <= most:
                raise UserError(
                    "The prompt cannot be built",
                    f"{name} is {value}; it must lie between {least} and {most:,}.",
                    f"Set {name} to a number in that range.",
                )
        for name, value in (("language", self.language), ("topic", self.topic)):
            if any(unicodedata.category(sign) in ("Cs", "Cc") and not sign.isspace() for sign in value):
                raise UserError(
                    "The prompt cannot be built",
                    f"The {name} {value!a} holds characters that are no text.",
                    f"Write the {name} in plain UTF-8 text.",
                )


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question in both forms. k: examples shown, so that the first new task is k+1. seed_ids: their
    ids in the order shown (kept rows as `row:ID`). template_hash: see `hash_template`."""

    chat: tuple[tuple[str, str], ...]
    text: str
    k: int
    seed_ids: tuple[str, ...]
    template_hash: str


def build_prompt(
    settings: PromptSettings, seeds: Sequence[SeedTask], kept: Sequence[SeedTask], rng: random.Random
) -> Prompt:
    """A prompt with freshly sampled examples: `settings.examples` of `seeds` and `settings.from_kept` of
    `kept` (fewer where there are fewer), in random order.

    A task that does not fit into what is left of the token limit is passed over for another; one is
    always shown, be it too large. Tasks whose own text would break the `###` format (a line starting with
    `###`, a task marker) are not shown. Raises UserError if no seed can be shown or the template is bad.
    """
    template = default_template() if settings.template is None else check_template(settings.template)
    shown = _sample(seeds, settings.examples, settings.seed_token_limit, rng)
    if not shown:
        cause = (
            "There are no seed tasks."
            if not seeds
            else f"None of the {len(seeds)} seed tasks fits the format."
        )
        raise UserError(
            "There is no seed task to show the teacher",
            cause,
            "Use seeds without task markers (“5. Instruction:”) and without lines that start with ###.",
        )
    if settings.from_kept and kept:
        left = settings.seed_token_limit - sum(map(_example_tokens, shown))
        shown += _sample(kept, settings.from_kept, left, rng, at_least_one=False)
        rng.shuffle(shown)
    k = len(shown)
    examples = [
        render_example(n, task.instruction, task.input, task.output) for n, task in enumerate(shown, 1)
    ]
    listing = "\n###\n".join(examples)
    first, last = k + 1, k + settings.tasks
    values = _values(settings, first, last)
    before, after = _requirements(template, settings, values)
    body = f"{before}\n\n{listing}\n###\n" if before else f"{listing}\n###\n"
    closing = _CHAT_CLOSING.format(first=first, last=last)
    chat = f"{body}\n{after}\n\n{closing}" if after else f"{body}\n{closing}"
    text = f"{after}\n\n{body}" if after else body
    return Prompt(
        chat=(("user", chat),),
        text=f"{text}{first}. Instruction:",
        k=k,
        seed_ids=tuple(task.id for task in shown),
        template_hash=hash_template(settings),
    )


def render_example(number: int, instruction: str, input: str, output: str) -> str:
    """One task in the format teachers are shown and asked for, without the `###` line between tasks."""
    given = input if input.strip() else NO_INPUT
    head = f"{number}. Instruction: {instruction.strip()}"
    return f"{head}\n{number}. Input:\n{given}\n{number}. Output:\n{output}"


def hash_template(settings: PromptSettings) -> str:
    """16 hex digits that tell prompts of other wording or other settings apart (not the sampled examples):
    of the template's text and of every setting that changes what is asked."""
    template = default_template() if settings.template is None else settings.template
    told = [
        template,
        settings.tasks,
        settings.examples,
        settings.from_kept,
        settings.language,
        settings.topic,
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` takes: ASCII at four characters each, other letters at two, and
    characters of East Asian scripts at one."""
    if text.isascii():
        return math.ceil(len(text) / 4)
    wide = sum(sign >= "\u2e80" for sign in text)
    plain = len(text.encode("ascii", "ignore"))
    return math.ceil(plain / 4 + (len(text) - plain - wide) / 2 + wide)


def can_be_shown(task: SeedTask) -> bool:
    """Whether `task` can stand as an example without breaking the `###` format."""
    if not task.instruction.strip() or not task.output.strip():
        return False
    texts = (task.instruction, task.input, task.output)
    return not any(_BREAKS_FORMAT.search(text) or task_marker(text) for text in texts)


# --- the template


@lru_cache(maxsize=1)
def default_template() -> str:
    """The shipped requirements."""
    return check_template(resources.files("alpaca_tui").joinpath("data/prompt.txt").read_text("utf-8"))


def load_template(path: Path) -> str:
    """The text of a `--prompt-file`, checked. Raises UserError saying what is wrong, and on which line."""
    try:
        if path.stat().st_size > MOST_TEMPLATE_BYTES:
            raise _bad(f"{path} is larger than 1 MB.", "Name a text file that holds only the requirements.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _bad(f"{path} does not exist.", "Check the name given to --prompt-file.") from error
    except OSError as error:
        raise _bad(f"{path}: {error.strerror or error}.", "Name a readable text file.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _bad(f"{path}, line {line}: not UTF-8 text.", "Save the file as UTF-8.") from error
    return check_template(text, str(path))


@lru_cache(maxsize=16)
def check_template(text: str, name: str = "The prompt") -> str:
    """`text` with `\\n` line ends, if it can serve as a template; UserError with the line otherwise."""
    text = text.replace("\r\n", "\n").strip("\n")
    if not text.strip():
        raise _bad(f"{name} is empty.", "Write the requirements into it, or leave the option out.")
    for number, line in enumerate(text.split("\n"), 1):
        if "\0" in line:
            raise _bad(f"{name}, line {number}: holds a NUL character.", "Name a text file.")
        for match in _PLACEHOLDER.finditer(line):
            word = match["name"]
            if word is not None and word not in PLACEHOLDERS:
                close = get_close_matches(word, PLACEHOLDERS, n=1)
                known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
                raise _bad(
                    f"{name}, line {number}: there is no placeholder {{{word}}}.",
                    (f"Did you mean {{{close[0]}}}? " if close else "")
                    + f"There are {known}. Write {{{{{word}}}}} for braces that mean themselves.",
                )
    if sum(match["name"] == "examples" for match in _PLACEHOLDER.finditer(text)) > 1:
        raise _bad(f"{name} has {{examples}} more than once.", "Keep one.")
    return text


def _bad(cause: str, next_step: str) -> UserError:
    return UserError("The prompt file is not usable", cause, next_step)


def _values(settings: PromptSettings, first: int, last: int) -> dict[str, str]:
    topic = " ".join(settings.topic.split()).rstrip(".")
    return {
        "tasks": str(settings.tasks),
        "first": str(first),
        "last": str(last),
        "language": " ".join(settings.language.split()) or "English",
        "topic": topic,
        "topic_line": _TOPIC_LINE.format(topic=topic) if topic else "",
    }


def _requirements(template: str, settings: PromptSettings, values: dict[str, str]) -> tuple[str, str]:
    """The text before the examples and the text after them, placeholders filled in. A language or topic
    that the template has no place for is said in a line of its own: a setting is never ignored."""
    used = {match["name"] for match in _PLACEHOLDER.finditer(template)}
    halves = ["", ""]
    at = 0
    half = 0
    for match in _PLACEHOLDER.finditer(template):
        halves[half] += template[at : match.start()]
        at = match.end()
        if match["name"] == "examples":
            half = 1
        elif match["name"]:
            halves[half] += values[match["name"]]
        else:
            halves[half] += f"{{{match['literal']}}}"
    halves[half] += template[at:]
    if values["topic"] and not used & {"topic", "topic_line"}:
        halves[0] += "\n\n" + values["topic_line"]
    if "language" not in used and not is_english(settings.language):
        halves[0] += "\n\n" + _LANGUAGE_LINE.format(language=values["language"])
    before, after = (_BLANK_LINES.sub("\n\n", text).strip() for text in halves)
    return before, after


# --- the examples


def _example_tokens(task: SeedTask) -> int:
    return estimate_tokens(render_example(1, task.instruction, task.input, task.output)) + 4


def _sample(
    tasks: Sequence[SeedTask], count: int, limit: int, rng: random.Random, *, at_least_one: bool = True
) -> list[SeedTask]:
    """Up to `count` of `tasks` in random order that together fit into `limit` tokens; if none fits, the
    shortest one of all (unless `at_least_one` is off)."""
    chosen: list[SeedTask] = []
    shortest: tuple[int, SeedTask] | None = None
    left = limit
    for task in _shuffled(tasks, rng):
        if len(chosen) == count:
            break
        if not can_be_shown(task):
            continue
        size = _example_tokens(task)
        if size <= left:
            chosen.append(task)
            left -= size
        elif shortest is None or size < shortest[0]:
            shortest = (size, task)
    if not chosen and shortest is not None and at_least_one:
        chosen.append(shortest[1])
    return chosen


def _shuffled(tasks: Sequence[SeedTask], rng: random.Random) -> Iterator[SeedTask]:
    """`tasks` in random order, drawn one by one (Fisher-Yates on a sparse copy): three of 50,000 cost
    three draws."""
    moved: dict[int, int] = {}
    for place in range(len(tasks)):
        pick = rng.randrange(place, len(tasks))
        yield tasks[moved.get(pick, pick)]
        moved[pick] = moved.get(place, place)
