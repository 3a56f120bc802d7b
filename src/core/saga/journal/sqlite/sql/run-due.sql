-- Arguments: now, limit. Returns the ids of runs to be claimed, those due for longest first.
SELECT run_id FROM saga_run WHERE live = 1 AND due_at <= ?1 ORDER BY due_at, run_id LIMIT ?2
