"""The program's entry: answers `--version` before anything heavy is imported, then hands over to the CLI."""

from __future__ import annotations

import sys


def main() -> int:
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from alpaca_tui import __version__

        print(f"alpaca-tui {__version__}")
        return 0
    from alpaca_tui.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
