-- Arguments: run id. Returns what a run's holder is fenced by.
SELECT epoch, seq, owner, live FROM saga_run WHERE run_id = ?1
