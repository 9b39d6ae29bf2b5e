"""Splits: near their shares, whole prompts on one side, and never another side than before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpaca_tui.curation import edits
from alpaca_tui.curation.splits import assign, read_shares
from alpaca_tui.errors import UserError
from alpaca_tui.store.rows import ImportedRow
from alpaca_tui.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "alpaca.db") as store:
        yield store


def bring(store: Store, prompts: list[int]) -> list[int]:
    report = store.add_imported(
        [ImportedRow(f"Do {n}.", "", f"{place}") for place, n in enumerate(prompts)], "x"
    )
    return list(range(report.first_id, report.last_id + 1))


def sides(store: Store) -> dict[int, str | None]:
    return {row.id: row.split for row in store.iter_examples()}


def test_shares_as_they_are_written() -> None:
    assert read_shares("train=0.95, eval=.05") == {"train": 0.95, "eval": 0.05}
    assert read_shares("a=0.1,b=0.2,c=0.7") == {"a": 0.1, "b": 0.2, "c": 0.7}  # whose sum is not quite 1
    assert read_shares("all=1") == {"all": 1.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no name=share"),
        ("train", "no name=share"),
        ("=1", "no name=share"),
        ("Train=1", "no name=share"),
        ("a/b=1", "no name=share"),
        ("train=many", "no name=share"),
        ("train=nan", "no name=share"),
        ("train=-1,eval=2", "no name=share"),
        ("train=0.5,train=0.5", "no name=share"),
        ("train=0.9,eval=0.2", "add up to 1.1"),
    ],
)
def test_shares_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read_shares(text)
    assert words in caught.value.cause
    assert caught.value.exit_code == 2


@settings(max_examples=60)
@given(
    prompts=st.lists(st.integers(0, 15), max_size=40),
    shares=st.sampled_from([{"train": 1.0}, {"train": 0.9, "eval": 0.1}, {"a": 0.5, "b": 0.3, "c": 0.2}]),
    seed=st.integers(0, 3),
    later=st.lists(st.integers(0, 20), max_size=20),
)
def test_any_rows(
    tmp_path_factory: pytest.TempPathFactory,
    prompts: list[int],
    shares: dict[str, float],
    seed: int,
    later: list[int],
) -> None:
    with Store.open(tmp_path_factory.mktemp("splits") / "alpaca.db") as store:
        done = assign(store, bring(store, prompts), shares, seed)
        assert (done.operation.rows if done.operation else 0) == len(prompts)
        first = sides(store)
        assert set(first.values()) <= shares.keys()
        largest = max(Counter(prompts).values(), default=0)
        for name, share in shares.items():  # each is within a prompt's rows of its share
            assert abs(list(first.values()).count(name) - share * len(prompts)) <= largest * len(shares)
        by_prompt: dict[str, set[str | None]] = {}
        bring(store, later)
        assign(store, list(store.example_ids()), shares, seed)
        then = sides(store)
        assert {id: then[id] for id in first} == first
        for row in store.iter_examples():
            by_prompt.setdefault(row.instruction, set()).add(row.split)
        assert all(len(held) == 1 for held in by_prompt.values())
        assert assign(store, list(store.example_ids()), shares, seed + 1).operation is None


def test_the_shares_are_met_to_the_row(store: Store) -> None:
    assign(store, bring(store, [*range(1_000)]), {"train": 0.95, "eval": 0.05})
    assert Counter(sides(store).values()) == {"train": 950, "eval": 50}
    # Not the first rows, nor the last: the seed draws them.
    held = [id for id, side in sides(store).items() if side == "eval"]
    assert 300 < sum(held) / len(held) < 700


def test_the_same_rows_and_seed_give_the_same_sides(tmp_path: Path) -> None:
    found: list[dict[int, str | None]] = []
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        with Store.open(tmp_path / f"{name}.db") as store:
            assign(store, bring(store, [*range(100)]), {"train": 0.8, "eval": 0.2}, seed)
            found.append(sides(store))
    assert found[0] == found[1] != found[2]


def test_blanks_and_accents_make_no_other_prompt(store: Store) -> None:
    store.add_imported(
        [ImportedRow("Nenne eine F\u00e4hre.", "", "1"), ImportedRow(" Nenne  eine Fa\u0308hre.\n", "", "2")],
        "x",
    )
    bring(store, [*range(40)])
    assign(store, list(store.example_ids()), {"train": 0.5, "eval": 0.5})
    assert sides(store)[1] == sides(store)[2]


def test_a_division_is_one_operation_that_can_be_taken_back(store: Store) -> None:
    ids = bring(store, [*range(10)])
    done = assign(store, ids, {"train": 0.5, "eval": 0.5}, seed=1)
    assert done.operation is not None
    assert (done.operation.title, done.operation.rows) == ("Split rows: train 0.5, eval 0.5", 10)
    first = sides(store)
    store.undo()
    assert set(sides(store).values()) == {None}
    store.redo()
    assert sides(store) == first


def test_a_side_that_is_not_asked_for_is_refused_and_nothing_happens(store: Store) -> None:
    ids = bring(store, [*range(6)])
    assign(store, ids[:3], {"test": 1.0})
    with pytest.raises(UserError, match="is in the split 'test'") as caught:
        assign(store, ids, {"train": 0.5, "eval": 0.5})
    assert "train, eval" in caught.value.cause
    assert [sides(store)[id] for id in ids] == ["test"] * 3 + [None] * 3


def test_only_the_rows_named_are_divided(store: Store) -> None:
    ids = bring(store, [*range(6)])
    edits.set_status(store, ids[:1], "rejected")
    assign(store, ids[:4], {"train": 1.0})
    assert [row.split for row in store.examples_by_id(ids)] == ["train"] * 4 + [None] * 2
