"""The model card: where a model is from, how it was trained, how it went, and what to beware of.

Knows the run's files; writes Markdown. What came from a file or a teacher is shown as text.
"""

from __future__ import annotations

import json

from alpaca_tui import template
from alpaca_tui.finetune.folder import RunSpec, Status
from alpaca_tui.finetune.metrics import Metrics, Series
from alpaca_tui.finetune.parity import card as parity_card
from alpaca_tui.text import one_line, plural

CURVE_ROWS = 12


def model_card(spec: RunSpec, status: Status, metrics: Metrics, *, chosen: int | None = None) -> str:
    """The card of a run that has ended. chosen: the step of the best checkpoint, where that one was taken."""
    recipe = spec.recipe
    head = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "language:",
        "- en",
        "tags:",
    ]
    head += [
        f"- {tag}" for tag in ("alpaca", "instruction-tuning", *(["peft", "lora"] if recipe.adapts else []))
    ]
    if not spec.model.tiny:
        head.append(f"base_model: {json.dumps(spec.model.name)}")
    lines = [
        *head,
        "---",
        "",
        f"# {_code(spec.id)}",
        "",
        f"{_code(spec.model.name)} {'with an adapter ' if recipe.adapts else ''}fine-tuned to follow instructions, "
        f"with alpaca-tui {spec.versions.get('alpaca-tui', '')}.",
        "",
        "## Use",
        "",
        "It knows one prompt, in two forms; it is the tokenizer's chat template too (one user message: the "
        "instruction, or the instruction, a blank line, `### Input:` and the input). The answer follows the last "
        "colon directly.",
        "",
        *_fenced(template.WITHOUT_INPUT),
        "",
        *_fenced(template.WITH_INPUT),
        "",
        "## Beware",
        "",
        "For research. It was not made safe: it can state falsehoods with confidence, repeat what its examples and "
        "its base model hold of prejudice, and obey harmful instructions. If its examples were written by another "
        "model, that model's terms may forbid some uses, and so may the licence of the base model.",
        "",
        "## Lineage",
        "",
        *_table(
            ("fact", "value"),
            [
                (
                    "base model",
                    spec.model.name + (f" at {spec.model.revision}" if spec.model.revision else ""),
                ),
                ("went on from", spec.start_from or "the base model"),
                ("examples", f"{plural(spec.data.train, 'example')}, {spec.data.held_out:,} held out"),
                ("from", spec.data.source + (f", where {spec.data.where}" if spec.data.where else "")),
                ("sha256 of the examples", spec.data.sha256),
                ("preset", spec.preset),
                ("made", spec.created),
                ("device", status.device),
            ],
        ),
        "",
        "## Recipe",
        "",
        *_table(("parameter", "value"), [(name, str(value)) for name, value in spec.values.items()]),
        "",
        "Beside the published fine-tune of Alpaca:",
        "",
        *_table(("", "here"), parity_card(spec, status.precision)),
        "",
        "## How it went",
        "",
        f"{plural(status.step, 'step')}, {status.epoch:.2f} passes over the examples."
        + (
            f" The weights are those of step {chosen:,}, the best on the held-out examples." if chosen else ""
        ),
        "",
        *_curve(metrics),
        "",
        "## Versions",
        "",
        *_table(("package", "version"), list(spec.versions.items())),
        "",
    ]
    return "\n".join(lines)


def _curve(metrics: Metrics) -> list[str]:
    losses, evals = metrics.series.get("loss", Series()), metrics.series.get("eval_loss", Series())
    held = dict(zip(evals.steps, evals.values, strict=True))
    every = max(1, -(-len(losses) // CURVE_ROWS))
    chosen = list(range(every - 1, len(losses), every))
    if losses and chosen[-1:] != [len(losses) - 1]:
        chosen.append(len(losses) - 1)
    rows: list[tuple[str, ...]] = []
    start = 0
    for at in chosen:
        mean = sum(losses.values[start : at + 1]) / (at + 1 - start)
        of_late = [held[step] for step in losses.steps[start : at + 1] if step in held]
        rows.append((f"{losses.steps[at]:,}", f"{mean:.4f}", f"{of_late[-1]:.4f}" if of_late else ""))
        start = at + 1
    return _table(("up to step", "mean loss", "held-out loss"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    def cells(values: tuple[str, ...]) -> str:
        return (
            "| "
            + " | ".join(one_line(value).replace("|", "\\|").replace("<", "&lt;") for value in values)
            + " |"
        )

    return [cells(head), "| " + " | ".join("---" for _ in head) + " |", *map(cells, rows)]


def _code(text: str) -> str:
    return f"`{one_line(text).replace('`', chr(39))}`"


def _fenced(text: str) -> list[str]:
    return ["```", *text.splitlines(), "```"]
