"""The set-up form as plain values: which fields there are, what they mean, and how they become settings.

Text in, settings (or the reason why not) out; no widget. Bounds are checked here, field by field and as
one types; `GenerationSettings` checks them again when the run is built.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

Kind = Literal["text", "choice", "toggle"]
Values = dict[str, str | bool]
Check = Callable[[str], Any]

TEACHERS = (("Demo, offline", "demo"), ("OpenAI", "openai"), ("Another server", "url"))
ENDPOINTS = (("find out", "auto"), ("chat", "chat"), ("completions", "completions"))
PARSERS = (("tolerant", "tolerant"), ("faithful to 2023", "faithful"))


def _whole(least: int, most: int) -> Check:
    def check(text: str) -> int:
        try:
            number = int(text.replace(",", "").replace("_", ""))
        except ValueError:
            raise ValueError("a whole number, please") from None
        if not least <= number <= most:
            raise ValueError(f"between {least:,} and {most:,}, please")
        return number

    return check


def _number(least: float, most: float) -> Check:
    def check(text: str) -> float:
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            raise ValueError("a number, please") from None
        if not (math.isfinite(number) and least <= number <= most):
            raise ValueError(f"between {least:g} and {most:g}, please")
        return number

    return check


def _dollars(text: str) -> float:
    try:
        amount = float(text.strip().removeprefix("$"))
    except ValueError:
        raise ValueError("an amount in US dollars, such as 1.50") from None
    if not (math.isfinite(amount) and amount >= 0):
        raise ValueError("an amount of 0 or more")
    return amount


def _price(text: str) -> tuple[float, float]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2:
        raise ValueError("two numbers: input, output; for example 0.15, 0.60")
    try:
        price = float(parts[0]), float(parts[1])
    except ValueError:
        raise ValueError("two numbers: input, output; for example 0.15, 0.60") from None
    if not all(math.isfinite(part) and part >= 0 for part in price):
        raise ValueError("two numbers of 0 or more")
    return price


def _file(text: str) -> Path:
    try:
        path = Path(text).expanduser()
        found = path.is_file()
    except (OSError, RuntimeError) as error:  # a name too long, a user that does not exist
        raise ValueError("there is no such file") from error
    if not found:
        raise ValueError("there is no such file")
    return path


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or len(text.split("://", 1)[1]) < 1:
        raise ValueError("begin with http:// or https://")
    return text


def _plain(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `setting` is the name in `GenerationSettings` ("" where it has none of its own); `check`
    turns the text into its value or raises ValueError with a word to the person; `none` is what an empty
    field means."""

    name: str
    label: str
    hint: str
    check: Check = _plain
    kind: Kind = "text"
    default: str | bool = ""
    placeholder: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    none: Any = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together; `folded` ones are shown on demand."""

    id: str
    title: str
    fields: tuple[Field, ...]
    folded: bool = False


GROUPS: tuple[Group, ...] = (
    Group(
        "teacher-group",
        "Teacher",
        (
            Field(
                "teacher",
                "Teacher",
                "Who invents the tasks. The demo teacher runs on this machine: no key, no network, no GPU, no cost.",
                kind="choice",
                default="demo",
                choices=TEACHERS,
            ),
            Field(
                "url",
                "Server",
                "The address of an OpenAI-compatible server (vLLM, llama.cpp, Ollama, LM Studio, …).",
                _url,
                placeholder="http://localhost:8000/v1",
                required=True,
            ),
            Field(
                "model",
                "Model",
                "The model's name at that server. May stay empty where the server offers exactly one.",
                placeholder="the only one there is",
            ),
        ),
    ),
    Group(
        "goal-group",
        "Goal and limits",
        (
            Field(
                "goal",
                "Tasks to keep",
                "The run stops when this workspace holds so many kept tasks, earlier runs included.",
                _whole(1, 10_000_000),
                default="100",
                required=True,
            ),
            Field(
                "budget_usd",
                "Budget in $",
                "A hard limit over everything this workspace ever spent; the run stops before it is passed. Needs a known price.",
                _dollars,
                placeholder="no limit",
            ),
            Field(
                "price",
                "Price in $",
                "US dollars per million tokens: input, output. Known models need none.",
                _price,
                placeholder="from the price table",
            ),
            Field(
                "token_budget",
                "Token limit",
                "A hard limit in tokens, over everything this workspace ever used.",
                _whole(0, 10**12),
                placeholder="no limit",
            ),
            Field(
                "concurrency",
                "Requests at once",
                "How many requests may be in flight. It slows down by itself when the server asks for it.",
                _whole(1, 1000),
                default="8",
                required=True,
            ),
        ),
    ),
    Group(
        "prompt-group",
        "What to ask for",
        (
            Field("topic", "Topic", "A domain or theme for the tasks. Empty: anything.", placeholder="anything"),
            Field("language", "Language", "The language of the tasks.", default="English", required=True),
            Field(
                "seeds_file",
                "Seed tasks",
                "Your own seed tasks: self-instruct JSON lines or Alpaca JSON. Empty: the 198 that come with the program.",
                _file,
                placeholder="the built-in ones",
            ),
            Field(
                "temperature",
                "Temperature",
                "0 is sober, 1 is lively, 2 is wild. Can be changed while it runs.",
                _number(0, 2),
                default="1.0",
                placeholder="the server's default",
            ),
            Field(
                "threshold",
                "Novelty threshold",
                "A task whose ROUGE-L with any seed or kept task is over this is a duplicate. Can be changed while it runs.",
                _number(0, 1),
                default="0.7",
                required=True,
            ),
        ),
    ),
    Group(
        "advanced-group",
        "Advanced",
        (
            Field("tasks", "Tasks per answer", "How many new tasks one request asks for.", _whole(1, 100), default="20", required=True),
            Field("examples", "Seeds shown", "How many seed tasks each request shows.", _whole(1, 50), default="3", required=True),
            Field("from_kept", "Kept tasks shown", "How many already kept tasks each request shows besides.", _whole(0, 50), default="0", required=True),
            Field("answer_tokens", "Answer length", "The most tokens one answer may have.", _whole(16, 1_000_000), default="3072", required=True),
            Field("rpm", "Requests/min", "The most requests a minute. Empty: as many as the server takes.", _whole(1, 10**9), placeholder="no limit"),
            Field("tpm", "Tokens/min", "The most tokens a minute. Empty: as many as the server takes.", _whole(1, 10**12), placeholder="no limit"),
            Field("endpoint", "Endpoint", "Which API the server speaks. Chat is tried first.", kind="choice", default="auto", choices=ENDPOINTS),
            Field("parser", "Parser", "How answers are read. Faithful repeats the rules of the 2023 release, with its losses.", kind="choice", default="tolerant", choices=PARSERS),
            Field("prompt_file", "Prompt file", "A text that replaces the built-in prompt.", _file, placeholder="the built-in one"),
            Field("seed", "Random seed", "The same number samples the same seed tasks.", _whole(0, 2**63 - 1), placeholder="a new one each run"),
        ),
        folded=True,
    ),
)  # fmt: skip

FIELDS: dict[str, Field] = {item.name: item for group in GROUPS for item in group.fields}
RULE_PREFIX = "rule:"


def defaults() -> Values:
    """Every field at its default; every filter rule on."""
    return {name: item.default for name, item in FIELDS.items()}


@dataclass(slots=True)
class Checked:
    """A form's values, read: settings by name (without filters), rules switched off, errors by field."""

    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    off: tuple[str, ...] = ()
    errors: dict[str, str] = field(default_factory=dict[str, str])


