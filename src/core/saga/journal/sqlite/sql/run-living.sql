-- Arguments: root. Returns a run with it that has not ended.
SELECT run_id FROM saga_run WHERE root_id = ?1 AND live = 1 LIMIT 1
