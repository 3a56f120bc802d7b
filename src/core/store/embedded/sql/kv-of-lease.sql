-- Arguments: lease id. Returns its keys in order.
SELECT key FROM kv WHERE lease = ?1 ORDER BY key
