-- Arguments: run id, root, parent or NULL, definition, saga, business key or NULL, status, direction, cause or NULL, live,
-- due at, owner or NULL, epoch, now. Writes a run with its first transition.
INSERT INTO saga_run (run_id, root_id, parent_run, def_hash, saga, business_key, status, direction, cause, live, due_at, owner,
  epoch, seq, claims, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1, 0, ?14, ?14)
