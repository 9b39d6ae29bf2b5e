"""A dataset in numbers: every bar's filter finds the rows behind it; files and stores give the same."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from alpaca_tui.curation.inspection import flags_of, inspect, rules_of
from alpaca_tui.curation.query import compile_sql, parse
from alpaca_tui.curation.stats import Known, compare, similarity_of, statistics_of
from alpaca_tui.store.rows import ImportedRow, RowNovelty
from alpaca_tui.store.store import Store


class Row(NamedTuple):
    instruction: str
    input: str
    output: str


ROWS = [
    Row("Write a poem.", "", "word " * 12),
    Row("Write a song.", "sea", "word " * 300),
    Row("Write a poem.", "", ""),
    Row("List three birds of the far north", "none of them can swim", "auk tern gull"),
]


def test_counts():
    found = statistics_of((row, None) for row in ROWS)
    assert (found.rows, found.with_input, found.unique_instructions) == (4, 2, 3)
    assert found.lengths["output"].median == 12
    assert {one.label: one.count for one in found.lengths["output"].bins if one.count} == {
        "1-4": 1,
        "10-19": 1,
        "200-499": 1,
    }
    assert [(one.label, one.count) for one in found.verbs] == [("write", 3), ("list", 1)]
    assert found.growth[-1][0] == 4
    told = found.to_json()
    assert {"rows", "with_input", "unique_instructions"} <= told.keys()


def test_nothing_and_one():
    assert statistics_of([]).to_json()["rows"] == 0
    assert statistics_of([(Row("", "", ""), None)]).rows == 1


def test_every_bar_finds_its_rows(tmp_path):
    with Store.open(tmp_path / "alpaca.db") as store:
        store.add_imported([ImportedRow(*row, {}) for row in ROWS], "x.json")
        store.set_novelty(
            [RowNovelty(id, score, None, [], 0.1) for id, score in ((1, 0.0), (2, 0.3), (3, 1.0), (4, 0.55))]
        )
        inspect(store)
        bits = store.flag_bits()
        rows = list(store.iter_examples())
        found = statistics_of(
            (
                row,
                Known(
                    row.verb, row.object, row.nearest_score, row.source, row.status, rules_of(row.flags, bits)
                ),
            )
            for row in rows
        )
        bars = [
            *found.similarity,
            *found.sources,
            *found.statuses,
            *found.flags,
            *found.verbs,
            *(one for lengths in found.lengths.values() for one in lengths.bins),
        ]
        assert len(bars) > 20
        for bar in bars:
            sql = compile_sql(parse(bar.query), flags_of(store))
            assert len(store.example_ids(sql.where, sql.values)) == bar.count, bar
        plain = statistics_of((row, None) for row in ROWS)
        assert plain.figure == found.figure
        assert plain.lengths == found.lengths


@pytest.mark.parametrize(
    ("score", "label"), [(0.0, "0.0-0.1"), (0.1, "0.1-0.2"), (0.7, "0.7-0.8"), (1.0, "0.9-1.0")]
)
def test_a_score_on_an_edge_belongs_to_the_upper_bin(score, label):
    assert [one.label for one in similarity_of([score]) if one.count] == [label]


def test_two_datasets_beside_each_other():
    found = compare(ROWS, [Row("Write a poem.", "", ""), Row("Sing of the sea", "", "")])
    assert [one.label for one in found.only_here] == ["list"]
    assert [one.label for one in found.only_there] == ["sing"]
    assert sum(one.count for one in found.similarity) == 2
    assert found.similarity[-1].count == 1
    assert compare([], ROWS).similarity == []
