-- Arguments: first key, first key after the range. Returns rows by key.
SELECT key, value, create_revision, mod_revision, lease FROM kv WHERE key >= ?1 AND key < ?2 ORDER BY key
