"""What a task family makes, and how families are registered: code works out the values, the wording
comes from `data/demo/phrases`. Knows no single family and no output format."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from alpaca_tui.teacher.demo.grammar import say, slot_names, upper_first
from alpaca_tui.teacher.demo.knowledge import load_all

_INPUT_SHARE = 2.0  # how much more often a form with an input is taken: about 40 % of the tasks have one
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DemoTask:
    """One invented task with its right answer. `values` are the numbers and words the task was made
    from, so that a test can work the answer out a second way; `family` names its maker."""

    instruction: str
    output: str
    input: str = ""
    family: str = ""
    values: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of task. `weight`: how often it is drawn relative to 1; families with few possible tasks
    have small weights. `frame`: which set of opening sentences may precede its instruction ("" = none)."""

    name: str
    make: Callable[[random.Random], DemoTask]
    weight: float = 1.0
    frame: str = "plain"


Slots = dict[str, Any]


class Register:
    """The computed families one module defines, in the order of definition."""

    def __init__(self) -> None:
        self.families: list[Family] = []

    def family(
        self, name: str, *, weight: float = 1.0, frame: str = "plain"
    ) -> Callable[[Callable[[random.Random], Slots]], Callable[[random.Random], Slots]]:
        """Decorator: the function works out the slots of one task of the family `name`; a form of that
        name in the phrase files words it. A slot `form` restricts the choice to the forms so marked."""

        def keep(work_out: Callable[[random.Random], Slots]) -> Callable[[random.Random], Slots]:
            def make(rng: random.Random) -> DemoTask:
                return word_task(rng, name, load_all("phrases")[name], work_out(rng))

            self.families.append(Family(name, make, weight, frame))
            return work_out

        return keep


def word_task(
    rng: random.Random, name: str, forms: Sequence[Mapping[str, Any]], slots: Mapping[str, object]
) -> DemoTask:
    """A task worded by one of `forms`: tables with lists of templates `ask` and `answer`, perhaps `input`,
    and perhaps `share` (how often the form is taken relative to 1). Forms that need a slot that is absent,
    or are marked for another `form`, are passed over."""
    fitting = [form for form in forms if _fits(form, slots)]
    if not fitting:
        raise ValueError(f"no form of {name} fits the slots {sorted(slots)}")
    shares = [float(form.get("share", 1.0)) * (_INPUT_SHARE if "input" in form else 1.0) for form in fitting]
    form = rng.choices(fitting, shares)[0]

    def expand(kind: str) -> str:
        return say(rng, rng.choice(form[kind]), **slots) if kind in form else ""

    output = expand("answer")
    if output.endswith(".") and "\n" not in output:
        output = upper_first(output)
    return DemoTask(upper_first(expand("ask")), output, expand("input"), name, dict(slots))


def _fits(form: Mapping[str, Any], slots: Mapping[str, object]) -> bool:
    if slots.get("form", form.get("form")) != form.get("form"):
        return False
    return template_slots(form) <= slots.keys()


def template_slots(form: Mapping[str, Any]) -> set[str]:
    """The names of all slots in the templates of a form."""
    kinds = [form.get(kind, ()) for kind in ("ask", "answer", "input")]
    return {name for templates in kinds for template in templates for name in slot_names(template)}
