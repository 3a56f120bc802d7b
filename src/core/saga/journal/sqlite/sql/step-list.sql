-- Arguments: run id. Returns its calls in the order of the definition, of each call the lowest generation first.
SELECT step, dir, gen, state, asks, attempts, forgiven, probes, not_before, first_sent_at, deadline_at, ever_unknown, input_hash,
  output, error
FROM saga_step WHERE run_id = ?1 ORDER BY ordinal, step, dir, gen
