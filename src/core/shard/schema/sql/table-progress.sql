-- At a target: how far the copy of a bucket is, written in the transaction of the rows it speaks of. The row whose table is ''
-- says for which epoch it was begun, and between which two servers; the others how far each table is, by primary key as SQL writes it.
CREATE TABLE IF NOT EXISTS dcs_progress (
  bucket INT UNSIGNED NOT NULL,
  tbl VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  source VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  target VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reached TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  is_complete BOOLEAN NOT NULL,
  copied BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (bucket, tbl)
) ENGINE = InnoDB
