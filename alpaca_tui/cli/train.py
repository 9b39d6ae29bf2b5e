"""`alpaca-tui train`: a run made from the dataset and a recipe, and started in a process of its own.

Without `--detach` it is watched until it ends; interrupted, it is stopped with a checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from alpaca_tui.cli.common import Invocation
from alpaca_tui.cli.selection import FormatOption, MapOption, WhereOption, selection
from alpaca_tui.errors import UserError
from alpaca_tui.text import plural

if TYPE_CHECKING:
    from alpaca_tui.finetune.dataset import Row
    from alpaca_tui.finetune.presets import Preset
    from alpaca_tui.finetune.recipe import Recipe


def train(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", metavar="PATH|HUB|tiny", help="What is trained: a folder, OWNER/NAME, or tiny."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="FILE", help="A dataset; without it, the workspace's rows."),
    ] = None,
    where: WhereOption = "",
    format: FormatOption = None,
    mapping: MapOption = None,
    method: Annotated[str | None, typer.Option("--method", metavar="full|lora|qlora")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", metavar="NAME", help="alpaca-7b, alpaca-7b-corrected, alpaca-13b, lora, qlora, tiny."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A parameter of the recipe; may be given several times."
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and leave it alone.")] = False,
    nproc: Annotated[int, typer.Option("--nproc", metavar="N", min=1, help="Devices, a process each.")] = 1,
    sharding: Annotated[
        str, typer.Option("--sharding", metavar="ddp|fsdp", help="How several devices hold the weights.")
    ] = "ddp",
    device: Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda|mps")] = "auto",
    checkpointing: Annotated[
        bool,
        typer.Option(
            "--checkpointing", help="Less memory, a third more time: activations are computed twice."
        ),
    ] = False,
    oom_retry: Annotated[
        bool,
        typer.Option("--oom-retry/--no-oom-retry", help="Out of memory: again, with half the micro-batch."),
    ] = True,
    price: Annotated[
        float | None, typer.Option("--price", metavar="USD", min=0, help="Of an hour of the devices.")
    ] = None,
    report_to: Annotated[
        str,
        typer.Option(
            "--report-to", metavar="NAMES", help="tensorboard, wandb, trackio beside our own files."
        ),
    ] = "",
    show: Annotated[
        bool, typer.Option("--show", help="Show the recipe and what it differs in; start nothing.")
    ] = False,
) -> None:
    """Fine-tune a model on the dataset. The run outlives this terminal; see also: alpaca-tui runs."""
    from alpaca_tui.finetune import runs
    from alpaca_tui.finetune.folder import Launch, ModelRef
    from alpaca_tui.finetune.launch import make_run, needed, start

    invocation: Invocation = context.obj
    reference = ModelRef(model)
    chosen, recipe = _recipe(method, preset, settings or [], tiny=reference.tiny)
    _one_of("--device", device, ("auto", "cpu", "cuda", "mps"))
    _one_of("--sharding", sharding, ("ddp", "fsdp"))
    trackers = tuple(part.strip() for part in report_to.split(",") if part.strip())
    if show:
        _show(invocation, chosen, recipe)
        return
    needed()
    launch = Launch(
        device=cast(Any, device), devices=nproc, sharding=cast(Any, sharding), oom_retry=oom_retry,
        checkpointing=checkpointing, price=price, report_to=trackers,
    )  # fmt: skip
    rows, source = _rows(invocation, data, where, format, mapping)
    workspace = invocation.workspace()
    workspace.make()
    folder = make_run(
        workspace.runs_dir, reference, chosen.name, recipe, rows, launch, source=source, where=where
    )
    start(folder)
    invocation.say(f"Run {folder.id}: {plural(len(rows), 'example')}, {recipe.method}, preset {chosen.name}")
    if detach:
        invocation.result(
            runs.look(folder).summary(),
            f"{folder.id} runs by itself. Watch it: alpaca-tui runs watch {folder.id}",
        )
        return
    from alpaca_tui.cli.runs import follow

    follow(invocation, folder, stops=True)


def _recipe(
    method: str | None, preset_name: str | None, settings: Sequence[str], *, tiny: bool
) -> tuple[Preset, Recipe]:
    from alpaca_tui.finetune.presets import default_preset, preset

    if method is not None:
        _one_of("--method", method, ("full", "lora", "qlora"))
    chosen = preset(preset_name) if preset_name else default_preset(cast(Any, method or "full"), tiny=tiny)
    asked = [f"method={method}"] if method is not None else []
    return chosen, chosen.recipe.changed([*asked, *settings])


def _show(invocation: Invocation, preset: Preset, recipe: Recipe) -> None:
    from alpaca_tui.finetune.recipe import PARAMETERS

    differences = recipe.differences(preset.recipe)
    values = recipe.values()
    invocation.result(
        {
            "preset": preset.name,
            "source": preset.source,
            "recipe": values,
            "differs": {name: {"preset": old, "here": new} for name, (old, new) in differences.items()},
        },
        f"{preset.title} ({preset.source})",
    )
    if invocation.json:
        return
    for name, parameter in PARAMETERS.items():
        unit = f" {parameter.unit}" if parameter.unit else ""
        changed = f"  (preset: {differences[name][0]})" if name in differences else ""
        invocation.say(f"  {name} = {values[name]}{unit}{changed}\n      {parameter.why}")


def _rows(
    invocation: Invocation, data: str | None, where: str, format: str | None, mapping: str | None
) -> tuple[list[Row], str]:
    """The examples as they are now, and what to call them."""
    from alpaca_tui.finetune.dataset import HELD_OUT, Row

    with selection(invocation, data, where, format=format, mapping=mapping) as chosen:
        rows = [
            Row(row.row, row.instruction, row.input, row.output, row.split in HELD_OUT)
            for row in chosen.rows()
        ]
    return rows, data if data is not None else "the dataset"


def _one_of(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UserError(
            f"{option} cannot be {value!r}",
            f"It is one of {', '.join(known)}.",
            "Choose one of them.",
            exit_code=2,
        )


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("train")(train)
