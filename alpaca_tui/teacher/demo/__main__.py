"""`python -m alpaca_tui.teacher.demo`: the demo teacher as a process of its own (see `server.serve`)."""

from __future__ import annotations

import argparse
import sys

from alpaca_tui.errors import UserError
from alpaca_tui.teacher.demo.server import DEFAULT_FLAWS, DEFAULT_PACE, DEFAULT_PORT, serve


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m alpaca_tui.teacher.demo", description=serve.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free port")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, default=DEFAULT_PACE, help="tokens/s of a stream; 0 = at once")
    parser.add_argument("--flaws", type=float, default=DEFAULT_FLAWS, help="share of spoilt tasks, 0 to 1")
    parser.add_argument("--until-stdin-closes", action="store_true")
    try:
        serve(**vars(parser.parse_args(arguments)))
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
