-- Arguments: rows: the columns side by side, of each call.
INSERT INTO saga_step (run_id, step, dir, gen, ordinal, key_root, state, asks, attempts, forgiven, probes, not_before,
  first_sent_at, deadline_at, ever_unknown, call_key, input_hash, output, error)
VALUES :rows
