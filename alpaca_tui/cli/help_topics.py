"""`alpaca-tui help SCREEN`: the help of a screen, the same text the application shows, in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markdown import Markdown

from alpaca_tui.cli.common import Invocation
from alpaca_tui.errors import UserError


def show_help(
    context: typer.Context,
    screen: Annotated[
        str, typer.Argument(metavar="SCREEN", help="home, generate, answers or candidates.")
    ] = "home",
) -> None:
    """Show the help of a screen: what it is for, and its keys."""
    from alpaca_tui.tui.help_pages import full_page, pages

    invocation: Invocation = context.obj
    known = pages()
    name = screen.casefold()
    if name not in known:
        raise UserError(f"There is no help for {screen!r}", "", f"Screens: {', '.join(known)}.", exit_code=2)
    text = full_page(name)
    invocation.result({"screen": name, "markdown": text})
    if not invocation.json:
        invocation.out.print(Markdown(text) if invocation.out.is_terminal else text)


def register(app: typer.Typer) -> None:
    app.command("help")(show_help)
