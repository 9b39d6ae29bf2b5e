"""What a run will be like, and what is wrong with it, before a minute is spent: in plain words.

Device, precision, division of the batch, memory with its arithmetic, disk, examples that are too long, faults of the
data. Tokenizers are asked in a process of their own, so no torch and no transformers come in here. Blocks for seconds.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from alpaca_tui.errors import UserError
from alpaca_tui.finetune.batching import Division, divide, total_steps
from alpaca_tui.finetune.dataset import Row, hold_out
from alpaca_tui.finetune.estimate import Memory, Suggestion, estimate_disk, estimate_memory, nearest_fit
from alpaca_tui.finetune.folder import Launch, ModelRef
from alpaca_tui.finetune.hub import cached_folder
from alpaca_tui.finetune.pieces import Preview
from alpaca_tui.finetune.recipe import Recipe
from alpaca_tui.finetune.shape import ModelShape, read_shape, shape_of_config
from alpaca_tui.finetune.student_size import config_of, train_tokenizer_elsewhere
from alpaca_tui.finetune.telemetry import DeviceInfo, devices
from alpaca_tui.finetune.tokens import TokenizerProcess
from alpaca_tui.text import plural

Level = Literal["good", "note", "warning", "error"]

PREVIEWS = 3
_BATCH = 2_000  # rows a question to the tokenizer's process


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at. words: how it is; next_step: what could be done, of a warning or an error."""

    level: Level
    what: str
    words: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The examples in tokens. total: of all, uncut; longest, longest_trained: of one; too_long: beyond max_length;
    unanswered: those whose prompt alone leaves no room for an answer."""

    examples: int
    total: int
    longest: int
    longest_trained: int
    too_long: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found. previews: the first examples token by token."""

    lines: tuple[Line, ...]
    division: Division
    steps: int
    tokens: Tokens | None = None
    memory: Memory | None = None
    suggestions: tuple[Suggestion, ...] = ()
    previews: tuple[Preview, ...] = ()

    @property
    def error(self) -> UserError | None:
        """The first thing for which the run must not start."""
        bad = next((line for line in self.lines if line.level == "error"), None)
        return None if bad is None else UserError(bad.words, bad.what, bad.next_step)

    def to_dict(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "lines": [
                {"level": one.level, "what": one.what, "words": one.words, "next_step": one.next_step}
                for one in self.lines
            ],
            "division": self.division.words,
            "steps": self.steps,
            "tokens": None if self.tokens is None else {
                "examples": self.tokens.examples, "total": self.tokens.total, "longest": self.tokens.longest,
                "too_long": self.tokens.too_long, "unanswered": self.tokens.unanswered,
            },
            "memory": None if self.memory is None else {
                "total": self.memory.total,
                "parts": [{"name": part.name, "bytes": part.bytes, "words": part.words} for part in self.memory.parts],
            },
            "fits": [dict(one.settings) | {"checkpointing": one.checkpointing} for one in self.suggestions],
        }  # fmt: skip


@dataclass(slots=True)
class _Look:
    """What is being looked at, and what was found so far."""

    model: ModelRef
    recipe: Recipe
    rows: Sequence[Row]
    launch: Launch
    runs: Path
    student: Mapping[str, int]
    lines: list[Line] = field(default_factory=list[Line])

    def say(self, level: Level, what: str, words: str, next_step: str = "") -> None:
        self.lines.append(Line(level, what, words, next_step))

    def refuse(self, what: str, error: UserError) -> None:
        self.say("error", what, f"{error.title}. {error.cause}", error.next_step)


def preflight(
    model: ModelRef,
    recipe: Recipe,
    rows: Sequence[Row],
    launch: Launch,
    runs: Path,
    *,
    student: Mapping[str, int] | None = None,
    faults: Mapping[str, int] | None = None,
    there: Sequence[DeviceInfo] | None = None,
    progress: Callable[[str], None] = lambda what: None,
) -> Preflight:
    """Look at a run that has not been made. runs: where its folder will be. faults: rule -> how many rows the lint
    finds at fault by it. there: the devices, looked for where not given. Raises UserError where not even the batch can
    be divided; all else that is wrong is among the lines."""
    look = _Look(model, recipe, hold_out(rows, recipe.eval_share, recipe.seed), launch, runs, student or {})
    division = divide(recipe.batch, recipe.micro_batch, launch.devices)
    progress("devices")
    device = _device(look, devices() if there is None else there)
    _examples(look, faults or {})
    progress("model")
    place, shape = _shape(look)
    progress("tokens")
    tokens, previews = _tokens(look, place)
    trained = sum(not row.held_out for row in look.rows)
    if tokens is not None and recipe.overlong == "drop":
        trained -= tokens.too_long
    steps = total_steps(max(trained, 1), recipe.batch, recipe.epochs, recipe.max_steps)
    look.say("good", "batch", f"{division.words} examples (micro-batch × accumulation × devices)")
    look.say(
        "good",
        "steps",
        f"{plural(steps, 'step')}, {recipe.epochs:g} passes over {plural(trained, 'example')}",
    )
    memory: Memory | None = None
    suggestions: list[Suggestion] = []
    if shape is not None:
        memory, suggestions = _memory(look, shape, division, tokens, device)
        _disk(look, shape)
    return Preflight(tuple(look.lines), division, steps, tokens, memory, tuple(suggestions), tuple(previews))


