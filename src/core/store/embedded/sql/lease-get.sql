-- Arguments: id. Returns 0 or 1 row.
SELECT id, ttl_ms, deadline_ms, wall_deadline_ms, granted_at, holder FROM lease WHERE id = ?1
