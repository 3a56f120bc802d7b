-- Arguments: ids, pass. A run that was let go while requests wait for it is due now, also when it has ended.
UPDATE saga_run r SET r.live = 1, r.due_at = LEAST(r.due_at, @now)
WHERE r.run_id IN (:ids) AND r.pass = :pass AND r.owner IS NULL
  AND EXISTS (SELECT 1 FROM saga_request q WHERE q.run_id = r.run_id)
