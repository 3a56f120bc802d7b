-- Arguments: ids. Returns what waits for runs, oldest first.
SELECT run_id, id, event, at FROM saga_request WHERE run_id IN (:ids) ORDER BY id
