-- The tables of the journal in MySQL and MariaDB; saga_meta says which layout they have. All times are epoch ms of the
-- database's clock. One collation for all texts, that of the session, so that comparing them uses the index.
CREATE TABLE IF NOT EXISTS saga_meta (
  one TINYINT NOT NULL PRIMARY KEY,
  version INT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE IF NOT EXISTS saga_def (
  hash VARCHAR(64) NOT NULL PRIMARY KEY,
  saga VARCHAR(255) NOT NULL,
  body MEDIUMTEXT NOT NULL,
  directory TEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE IF NOT EXISTS saga_run (
  run_id VARCHAR(64) NOT NULL PRIMARY KEY,
  root_id VARCHAR(64) NOT NULL,
  parent_run VARCHAR(64),
  def_hash VARCHAR(64) NOT NULL,
  saga VARCHAR(255) NOT NULL,
  business_key VARBINARY(1024),    -- bytes: elsewhere a blank at the end would not count
  status VARCHAR(16) NOT NULL,
  direction VARCHAR(4) NOT NULL,
  cause MEDIUMTEXT,                -- JSON
  live TINYINT NOT NULL,           -- 1: somebody is to look at it at due_at
  live_root VARCHAR(64) GENERATED ALWAYS AS (IF(live = 1, root_id, NULL)) STORED, -- one run of a root lives at a time
  due_at BIGINT NOT NULL,          -- ready, timer, retry and end of the lease in one; 9999-12-31 while parked
  owner VARCHAR(255),              -- whose lease it is; NULL nobody's
  epoch BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  claims INT NOT NULL,
  pass VARCHAR(32) NOT NULL,       -- which sending of a transaction moved it on last
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE KEY saga_run_by_key (saga, business_key),
  UNIQUE KEY saga_run_living (live_root),
  KEY saga_run_due (live, due_at, run_id),
  KEY saga_run_by_age (created_at, run_id),
  KEY saga_run_by_status (status, created_at, run_id),
  KEY saga_run_by_root (root_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
-- Beside the hot row, which every transition writes.
CREATE TABLE IF NOT EXISTS saga_input (
  run_id VARCHAR(64) NOT NULL PRIMARY KEY,
  body LONGTEXT NOT NULL           -- JSON
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
-- One row a call. dir: do, undo. gen: generation. key_root: the root, where this run owns the generation; else NULL.
CREATE TABLE IF NOT EXISTS saga_step (
  run_id VARCHAR(64) NOT NULL,
  step VARCHAR(255) NOT NULL,
  dir VARCHAR(4) NOT NULL,
  gen INT NOT NULL,
  ordinal INT NOT NULL,            -- place of the step in the definition
  key_root VARCHAR(64),
  state VARCHAR(16) NOT NULL,
  asks VARCHAR(16) NOT NULL,
  attempts INT NOT NULL,
  forgiven INT NOT NULL,
  probes INT NOT NULL,
  not_before BIGINT NOT NULL,
  first_sent_at BIGINT,
  deadline_at BIGINT,
  ever_unknown TINYINT NOT NULL,
  call_key VARCHAR(64) NOT NULL,
  input_hash VARCHAR(64),
  output LONGTEXT NOT NULL,        -- JSON
  error MEDIUMTEXT,                -- JSON
  PRIMARY KEY (run_id, step, dir, gen),
  UNIQUE KEY saga_step_generation (key_root, step, dir, gen),
  KEY saga_step_doubtful (state, run_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
-- Only ever added to. body: JSON, a list of what happened.
CREATE TABLE IF NOT EXISTS saga_event (
  run_id VARCHAR(64) NOT NULL,
  seq BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  txid VARCHAR(32) NOT NULL,
  at BIGINT NOT NULL,
  body LONGTEXT NOT NULL,
  PRIMARY KEY (run_id, seq)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
-- What operators asked for, until a transition takes it up.
CREATE TABLE IF NOT EXISTS saga_request (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  run_id VARCHAR(64) NOT NULL,
  event LONGTEXT NOT NULL,         -- JSON
  at BIGINT NOT NULL,
  KEY saga_request_by_run (run_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE IF NOT EXISTS saga_audit (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  run_id VARCHAR(64) NOT NULL,
  verb VARCHAR(64) NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  details LONGTEXT NOT NULL,       -- JSON
  at BIGINT NOT NULL,
  KEY saga_audit_by_run (run_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
INSERT INTO saga_meta (one, version) VALUES (1, 1) ON DUPLICATE KEY UPDATE version = 1
