"""The tables, as numbered steps that never change once released; a new need is a new step.

`PRAGMA user_version` holds the number of the last step applied. Each step is one transaction, so an
upgrade that is interrupted is as if it had not begun. SQL is kept to what SQLite 3.24 knows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

APPLICATION_ID = 0x616C7061  # "alpa": tells our file from any other SQLite file of the same name
MINIMUM_SQLITE = (3, 24, 0)

_STEP_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  started_at REAL NOT NULL,
  ended_at REAL,
  config TEXT NOT NULL,
  stopped_because TEXT,
  totals TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE log_entry (
  id INTEGER PRIMARY KEY,
  run_id INTEGER REFERENCES run(id),
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  data TEXT
);
CREATE INDEX log_entry_by_run ON log_entry(run_id, id);

-- One row a request, born before it is sent. The long texts live in tables of their own, so that lists
-- and sums read narrow rows and a finished answer does not rewrite the prompt.
CREATE TABLE completion (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run(id),
  request_index INTEGER NOT NULL,
  request_key TEXT NOT NULL,
  purpose TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('in_flight', 'done', 'failed', 'lost')),
  judged INTEGER NOT NULL DEFAULT 0,
  finish_order INTEGER,
  server TEXT NOT NULL,
  model TEXT NOT NULL,
  prompt_hash TEXT NOT NULL,
  seed_ids TEXT NOT NULL,
  k INTEGER NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  reserved_usd REAL,
  started_at REAL NOT NULL,
  finished_at REAL,
  finish_reason TEXT,
  spoke TEXT,
  prompt_tokens INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0,
  usage_estimated INTEGER NOT NULL DEFAULT 0,
  cost_usd REAL,
  latency_s REAL,
  first_token_s REAL,
  attempts INTEGER NOT NULL DEFAULT 0,
  answered_model TEXT,
  request_id TEXT,
  error TEXT,
  error_kind TEXT,
  kept_count INTEGER NOT NULL DEFAULT 0,
  judged_count INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX completion_by_finish ON completion(finish_order) WHERE finish_order IS NOT NULL;
CREATE INDEX completion_by_key ON completion(request_key);
CREATE INDEX completion_by_index ON completion(purpose, request_index);
CREATE INDEX completion_unjudged ON completion(finish_order) WHERE state = 'done' AND judged = 0;
CREATE INDEX completion_in_flight ON completion(id) WHERE state = 'in_flight';

CREATE TABLE completion_request (
  completion_id INTEGER PRIMARY KEY REFERENCES completion(id),
  body TEXT NOT NULL
);
CREATE TABLE completion_text (
  completion_id INTEGER PRIMARY KEY REFERENCES completion(id),
  text TEXT NOT NULL
);

-- Candidates are never deleted: one that a rejudge no longer finds in the text is superseded, and comes
-- back with its id when the old rules do.
CREATE TABLE candidate (
  id INTEGER PRIMARY KEY,
  completion_id INTEGER NOT NULL REFERENCES completion(id),
  position INTEGER NOT NULL,
  number INTEGER,
  verdict TEXT NOT NULL CHECK (verdict IN ('kept', 'duplicate', 'filtered', 'truncated', 'surplus')),
  rule TEXT,
  detail TEXT NOT NULL,
  score REAL,
  nearest TEXT,
  mean REAL,
  rescued INTEGER NOT NULL DEFAULT 0,
  superseded INTEGER NOT NULL DEFAULT 0,
  top TEXT NOT NULL,
  instruction TEXT NOT NULL,
  input TEXT NOT NULL,
  output TEXT NOT NULL
);
CREATE INDEX candidate_by_completion ON candidate(completion_id, position);
CREATE INDEX candidate_by_verdict ON candidate(verdict, id) WHERE superseded = 0;
CREATE INDEX candidate_by_rule ON candidate(rule, id) WHERE superseded = 0 AND rule IS NOT NULL;

-- The dataset. (pool_after, pool_position) is when the row joined the novelty pool: with or after the
-- completion of that finish order, at that place; a replay lets it join at the same moment.
CREATE TABLE example (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL CHECK (source IN ('generated', 'imported', 'manual')),
  origin TEXT NOT NULL DEFAULT '',
  teacher TEXT,
  model TEXT,
  completion_id INTEGER REFERENCES completion(id),
  candidate_id INTEGER UNIQUE REFERENCES candidate(id),
  created_at REAL NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  withdrawn INTEGER NOT NULL DEFAULT 0,
  edited INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected')),
  nearest_score REAL,
  nearest_key TEXT,
  mean_score REAL,
  pool_after INTEGER NOT NULL,
  pool_position INTEGER NOT NULL,
  instruction TEXT NOT NULL,
  input TEXT NOT NULL,
  output TEXT NOT NULL,
  top TEXT NOT NULL DEFAULT '',
  extra TEXT NOT NULL DEFAULT ''
);
CREATE INDEX example_pool ON example(pool_after, pool_position, id) WHERE withdrawn = 0;

-- Counts kept by triggers, inside the transaction that changes what they count: a screen that opens on
-- a million rows reads fifty.
CREATE TABLE counter (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;

CREATE TRIGGER completion_born AFTER INSERT ON completion BEGIN
  INSERT INTO counter VALUES ('completion/' || NEW.purpose || '/' || NEW.state, 1)
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER completion_moved AFTER UPDATE OF state ON completion WHEN OLD.state <> NEW.state BEGIN
  UPDATE counter SET count = count - 1 WHERE name = 'completion/' || OLD.purpose || '/' || OLD.state;
  INSERT INTO counter VALUES ('completion/' || NEW.purpose || '/' || NEW.state, 1)
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER candidate_born AFTER INSERT ON candidate WHEN NEW.superseded = 0 BEGIN
  INSERT INTO counter VALUES ('candidate/' || NEW.verdict || '/' || ifnull(NEW.rule, ''), 1)
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
  INSERT INTO counter
    SELECT 'score/' || min(CAST(NEW.score * 100 + 1e-9 AS INTEGER), 99), 1 WHERE NEW.score IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER candidate_rejudged AFTER UPDATE OF verdict, rule, score, superseded ON candidate
WHEN OLD.verdict <> NEW.verdict OR OLD.rule IS NOT NEW.rule OR OLD.score IS NOT NEW.score
  OR OLD.superseded <> NEW.superseded BEGIN
  UPDATE counter SET count = count - 1
    WHERE name = 'candidate/' || OLD.verdict || '/' || ifnull(OLD.rule, '') AND OLD.superseded = 0;
  UPDATE counter SET count = count - 1
    WHERE name = 'score/' || min(CAST(OLD.score * 100 + 1e-9 AS INTEGER), 99) AND OLD.superseded = 0;
  INSERT INTO counter
    SELECT 'candidate/' || NEW.verdict || '/' || ifnull(NEW.rule, ''), 1 WHERE NEW.superseded = 0
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
  INSERT INTO counter
    SELECT 'score/' || min(CAST(NEW.score * 100 + 1e-9 AS INTEGER), 99), 1
      WHERE NEW.superseded = 0 AND NEW.score IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER example_born AFTER INSERT ON example BEGIN
  INSERT INTO counter VALUES ('example/' || NEW.source || '/' || NEW.status || '/'
      || NEW.deleted || '/' || NEW.withdrawn || '/' || (NEW.input <> ''), 1)
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER example_moved AFTER UPDATE OF source, status, deleted, withdrawn, input ON example BEGIN
  UPDATE counter SET count = count - 1
    WHERE name = 'example/' || OLD.source || '/' || OLD.status || '/'
      || OLD.deleted || '/' || OLD.withdrawn || '/' || (OLD.input <> '');
  INSERT INTO counter VALUES ('example/' || NEW.source || '/' || NEW.status || '/'
      || NEW.deleted || '/' || NEW.withdrawn || '/' || (NEW.input <> ''), 1)
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER example_gone AFTER DELETE ON example BEGIN
  UPDATE counter SET count = count - 1
    WHERE name = 'example/' || OLD.source || '/' || OLD.status || '/'
      || OLD.deleted || '/' || OLD.withdrawn || '/' || (OLD.input <> '');
END;
"""

