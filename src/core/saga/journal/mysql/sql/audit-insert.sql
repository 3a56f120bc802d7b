-- Arguments: runId, verb, actor, reason, details.
INSERT INTO saga_audit (run_id, verb, actor, reason, details, at) VALUES (:runId, :verb, :actor, :reason, :details, @now)
