-- Arguments: runId. Nobody moves the run from here to COMMIT.
SELECT run_id FROM saga_run WHERE run_id = :runId FOR UPDATE
