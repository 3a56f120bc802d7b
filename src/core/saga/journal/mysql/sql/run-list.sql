-- Arguments: where, limit. Returns ids, newest first.
SELECT r.run_id FROM saga_run r WHERE :where ORDER BY r.created_at DESC, r.run_id DESC LIMIT :limit
