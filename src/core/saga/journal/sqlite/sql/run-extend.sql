-- Arguments: run id, epoch, owner, end of the lease. Changes one row, or none where it is not held like this any more.
UPDATE saga_run SET due_at = ?4 WHERE run_id = ?1 AND epoch = ?2 AND owner = ?3 AND live = 1