# Imported rows whose nearest score is still to be computed: asked for at every look at the workspace.
_STEP_2 = """
CREATE INDEX example_unmeasured ON example(id) WHERE source = 'imported' AND nearest_score IS NULL;
"""

# Curation: what a person, a lint and a parser say of a row; every change of a row as an operation that can
# be undone; what is asked of the rows while they are browsed. `word_count` is a function of ours (database.py).
_STEP_3 = """
ALTER TABLE run ADD COLUMN purpose TEXT NOT NULL DEFAULT 'generate';
ALTER TABLE example ADD COLUMN rating INTEGER CHECK (rating BETWEEN 1 AND 5);
ALTER TABLE example ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE example ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE example ADD COLUMN split TEXT;
ALTER TABLE example ADD COLUMN edited_at REAL;
ALTER TABLE example ADD COLUMN edited_by TEXT NOT NULL DEFAULT '';
ALTER TABLE example ADD COLUMN revised INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN words_instruction INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN words_input INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN words_output INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN chars_instruction INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN chars_input INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN chars_output INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN inspected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
ALTER TABLE example ADD COLUMN verb TEXT;
ALTER TABLE example ADD COLUMN object TEXT;
ALTER TABLE example ADD COLUMN prompt_key INTEGER;
ALTER TABLE example ADD COLUMN whole_key INTEGER;
ALTER TABLE example ADD COLUMN tokens INTEGER;
ALTER TABLE example ADD COLUMN prompt_tokens INTEGER;
UPDATE example SET
  words_instruction = word_count(instruction), chars_instruction = length(instruction),
  words_input = word_count(input), chars_input = length(input),
  words_output = word_count(output), chars_output = length(output);

-- Everything short that rows are filtered, sorted and counted by: a scan of it never touches the texts.
CREATE INDEX example_facts ON example(withdrawn, deleted, id, status, source, rating, flags, tags, split,
  nearest_score, mean_score, created_at, edited, edited_at, edited_by, words_instruction, words_input,
  words_output, chars_instruction, chars_input, chars_output, tokens, verb, object, origin, teacher, model);
CREATE INDEX example_by_beginning ON example(substr(instruction, 1, 24) COLLATE NOCASE)
  WHERE withdrawn = 0 AND deleted = 0;
CREATE INDEX example_by_prompt ON example(prompt_key);
CREATE INDEX example_by_inspected ON example(inspected);
CREATE INDEX example_noted ON example(id) WHERE note <> '';
DROP INDEX example_unmeasured;
CREATE INDEX example_unmeasured ON example(id) WHERE nearest_score IS NULL AND withdrawn = 0;

-- In one statement, and only where it counts: operations change many rows.
DROP TRIGGER example_moved;
CREATE TRIGGER example_moved AFTER UPDATE OF source, status, deleted, withdrawn, input ON example
WHEN OLD.status <> NEW.status OR OLD.deleted <> NEW.deleted OR OLD.withdrawn <> NEW.withdrawn
  OR OLD.source <> NEW.source OR (OLD.input <> '') <> (NEW.input <> '') BEGIN
  INSERT INTO counter VALUES
    ('example/' || OLD.source || '/' || OLD.status || '/'
      || OLD.deleted || '/' || OLD.withdrawn || '/' || (OLD.input <> ''), -1),
    ('example/' || NEW.source || '/' || NEW.status || '/'
      || NEW.deleted || '/' || NEW.withdrawn || '/' || (NEW.input <> ''), 1)
    ON CONFLICT (name) DO UPDATE SET count = count + excluded.count;
END;

-- Kept by `fulltext.py`, not by triggers: each statement with a trigger would flush the index to disk. Up to
-- 32 MB are gathered before a flush, which halves the time of large changes. Prefixes: a search as it is typed.
CREATE VIRTUAL TABLE example_text USING fts5(instruction, input, output,
  content = 'example', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 1', prefix = '1 2');
INSERT INTO example_text (example_text, rank) VALUES ('hashsize', 33554432);
INSERT INTO example_text (example_text) VALUES ('rebuild');

-- One row an act of a person (or of a fix, or of a teacher they asked). `first_row`..`last_row`: the rows an
-- import brought in, which have no revisions of their own.
CREATE TABLE operation (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  who TEXT NOT NULL CHECK (who IN ('user', 'fix', 'teacher')),
  title TEXT NOT NULL,
  rows INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped')),
  first_row INTEGER,
  last_row INTEGER
);
CREATE INDEX operation_by_state ON operation(state, id);
-- The fields an operation changed in a row, as JSON. `before` is NULL where the operation made the row.
CREATE TABLE revision (
  id INTEGER PRIMARY KEY,
  operation_id INTEGER NOT NULL REFERENCES operation(id),
  example_id INTEGER NOT NULL REFERENCES example(id),
  before TEXT,
  after TEXT NOT NULL
);
CREATE INDEX revision_by_operation ON revision(operation_id, id);
CREATE INDEX revision_by_example ON revision(example_id, id);

CREATE TABLE flag (bit INTEGER PRIMARY KEY, rule TEXT NOT NULL UNIQUE, severity TEXT NOT NULL);
CREATE TABLE saved_view (name TEXT PRIMARY KEY, query TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;

CREATE TABLE review (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('review', 'recheck')),
  started_at REAL NOT NULL,
  ended_at REAL,
  query TEXT NOT NULL,
  ids BLOB NOT NULL,
  position INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE review_decision (
  review_id INTEGER NOT NULL REFERENCES review(id),
  example_id INTEGER NOT NULL REFERENCES example(id),
  at REAL NOT NULL,
  seconds REAL NOT NULL,
  decision TEXT NOT NULL CHECK (decision IN ('approved', 'rejected', 'skipped')),
  earlier TEXT NOT NULL,
  operation_id INTEGER REFERENCES operation(id),
  PRIMARY KEY (review_id, example_id)
) WITHOUT ROWID;

-- What a teacher answered when it was asked about a row; nothing of it is applied before a person says so.
CREATE TABLE suggestion (
  id INTEGER PRIMARY KEY,
  example_id INTEGER NOT NULL REFERENCES example(id),
  completion_id INTEGER REFERENCES completion(id),
  kind TEXT NOT NULL CHECK (kind IN ('rewrite', 'correct', 'judge')),
  at REAL NOT NULL,
  revised INTEGER NOT NULL,
  verdict TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  output TEXT,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'declined')),
  operation_id INTEGER REFERENCES operation(id)
);
CREATE INDEX suggestion_by_example ON suggestion(example_id, id);
CREATE INDEX suggestion_open ON suggestion(id) WHERE state = 'open';
"""