def in_force(values: Mapping[str, str | bool], name: str) -> bool:
    """Whether a field means anything with the others as they are."""
    if name == "url":
        return values.get("teacher") == "url"
    if name == "model":
        return values.get("teacher") != "demo"
    if name == "endpoint":
        return values.get("teacher") != "demo"
    return True


def check(values: Mapping[str, str | bool]) -> Checked:
    """Read a form: what can be used as settings, and what is wrong with the rest."""
    out = Checked(
        off=tuple(
            name.removeprefix(RULE_PREFIX)
            for name, value in values.items()
            if name.startswith(RULE_PREFIX) and not value
        )
    )
    for name, item in FIELDS.items():
        text = str(values.get(name, item.default)).strip()
        if not in_force(values, name):
            continue
        if not text:
            if item.required:
                out.errors[name] = "cannot be empty"
            else:
                out.settings[name] = "" if item.check is _plain and name == "topic" else item.none
            continue
        try:
            out.settings[name] = item.check(text)
        except ValueError as error:
            out.errors[name] = str(error)
    if values.get("teacher") == "openai" and not out.settings.get("model"):
        out.errors["model"] = "OpenAI needs a model's name"
    if values.get("teacher") == "url":
        out.settings["teacher"] = out.settings.pop("url", "")
    if out.settings.get("model") == "":
        out.settings["model"] = None
    return out


