-- Arguments: revision, first key, first key after the range. Returns the rows put after the revision, oldest first.
SELECT key, value, create_revision, mod_revision, lease FROM kv INDEXED BY kv_by_revision
WHERE mod_revision > ?1 AND key >= ?2 AND key < ?3 ORDER BY mod_revision, key
