-- Arguments: root, run id. Returns another run of the root that has not ended.
SELECT run_id FROM saga_run WHERE root_id = ?1 AND live = 1 AND run_id <> ?2
