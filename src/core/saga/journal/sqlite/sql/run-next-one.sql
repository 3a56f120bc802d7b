-- Arguments: now, the time that stands for parked, run id. Returns when it is due if it is not yet, else NULL.
SELECT min(due_at) AS at FROM saga_run WHERE run_id = ?3 AND live = 1 AND due_at > ?1 AND due_at < ?2
