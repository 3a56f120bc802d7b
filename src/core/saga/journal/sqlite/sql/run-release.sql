-- Arguments: run id, epoch, due at. Changes nothing where nobody holds it at this epoch.
UPDATE saga_run SET owner = NULL, due_at = ?3 WHERE run_id = ?1 AND epoch = ?2 AND owner IS NOT NULL AND live = 1