def build(values: Mapping[str, str | bool]) -> Any:
    """The settings of a form without errors. Raises UserError where they do not fit together."""
    from alpaca_tui.generation.filters import FilterRules
    from alpaca_tui.generation.settings import GenerationSettings

    checked = check(values)
    if checked.errors:
        name, reason = next(iter(checked.errors.items()))
        raise ValueError(f"{FIELDS[name].label}: {reason}")
    return GenerationSettings.build(**checked.settings, filters=FilterRules(off=checked.off))


def from_config(config: Mapping[str, Any]) -> Values:
    """A form filled with a run's stored settings; what they do not name stays at its default."""
    values = defaults()
    for name in FIELDS:
        value = config.get(name)
        if name in ("teacher", "url") or value is None:
            continue
        if name == "price":
            values[name] = ", ".join(f"{part:g}" for part in cast("list[float]", value))
        elif isinstance(value, float):
            values[name] = f"{value:g}"
        else:
            values[name] = str(value)
    for name in ("budget_usd", "token_budget", "rpm", "tpm", "seed", "model", "temperature"):
        if name in config and config[name] is None:
            values[name] = ""
    teacher = str(config.get("teacher") or "demo")
    if teacher in ("demo", "openai"):
        values["teacher"] = teacher
    else:
        values["teacher"], values["url"] = "url", teacher
    filters: Any = config.get("filters")
    if isinstance(filters, Mapping):
        for rule in cast("Mapping[str, Any]", filters).get("off", ()):
            values[RULE_PREFIX + str(rule)] = False
    return values


def known_price(values: Mapping[str, Any], checked: Checked) -> tuple[float, float] | None:
    """The price a form gives, else the table's for its model; USD per million tokens, input and output."""
    if checked.settings.get("price"):
        return checked.settings["price"]
    if values.get("teacher") != "openai":
        return None
    from alpaca_tui.teacher.pricing import find_price

    known = find_price(str(values.get("model", "")).strip(), "openai")
    return (known.input, known.output) if known is not None else None


def forecast(
    values: Mapping[str, str | bool], kept: int, price: tuple[float, float] | None
) -> list[tuple[str, str]]:
    """What a run would roughly take: (what, how much), from the share of tasks that is usually kept.

    price: USD per million tokens (input, output) where known.
    """
    from alpaca_tui.tui import words

    checked = check(values)
    goal, tasks = checked.settings.get("goal"), checked.settings.get("tasks", 20)
    if not isinstance(goal, int) or not isinstance(tasks, int):
        return []
    missing = max(goal - kept, 0)
    if not missing:
        return [("To do", f"nothing: {words.count(kept)} are kept already")]
    answers = math.ceil(missing / (tasks * SHARE_KEPT))
    tokens_in, tokens_out = (
        answers * (TOKENS_PROMPT + 120 * int(checked.settings.get("examples", 3) or 3)),
        answers * tasks * TOKENS_TASK,
    )
    out = [
        ("To keep", f"{words.count(missing)} more tasks" if kept else f"{words.count(missing)} tasks"),
        ("Answers", f"about {words.count(answers)}"),
        ("Tokens", f"about {words.short(tokens_in + tokens_out)}"),
    ]
    if values.get("teacher") == "demo":
        out.append(("Cost", "nothing"))
    elif price is not None:
        cost = (tokens_in * price[0] + tokens_out * price[1]) / 1e6
        out.append(("Cost", f"about {words.dollars(cost)}"))
    else:
        out.append(("Cost", "unknown: give a price"))
    return out


SHARE_KEPT = 0.6
"""Of the tasks in an answer, the share that is kept early in a run with a good model (the released run kept
about 0.6 of its own)."""
TOKENS_PROMPT = 450
TOKENS_TASK = 110
