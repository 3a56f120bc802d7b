-- Arguments: ids. Returns runs with their input.
SELECT r.run_id, r.root_id, r.parent_run, r.def_hash, r.saga, CONVERT(r.business_key USING utf8mb4) AS business_key, r.status,
  r.direction, r.cause, r.live, r.due_at, r.owner, r.epoch, r.seq, r.claims, r.created_at, r.updated_at, i.body AS input
FROM saga_run r STRAIGHT_JOIN saga_input i ON i.run_id = r.run_id WHERE r.run_id IN (:ids)
