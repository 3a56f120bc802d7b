-- Arguments: runId, body.
INSERT INTO saga_input (run_id, body) VALUES (:runId, :body)
