-- Arguments: key. Returns 0 or 1 row.
SELECT key, value, create_revision, mod_revision, lease FROM kv WHERE key = ?1
