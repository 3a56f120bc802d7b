-- Arguments: run id, verb, actor, reason, details, now.
INSERT INTO saga_audit (run_id, verb, actor, reason, details, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
