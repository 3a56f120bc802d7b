-- Arguments: calls, pass. Writes the calls of the runs that moved. A generation that another run owns is an error, never
-- a change of that run's row. The place of a step stays as the first of its rows has it.
INSERT INTO saga_step (run_id, step, dir, gen, ordinal, key_root, state, asks, attempts, forgiven, probes, not_before,
  first_sent_at, deadline_at, ever_unknown, call_key, input_hash, output, error)
SELECT c.run_id, c.step, c.dir, c.gen, :ordinal, c.key_root, c.state, c.asks, c.attempts, c.forgiven, c.probes, c.not_before,
  c.first_sent_at, c.deadline_at, c.ever_unknown, c.call_key, c.input_hash, c.output, c.error
FROM (:calls) c STRAIGHT_JOIN saga_run r ON r.run_id = c.run_id AND r.pass = :pass
ON DUPLICATE KEY UPDATE run_id = IF(saga_step.run_id = c.run_id, saga_step.run_id, NULL), key_root = c.key_root, state = c.state,
  asks = c.asks, attempts = c.attempts, forgiven = c.forgiven, probes = c.probes, not_before = c.not_before,
  first_sent_at = c.first_sent_at, deadline_at = c.deadline_at, ever_unknown = c.ever_unknown, call_key = c.call_key,
  input_hash = COALESCE(c.input_hash, saga_step.input_hash), output = c.output, error = c.error
