-- Arguments: runId, event.
INSERT INTO saga_request (run_id, event, at) VALUES (:runId, :event, @now)
