-- Arguments: run id. Returns what waits for it, oldest first.
SELECT id, event, at FROM saga_request WHERE run_id = ?1 ORDER BY id
