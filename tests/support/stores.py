"""Short ways to fill a store: a completion in one call, a candidate in one call."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from alpaca_tui.store.rows import CandidateIn, CandidateVerdict
from alpaca_tui.store.store import Store


def begin(store: Store, run_id: int, index: int = 1, **changes: Any) -> int:
    values: dict[str, Any] = {
        "key": f"key-{index}",
        "index": index,
        "purpose": "generate",
        "server": "demo",
        "model": "demo-alpaca",
        "prompt_hash": "0123456789abcdef",
        "seed_ids": ["seed_1", "seed_2"],
        "k": 2,
        "request": {"chat": [["user", "Go on."]], "text": "Go on.", "sampling": {"max_tokens": 100}},
        "reserved_tokens": 100,
        "reserved_usd": 0.5,
    }
    return store.begin_completion(run_id, **(values | changes))


def finish(store: Store, completion_id: int, text: str = "3. Instruction: Hop.", **changes: Any) -> int:
    values: dict[str, Any] = {
        "text": text,
        "finish_reason": "stop",
        "spoke": "chat",
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "usage_estimated": False,
        "cost_usd": 0.25,
        "latency_s": 1.5,
        "first_token_s": 0.1,
        "attempts": 1,
        "model": "demo-alpaca-2",
        "request_id": "req-1",
    }
    return store.finish_completion(completion_id, **(values | changes))


def fail(store: Store, completion_id: int, **changes: Any) -> None:
    values: dict[str, Any] = {
        "error": "the server hung up",
        "kind": "transient",
        "partial": "3. Instru",
        "attempts": 5,
        "cost_usd": 0.125,
        "prompt_tokens": 4,
        "completion_tokens": 3,
    }
    store.fail_completion(completion_id, **(values | changes))


def done(
    store: Store, run_id: int, index: int = 1, text: str = "3. Instruction: Hop.", **changes: Any
) -> int:
    completion_id = begin(store, run_id, index, **changes)
    finish(store, completion_id, text)
    return completion_id


def candidate(
    position: int, instruction: str, verdict: CandidateVerdict = "kept", **changes: Any
) -> CandidateIn:
    values: dict[str, Any] = {"input": "", "output": f"Answer to {instruction}", "score": 0.25, "mean": 0.125}
    values |= {"nearest": "seed:seed_1", "top": [("seed:seed_1", 0.25), ("seed:seed_2", 0.125)]}
    if verdict == "filtered":
        values |= {
            "rule": "too-short",
            "detail": "has 1 word",
            "score": None,
            "nearest": None,
            "top": [],
            "mean": None,
        }
    values |= {"number": position + 3} | changes
    return CandidateIn(position, instruction=instruction, verdict=verdict, **values)


def visible_rows(store: Store) -> list[tuple[int, str, str, str]]:
    return [(row.id, row.instruction, row.input, row.output) for row in store.iter_examples()]


def assert_counters_true(path: Path) -> None:
    """The maintained counters say what counting says."""
    connection = sqlite3.connect(path)
    try:
        kept = {name: count for name, count in connection.execute("SELECT name, count FROM counter") if count}
        truth: Counter[str] = Counter()
        for query in (
            "SELECT 'completion/' || purpose || '/' || state FROM completion",
            "SELECT 'candidate/' || verdict || '/' || ifnull(rule, '') FROM candidate WHERE superseded = 0",
            "SELECT 'score/' || min(CAST(score * 100 + 1e-9 AS INTEGER), 99) FROM candidate "
            "WHERE superseded = 0 AND score IS NOT NULL",
            "SELECT 'example/' || source || '/' || status || '/' || deleted || '/' || withdrawn || '/' "
            "|| (input <> '') FROM example",
        ):
            truth.update(name for (name,) in connection.execute(query))
        assert kept == dict(truth)
    finally:
        connection.close()
