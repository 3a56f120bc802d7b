-- Arguments: rootId. Returns the ids of runs with it, oldest first.
SELECT run_id FROM saga_run WHERE root_id = :rootId ORDER BY run_id <> root_id, created_at, run_id
