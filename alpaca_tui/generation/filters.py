r"""Which tasks are not worth keeping, each for a named reason: the rules of self-instruct and of ours.

Mode `faithful` applies the filters of the 2023 Stanford Alpaca release alone, as they were (source:
`post_process_gpt3_response` and its blacklist, tatsu-lab/stanford_alpaca); `tolerant` adds what the
release never checked: empty outputs, leftover task markers, outputs that only echo. Every rule can be
switched off, its words and limits changed. Knows tasks and text, no parser, no store and no teacher.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, cast

from alpaca_tui.errors import UserError
from alpaca_tui.generation.task import Task
from alpaca_tui.text import plural, preview

Mode = Literal["tolerant", "faithful"]

RULES: dict[str, str] = {
    "empty-instruction": "The task has no instruction (tolerant mode).",
    "too-short": "The instruction has 3 words or fewer (by default).",
    "too-long": "The instruction has more than 150 words (by default).",
    "forbidden-word": "The instruction has a word for what a text model cannot see or make (image, map, …).",
    "write-a-program": 'The instruction starts with "Write a program": such tasks crowd out the others.',
    "starts-with-punctuation": "The instruction starts with a punctuation mark.",
    "starts-non-ascii": "The instruction starts with a non-ASCII character (off for languages but English).",
    "empty-output": "The output is empty (tolerant mode).",
    "task-marker": "A field holds a leftover task marker such as “5. Instruction:” (tolerant mode).",
    "output-echo": "The output only repeats the instruction or the input (tolerant mode).",
}

FORBIDDEN_WORDS: tuple[str, ...] = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps"),
    *("draw", "plot", "go to", "video", "audio", "music", "flowchart", "diagram"),
)

# Scripts written without blanks between words, with how many letters make a word on average: Han and Kana
# (about two), and the Thai, Lao, Burmese and Khmer letters (about four).
_SCRIPTS = (
    (
        re.compile(
            "[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
        ),
        2,
    ),
    (re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"), 4),
)
_UNSPACED = re.compile("|".join(script.pattern for script, _ in _SCRIPTS))

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_MARKER_SIGNS = ("instruction", "input", "output", "response", "<", "###")
_MARKER = re.compile(
    r"(?:^|(?<=\s))[#*_]{0,4}[ \t]?(?:task[ \t]{1,3})?\d{1,4}[.):]{1,2}[ \t*_]{0,4}"
    r"(?:instruction|input|output)[ \t*_]{0,4}:"
    r"|^[ \t]{0,3}\#{3}[ \t]{1,4}(?:instruction|input|response):"
    r"|<[ \t]?no[ _\-]?input[ \t]?>"
    r"|<\|(?:endoftext|im_start|im_end|eot_id)\|>"
    r"|^[ \t]*\#{3}[ \t]*\n\s{0,8}\d{1,4}[.)]",
    re.IGNORECASE | re.MULTILINE,
)
_LABEL_FIRST = re.compile(r"[#*_ \t]{0,8}instructions?[ \t*_]{0,4}:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a task is not kept: the rule's id (a key of RULES) and the reason in plain words."""

    rule: str
    detail: str


