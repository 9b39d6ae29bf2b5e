"""The filter language: what it reads, what it refuses and where, and that SQL agrees with plain Python."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.curation import query as language
from alpaca_tui.curation.query import (
    FlagBits,
    QueryError,
    Term,
    compile_sql,
    complete,
    conjoin,
    highlight,
    highlights,
    parse,
    terms,
    words_first,
)
from alpaca_tui.curation.query.tree import And, Compare, Everything, Node, Not, Or, Query, Words, show
from alpaca_tui.store.curated import Change
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store

FLAGS = FlagBits(
    {"empty-output": 0, "noinput-text": 1, "arithmetic": 2}, {"error": 1, "warning": 2, "info": 4}
)


def ids(store: Store, text: str, **options: Any) -> list[int]:
    where, values = compile_sql(parse(text, **options), FLAGS)
    return list(store.example_ids(where, values))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    with Store.open(tmp_path_factory.mktemp("query") / "alpaca.db") as store:
        rows = [
            ("Explain climate change to a child.", "", "The climate is how the weather is over many years."),
            ("Sort the list.", "pear, apple", "apple, pear"),
            ("Write a poem about climbing.", "noinput", ""),
            ("Übersetze den Satz.", "Guten Tag, 100% sicher", "Good day, 100% sure"),
            ("写一首诗", "", "春天来了"),
            ("What does C++ stand for?", "", "C++ is a language."),
        ]
        store.add_imported([ImportedRow(*row) for row in rows], "/data/climate.json")
        store.operate(
            "Set up",
            [
                Change(1, {"status": "approved", "rating": 5, "tags": ["checked", "to-do"]}),
                Change(2, {"status": "rejected", "rating": 2, "note": "look again"}),
                Change(3, {"deleted": True}),
                Change(4, {"output": "Good day, 100% sure!", "split": "eval"}),
            ],
            who="fix",
        )
        with store._db.write() as db:
            db.execute("UPDATE example SET flags = 1 WHERE id = 3")
            db.execute("UPDATE example SET flags = 6, nearest_score = 0.75, verb = 'sort' WHERE id = 2")
        yield store


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 4, 5, 6]),
        ("climate", [1]),
        ("climat*", [1]),
        ("climat", []),
        ('"climate change"', [1]),
        ('"change climate"', []),
        ("instruction:climate output:weather", [1]),
        ("output:climb*", []),
        ("ubersetze", [4]),
        ("诗", [5]),
        ('"C++"', [6]),
        ('"++"', [6]),
        ('"100%"', [4]),
        ("status:approved", [1]),
        ("status!=approved", [2, 4, 5, 6]),
        ("-status:approved", [2, 4, 5, 6]),
        ("rating>=2", [1, 2]),
        ("rating:2..4", [2]),
        ("rating:none", [4, 5, 6]),
        ("not rating<3", [1, 4, 5, 6]),
        ("tag:checked", [1]),
        ("tag:check", []),
        ("tag:none and source:imported", [2, 4, 5, 6]),
        ("note:again", [2]),
        ("note:any", [2]),
        ("flag:any", [2]),
        ("flag:any is:deleted", [3]),
        ("flag:warning", [2]),
        ("flag:error", []),
        ("flag:arithmetic", [2]),
        ("input:none", [1, 5, 6]),
        ("input:any", [2, 4]),
        ("output:none is:deleted", [3]),
        ("words(output)<3", [2, 5]),
        ("chars(instruction)<5", [5]),
        ("nearest>0.7", [2]),
        ("is:dup", [2]),
        ("-is:dup", [1, 4, 5, 6]),
        ("nearest:none", [1, 4, 5, 6]),
        ("id:2..4", [2, 4]),
        ("id:4..", [4, 5, 6]),
        ("is:edited", [4]),
        ("is:fixed", [4]),
        ("is:deleted", [3]),
        ("created:today", [1, 2, 4, 5, 6]),
        ("created<2020", []),
        ("created>7d", [1, 2, 4, 5, 6]),
        ("edited:today", [4]),
        ("split:eval", [4]),
        ("split:none", [1, 2, 5, 6]),
        ("verb:sort", [2]),
        ("origin:climate", [1, 2, 4, 5, 6]),
        ("model:gpt", []),
        ("output~/apple|day/", [2, 4]),
        ("output~/GOOD/i", [4]),
        ("output~/GOOD/", []),
        ("sort or status:approved", [1, 2]),
        ("sort or status:approved and rating:1", [2]),
        ("(sort or status:approved) and rating:5", [1]),
        ("not sort and not status:approved", [4, 5, 6]),
        ("NOT (sort OR climate)", [4, 5, 6]),
        ("tokens:none", [1, 2, 4, 5, 6]),
    ],
)
def test_what_a_filter_finds(store: Store, text: str, expected: list[int]) -> None:
    assert ids(store, text) == expected


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("flagg:x", "flagg", "did you mean `flag`"),
        ("status:open", "open", "one of pending, approved, rejected"),
        ("(a or b", "(", "never closed"),
        ("a )", ")", "closes nothing"),
        ('"abc', '"', "never closed"),
        ("a and", "", "missing"),
        ("and a", "and", "both sides"),
        ("rating>x", "x", "no number"),
        ("created>soon", "soon", "no date"),
        ("created:2026-13", "2026-13", "no date"),
        ("status>approved", ">", "compared by size"),
        ("words(output)", "", "compare it"),
        ("words(note)<3", "note", "instruction, input or output"),
        ("flag:", "flag:", "needs a value"),
        ("= 3", "=", "needs a field"),
        ("* x", "*", "rest of a word"),
        ("output~/(/", "~/(/", "not a regular expression"),
        ("id~/1/", "id", "takes no regular expression"),
        ("output~/a", "~/a", "never closed"),
        ("()", "()", "hold nothing"),
        ('""', '""', "hold nothing"),
        ("(" * 80 + "a" + ")" * 80, "", "too deeply"),
    ],
)
def test_errors_point_at_the_place(text: str, place: str, words: str) -> None:
    with pytest.raises(QueryError, match=words) as caught:
        parse(text)
    error = caught.value
    if place:
        assert text[error.position : error.position + error.length].startswith(place[: error.length])
        assert text.index(place) == error.position
    assert "^" in error.pointing(text)


def test_an_unknown_rule_is_pointed_at() -> None:
    with pytest.raises(QueryError, match="no rule is called") as caught:
        compile_sql(parse("a flag:emty"), FLAGS)
    assert caught.value.position == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clim", [1]),
        ("sort and", [2]),
        ("sort or", [2]),
        ("(sort", [2]),
        ('"climate cha', [1]),
        ("sort rating:", [2]),
        ("sort -", [2]),
        ("sort words(", [2]),
        ("sort words(output)<", [2]),
        ("sort status:rej", [2]),
        ("sort output~/x", [2]),
        ("instruction:clim", [1]),
        ("sort created>2026-", [2]),
    ],
)
def test_a_filter_being_typed_is_read_as_far_as_it_goes(store: Store, text: str, expected: list[int]) -> None:
    assert ids(store, text, typing=True) == expected


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).filter(
    str.strip
)
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(
        Words,
        NAMES,
        st.sampled_from(["", "instruction", "input", "output"]),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        Compare,
        st.just("status"),
        st.sampled_from([":", "=", "!="]),
        st.sampled_from(["pending", "approved"]),
    ),
    st.builds(Compare, st.just("rating"), st.sampled_from(["<", ">=", ":"]), st.sampled_from(["1", "4"])),
    st.builds(Compare, st.just("output"), st.just(":"), st.just("none")),
    st.builds(
        Compare, st.just("input"), st.just(">"), st.integers(0, 9).map(str), st.none(), st.just("words")
    ),
    st.builds(Compare, st.just("tag"), st.just(":"), NAMES),
    st.builds(Compare, st.just("is"), st.just(":"), st.sampled_from(["edited", "flagged"])),
)


def flat(kind: type, parts: list[Node]) -> Node:
    out: list[Node] = []
    for part in parts:
        out += part.parts if isinstance(part, kind) else (part,)  # type: ignore[attr-defined]
    return kind(tuple(out))


TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: flat(And, parts)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: flat(Or, parts)),
    ),
    max_leaves=6,
)


def settled(node: Node) -> Node:
    """What the reader makes of a tree: a word that needs quotes is a phrase, a text's `none` no word."""
    match node:
        case Words(text, field, _, prefix):
            again = show(node)
            quoted = '"' in again
            if field and not quoted and text.lower() in ("none", "any") and field != "instruction":
                return Compare(field, ":", text.lower())
            return Words(text, field, quoted, prefix)
        case Not(part):
            return Not(settled(part))
        case And(parts):
            return And(tuple(map(settled, parts)))
        case Or(parts):
            return Or(tuple(map(settled, parts)))
        case _:
            return node


