"""The filter language of the dataset browser and of `--where`.

`flag:empty-output or (input:none and words(output)<3) and -tag:checked and "climate change"`: words and
phrases search the texts, `field:value` and comparisons ask for facts, `not` (or `-`) binds before `and`
before `or`, and two terms side by side mean both. Knows no store: `compile_sql` gives a condition and its
values, and `sql.py` alone knows the columns.
"""

from alpaca_tui.curation.query.complete import Completions, complete
from alpaca_tui.curation.query.fields import FIELDS, Field, describe_fields
from alpaca_tui.curation.query.highlight import Term, highlights, terms
from alpaca_tui.curation.query.parser import conjoin, holds, parse, without
from alpaca_tui.curation.query.sql import FlagBits, Sql, compile_sql, words_first
from alpaca_tui.curation.query.tree import Query, QueryError

__all__ = [
    "FIELDS",
    "Completions",
    "Field",
    "FlagBits",
    "Query",
    "QueryError",
    "Sql",
    "Term",
    "compile_sql",
    "complete",
    "conjoin",
    "describe_fields",
    "highlights",
    "holds",
    "parse",
    "terms",
    "without",
    "words_first",
]
