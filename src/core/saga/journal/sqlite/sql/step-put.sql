-- Arguments: run id, step, dir, gen, place in the definition, key root or NULL, state, asks, attempts, forgiven, probes,
-- not before, first sent at or NULL, deadline or NULL, ever unknown, key, input hash or NULL to keep it, output, error or NULL.
INSERT INTO saga_step (run_id, step, dir, gen, ordinal, key_root, state, asks, attempts, forgiven, probes, not_before,
  first_sent_at, deadline_at, ever_unknown, key, input_hash, output, error)
VALUES (?1, ?2, ?3, ?4, coalesce((SELECT ordinal FROM saga_step WHERE run_id = ?1 AND step = ?2 LIMIT 1), ?5), ?6, ?7, ?8, ?9,
  ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
ON CONFLICT (run_id, step, dir, gen) DO UPDATE SET key_root = excluded.key_root, state = excluded.state, asks = excluded.asks,
  attempts = excluded.attempts, forgiven = excluded.forgiven, probes = excluded.probes, not_before = excluded.not_before,
  first_sent_at = excluded.first_sent_at, deadline_at = excluded.deadline_at, ever_unknown = excluded.ever_unknown,
  key = excluded.key, input_hash = coalesce(excluded.input_hash, input_hash), output = excluded.output, error = excluded.error
