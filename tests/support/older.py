"""A workspace as an older version left it: the tables of the first two steps of the schema, and rows in them
as that version wrote them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from alpaca_tui.store import schema

STEP = 2
AFTER_ALL = 1 << 30


def make_older(path: Path, imported: int = 3) -> None:
    """One run with a judged, an unjudged and a failed completion; candidates of every verdict, of which two
    were kept (one deleted since) and one withdrawn by a rejudge; and rows that were imported."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("BEGIN")
    for step in schema.STEPS[:STEP]:
        for statement in schema.statements(step):
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {STEP}")
    db.executemany("INSERT INTO meta VALUES (?, ?)", [("created_at", "1700000000.0"), ("program", "0.1.0")])
    db.execute(
        "INSERT INTO run VALUES (1, 1700000001.0, 1700000009.0, ?, 'goal', ?)",
        (json.dumps({"goal": 2}), json.dumps({"kept": 2})),
    )
    db.execute("INSERT INTO log_entry VALUES (1, 1, 1700000002.0, 'note', 'began', NULL)")
    for id, state, judged, order in ((1, "done", 1, 1), (2, "done", 0, 2), (3, "failed", 0, None)):
        db.execute(
            "INSERT INTO completion (id, run_id, request_index, request_key, purpose, state, server, model, "
            "prompt_hash, seed_ids, k, reserved_tokens, reserved_usd, started_at, judged, finish_order, "
            "prompt_tokens, completion_tokens, cost_usd, kept_count, judged_count) "
            "VALUES (?, 1, ?, ?, 'generate', ?, 'demo', 'demo-alpaca', 'hash', '[\"seed_1\"]', 2, 100, 0.5, "
            "1700000003.0, ?, ?, 10, 20, 0.25, ?, ?)",
            (id, id, f"key-{id}", state, judged, order, 2 * judged, 4 * judged),
        )
        db.execute("INSERT INTO completion_request VALUES (?, '{}')", (id,))
        db.execute("INSERT INTO completion_text VALUES (?, ?)", (id, f"3. Instruction: Answer {id}."))
    candidates = (
        ("kept", None, "Sing of the harbour.", 0.2),
        ("kept", None, "Draw a map.", 0.3),
        ("duplicate", None, "Sing of the harbours.", 0.8),
        ("filtered", "too-short", "Hop", None),
        ("filtered", "blacklist", "Plot the graph.", None),
    )
    for position, (verdict, rule, instruction, score) in enumerate(candidates):
        db.execute(
            "INSERT INTO candidate (completion_id, position, number, verdict, rule, detail, score, nearest, mean, "
            "top, instruction, input, output) VALUES (1, ?, ?, ?, ?, '', ?, 'seed:seed_1', 0.1, ?, ?, ?, ?)",
            (position, position + 3, verdict, rule, score, '[["seed:seed_1",0.2]]', instruction,
             "noinput" if position == 1 else "", f"Done {position}: über"),
        )  # fmt: skip
    for id, candidate, deleted, withdrawn, edited in ((1, 1, 0, 0, 1), (2, 2, 1, 0, 0), (3, 3, 0, 1, 0)):
        db.execute(
            "INSERT INTO example (id, source, teacher, model, completion_id, candidate_id, created_at, "
            "nearest_score, nearest_key, mean_score, pool_after, pool_position, instruction, input, output, top, "
            "deleted, withdrawn, edited) SELECT ?, 'generated', 'demo', 'demo-alpaca', 1, id, 1700000004.0, "
            "score, nearest, mean, 1, position, instruction, input, output, top, ?, ?, ? FROM candidate "
            "WHERE id = ?",
            (id, deleted, withdrawn, edited, candidate),
        )
    db.executemany(
        "INSERT INTO example (source, origin, created_at, pool_after, pool_position, instruction, input, output, "
        "extra) VALUES ('imported', 'old.json', 1700000005.0, 2, ?, ?, ?, ?, ?)",
        (
            (
                AFTER_ALL,
                f"Translate line {n} of the café menu.",
                "" if n % 2 else "Crème\x00 brûlée",
                "" if n == 0 else f"Line {n} translated. " + "words and more " * (n % 20),
                json.dumps({"page": n}) if n % 3 else "",
            )
            for n in range(imported)
        ),
    )
    db.execute("COMMIT")
    db.close()
