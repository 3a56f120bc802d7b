-- Whether each bucket may be written here: one row a bucket, read with a lock by every trigger. `owner` is the last shard that
-- was known to have it, for the message of a refusal; nothing else reads it.
CREATE TABLE IF NOT EXISTS dcs_bucket (
  bucket INT UNSIGNED NOT NULL PRIMARY KEY,
  state ENUM('owned', 'moving', 'sealed', 'gone', 'incoming') NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  token BIGINT UNSIGNED NOT NULL,
  owner VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE = InnoDB
