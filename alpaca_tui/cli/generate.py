"""`alpaca-tui generate` and `alpaca-tui rejudge`: the engine of the Generate screen without the screen."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alpaca_tui.cli.common import Invocation, show_error
from alpaca_tui.errors import UserError

if TYPE_CHECKING:
    from alpaca_tui.generation.engine import Generation
    from alpaca_tui.generation.events import Snapshot
    from alpaca_tui.generation.filters import FilterRules
    from alpaca_tui.generation.settings import GenerationSettings
    from alpaca_tui.workspace import Workspace

PROGRESS_INTERVAL_S = 0.2


def generate(
    context: typer.Context,
    num: Annotated[
        int,
        typer.Option("--num", "-n", min=1, help="Kept generated rows the workspace shall hold at the end."),
    ],
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="demo|openai|URL",
            help="Who is asked. Without it: as in this workspace's last run, else your config.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model name; a URL that offers one model uses it.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="auto|chat|completions", help="What the server speaks.")
    ] = None,
    seeds: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your own seed tasks (self-instruct JSONL or Alpaca JSON)."),
    ] = None,
    prompt_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Your own prompt text.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the tasks.")] = None,
    topic: Annotated[str | None, typer.Option(help="What the tasks shall be about.")] = None,
    examples: Annotated[
        int | None, typer.Option(help="Seed tasks shown in each request (default 3).")
    ] = None,
    from_kept: Annotated[
        int | None, typer.Option(help="Kept tasks shown beside them in each request (default 0).")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, help="Never spend more than this on this workspace, in all."),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(metavar="IN,OUT", help="USD per million tokens, where we do not know the price."),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=0, help="Never use more tokens than this on this workspace, in all.")
    ] = None,
    answer_tokens: Annotated[int | None, typer.Option(help="Longest single answer (default 3072).")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Requests in flight at most (default 8).")] = None,
    rpm: Annotated[int | None, typer.Option(help="Requests a minute at most.")] = None,
    tpm: Annotated[int | None, typer.Option(help="Tokens a minute at most.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature (default 1).")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="ROUGE-L above which a task is a duplicate (default 0.7).")
    ] = None,
    parser: Annotated[
        str | None, typer.Option(metavar="tolerant|faithful", help="faithful: the rules of the 2023 release.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Switch a filter off (repeatable; see help generate)."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same choice of seed tasks.")] = None,
) -> None:
    """Ask a teacher for new tasks until NUM are kept; run it again, or with a higher NUM, to continue."""
    from alpaca_tui.generation.endings import ending, exit_code
    from alpaca_tui.generation.opening import prepare
    from alpaca_tui.generation.settings import GenerationSettings
    from alpaca_tui.logs import log_to_file, stop_logging
    from alpaca_tui.teacher.pricing import parse_price

    invocation: Invocation = context.obj
    workspace = invocation.workspace()
    config = invocation.settings(workspace)
    given: dict[str, Any] = {
        "goal": num,
        "teacher": teacher,
        "model": model,
        "endpoint": endpoint,
        "seeds_file": seeds,
        "prompt_file": prompt_file,
        "language": language,
        "topic": topic,
        "examples": examples,
        "from_kept": from_kept,
        "budget_usd": budget,
        "token_budget": max_tokens,
        "answer_tokens": answer_tokens,
        "concurrency": concurrency,
        "rpm": rpm,
        "tpm": tpm,
        "temperature": temperature,
        "threshold": threshold,
        "parser": parser,
        "seed": seed,
    }
    if price is not None:
        parsed = parse_price(price)
        given["price"] = (parsed.input, parsed.output)
    values = {name: value for name, value in given.items() if value is not None}
    base = _last_settings(workspace) if teacher is None else None
    if base is None:
        defaults: dict[str, Any] = {
            "teacher": config.teacher,
            "model": config.model if teacher in (None, config.teacher) else None,
            "concurrency": config.concurrency,
            "threshold": config.threshold,
            "budget_usd": config.budget_usd,
        }
    else:
        defaults = dict(base)
    if without:
        values["filters"] = _without(without, defaults.get("filters"))
    settings = GenerationSettings.build(**{**defaults, **values})

    run = prepare(workspace, settings, config=config)
    log = log_to_file(workspace.logs_dir / "commands.log")
    try:
        with _interruptible(run):
            run.start()
            _watch(invocation, run)
    finally:
        run.close()
        stop_logging(log)
    snapshot = run.snapshot()
    invocation.result(run.result(), _summary(snapshot))
    code = exit_code(snapshot.stopped_because)
    if code == 1:
        error = UserError(ending(snapshot.stopped_because).rstrip("."), snapshot.stop_detail)
        show_error(error, as_json=False)  # with --json the result above already says it
    raise typer.Exit(code)


def rejudge(
    context: typer.Context,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="ROUGE-L above which a task is a duplicate.")
    ] = None,
    parser: Annotated[
        str | None, typer.Option(metavar="tolerant|faithful", help="How the answers are read.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language of the tasks.")] = None,
    seeds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other seed tasks to compare with.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Switch a filter off (repeatable).")
    ] = None,
) -> None:
    """Apply other rules to the stored answers; calls nobody. What is not given is as in the last run."""
    from alpaca_tui.generation.opening import seeds_in_force
    from alpaca_tui.generation.rejudge import rejudge as judge_again
    from alpaca_tui.generation.settings import GenerationSettings

    invocation: Invocation = context.obj
    workspace = invocation.workspace()
    base = _last_settings(workspace)
    if base is None:
        raise UserError(
            "There is nothing to judge again",
            f"No teacher has answered in {workspace.root} yet.",
            "Generate first: alpaca-tui generate --num 100 --teacher demo",
        )
    given = {"threshold": threshold, "parser": parser, "language": language, "seeds_file": seeds}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if without is not None:
        values["filters"] = _without(without, None)
    settings = GenerationSettings.build(**{**dict(base), **values})
    with workspace.generation_lock(), workspace.open_store() as store:
        total = store.tally().completions.get("done", 0)
        with _progress(invocation, "Judging again", total) as advance:
            seed_tasks = seeds_in_force(workspace, settings.seeds_file)[0]
            result = judge_again(store, seed_tasks, settings, progress=advance)
    changes = result.changes
    invocation.result(
        {
            "kept": result.kept,
            "duplicates": result.duplicates,
            "filtered": result.filtered,
            "truncated": result.truncated,
            "surplus": result.surplus,
            "completions": result.completions,
            "threshold": settings.threshold,
            "parser": settings.parser,
            "changes": {
                "added": changes.added,
                "restored": changes.restored,
                "withdrawn": changes.withdrawn,
                "held": changes.held,
            },
        },
        f"{result.kept:,} kept ({changes.added + changes.restored:,} came back, {changes.withdrawn:,} withdrawn), "
        f"{result.duplicates:,} duplicates, {sum(result.filtered.values()):,} filtered.",
    )


def register(app: typer.Typer) -> None:
    app.command("generate")(generate)
    app.command("rejudge")(rejudge)


def _last_settings(workspace: Workspace) -> GenerationSettings | None:
    from alpaca_tui.generation.settings import GenerationSettings

    if not workspace.db_path.exists():
        return None
    with workspace.open_store(readonly=True) as store:
        run = store.last_run()
    return None if run is None else GenerationSettings.from_json(run.config)


def _without(rules: list[str], base: FilterRules | None) -> FilterRules:
    from alpaca_tui.generation.filters import FilterRules

    return FilterRules.from_json({**(base or FilterRules()).to_json(), "off": rules})


def _summary(snapshot: Snapshot) -> str:
    from alpaca_tui.generation.endings import ending
    from alpaca_tui.text import plural

    spent = snapshot.money.spent
    cost = "cost unknown" if spent is None else f"${spent:,.4f} spent"
    return (
        f"{plural(snapshot.kept, 'task')} kept of {snapshot.goal:,} wanted, {snapshot.duplicates:,} duplicates, "
        f"{sum(snapshot.filtered.values()):,} filtered, {cost}. {ending(snapshot.stopped_because, snapshot.stop_detail)}"
    )


@contextmanager
def _interruptible(run: Generation) -> Generator[None]:
    """Ctrl+C or SIGTERM ends the run with everything saved; a second Ctrl+C leaves at once."""
    from alpaca_tui.generation.events import StopReason

    def stop(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # On a thread of its own: a handler may run while this thread holds the run's lock.
        threading.Thread(target=run.stop, args=(StopReason.INTERRUPTED,), daemon=True).start()

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _watch(invocation: Invocation, run: Generation) -> None:
    if invocation.quiet:
        while not run.wait(0.5):
            pass
        return
    from alpaca_tui.cli.progress import watch

    watch(invocation.err, run, PROGRESS_INTERVAL_S)


@contextmanager
def _progress(invocation: Invocation, what: str, total: int) -> Generator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=invocation.err,
        disable=invocation.quiet or not invocation.err.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
