-- Arguments: hash, saga, body, directory. The same hash again changes nothing.
INSERT INTO saga_def (hash, saga, body, directory) VALUES (:hash, :saga, :body, :directory)
ON DUPLICATE KEY UPDATE hash = saga_def.hash
