-- Arguments: runs (run_id, epoch), at or NULL for now. Those that requests wait for are due now.
UPDATE (:runs) b STRAIGHT_JOIN saga_run r ON r.run_id = b.run_id
SET r.owner = NULL, r.due_at = IF(EXISTS (SELECT 1 FROM saga_request q WHERE q.run_id = b.run_id), @now, COALESCE(:at, @now))
WHERE r.epoch = b.epoch AND r.owner IS NOT NULL AND r.live = 1
