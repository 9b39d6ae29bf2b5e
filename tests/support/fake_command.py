"""A command of somebody else's, played by a few lines of shell."""

from __future__ import annotations

from pathlib import Path


def fake(folder: Path, name: str, body: str) -> None:
    """`name` in `folder` does what `body` says."""
    file = folder / name
    file.write_text(f"#!/bin/bash\n{body}\n")
    file.chmod(0o755)
