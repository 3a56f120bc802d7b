-- Arguments: runId. Locks it and returns its id if it is to be claimed.
SELECT run_id FROM saga_run WHERE run_id = :runId AND live = 1 AND due_at <= @now FOR UPDATE
