"""The command tree and the one place where errors become exit codes.

0 done, 1 failed with a `UserError`, 2 wrong usage, 3 stopped at a limit the user set, 130 interrupted.
With no subcommand it opens the terminal application.
"""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from alpaca_tui.cli import (
    data,
    dedup,
    doctor,
    generate,
    help_topics,
    lint,
    runs,
    seeds,
    stats,
    teacher,
    train,
)
from alpaca_tui.cli.common import Invocation, hoist, show_error
from alpaca_tui.errors import UserError

EPILOG = (
    "Global options are accepted before or after a command. Exit codes: 0 done, 1 failed, 2 wrong usage, "
    "3 stopped at a limit you set (budget, tokens), 130 interrupted (state saved)."
)
_OUTPUT_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})

app = typer.Typer(
    name="alpaca-tui",
    help="From nothing to a language model that follows instructions, without leaving the terminal. "
    "Without a command: open the terminal application.",
    epilog=EPILOG,
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", metavar="DIR", help="The project's directory (made if new)."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output; words go to standard error.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no words; errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log to standard error.")] = False,
    version: Annotated[bool, typer.Option("--version", "-V", help="Show the version and leave.")] = False,
) -> None:
    if version:
        from alpaca_tui import __version__

        print(f"alpaca-tui {__version__}")
        raise typer.Exit
    context.obj = Invocation(workspace, as_json, quiet, verbose)
    if verbose:
        from alpaca_tui.logs import log_to_stream

        log_to_stream(sys.stderr)
    if context.invoked_subcommand is None:
        open_tui(context.obj)


def open_tui(invocation: Invocation) -> None:
    """Open the terminal application; it needs a terminal on both ends."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "No terminal to open the application in",
            "Standard input or output is a pipe or a file.",
            "Run it in a terminal, or use a command: alpaca-tui --help lists them.",
            exit_code=2,
        )
    workspace = invocation.workspace()
    settings = invocation.settings(workspace)
    from alpaca_tui.tui.app import run as run_tui

    raise typer.Exit(run_tui(workspace, settings))


generate.register(app)
data.register(app)
lint.register(app)
dedup.register(app)
stats.register(app)
seeds.register(app)
train.register(app)
runs.register(app)
teacher.register(app)
doctor.register(app)
help_topics.register(app)


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code and never raises."""
    arguments = hoist(arguments)
    as_json = "--json" in arguments
    try:
        code = _called(arguments)
        sys.stdout.flush()  # what cannot be written must be noticed here
        return code
    except UserError as error:
        show_error(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; everything finished is saved.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except OSError as error:
        if error.errno not in _OUTPUT_FAULTS:  # of files and the store they have been explained before
            return _unexpected(as_json)
        with suppress(OSError, ValueError):  # what it still holds would fail once more at the end
            sys.stdout.close()
        show_error(
            UserError(
                "The result could not be written",
                f"Standard output: {error.strerror}.",
                "Free some space, or send it elsewhere.",
            ),
            as_json=False,
        )
        return 1
    except Exception:
        return _unexpected(as_json)


def _called(arguments: list[str]) -> int:
    try:
        app(arguments, prog_name="alpaca-tui")
    except SystemExit as done:  # Typer's own way out, after it has shown what is wrong with the words
        interrupt = getattr(done.__context__, "__cause__", None)
        if isinstance(interrupt, KeyboardInterrupt):  # of which it says nothing
            raise interrupt from done
        return done.code if isinstance(done.code, int) else 0
    return 0


def _unexpected(as_json: bool) -> int:
    """A bug of ours: the traceback goes to a log, the person gets a sentence and the path."""
    import traceback

    import platformdirs

    folder = Path(platformdirs.user_log_dir("alpaca-tui"))
    path = folder / "errors.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
        where = f"The details are in {path}."
    except OSError as error:
        where = f"The log {path} could not be written ({error.strerror})."
    show_error(
        UserError(
            "Something went wrong inside alpaca-tui",
            where,
            "Run it again with -v, and report it with that log.",
        ),
        as_json=as_json,
    )
    return 1