def _device(look: _Look, there: Sequence[DeviceInfo]) -> DeviceInfo:
    gpus, cpu = [one for one in there if one.kind != "cpu"], there[-1]
    asked = look.launch.device
    if asked == "cpu" or (asked == "auto" and not gpus):
        why = f" {cpu.note}" if cpu.note and asked == "auto" else ""
        look.say("note", "device", f"{cpu.name}, computing in fp32.{why}")
        if look.recipe.method == "qlora" and asked == "auto":
            look.say("error", "device", "QLoRA needs a GPU, and there is none.",
                     "Use --method lora, or try it all the same with --device cpu.")  # fmt: skip
        return cpu
    if asked == "cuda" and not gpus:
        look.say("error", "device", f"There is no GPU. {cpu.note}".strip(), "Train on the CPU: --device cpu.")
        return cpu
    if asked == "mps":
        return cpu
    if len(gpus) < look.launch.devices:
        look.say("error", "device", f"{plural(look.launch.devices, 'device')} are asked for, there is {len(gpus)}.",
                 f"Use --nproc {len(gpus)}.")  # fmt: skip
    chosen = gpus[0]
    fast = look.recipe.precision != "bf16" or chosen.bf16
    look.say("good", "device", f"{len(gpus[: look.launch.devices])} × {chosen.name}, computing in "
             f"{look.recipe.precision if fast else 'fp32: it has no fast bf16'}")  # fmt: skip
    if chosen.pids:
        look.say("warning", "device", f"It is in use by {plural(len(chosen.pids), 'other process', 'other processes')}.",
                 "A run of ours waits for its turn; others share the memory.")  # fmt: skip
    return chosen


def _examples(look: _Look, faults: Mapping[str, int]) -> None:
    trained = [row for row in look.rows if not row.held_out]
    held = len(look.rows) - len(trained)
    if not trained:
        look.say("error", "examples", "There are none to train on.", "Choose others with --where or --data.")
        return
    empty = sum(not row.output.strip() for row in trained)
    look.say("good", "examples", plural(len(trained), "example") + (f", {held:,} held out" if held else ""))
    if empty == len(trained):
        look.say(
            "error",
            "examples",
            "All their outputs are empty.",
            "Fill them in, or choose others with --where.",
        )
    elif empty:
        look.say("warning", "examples", f"{plural(empty, 'output')} of them are empty: the model learns to say nothing.",
                 "Leave them out: --where 'not flag:empty-output'.")  # fmt: skip
    if faults:
        named = ", ".join(
            f"{rule} {count:,}" for rule, count in sorted(faults.items(), key=lambda one: -one[1])[:4]
        )
        look.say(
            "warning",
            "lint",
            f"Rows at fault: {named}.",
            "See alpaca-tui lint, or leave them out: -flag:error.",
        )


def _shape(look: _Look) -> tuple[Path | None, ModelShape | None]:
    """The model's folder and shape, where they can be known without a download."""
    try:
        if look.model.tiny:
            return None, shape_of_config(config_of(look.student, look.recipe.max_length))
        place = cached_folder(look.model)
        if place is None:
            look.say(
                "note", "model", f"{look.model.name} will be downloaded first; nothing is known of it before."
            )
            return None, None
        shape = read_shape(place)
    except UserError as error:
        look.refuse("model", error)
        return None, None
    look.say("good", "model", f"{shape.architecture}, {shape.parameters:,} weights")
    return place, shape


