-- Arguments: as run-list, a JSON list of statuses or NULL, the beginning of ids, a text behind all that begin so.
-- Returns ids, newest first. A range of the primary key, so that wild cards mean nothing.
SELECT run_id FROM saga_run WHERE run_id >= ?6 AND run_id < ?7
  AND (?5 IS NULL OR status IN (SELECT value FROM json_each(?5)))
  AND (?2 IS NULL OR saga = ?2) AND (?3 IS NULL OR (created_at, run_id) < (?3, ?4))
ORDER BY created_at DESC, run_id DESC LIMIT ?1
