-- What the triggers of this database were made for: one row.
CREATE TABLE IF NOT EXISTS dcs_keyspace (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  version SMALLINT UNSIGNED NOT NULL,
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  shard VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buckets INT UNSIGNED NOT NULL,
  hash VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tables LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE = InnoDB