# Large changes: the search index follows them later, and rows are counted together (`fulltext.py`, `counters.py`).
_STEP_4 = """
-- Rows that the full-text index does not hold as they are now, with the texts that it does hold.
CREATE TABLE stale_text (
  id INTEGER PRIMARY KEY REFERENCES example(id),
  instruction TEXT NOT NULL,
  input TEXT NOT NULL,
  output TEXT NOT NULL
);

-- Holds a row only within a transaction that counts for itself.
CREATE TABLE counting_paused (one INTEGER PRIMARY KEY);
DROP TRIGGER example_born;
CREATE TRIGGER example_born AFTER INSERT ON example WHEN NOT EXISTS (SELECT 1 FROM counting_paused) BEGIN
  INSERT INTO counter VALUES ('example/' || NEW.source || '/' || NEW.status || '/'
      || NEW.deleted || '/' || NEW.withdrawn || '/' || (NEW.input <> ''), 1)
    ON CONFLICT (name) DO UPDATE SET count = count + 1;
END;
DROP TRIGGER example_moved;
CREATE TRIGGER example_moved AFTER UPDATE OF source, status, deleted, withdrawn, input ON example
WHEN (OLD.status <> NEW.status OR OLD.deleted <> NEW.deleted OR OLD.withdrawn <> NEW.withdrawn
    OR OLD.source <> NEW.source OR (OLD.input <> '') <> (NEW.input <> ''))
  AND NOT EXISTS (SELECT 1 FROM counting_paused) BEGIN
  INSERT INTO counter VALUES
    ('example/' || OLD.source || '/' || OLD.status || '/'
      || OLD.deleted || '/' || OLD.withdrawn || '/' || (OLD.input <> ''), -1),
    ('example/' || NEW.source || '/' || NEW.status || '/'
      || NEW.deleted || '/' || NEW.withdrawn || '/' || (NEW.input <> ''), 1)
    ON CONFLICT (name) DO UPDATE SET count = count + excluded.count;
END;
"""

STEPS: tuple[str, ...] = (_STEP_1, _STEP_2, _STEP_3, _STEP_4)


def statements(script: str) -> Iterator[str]:
    """The single statements of a script (`executescript` would commit the transaction we are in)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        raise ValueError(f"unfinished statement: {pending.strip()[:80]}")


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last step applied to this file; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def upgrade(connection: sqlite3.Connection, program_version: str, now: float) -> None:
    """Apply the missing steps, each in its own transaction. Safe when two processes open a new
    workspace at once: the version is read again under the write lock."""
    while version_of(connection) < len(STEPS):
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = version_of(connection)
            if done < len(STEPS):
                for statement in statements(STEPS[done]):
                    connection.execute(statement)
                if done == 0:
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute("INSERT INTO meta VALUES ('created_at', ?)", (repr(now),))
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('program', ?)", (program_version,))
                connection.execute(f"PRAGMA user_version = {done + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
