-- Arguments: key. Changes 0 or 1 row.
DELETE FROM kv WHERE key = ?1
