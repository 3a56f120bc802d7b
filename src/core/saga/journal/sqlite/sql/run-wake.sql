-- Arguments: run id, now. A run that somebody let go while requests wait for it is due now, also when it has ended.
UPDATE saga_run SET live = 1, due_at = min(due_at, ?2)
WHERE run_id = ?1 AND owner IS NULL AND EXISTS (SELECT 1 FROM saga_request WHERE saga_request.run_id = ?1)
