-- Returns all leases, the next to expire first.
SELECT id, ttl_ms, deadline_ms, wall_deadline_ms, granted_at, holder FROM lease ORDER BY deadline_ms, id