@dataclass(frozen=True)
class FilterRules:
    """The rules in force.

    off: ids of rules that are switched off. min_words, max_words: bounds of the instruction, both
    allowed. forbidden_words: words or phrases, found whole and in any case. forbidden_starts: beginnings
    of an instruction, in this very case. A language other than English switches `starts-non-ascii` off.
    """

    language: str = "English"
    mode: Mode = "tolerant"
    off: tuple[str, ...] = ()
    min_words: int = 4
    max_words: int = 150
    forbidden_words: tuple[str, ...] = FORBIDDEN_WORDS
    forbidden_starts: tuple[str, ...] = ("Write a program",)

    def for_run(self, *, language: str, mode: Mode) -> FilterRules:
        """The same rules for a run's language and parser."""
        return replace(self, language=language, mode=mode)

    def in_force(self) -> tuple[str, ...]:
        """Ids of the rules that are applied, in the order they are tried."""
        return tuple(
            rule for rule, (modes, _) in _CHECKS.items() if self.mode in modes and self.applies(rule)
        )

    def applies(self, rule: str) -> bool:
        """Whether `rule` is on, its mode aside."""
        if rule in self.off:
            return False
        return rule != "starts-non-ascii" or is_english(self.language)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` gives the same rules back."""
        data: dict[str, Any] = asdict(self)
        for name in ("off", "forbidden_words", "forbidden_starts"):
            data[name] = list(data[name])
        return data

    @classmethod
    def from_json(cls, data: object) -> FilterRules:
        """Rules from plain JSON values; what is not named keeps its default.

        Raises UserError naming the key and what is wrong with it.
        """
        if not isinstance(data, dict):
            raise _bad(f"Filter rules are an object of settings, not {_kind(data)}.")
        values: dict[str, Any] = {}
        names = [item.name for item in fields(cls)]
        for key, value in cast("dict[object, object]", data).items():
            if key not in names:
                raise _bad(f"There is no setting {key!r}.{_nearest(str(key), names)}")
            values[str(key)] = _value(str(key), value)
        rules = cls(**values)
        if rules.min_words > rules.max_words:
            raise _bad(f"min_words ({rules.min_words}) is larger than max_words ({rules.max_words}).")
        return rules


def check(task: Task, rules: FilterRules) -> Rejection | None:
    """The first rule that rejects `task`, in the release's order, or None. Truncation is not judged here."""
    for rule, (modes, judge) in _CHECKS.items():
        if rules.mode in modes and rules.applies(rule):
            detail = judge(task, rules)
            if detail is not None:
                return Rejection(rule, detail)
    return None


def is_english(language: str) -> bool:
    """Whether the dataset's language is English, however it is written ("", "en", "en-GB", "English")."""
    name = language.strip().casefold()
    return name in ("", "en", "eng", "english") or name.startswith(("en-", "en_", "english "))


def count_words(text: str) -> int:
    """Words of `text`: parts between blanks, as the release counts.

    Where more than half of the letters belong to scripts written without blanks between words, those
    letters are counted too: two Han or Kana characters make a word, four Thai, Lao, Burmese or Khmer
    ones. (Counted by blanks every Chinese instruction would be "too short".)
    """
    if text.isascii():
        return len(text.split())
    unspaced = len(_UNSPACED.findall(text))
    letters = sum(map(str.isalpha, text))
    if unspaced * 2 <= letters or not unspaced:
        return len(text.split())
    words = len(_UNSPACED.sub(" ", text).split())
    return math.ceil(sum(len(script.findall(text)) / size for script, size in _SCRIPTS)) + words


def task_marker(text: str) -> str | None:
    """The first leftover of the task format in `text`, or None: a numbered label, a heading of the Alpaca
    prompt, `<noinput>`, a model's end token. What stands in code fences is left alone."""
    lowered = text.lower()
    if not any(sign in lowered for sign in _MARKER_SIGNS):
        return None
    if "```" in text or "~~~" in text:
        text = _FENCED.sub("", text)
    match = _MARKER.search(text)
    return match[0].strip() if match else None


def _words(task: Task, rules: FilterRules) -> int:
    return len(task.instruction.split()) if rules.mode == "faithful" else count_words(task.instruction)


def _empty_instruction(task: Task, rules: FilterRules) -> str | None:
    return None if task.instruction.strip() else "no instruction"


def _too_short(task: Task, rules: FilterRules) -> str | None:
    words = _words(task, rules)
    return f"{plural(words, 'word')}, at least {rules.min_words} wanted" if words < rules.min_words else None


def _too_long(task: Task, rules: FilterRules) -> str | None:
    words = _words(task, rules)
    return f"{plural(words, 'word')}, at most {rules.max_words} allowed" if words > rules.max_words else None


def _forbidden_word(task: Task, rules: FilterRules) -> str | None:
    pattern = _whole_words(rules.forbidden_words)
    match = pattern.search(task.instruction) if pattern else None
    return f'contains "{match[0].lower()}"' if match else None


