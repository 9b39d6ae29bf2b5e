"""The rules about one row, by id, in the order they are listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alpaca_tui.curation.lint.answers import output_echo, placeholder, refusal, repeats_input
from alpaca_tui.curation.lint.arithmetic import recheck
from alpaca_tui.curation.lint.characters import control_char, literal_escape, mojibake
from alpaca_tui.curation.lint.endings import cut_off, open_fence, too_long
from alpaca_tui.curation.lint.exposure import leakage, personal_data
from alpaca_tui.curation.lint.language import language
from alpaca_tui.curation.lint.markers import task_marker
from alpaca_tui.curation.lint.model import Check, Context, Finding, Row
from alpaca_tui.curation.lint.presence import (
    bad_field,
    empty_output,
    missing_attachment,
    na_output,
    noinput_text,
    url_only_input,
)
from alpaca_tui.curation.lint.requests import impossible_action


def arithmetic(row: Row, _context: Context) -> Iterator[Finding]:
    """Values that were worked out again and are others (`arithmetic.recheck`, which states its precision)."""
    claims = recheck(row.instruction, row.input, row.output)
    for claim in claims:
        yield Finding(
            "arithmetic",
            claim.field,
            claim.what,
            claim.start,
            claim.end,
            fixable=len(claims) == 1,
            suggestion=claim.right,
        )


CHECKS: Mapping[str, Check] = {
    "empty-output": empty_output,
    "task-marker": task_marker,
    "bad-field": bad_field,
    "control-char": control_char,
    "literal-escape": literal_escape,
    "mojibake": mojibake,
    "output-echo": output_echo,
    "noinput-text": noinput_text,
    "na-output": na_output,
    "url-only-input": url_only_input,
    "missing-attachment": missing_attachment,
    "cut-off": cut_off,
    "open-fence": open_fence,
    "impossible-action": impossible_action,
    "placeholder": placeholder,
    "refusal": refusal,
    "repeats-input": repeats_input,
    "language": language,
    "too-long": too_long,
    "arithmetic": arithmetic,
    "personal-data": personal_data,
    "leakage": leakage,
}
