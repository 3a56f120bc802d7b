-- Arguments: id, ttl ms, deadline (monotonic ms), wall deadline (epoch ms) or NULL, granted at (epoch ms), holder JSON.
-- A repeated grant of the same id renews it, so that a grant is idempotent.
INSERT INTO lease (id, ttl_ms, deadline_ms, wall_deadline_ms, granted_at, holder) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (id) DO UPDATE SET ttl_ms = excluded.ttl_ms, deadline_ms = excluded.deadline_ms,
  wall_deadline_ms = excluded.wall_deadline_ms, holder = excluded.holder