@lru_cache(maxsize=16)
def _whole_words(words: tuple[str, ...]) -> re.Pattern[str] | None:
    r"""One pattern for all: `\bword\b`, the boundary left out beside characters that have none (signs, and
    letters of scripts written without blanks)."""

    def bound(sign: str, edge: str) -> str:
        return sign if re.match(r"\w", edge) and not _UNSPACED.match(edge) else ""

    parts = [bound(r"\b", word[0]) + re.escape(word) + bound(r"\b", word[-1]) for word in words]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _forbidden_start(task: Task, rules: FilterRules) -> str | None:
    start = next((start for start in rules.forbidden_starts if task.instruction.startswith(start)), None)
    return f'starts with "{start}"' if start is not None else None


def _punctuation(task: Task, rules: FilterRules) -> str | None:
    first = task.instruction[:1]
    return f'starts with "{first}"' if first and first in string.punctuation else None


def _non_ascii(task: Task, rules: FilterRules) -> str | None:
    first = task.instruction[:1]
    return (
        f'starts with "{preview(first, 8)}" (U+{ord(first):04X})' if first and not first.isascii() else None
    )


def _empty_output(task: Task, rules: FilterRules) -> str | None:
    return None if any(sign.isprintable() and not sign.isspace() for sign in task.output) else "no output"


def _marker(task: Task, rules: FilterRules) -> str | None:
    for name, text in (("instruction", task.instruction), ("input", task.input), ("output", task.output)):
        marker = task_marker(text)
        if marker is None and name == "instruction" and (label := _LABEL_FIRST.match(text)):
            marker = label[0].strip()
        if marker is not None:
            return f'"{preview(marker, 40)}" in the {name}'
    return None


def _echo(task: Task, rules: FilterRules) -> str | None:
    # Capitals count: "Write the sentence with capitals where they belong" has a right answer.
    output = task.output.split()
    if output and output == task.instruction.split():
        return "the output is the instruction again"
    if output and output == task.input.split():
        return "the output is the input again"
    return None


_BOTH: tuple[Mode, ...] = ("tolerant", "faithful")
_OURS: tuple[Mode, ...] = ("tolerant",)
_CHECKS: dict[str, tuple[tuple[Mode, ...], Callable[[Task, FilterRules], str | None]]] = {
    "empty-instruction": (_OURS, _empty_instruction),
    "too-short": (_BOTH, _too_short),
    "too-long": (_BOTH, _too_long),
    "forbidden-word": (_BOTH, _forbidden_word),
    "write-a-program": (_BOTH, _forbidden_start),
    "starts-with-punctuation": (_BOTH, _punctuation),
    "starts-non-ascii": (_BOTH, _non_ascii),
    "empty-output": (_OURS, _empty_output),
    "task-marker": (_OURS, _marker),
    "output-echo": (_OURS, _echo),
}


def _bad(cause: str) -> UserError:
    return UserError(
        "The filter rules are not usable", cause, "Correct them, or leave them out for the defaults."
    )


def _nearest(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(names)}."


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case _:
            return type(value).__name__


def _value(key: str, value: object) -> Any:
    """`value` checked and brought to the type of the setting `key`."""
    if key in ("min_words", "max_words"):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _bad(f"{key} is a whole number from 0 up, not {_kind(value)} ({value!r}).")
        return value
    if key == "mode":
        if value not in _BOTH:
            raise _bad(f'mode is "tolerant" or "faithful", not {value!r}.')
        return value
    if key == "language":
        if not isinstance(value, str):
            raise _bad(f"language is text, not {_kind(value)} ({value!r}).")
        return value
    if not isinstance(value, list | tuple):
        raise _bad(f"{key} is a list of texts, not {_kind(value)} ({value!r}).")
    words: list[str] = []
    for word in cast("Sequence[object]", value):
        if not isinstance(word, str) or not word.strip():
            raise _bad(f"{key} holds {word!r}, which is no text.")
        if key == "off" and word not in RULES:
            raise _bad(f"off names {word!r}, which is no rule.{_nearest(word, list(RULES))}")
        words.append(word)
    return tuple(words)
