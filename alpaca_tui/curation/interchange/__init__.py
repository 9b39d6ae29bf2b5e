"""Readers and writers of dataset formats; each keeps every row or says why not.

`detect` and `open_source` read, `write` writes, `FORMATS` names what there is.
"""

from alpaca_tui.curation.interchange.card import CardFacts, dataset_card
from alpaca_tui.curation.interchange.model import (
    CONVERSATION,
    FIELDS,
    FORMATS,
    Format,
    Record,
    Refused,
    Row,
)
from alpaca_tui.curation.interchange.source import Source, detect, open_source
from alpaca_tui.curation.interchange.writing import Options, write

__all__ = [
    "CONVERSATION",
    "FIELDS",
    "FORMATS",
    "CardFacts",
    "Format",
    "Options",
    "Record",
    "Refused",
    "Row",
    "Source",
    "dataset_card",
    "detect",
    "open_source",
    "write",
]
