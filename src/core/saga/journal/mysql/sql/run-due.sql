-- Arguments: limit. Locks and returns ids of runs to be claimed, those due for longest first.
SELECT run_id FROM saga_run WHERE live = 1 AND due_at <= @now ORDER BY due_at, run_id LIMIT :limit FOR UPDATE SKIP LOCKED
