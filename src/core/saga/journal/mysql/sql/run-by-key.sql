-- Arguments: saga, businessKey. Returns the run that has it.
SELECT run_id FROM saga_run WHERE saga = :saga AND business_key = :businessKey
