-- Arguments: ids. Returns the calls of runs in the order of the definition, of each call the lowest generation first.
SELECT run_id, step, dir, gen, state, asks, attempts, forgiven, probes, not_before, first_sent_at, deadline_at, ever_unknown,
  input_hash, output, error
FROM saga_step WHERE run_id IN (:ids) ORDER BY run_id, ordinal, step, dir, gen
