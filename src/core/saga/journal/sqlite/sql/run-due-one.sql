-- Arguments: run id, now. Returns its id if it is to be claimed.
SELECT run_id FROM saga_run WHERE run_id = ?1 AND live = 1 AND due_at <= ?2
