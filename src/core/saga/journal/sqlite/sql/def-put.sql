-- Arguments: hash, saga, body, directory. The same hash again changes nothing.
INSERT INTO saga_def (hash, saga, body, directory) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
