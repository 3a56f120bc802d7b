-- Arguments: ids, owner, lease.
UPDATE saga_run SET owner = :owner, epoch = epoch + 1, claims = claims + 1, due_at = @now + :lease WHERE run_id IN (:ids)
