"""The names a filter can use: what each means, which values it takes, how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "choice", "word", "date", "flag", "tag", "is", "number-or-none"]


@dataclass(frozen=True, slots=True)
class Field:
    """A name. `values`: those that may be offered; of a `choice` no others exist."""

    name: str
    kind: Kind
    meaning: str
    example: str
    values: tuple[str, ...] = ()
    compared: bool = False


TEXT_FIELDS = ("instruction", "input", "output")
FUNCTIONS: Mapping[str, str] = {"words": "words in a text", "chars": "characters in a text"}
IS_VALUES: Mapping[str, str] = {
    "flagged": "the lint has something to say",
    "edited": "its texts were changed",
    "fixed": "changed by a fix",
    "taught": "changed by the teacher",
    "reviewed": "approved or rejected",
    "rated": "has stars",
    "noted": "has a note",
    "dup": "nearly the same as an earlier row or a seed (nearest > 0.7)",
    "deleted": "deleted rows, which are hidden otherwise",
}

FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("instruction", "text", "words in the instruction", "instruction:poem"),
        Field("input", "text", "words in the input; none, any", "input:none", ("none", "any")),
        Field("output", "text", "words in the output; none, any; ~/regular expression/", 'output:"in short"', ("none", "any")),
        Field("flag", "flag", "what the lint found: a rule, error, warning, info, any, none", "flag:empty-output"),
        Field("status", "choice", "the review's verdict", "status:pending", ("pending", "approved", "rejected")),
        Field("rating", "number-or-none", "stars, 1 to 5, or none", "rating>=4", ("none", "any", "1", "2", "3", "4", "5"), True),
        Field("tag", "tag", "a tag; none, any", "tag:checked"),
        Field("note", "word", "words in the note; none, any", "note:any", ("none", "any")),
        Field("is", "is", "a state of the row", "is:edited", tuple(IS_VALUES)),
        Field("source", "choice", "where the row came from", "source:imported", ("generated", "imported", "manual")),
        Field("origin", "word", "the file or row it came from", "origin:alpaca"),
        Field("teacher", "word", "the server that wrote it", "teacher:demo"),
        Field("model", "word", "the model that wrote it", "model:gpt"),
        Field("nearest", "number-or-none", "highest ROUGE-L with an earlier row or a seed", "nearest>0.6", ("none", "any"), True),
        Field("mean", "number-or-none", "mean ROUGE-L over the pool", "mean<0.1", ("none", "any"), True),
        Field("tokens", "number-or-none", "tokens of the whole row, once counted", "tokens>512", ("none", "any"), True),
        Field("id", "number", "the row's number", "id:100..200", (), True),
        Field("created", "date", "when it came: 2026-01-31, 2026-01, today, 7d", "created>2026-01-01", ("today", "1d", "7d", "30d"), True),
        Field("edited", "date", "when its texts were changed last", "edited:today", ("today", "1d", "7d", "30d"), True),
        Field("split", "word", "train, eval; none, any", "split:eval", ("train", "eval", "none", "any")),
        Field("verb", "word", "root verb of the instruction; none, any", "verb:write", ("none", "any")),
        Field("object", "word", "its direct object; none, any", "object:story", ("none", "any")),
    )
}  # fmt: skip


def describe_fields() -> list[tuple[str, str, str]]:
    """(name, meaning, example) of everything a filter can ask, for help."""
    rows = [(field.name, field.meaning, field.example) for field in FIELDS.values()]
    rows += [(f"{name}(text)", meaning, f"{name}(output)<3") for name, meaning in FUNCTIONS.items()]
    return rows
