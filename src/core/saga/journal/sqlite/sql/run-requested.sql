-- Arguments: run id, now. Another request: the run moves on, and is due now unless somebody has it.
UPDATE saga_run SET seq = seq + 1, updated_at = ?2, live = 1, due_at = iif(owner IS NULL, ?2, due_at) WHERE run_id = ?1
