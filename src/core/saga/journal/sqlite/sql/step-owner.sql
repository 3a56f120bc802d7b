-- Arguments: key root, step, dir, gen. Returns the run that owns the generation.
SELECT run_id FROM saga_step WHERE key_root = ?1 AND step = ?2 AND dir = ?3 AND gen = ?4
