"""Rules about several rows: the same row again, and the same prompt with different outputs.

Rows are told apart by keys, so that a store can find a row's fellows without reading texts.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from hashlib import blake2b

from alpaca_tui.curation.lint.model import Finding

GROUP_RULES = ("exact-duplicate", "conflicting-output")
_NAMED = 5


def prompt_key(instruction: str, input: str) -> int:
    """A signed 64-bit number, equal for rows whose instruction and input are equal but for blanks and for how
    accents are encoded (NFC). The same in every process and version: it may be stored."""
    return _digest(instruction, input)


def whole_key(instruction: str, input: str, output: str) -> int:
    """As `prompt_key`, of all three texts."""
    return _digest(instruction, input, output)


def _digest(*texts: str) -> int:
    joined = "\x1f".join([" ".join(text.split()) for text in texts])
    if not joined.isascii():
        joined = unicodedata.normalize("NFC", joined)
    raw = joined.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big", signed=True)


def lint_groups(rows: Iterable[tuple[int, int, int]]) -> dict[int, list[Finding]]:
    """Findings by id of rows given as (id, whole_key, prompt_key), in the dataset's order.

    Of equal rows the first is the good one and later ones are flagged; rows of one prompt with different
    outputs are all flagged. Right by definition.
    """
    first: dict[int, int] = {}
    prompts: defaultdict[int, list[int]] = defaultdict(list)
    found: defaultdict[int, list[Finding]] = defaultdict(list)
    for id, whole, prompt in rows:
        if whole in first:
            found[id].append(Finding("exact-duplicate", "instruction", f"the same as row {first[whole]}"))
        else:
            first[whole] = id
            prompts[prompt].append(id)
    for fellows in prompts.values():
        if len(fellows) < 2:
            continue
        for id in fellows:
            others = [str(other) for other in fellows[: _NAMED + 1] if other != id][:_NAMED]
            more = "" if len(fellows) - 1 <= len(others) else f" and {len(fellows) - 1 - len(others):,} more"
            message = f"the same prompt has another output in row {', '.join(others)}{more}"
            found[id].append(Finding("conflicting-output", "output", message))
    return dict(found)
