-- Arguments: revision, compacted.
UPDATE meta SET revision = ?1, compacted = ?2 WHERE id = 1
