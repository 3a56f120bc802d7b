-- Which rows of moving buckets were changed, written by the triggers in the application's own transaction. `pk` is the primary
-- key as SQL writes it: 12,'a'. Ids are not in the order of commits.
CREATE TABLE IF NOT EXISTS dcs_log (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  bucket INT UNSIGNED NOT NULL,
  tbl VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  KEY (bucket, id)
) ENGINE = InnoDB
