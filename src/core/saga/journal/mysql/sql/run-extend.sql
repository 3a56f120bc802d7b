-- Arguments: runs (run_id, epoch), owner, lease.
UPDATE (:runs) b STRAIGHT_JOIN saga_run r ON r.run_id = b.run_id
SET r.due_at = @now + :lease WHERE r.epoch = b.epoch AND r.owner = :owner AND r.live = 1
