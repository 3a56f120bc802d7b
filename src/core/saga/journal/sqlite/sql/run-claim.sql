-- Arguments: run id, owner, end of the lease.
UPDATE saga_run SET owner = ?2, epoch = epoch + 1, claims = claims + 1, due_at = ?3 WHERE run_id = ?1
