-- Arguments: inputs (run_id, body), pass.
UPDATE (:inputs) b STRAIGHT_JOIN saga_run r ON r.run_id = b.run_id AND r.pass = :pass
  STRAIGHT_JOIN saga_input i ON i.run_id = b.run_id
SET i.body = b.body
