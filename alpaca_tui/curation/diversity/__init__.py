"""Diversity of instructions: the root verb and direct object of each, and what they come to over a dataset.

Knows text alone (and where figures are written).
"""

from __future__ import annotations

from alpaca_tui.curation.diversity.analyser import analyse
from alpaca_tui.curation.diversity.figure import Figure, Slice, figure_of, write_figure
from alpaca_tui.curation.diversity.parser import load_parser, parsed
from alpaca_tui.curation.diversity.tally import VerbTally, Vocabulary

ANALYSER_VERSION = 1
"""To be raised whenever the analyser answers otherwise: what another version told is stale."""

__all__ = [
    "ANALYSER_VERSION",
    "Figure",
    "Slice",
    "VerbTally",
    "Vocabulary",
    "analyser_name",
    "figure_of",
    "load_parser",
    "root_verb_object",
    "write_figure",
]


def root_verb_object(instruction: str) -> tuple[str | None, str | None]:
    """(root verb, direct object) of an instruction, lower-case lemmas; None for what there is not.

    spaCy answers where a model that parses English is installed. Else the built-in analyser does, which is right
    on 99.5 % of the verbs and 98.0 % of the objects of 199 hand-labelled instructions (three in four of them
    Alpaca's) that it was not tuned on, at about 60 microseconds each.
    """
    nlp = load_parser()
    return analyse(instruction) if nlp is None else parsed(instruction, nlp)


def analyser_name() -> str:
    """Who answers here: the model's name, or `built-in`."""
    nlp = load_parser()
    return "built-in" if nlp is None else f"spaCy {nlp.meta.get('lang')}_{nlp.meta.get('name')}"
