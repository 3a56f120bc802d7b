-- The tables of the journal in an SQLite file, made once in an empty one. PRAGMA user_version names this layout.
-- All times are epoch ms of the host's clock.
CREATE TABLE saga_def (
  hash TEXT PRIMARY KEY,
  saga TEXT NOT NULL,
  body TEXT NOT NULL,
  directory TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE saga_run (
  run_id TEXT PRIMARY KEY,
  root_id TEXT NOT NULL,
  parent_run TEXT,
  def_hash TEXT NOT NULL,
  saga TEXT NOT NULL,
  business_key TEXT,
  status TEXT NOT NULL,
  direction TEXT NOT NULL,
  cause TEXT,                -- JSON
  live INTEGER NOT NULL,     -- 1: somebody is to look at it at due_at
  due_at INTEGER NOT NULL,   -- ready, timer, retry and end of the lease in one; 9999-12-31 while parked
  owner TEXT,                -- whose lease it is; NULL nobody's
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  claims INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (saga, business_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX saga_run_due ON saga_run (due_at, run_id) WHERE live = 1;
CREATE INDEX saga_run_by_age ON saga_run (created_at, run_id);
CREATE INDEX saga_run_by_status ON saga_run (status, created_at, run_id);
CREATE INDEX saga_run_by_root ON saga_run (root_id);
CREATE UNIQUE INDEX saga_run_living ON saga_run (root_id) WHERE live = 1; -- one run of a root lives at a time
-- Beside the hot row, which every transition writes.
CREATE TABLE saga_input (
  run_id TEXT PRIMARY KEY,
  body TEXT NOT NULL         -- JSON
) STRICT;
-- One row a call. dir: do, undo. gen: generation.
CREATE TABLE saga_step (
  run_id TEXT NOT NULL,
  step TEXT NOT NULL,
  dir TEXT NOT NULL,
  gen INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,  -- place of the step in the definition
  key_root TEXT,             -- the root, where this run owns the generation; else NULL
  state TEXT NOT NULL,
  asks TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  forgiven INTEGER NOT NULL,
  probes INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  first_sent_at INTEGER,
  deadline_at INTEGER,
  ever_unknown INTEGER NOT NULL,
  key TEXT NOT NULL,
  input_hash TEXT,
  output TEXT NOT NULL,      -- JSON
  error TEXT,                -- JSON
  PRIMARY KEY (run_id, step, dir, gen),
  UNIQUE (key_root, step, dir, gen)
) STRICT;
CREATE INDEX saga_step_doubtful ON saga_step (state, run_id) WHERE state IN ('unknown', 'parked', 'intent');
-- Only ever added to. body: JSON, a list of what happened.
CREATE TABLE saga_event (
  run_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  txid TEXT NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
-- What operators asked for, until a transition takes it up. Ids are never given twice.
CREATE TABLE saga_request (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL,
  event TEXT NOT NULL,       -- JSON
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX saga_request_by_run ON saga_request (run_id, id);
CREATE TABLE saga_audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL,
  verb TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  details TEXT NOT NULL,     -- JSON
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX saga_audit_by_run ON saga_audit (run_id, id);
