-- Arguments: run id. Returns the run with its input.
SELECT saga_run.*, saga_input.body AS input FROM saga_run JOIN saga_input USING (run_id) WHERE run_id = ?1
