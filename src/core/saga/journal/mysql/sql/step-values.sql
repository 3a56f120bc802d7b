-- Arguments: rows. As `step-put`, of runs that are known to have moved. VALUES() is how both MySQL 8 and MariaDB name the new row.
INSERT INTO saga_step (run_id, step, dir, gen, ordinal, key_root, state, asks, attempts, forgiven, probes, not_before,
  first_sent_at, deadline_at, ever_unknown, call_key, input_hash, output, error)
VALUES :rows
ON DUPLICATE KEY UPDATE run_id = IF(saga_step.run_id = VALUES(run_id), saga_step.run_id, NULL), key_root = VALUES(key_root),
  state = VALUES(state), asks = VALUES(asks), attempts = VALUES(attempts), forgiven = VALUES(forgiven), probes = VALUES(probes),
  not_before = VALUES(not_before), first_sent_at = VALUES(first_sent_at), deadline_at = VALUES(deadline_at),
  ever_unknown = VALUES(ever_unknown), call_key = VALUES(call_key), input_hash = COALESCE(VALUES(input_hash), saga_step.input_hash),
  output = VALUES(output), error = VALUES(error)
