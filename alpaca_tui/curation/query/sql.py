"""Tree to SQL over `example e`: the one place that knows the columns.

Nothing of the filter's text reaches the statement; it all goes in as values. Words go to the full-text index
as quoted strings; what its tokenizer cannot split or would drop (scripts without blanks, signs) is looked for
as it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from alpaca_tui.curation.query.fields import TEXT_FIELDS
from alpaca_tui.curation.query.tree import And, Compare, Everything, Node, Not, Or, Query, QueryError, Words
from alpaca_tui.curation.query.values import number, period
from alpaca_tui.store.browsing import ALL_ROWS

_NUMBERS: Mapping[str, str] = {
    "id": "e.id",
    "rating": "e.rating",
    "nearest": "e.nearest_score",
    "mean": "e.mean_score",
    "tokens": "e.tokens",
}
_NULLABLE: Mapping[str, str] = {"split": "e.split", "verb": "e.verb", "object": "e.object"}
_CONTAINED: Mapping[str, str] = {
    "origin": "e.origin",
    "teacher": "ifnull(e.teacher, '')",
    "model": "ifnull(e.model, ifnull(e.teacher, ''))",
}
_IS: Mapping[str, str] = {
    "flagged": "e.flags <> 0",
    "edited": "e.edited = 1",
    "fixed": "e.edited_by = 'fix'",
    "taught": "e.edited_by = 'teacher'",
    "reviewed": "e.status <> 'pending'",
    "rated": "e.rating IS NOT NULL",
    "noted": "e.note <> ''",
    "dup": "ifnull(e.nearest_score > 0.7, 0)",
    "deleted": "e.deleted = 1",
}
# Scripts written without blanks between words: the index holds whole runs of them, not words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua000-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Sql(NamedTuple):
    """A condition on `example e` and its values, in order. Deleted rows are left out unless asked for."""

    where: str
    values: list[object]


class FlagBits(NamedTuple):
    """Rule -> its bit, and severity -> the bits of its rules."""

    bits: Mapping[str, int]
    masks: Mapping[str, int]


def compile_sql(query: Query, flags: FlagBits) -> Sql:
    """The condition a query stands for. Raises QueryError for a rule nobody knows."""
    return _compile(query, query.root, flags)


def words_first(query: Query, flags: FlagBits) -> tuple[str, Sql] | None:
    """Where every row has to hold certain words: these, as the full-text index is asked for them, and what else
    the row has to be; None for other filters. Who needs only the first rows walks the index with it, instead of
    gathering everything it finds."""
    words, others = _split_words(query.root.parts if isinstance(query.root, And) else (query.root,))
    return (words, _compile(query, And(tuple(others)) if others else Everything(), flags)) if words else None


def _compile(query: Query, node: Node, flags: FlagBits) -> Sql:
    values: list[object] = []
    condition = _node(node, flags, values)
    if _mentions_deleted(query.root):
        return Sql(condition, values)
    return Sql(ALL_ROWS if condition == "1" else f"{ALL_ROWS} AND {condition}", values)


def _mentions_deleted(node: Node) -> bool:
    match node:
        case Compare("is", _, "deleted"):
            return True
        case Not(part):
            return _mentions_deleted(part)
        case And(parts) | Or(parts):
            return any(map(_mentions_deleted, parts))
        case _:
            return False


def _node(node: Node, flags: FlagBits, values: list[object]) -> str:
    match node:
        case Everything():
            return "1"
        case Words():
            return _words(node, values)
        case Compare():
            return _compare(node, flags, values)
        case Not(part):
            return f"NOT {_node(part, flags, values)}"
        case And(parts):
            words, others = _split_words(parts)
            found = [_found(words, values)] if words else []
            return f"({' AND '.join([*found, *(_node(part, flags, values) for part in others)])})"
        case Or(parts):
            return f"({' OR '.join(_node(part, flags, values) for part in parts)})"


def indexed(text: str) -> bool:
    """Whether the full-text index can find `text`: it holds letters or digits, and no unspaced script."""
    return not _UNSPACED.search(text) and any(
        unicodedata.category(character)[0] in "LN" for character in text
    )


def _words(node: Words, values: list[object]) -> str:
    if not indexed(node.text):
        columns = (node.field,) if node.field else TEXT_FIELDS
        values.extend([like(node.text)] * len(columns))
        return "(" + " OR ".join(f"e.{column} LIKE ? ESCAPE '\\'" for column in columns) + ")"
    return _found(_match(node), values)


def _match(node: Words) -> str:
    """Words as the full-text index is asked for them."""
    quoted = '"' + node.text.replace('"', '""').replace("\0", " ") + '"' + ("*" if node.prefix else "")
    return f"{node.field} : {quoted}" if node.field else quoted


def _split_words(parts: Sequence[Node]) -> tuple[str, list[Node]]:
    """One question to the full-text index for all the words among `parts` ("": there are none), and the others."""
    words = [part for part in parts if isinstance(part, Words) and indexed(part.text)]
    others = [part for part in parts if not (isinstance(part, Words) and indexed(part.text))]
    return " AND ".join(f"({_match(part)})" for part in words), others


def _found(match: str, values: list[object]) -> str:
    values.append(match)
    return "e.id IN (SELECT rowid FROM example_text WHERE example_text MATCH ?)"


def like(text: str) -> str:
    """A LIKE pattern for texts that hold `text`."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _compare(node: Compare, flags: FlagBits, values: list[object]) -> str:
    condition = _positive(node, flags, values)
    return f"NOT {condition}" if node.operator == "!=" else condition