@given(TREES)
@settings(max_examples=300)
def test_what_is_printed_reads_as_the_same(tree: Node) -> None:
    tree = settled(tree)
    text = str(Query(tree))
    again = parse(text).root
    if isinstance(tree, Words) and tree.prefix and "*" not in text:
        return
    assert again == tree, text


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from([*'():"-*<>=!~/', "and", "or", "not", "flag", "output", "words(", " ", "a", "1"]),
        max_size=14,
    ).map("".join)
)
@settings(max_examples=500)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for typing in (False, True):
        try:
            query = parse(text, typing=typing)
            compile_sql(query, FLAGS)
            terms(query)
        except QueryError as error:
            if not 0 <= error.position <= len(text):
                raise
            error.pointing(text)
    complete(text, len(text), lambda _field: ["x y", 'q"'])


@given(st.text(max_size=20))
@settings(max_examples=100)
def test_hostile_words_reach_no_statement(store: Store, text: str) -> None:
    for written in (text, f'"{text}"', f"tag:{text}", f"output:{text}*"):
        try:
            where, values = compile_sql(parse(written, typing=True), FLAGS)
        except QueryError:
            continue
        assert set(where) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.() =<>?'\\%&,0123456789"
        )
        store.example_ids(where, values)


PLAIN: dict[str, Any] = {
    "sort": lambda r: "sort" in r["words"],
    "climate": lambda r: "climate" in r["words"],
    "status:approved": lambda r: r["status"] == "approved",
    "rating>=3": lambda r: r["rating"] is not None and r["rating"] >= 3,
    "rating:none": lambda r: r["rating"] is None,
    "input:none": lambda r: not r["input"],
    "words(output)<4": lambda r: len(r["output"].split()) < 4,
    "tag:checked": lambda r: "checked" in r["tags"],
    "nearest>0.5": lambda r: (r["nearest"] or 0) > 0.5,
}
BOOLEAN = st.recursive(
    st.sampled_from(sorted(PLAIN)),
    lambda inner: st.one_of(
        inner.map(lambda a: ("not", a)), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=6,
)


def written(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    if tree[0] == "not":
        return f"not ({written(tree[1])})"
    return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


def holds(tree: Any, row: dict[str, Any]) -> bool:
    if isinstance(tree, str):
        return PLAIN[tree](row)
    if tree[0] == "not":
        return not holds(tree[1], row)
    both = holds(tree[1], row), holds(tree[2], row)
    return all(both) if tree[0] == "and" else any(both)


@given(BOOLEAN)
@settings(max_examples=150)
def test_sql_agrees_with_plain_python(store: Store, tree: Any) -> None:
    rows = [store.example(id) for id in store.example_ids()]
    expected = [
        row.id
        for row in rows
        if row is not None
        and holds(
            tree,
            {
                "words": f"{row.instruction} {row.input} {row.output}".lower().replace(".", " ").split(),
                "status": row.status,
                "rating": row.rating,
                "input": row.input,
                "output": row.output,
                "tags": row.tags,
                "nearest": row.nearest_score,
            },
        )
    ]
    assert ids(store, written(tree)) == expected


def test_completion_offers_names_values_and_functions() -> None:
    values = {"tag": ["checked", "two words"], "model": ["gpt-4"]}

    def offered(text: str) -> list[str]:
        found = complete(text, len(text), lambda field: values.get(field, []))
        return [text[: found.start] + item for item, _ in found.items]

    assert offered("fl") == ["flag:"]
    assert offered("a and -st") == ["a and -status:"]
    assert "words(" in offered("wo")
    assert offered("words(o") == ["words(output)"]
    assert offered("status:a") == ["status:approved"] + [
        x for x in offered("status:a") if x != "status:approved"
    ]
    assert offered("tag:t") == ['tag:"two words"'] + [x for x in offered("tag:t") if x != 'tag:"two words"']
    assert offered("model:4") == ["model:gpt-4"]
    assert "flag:error" in offered("flag:")
    assert offered('"in a phrase fl') == []
    assert offered("") == []


@pytest.mark.parametrize(
    ("filter", "text", "expected"),
    [
        ("climate", "Climate and climates.", ["Climate"]),
        ("climat*", "Climate and climates.", ["Climat", "climat"]),
        ('"over many"', "over the many, over Many years", ["over Many"]),
        ("naive", "A naïve plan", ["naïve"]),
        ("-climate sort", "climate sort", ["sort"]),
        ('"C++"', "c and C++", ["c", "C"]),
        ('"++"', "C++", ["++"]),
        ("诗", "写一首诗", ["诗"]),
        ("sort or list", "Sort the list", ["Sort", "list"]),
    ],
)
def test_matches_are_marked_as_they_are_found(filter: str, text: str, expected: list[str]) -> None:
    found = highlights(text, terms(parse(filter)))
    assert [text[start:end] for start, end in found] == expected


@given(
    st.text(st.sampled_from("aAb1_ .-"), max_size=24),
    st.lists(st.sampled_from(["a", "ab", "b1", "é"]), min_size=1, max_size=3),
    st.booleans(),
)
def test_plain_texts_are_marked_as_all_others_are(text: str, words: list[str], prefix: bool) -> None:
    term = Term(None, tuple(words), prefix)
    slowly = highlight._apart(sorted(highlight._runs(list(highlight._split(text)), term)))
    assert highlights(text, [term]) == slowly


def test_marks_stay_in_their_field() -> None:
    wanted = terms(parse("output:a"))
    assert highlights("a", wanted, "input") == []
    assert highlights("a", wanted, "output") == [(0, 1)]


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=5), max_size=3))
@settings(max_examples=200)
def test_marks_are_in_order_and_apart(text: str, words: list[str]) -> None:
    try:
        wanted = terms(parse(" or ".join(f'"{word}"' for word in words).replace("\\", "")))
    except QueryError:
        return
    found = highlights(text, wanted)
    assert all(0 <= start < end <= len(text) for start, end in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))


