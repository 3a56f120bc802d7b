-- Arguments: run id, epoch, seq that was read, owner, status, direction, cause or NULL, live, due at, owner from now on or NULL,
-- now. The fence of every transition: changes one row, or none where the run is not held like this any more.
UPDATE saga_run SET seq = seq + 1, claims = 0, status = ?5, direction = ?6, cause = ?7, live = ?8, due_at = ?9, owner = ?10,
  updated_at = ?11
WHERE run_id = ?1 AND epoch = ?2 AND seq = ?3 AND owner = ?4 AND live = 1