def _tokens(look: _Look, place: Path | None) -> tuple[Tokens | None, list[Preview]]:
    """Examples counted by the model's tokenizer; that of the student is trained for it, and thrown away."""
    if not look.rows or (place is None and not look.model.tiny):
        return None, []
    with tempfile.TemporaryDirectory(prefix="alpaca-tui-") as scratch:
        try:
            if place is None:
                place = Path(scratch)
                train_tokenizer_elsewhere(place, [row.texts for row in look.rows], look.student)
            with TokenizerProcess(str(place)) as tokenizer:
                return _counted(look, tokenizer)
        except UserError as error:
            look.refuse("tokenizer", error)
        except subprocess.SubprocessError as error:
            look.refuse("tokenizer", UserError("The student's tokenizer cannot be trained", str(error), ""))
    return None, []


def _counted(look: _Look, tokenizer: TokenizerProcess) -> tuple[Tokens, list[Preview]]:
    recipe = look.recipe
    texts = [row.texts for row in look.rows if not row.held_out]
    lengths: list[tuple[int, int]] = []
    for start in range(0, len(texts), _BATCH):
        lengths += tokenizer.lengths(texts[start : start + _BATCH], recipe.boundary)
    previews = [tokenizer.preview(row, recipe.max_length, recipe.boundary) for row in texts[:PREVIEWS]]
    found = Tokens(
        len(lengths),
        sum(total for total, _ in lengths),
        max((total for total, _ in lengths), default=0),
        max((total - prompt for total, prompt in lengths), default=0),
        sum(total > recipe.max_length for total, _ in lengths),
        sum(prompt >= recipe.max_length - 1 for _, prompt in lengths),
    )
    mean = found.total / max(found.examples, 1)
    look.say("good", "tokens", f"{found.total:,} in all, {mean:.0f} an example, at most {found.longest:,}")
    if found.too_long:
        what = {"cut": "their ends are cut off", "shorten-input": "their inputs are shortened, or they are left out",
                "drop": "they are left out"}[recipe.overlong]  # fmt: skip
        share = found.too_long / found.examples
        look.say("warning" if share > 0.01 or found.unanswered else "note", "length",
                 f"{plural(found.too_long, 'example')} ({share:.1%}) longer than {recipe.max_length} tokens: {what}."
                 + (f" Of {found.unanswered:,} nothing but the end is trained." if found.unanswered else ""),
                 "Raise max_length, or choose how: --set overlong=shorten-input.")  # fmt: skip
    if found.too_long == found.examples and recipe.overlong == "drop":
        look.say("error", "length", f"Every example is longer than {recipe.max_length} tokens, and would be left out.",
                 "Raise max_length, or cut them: --set overlong=cut.")  # fmt: skip
    return found, previews


def _memory(
    look: _Look, shape: ModelShape, division: Division, tokens: Tokens | None, device: DeviceInfo
) -> tuple[Memory, list[Suggestion]]:
    longest = min(tokens.longest if tokens else look.recipe.max_length, look.recipe.max_length)
    options: dict[str, Any] = {
        "longest_tokens": longest,
        "longest_trained": min(tokens.longest_trained, longest) if tokens else None,
        "sharding": look.launch.sharding,
        "checkpointing": look.launch.checkpointing,
        "device_kind": "cpu" if device.kind == "cpu" else "cuda",
    }
    memory = estimate_memory(shape, look.recipe, division, **options)
    free = device.memory_free
    told = f"about {size(memory.total)} on each device"
    if free is None or memory.total <= free:
        look.say("good", "memory", told + (f", {size(free)} free" if free is not None else ""))
        return memory, []
    found = nearest_fit(shape, look.recipe, division, free, **options)
    advice = (
        f"The nearest that fits: {found[0].words}."
        if found
        else "Nothing near it fits: choose a smaller model."
    )
    look.say("warning", "memory", f"{told}, but {size(free)} are free.", advice)
    return memory, found


def _disk(look: _Look, shape: ModelShape) -> None:
    wanted = estimate_disk(shape, look.recipe).total
    free: int | None = None
    with suppress(OSError):
        free = shutil.disk_usage(next(path for path in (look.runs, *look.runs.parents) if path.exists())).free
    told = f"{size(wanted)} for checkpoints and the model"
    if free is not None and free < wanted:
        look.say(
            "error",
            "disk",
            f"{told}, but {size(free)} are free.",
            "Free some space, or keep fewer: --set keep=1.",
        )
    else:
        look.say("good", "disk", told + (f", {size(free)} free" if free is not None else ""))


def size(bytes: float) -> str:
    """`13.5 GB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if bytes < 1_000:
            return f"{bytes:.3g} {unit}"
        bytes /= 1_000
    return f"{bytes:.3g} TB"
