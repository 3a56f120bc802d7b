-- Arguments: id, now (monotonic ms), now (epoch ms). Changes 1 row, or 0 when the lease is gone.
UPDATE lease SET deadline_ms = ?2 + ttl_ms,
  wall_deadline_ms = CASE WHEN wall_deadline_ms IS NULL THEN NULL ELSE ?3 + ttl_ms END WHERE id = ?1
