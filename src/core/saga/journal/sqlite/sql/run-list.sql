-- Arguments: limit, saga or NULL, created at and run id of the last one before (created at NULL: from the newest).
-- Returns ids, newest first.
SELECT run_id FROM saga_run WHERE (?2 IS NULL OR saga = ?2) AND (?3 IS NULL OR (created_at, run_id) < (?3, ?4))
ORDER BY created_at DESC, run_id DESC LIMIT ?1
