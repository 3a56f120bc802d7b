// Generated from src/core/shard/data/sql/*.sql by scripts/generate-statements.ts; edit those.
export const SQL = {
  "log-backlog": "SELECT COUNT(*) AS rows_left FROM dcs_log WHERE bucket = :bucket",
  "log-delete": "DELETE dcs_log FROM (:ids) AS struck STRAIGHT_JOIN dcs_log ON dcs_log.id = struck.id",
  "log-find": "SELECT tbl, pk FROM dcs_log WHERE bucket = :bucket AND pk IN (:pks)",
  "log-purge": "DELETE dcs_log FROM (SELECT DISTINCT id FROM dcs_log FORCE INDEX (bucket) WHERE bucket = :bucket ORDER BY id LIMIT :limit) AS found\n  STRAIGHT_JOIN dcs_log ON dcs_log.id = found.id",
  "log-read": "SELECT id, tbl, pk FROM dcs_log WHERE bucket = :bucket ORDER BY id LIMIT :limit",
  "progress-begin": "INSERT INTO dcs_progress (bucket, tbl, epoch, source, target, reached, is_complete, copied)\nVALUES (:bucket, '', :epoch, :source, :target, NULL, :isComplete, 0)",
  "progress-clear": "DELETE FROM dcs_progress WHERE bucket = :bucket",
  "progress-complete": "UPDATE dcs_progress SET is_complete = 1 WHERE bucket = :bucket AND tbl = ''",
  "progress-mark": "INSERT INTO dcs_progress (bucket, tbl, epoch, source, target, reached, is_complete, copied)\nVALUES (:bucket, :tbl, 0, '', '', :reached, :isComplete, :rows)\nON DUPLICATE KEY UPDATE reached = COALESCE(:reached, reached), is_complete = :isComplete, copied = copied + :rows",
  "progress-read": "SELECT tbl, epoch, source, target, reached, is_complete, copied FROM dcs_progress WHERE bucket = :bucket",
} as const;
