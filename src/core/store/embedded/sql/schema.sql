-- The tables of the embedded store, made once in an empty file. PRAGMA user_version names this layout.
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,   -- last revision given; µs since the epoch at least, so it outlives lost commits
  compacted INTEGER NOT NULL,  -- deletions up to here may have been forgotten
  boot TEXT NOT NULL           -- boot id under which lease.deadline_ms is to be read
) STRICT;
CREATE TABLE kv (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  create_revision INTEGER NOT NULL,
  mod_revision INTEGER NOT NULL,
  lease TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX kv_by_revision ON kv (mod_revision);
CREATE INDEX kv_by_lease ON kv (lease) WHERE lease IS NOT NULL;
CREATE TABLE tombstone (
  revision INTEGER NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (revision, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE lease (
  id TEXT PRIMARY KEY,
  ttl_ms REAL NOT NULL,
  deadline_ms REAL NOT NULL,   -- CLOCK_MONOTONIC
  wall_deadline_ms REAL,       -- epoch ms, detached leases only: what survives a reboot
  granted_at REAL NOT NULL,    -- epoch ms
  holder TEXT NOT NULL         -- JSON, see Holder
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_by_deadline ON lease (deadline_ms);
