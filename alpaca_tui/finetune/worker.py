"""The process that trains: `python -m alpaca_tui.finetune.worker RUN_DIR`, alone or under torchrun.

It does what `run.json` says and tells how it stands in the run's other files; nobody needs to watch. Started again on
the same folder it goes on from the newest whole checkpoint. SIGTERM, SIGINT or a file `stop` in the folder: a checkpoint
after this step, then the end. Exit codes: 0 finished or stopped, 1 failed, with the reason in `status.json`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from alpaca_tui.finetune.folder import RunFolder


def main(arguments: list[str]) -> int:
    """Train the run in the folder named."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    if len(arguments) != 1:
        print("Usage: python -m alpaca_tui.finetune.worker RUN_DIR", file=sys.stderr)
        return 2
    from alpaca_tui.finetune.training.session import Session

    return Session(RunFolder(Path(arguments[0]).absolute())).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
