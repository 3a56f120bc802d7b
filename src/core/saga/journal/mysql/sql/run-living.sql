-- Arguments: rootId, runId. Returns another run of the root that has not ended.
SELECT run_id FROM saga_run WHERE live_root = :rootId AND run_id <> :runId
