"""The demo teacher's believable mistakes: what real teachers get wrong, at a set rate.

Each flaw keeps the rest of its answer right. Where a flaw is only a matter of form, a tolerant reader
still gets a correct task out of it. Knows no HTTP and no task family.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from alpaca_tui.teacher.demo.grammar import lower_first, say
from alpaca_tui.teacher.demo.knowledge import rows
from alpaca_tui.teacher.demo.task import DemoTask

NO_INPUT = "<noinput>"


@dataclass(frozen=True, slots=True)
class Block:
    """A task as it will be written: its number, its fields, and the line that separates it from the
    task before. `input_text` is what stands under `N. Input:`; None leaves that label out."""

    number: int
    instruction: str
    input_text: str | None
    output: str
    separator: str = "###"
    dot: str = "."

    def render(self, *, opening: bool = True) -> str:
        """The block's lines. `opening=False` leaves out its first label, which the prompt already ends in."""
        label = f"{self.number}{self.dot}"
        lines = [f"{label} Instruction: {self.instruction}" if opening else f" {self.instruction}"]
        if self.input_text is not None:
            lines += [f"{label} Input:", self.input_text]
        lines += [f"{label} Output:", self.output]
        return "\n".join(lines)


def plain(number: int, task: DemoTask) -> Block:
    """`task` written as asked for."""
    return Block(number, task.instruction, task.input or NO_INPUT, task.output)


Flaw = Callable[[random.Random, int, DemoTask, Sequence[DemoTask]], Block]


def _repeat(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    return plain(number, rng.choice(earlier) if earlier else task)


def _near_duplicate(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    if not earlier:
        return plain(number, task)
    block = plain(number, rng.choice(earlier))
    if block.instruction.endswith("?"):
        wording = say(rng, "[Tell me: {core}|Please answer: {core}|{core} Please answer.]", core="{core}")
        core = block.instruction if wording.startswith("{") else lower_first(block.instruction)
        return replace(block, instruction=wording.replace("{core}", core))
    wording = say(rng, "[Please {core}|Now {core}|Kindly {core}]", core="{core}")
    return replace(block, instruction=wording.replace("{core}", lower_first(block.instruction)))


def _forbidden(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    unfit = rng.choice(rows("flaws", "unfit"))
    subject = rng.choice(rows("flaws", "subjects"))
    return Block(
        number,
        say(rng, unfit["instruction"], subject=subject),
        NO_INPUT,
        say(rng, unfit["output"], subject=subject),
    )


def _too_short(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    short = rng.choice(rows("flaws", "short"))
    return Block(number, short["instruction"], NO_INPUT, short["output"])


def _empty_output(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    return replace(plain(number, task), output="")


def _numbering(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    block = plain(number, task)
    if rng.random() < 0.3:
        return replace(block, dot=")")
    return replace(block, number=rng.choice((number + 1, number + 1, max(1, number - 1), number + 10)))


def _separator(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    return replace(plain(number, task), separator=rng.choice(("##", "##", "", "---", "####")))


def _missing_label(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    block = plain(number, task)
    return block if task.input else replace(block, input_text=None)


def _echo(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    return replace(plain(number, task), output=task.instruction)


def _no_input_in_words(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    if task.input:
        return plain(number, task)
    return replace(plain(number, task), input_text=rng.choice(("No input", "<no input>", "N/A", "None")))


def _punctuation(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    return replace(plain(number, task), instruction=rng.choice(("- ", "* ", '"', "… ")) + task.instruction)


def _leftover_label(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    block = plain(number, task)
    return replace(block, output=f"{number}. Output: {block.output}")


def _heading(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    heading = rng.choice(("### Answer", "### Result", "## Answer"))
    return replace(plain(number, task), output=f"{heading}\n{task.output}")


# (flaw, how often relative to the others); together they shape which verdicts a run shows.
_FLAWS: tuple[tuple[Flaw, float], ...] = (
    (_repeat, 3.0),
    (_near_duplicate, 4.0),
    (_forbidden, 3.0),
    (_too_short, 1.5),
    (_empty_output, 1.0),
    (_numbering, 1.5),
    (_separator, 1.5),
    (_missing_label, 0.7),
    (_echo, 0.5),
    (_no_input_in_words, 0.8),
    (_punctuation, 0.6),
    (_leftover_label, 0.5),
    (_heading, 0.6),
)


def spoil(rng: random.Random, number: int, task: DemoTask, earlier: Sequence[DemoTask]) -> Block:
    """`task` written with one flaw, or another, worse task in its place. `earlier`: those already written."""
    flaw = rng.choices([flaw for flaw, _ in _FLAWS], [weight for _, weight in _FLAWS])[0]
    return flaw(rng, number, task, earlier)
