-- Arguments: the columns; dueAt: NULL for lease from now. Writes a run with its first transition.
INSERT INTO saga_run (run_id, root_id, parent_run, def_hash, saga, business_key, status, direction, cause, live, due_at, owner,
  epoch, seq, claims, pass, created_at, updated_at)
VALUES (:runId, :rootId, :parentRun, :defHash, :saga, :businessKey, :status, :direction, :cause, :live,
  COALESCE(:dueAt, @now + :lease), :owner, :epoch, 1, 0, :pass, @now, @now)
