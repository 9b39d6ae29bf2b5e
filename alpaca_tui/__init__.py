"""alpaca-tui: generate, curate, fine-tune and meet an instruction-following model from the terminal.

Importing this package imports nothing else: `--version` and `--help` must stay instant.
"""

__version__ = "0.1.0"
