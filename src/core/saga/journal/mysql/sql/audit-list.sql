-- Arguments: runId. Returns what operators did to it, oldest first.
SELECT id, run_id, verb, actor, reason, details, at FROM saga_audit WHERE run_id = :runId ORDER BY id
