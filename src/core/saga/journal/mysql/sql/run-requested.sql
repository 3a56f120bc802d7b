-- Arguments: runId, pass. Another request: the run moves on, and is due now unless somebody has it.
UPDATE saga_run SET seq = seq + 1, updated_at = @now, live = 1, due_at = IF(owner IS NULL, @now, due_at), pass = :pass
WHERE run_id = :runId
