-- Arguments: key root, step, dir, gen. Returns the run that owns the generation, and how often it was begun.
SELECT run_id, attempts FROM saga_step WHERE key_root = ?1 AND step = ?2 AND dir = ?3 AND gen = ?4