def test_a_facet_joins_the_filter_once() -> None:
    assert conjoin("", "flag:any") == "flag:any"
    assert conjoin("sort", "flag:any") == "sort flag:any"
    assert conjoin("a or b", "flag:any") == "(a or b) flag:any"
    assert conjoin("sort flag:any", "flag:any") == "sort flag:any"
    assert conjoin("(broken", "flag:any") == "flag:any"


def test_a_pattern_that_explodes_is_given_up(store: Store) -> None:
    store.operate("Long", [Change(6, {"note": "x", "output": "a" * 40})])
    begin = time.monotonic()
    assert ids(store, "output~/^(a|aa)+$b/") == []
    assert time.monotonic() - begin < 30
    store.undo()


def test_every_field_is_described_and_its_example_reads() -> None:
    for name, meaning, example in language.describe_fields():
        assert meaning
        assert name
        parse(example)
    assert parse("").root == Everything()


@pytest.mark.parametrize(
    "text",
    [
        "climate",
        "climate change",
        'the "good day"',
        "s",
        "sort or climate",
        "climate -rating:5",
        "is:deleted climb",
        "c input:none",
    ],
)
@pytest.mark.parametrize("descending", [False, True])
def test_the_first_rows_by_words_are_the_first_of_all(store, text, descending):
    read = parse(text, typing=True)
    split = words_first(read, FLAGS)
    assert (split is None) == (text == "sort or climate")
    if split is not None:
        where, values = compile_sql(read, FLAGS)
        every = store.example_ids(where, values, descending=descending)
        words, rest = split
        for limit in (1, 2, 10):
            first = store.first_ids(words, *rest, limit=limit, descending=descending)
            assert first == every[:limit]
