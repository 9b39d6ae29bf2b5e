"""The terminal application: renders the state of the rooms and sends them commands."""

from __future__ import annotations

import os

FRAMES_PER_S = 120
"""A key's effect waits for the next frame; at Textual's own 60 that alone is a third of what a key may take."""

os.environ.setdefault("TEXTUAL_FPS", str(FRAMES_PER_S))  # read once, when Textual is first imported
