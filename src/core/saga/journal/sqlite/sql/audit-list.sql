-- Arguments: run id. Returns what operators did to it, oldest first.
SELECT id, run_id, verb, actor, reason, details, at FROM saga_audit WHERE run_id = ?1 ORDER BY id
