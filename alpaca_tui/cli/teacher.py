"""`alpaca-tui teacher demo`: the offline teacher as a server of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from alpaca_tui.cli.common import Invocation

teacher_app = typer.Typer(help="Teachers that come with alpaca-tui.", no_args_is_help=True)


@teacher_app.command("demo")
def demo(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(help="Port on the loopback address; 0 takes a free one.", min=0, max=65535)
    ] = 8765,
    seed: Annotated[int, typer.Option(help="Same seed, same tasks.")] = 0,
    pace: Annotated[
        float | None, typer.Option(help="Tokens a second for each stream; 0 writes as fast as it can.", min=0)
    ] = None,
    flaws: Annotated[
        float | None, typer.Option(help="Share of tasks with a flaw, 0 to 1.", min=0, max=1)
    ] = None,
) -> None:
    """Serve the offline demo teacher (OpenAI-compatible, no key, no network) until interrupted.

    Its first line on standard output is a JSON object with `url` and `model`.
    """
    from alpaca_tui.teacher.demo.server import DEFAULT_FLAWS, DEFAULT_PACE, serve

    invocation: Invocation = context.obj
    invocation.say("The demo teacher runs until you press Ctrl+C.")
    serve(
        host="127.0.0.1",
        port=port,
        seed=seed,
        pace=DEFAULT_PACE if pace is None else pace,
        flaws=DEFAULT_FLAWS if flaws is None else flaws,
    )


def register(app: typer.Typer) -> None:
    app.add_typer(teacher_app, name="teacher")
