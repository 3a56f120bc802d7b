-- Arguments: parked, runId. Returns when it is due if it is not yet.
SELECT due_at AS at FROM saga_run WHERE run_id = :runId AND live = 1 AND due_at > @now AND due_at < :parked
