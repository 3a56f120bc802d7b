-- Arguments: run id, input. Writes it where it is another than before.
INSERT INTO saga_input (run_id, body) VALUES (?1, ?2) ON CONFLICT (run_id) DO UPDATE SET body = excluded.body WHERE body <> excluded.body
