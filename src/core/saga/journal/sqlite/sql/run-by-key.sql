-- Arguments: saga, business key. Returns the run that has it.
SELECT run_id FROM saga_run WHERE saga = ?1 AND business_key = ?2
