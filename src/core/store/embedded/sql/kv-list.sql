-- Arguments: first key, first key after the range, revision, most rows or -1. Returns the rows made before the revision, by
-- key.
SELECT key, value, create_revision, mod_revision, lease FROM kv
WHERE key >= ?1 AND key < ?2 AND create_revision < ?3 ORDER BY key LIMIT ?4
