-- Arguments: now, the time that stands for parked. Returns when the next run is due that is not yet, or NULL.
SELECT min(due_at) AS at FROM saga_run WHERE live = 1 AND due_at > ?1 AND due_at < ?2
