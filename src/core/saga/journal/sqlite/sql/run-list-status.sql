-- Arguments: as run-list, and a JSON list of statuses. Returns ids, newest first.
SELECT run_id FROM saga_run INDEXED BY saga_run_by_status WHERE status IN (SELECT value FROM json_each(?5))
  AND (?2 IS NULL OR saga = ?2) AND (?3 IS NULL OR (created_at, run_id) < (?3, ?4))
ORDER BY created_at DESC, run_id DESC LIMIT ?1