def _positive(node: Compare, flags: FlagBits, values: list[object]) -> str:
    name, value = node.field, node.value
    if node.operator == "~":
        body, _, options = value.rpartition("/")
        values.append(body[1:])
        return f"regexp_{'i' if 'i' in options else 'c'}(?, e.{name})"
    if node.function:
        return _range(node, f"e.{node.function}_{name}", values)
    if name in TEXT_FIELDS:
        return f"(e.chars_{name} = 0)" if value == "none" else f"(e.chars_{name} > 0)"
    if name == "flag":
        return _flag(node, flags)
    if name in _NUMBERS:
        return _nullable(_NUMBERS[name], value) or _range(node, _NUMBERS[name], values)
    if name in ("created", "edited"):
        return _date(node, f"e.{name}_at", values)
    if name == "tag":
        if value in ("none", "any"):
            return f"(e.tags {'=' if value == 'none' else '<>'} '')"
        values.append(like(f" {value.lower()} "))
        return "(e.tags LIKE ? ESCAPE '\\')"
    if name == "note":
        if value in ("none", "any"):
            return f"(e.note {'=' if value == 'none' else '<>'} '')"
        values.append(like(value))
        return "(e.note <> '' AND e.note LIKE ? ESCAPE '\\')"
    if name == "is":
        return f"({_IS[value]})"
    if name in _NULLABLE:
        if null := _nullable(_NULLABLE[name], value):
            return null
        values.append(value.lower() if name != "split" else value)
        return f"ifnull({_NULLABLE[name]} = ?, 0)"
    if name in _CONTAINED:
        values.append(like(value))
        return f"({_CONTAINED[name]} LIKE ? ESCAPE '\\')"
    values.append(value)
    return f"(e.{name} = ?)"


def _nullable(column: str, value: str) -> str:
    if value == "none":
        return f"({column} IS NULL)"
    return f"({column} IS NOT NULL)" if value == "any" else ""


def _flag(node: Compare, flags: FlagBits) -> str:
    if node.value in ("any", "none"):
        return f"(e.flags {'<>' if node.value == 'any' else '='} 0)"
    if node.value in ("error", "warning", "info"):
        return f"(e.flags & {flags.masks.get(node.value, 0)} <> 0)"
    if node.value not in flags.bits:
        span = node.value_span
        raise QueryError(
            f"no rule is called `{node.value}`",
            span.start,
            max(span.end - span.start, 1),
            f"Rules: {', '.join(flags.bits)}; or error, warning, info, any, none.",
        )
    return f"(e.flags >> {flags.bits[node.value]} & 1)"


def _range(node: Compare, column: str, values: list[object]) -> str:
    """A comparison that is false, not unknown, where the row has no value."""
    if node.upper is not None:
        parts: list[str] = []
        for bound, sign in ((node.value, ">="), (node.upper, "<=")):
            if bound:
                values.append(number(bound))
                parts.append(f"{column} {sign} ?")
        return f"ifnull({' AND '.join(parts) or f'{column} IS NOT NULL'}, 0)"
    values.append(number(node.value))
    sign = "=" if node.operator in (":", "=", "!=") else node.operator
    return f"ifnull({column} {sign} ?, 0)"


def _date(node: Compare, column: str, values: list[object]) -> str:
    begin = end = None
    if node.value:
        begin, end = period(node.value)
    if node.upper is not None:
        end = period(node.upper)[1] if node.upper else None
    elif node.operator in (">", ">="):
        begin, end = (end if node.operator == ">" and not _open_ended(node.value) else begin), None
    elif node.operator in ("<", "<="):
        begin, end = None, (end if node.operator == "<=" else begin)
    parts: list[str] = []
    for bound, sign in ((begin, ">="), (end, "<")):
        if bound is not None:
            values.append(bound)
            parts.append(f"{column} {sign} ?")
    return f"ifnull({' AND '.join(parts) or f'{column} IS NOT NULL'}, 0)"


def _open_ended(value: str) -> bool:
    """`created>7d`, `created>today`: since then, for nothing comes after now."""
    return value == "today" or value[-1:].isalpha()
