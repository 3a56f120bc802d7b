-- Arguments: runs (run_id, epoch, seq, status, direction, cause, live, due_at or NULL to hold it), owner, lease, pass,
-- fence: more that must hold. The fence of every transition: what it moves carries the pass, and is ours until COMMIT.
UPDATE (:runs) b STRAIGHT_JOIN saga_run r ON r.run_id = b.run_id
SET r.seq = r.seq + 1, r.claims = 0, r.status = b.status, r.direction = b.direction, r.cause = b.cause, r.live = b.live,
  r.due_at = COALESCE(b.due_at, @now + :lease), r.owner = IF(b.due_at IS NULL, r.owner, NULL), r.updated_at = @now, r.pass = :pass
WHERE r.epoch = b.epoch AND r.seq = b.seq AND r.owner = :owner AND r.live = 1 AND :fence
