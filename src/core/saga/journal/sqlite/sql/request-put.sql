-- Arguments: run id, event, now.
INSERT INTO saga_request (run_id, event, at) VALUES (?1, ?2, ?3)
