-- Says who owns buckets that no mover has touched yet. :state and :epoch of them here, :owner, :which (a condition).
UPDATE dcs_bucket SET state = :state, epoch = :epoch, owner = :owner WHERE token = 0 AND (:which)
